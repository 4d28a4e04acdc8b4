"""cdb reconcile: compares the venue's books with ours now, and takes the venue's cash over when a person says so."""

import getpass
import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from app import wiring
from app.cli.codes import FAILED
from app.domain.reconciliation import Difference

Json = Annotated[bool, typer.Option("--json", help="For machines.")]
Adopt = Annotated[bool, typer.Option("--adopt-balance", help="Set our cash to the venue's; needs --reason.")]
Reason = Annotated[str, typer.Option(help="Why, for the audit.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def reconcile(adopt_balance: Adopt = False, reason: Reason = "", yes: Yes = False, as_json: Json = False) -> None:
    """Compare the venue's orders, fills and balances with ours; exit code 1 if something differs."""
    from tasks.upkeep import reconcile as compare  # Celery is half a second that other commands need not wait for

    wrong = wiring.another_purpose()
    if wrong:
        raise wiring.SettingsError([wrong])
    if adopt_balance:
        _adopt(reason.strip(), yes=yes)
    compare.run(full=True)
    books = wiring.books().read(wiring.now())
    if as_json:
        at = books.reconciled_at.isoformat() if books.reconciled_at else None
        typer.echo(json.dumps({"reconciled_at": at, "differences": [asdict(one) for one in books.differences]}))
    elif books.differences:
        Console().print(_table(books.differences))
    elif books.reconciled_at is not None:
        typer.echo("The venue's books and ours agree.")
    if books.reconciled_at is None:
        typer.echo("Fills of ours could not be booked; the logs of orders say why.", err=True)
    if books.differences or books.reconciled_at is None:
        raise typer.Exit(FAILED)


def _adopt(reason: str, *, yes: bool) -> None:
    if not reason:
        raise typer.BadParameter("say why, for the audit", param_hint="--reason")
    cash = wiring.trading().balance(wiring.CURRENCY)
    before = wiring.books().read(wiring.now()).cash
    if not yes:
        typer.confirm(f"Set the cash from {before:f} to {cash:f} {wiring.CURRENCY}?", abort=True)
    if wiring.books().adopt(cash, reason, getpass.getuser(), wiring.now()) is None:
        typer.echo("An order is live, and may move the balance any moment. Try again when none is.", err=True)
        raise typer.Exit(FAILED)
    typer.echo(f"The cash is {cash:f} {wiring.CURRENCY} now; it was {before:f}.", err=True)


def _table(differences: tuple[Difference, ...]) -> Table:
    table = Table("what", "which", box=None, padding=(0, 2))
    table.add_column("differs", overflow="fold")
    table.add_column("runs", justify="right")
    for one in differences:
        table.add_row(one.kind, one.subject, one.told, str(one.seen))
    return table


def told(differences: tuple[Difference, ...]) -> str:
    """The sure ones in a sentence, for status and doctor."""
    return "; ".join(f"{one.kind} {one.subject}: {one.told}" for one in differences if one.is_sure)
