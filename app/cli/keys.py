"""cdb keys: replaces the venue's keys while the farm trades, and shows which ones its processes sign with."""

import getpass
import json
import os
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from app import wiring
from app.bus import Used
from app.cli.codes import FAILED, WRONG
from app.cli.farm import seconds_of
from app.domain.errors import Denied
from app.domain.portfolio import Trade
from app.store.listings import Wanted

Json = Annotated[bool, typer.Option("--json", help="For machines.")]
Wait = Annotated[str, typer.Option("--wait", help="For so long it is watched who takes the new keys, such as 20s.")]

IN_ENVIRONMENT = ("CDB_API_KEY", "CDB_API_SECRET")
RECENT = timedelta(days=1)  # for so long the venue shows an order to whoever asks
ORDERS = 50
LOOK_S = 0.5
ANOTHER = "The new keys open another account: make a key of the one that the farm trades on"

keys = typer.Typer(
    help="Replace the keys that requests to the venue are signed with, without a stop.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@keys.command("list")
def shown(as_json: Json = False) -> None:
    """Show which keys each process signed with last; who signed nothing within an hour is not shown."""
    wish, used = wiring.wanted_keys().wanted(), wiring.wanted_keys().used(wiring.now())
    if as_json:
        told = {name: {"fingerprint": one.fingerprint, "at": one.at.isoformat()} for name, one in used.items()}
        typer.echo(json.dumps({"wanted": wish.fingerprint if wish else None, "used": told}))
        return
    table = Table("process", "keys", "looked", box=None)
    for name, one in used.items():
        table.add_row(name, one.fingerprint, one.at.strftime("%H:%M:%S"))
    Console().print(table if used else "No process has signed anything within the last hour.")


@keys.command()
def reload(wait: Wait = "15s") -> None:
    """Let all processes sign with the keys that their files hold now, once the venue has taken them.

    Exit code 1 if the venue refuses them, if they open another account, or if a process does not find them.
    """
    patience_s = seconds_of(wait) or 0.0
    if wiring.settings().mode == "paper":
        typer.echo("Paper trading signs with the simulator's own keys; there is nothing to replace.", err=True)
        raise typer.Exit(WRONG)
    if there := [name for name in IN_ENVIRONMENT if name in os.environ]:
        told = f"{' and '.join(there)} stand in the environment, which no running process sees changing."
        typer.echo(f"{told} Keep them in files: CDB_SECRETS_DIR, in docs/settings.md.", err=True)
        raise typer.Exit(WRONG)
    if wrong := _objection():
        typer.echo(f"{wrong}. Nothing was changed", err=True)
        raise typer.Exit(FAILED)
    ring, at = wiring.key_ring()(), wiring.now()
    wiring.wanted_keys().want(ring.fingerprint, at)
    wiring.audits().write("keys.reloaded", "keys", {"fingerprint": ring.fingerprint, "by": getpass.getuser()}, at)
    typer.echo(f"The venue takes the new keys ({ring.fingerprint}), and knows them for this account's.")
    left = _watch(ring.fingerprint, at, patience_s)
    if left:
        for name in left:
            typer.echo(f"{name} does not find them where it runs, and signs with those before.", err=True)
        typer.echo("Put the files there too, in place; it looks each time that it signs. Then: cdb keys list", err=True)
        raise typer.Exit(FAILED)
    typer.echo("Nothing is signed with those before any more: whoever signs looks for them first.")


def _objection() -> str | None:
    """Why the new keys are not to be used."""
    try:
        balances = wiring.venue_account().balances()
    except Denied as error:
        return f"The venue refuses the new keys: {error}"
    since = wiring.now() - RECENT
    placed = wiring.listings().orders(Wanted(since=since, limit=ORDERS)).rows
    known = next((one for one in placed if one.exchange_order_id), None)
    if known is not None:
        fits = wiring.trading().look_up(known) is not None
    else:
        fits = _are_there(wiring.listings().open_trades(), balances.amounts)
    return None if fits else ANOTHER


def _are_there(trades: list[Trade], total: Mapping[str, Decimal]) -> bool:
    """Whether the account holds what our trades do."""
    held: dict[str, Decimal] = {}
    for trade in trades:
        base = trade.symbol.partition("/")[0]
        held[base] = held.get(base, Decimal(0)) + trade.left
    return all(total.get(base, Decimal(0)) >= amount for base, amount in held.items())


def _watch(fingerprint: str, since: datetime, patience_s: float) -> list[str]:
    """Who has looked since and has others all the same, after so long."""
    until = time.monotonic() + patience_s
    while True:
        used = wiring.wanted_keys().used(wiring.now())
        left = [name for name, one in used.items() if one.at > since and one.fingerprint != fingerprint]
        if time.monotonic() >= until or _all_have(used, fingerprint):
            return left
        time.sleep(LOOK_S)


def _all_have(used: Mapping[str, Used], fingerprint: str) -> bool:
    return all(one.fingerprint == fingerprint for one in used.values())
