"""cdb reconcile: compares the venue's books with ours now, and writes down what a person has found out there."""

import getpass
import json
import time
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from app import wiring
from app.cli.codes import FAILED
from app.domain.reconciliation import Difference, Snapshot
from app.risk.not_reconciled import Rule

Json = Annotated[bool, typer.Option("--json", help="For machines.")]
Adopt = Annotated[bool, typer.Option("--adopt-balance", help="Set our cash to the venue's; needs --reason.")]
Accept = Annotated[bool, typer.Option("--accept-gap", help="A time of which the venue tells nothing was looked at.")]
Reason = Annotated[str, typer.Option(help="Why, for the audit.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]

PAUSE_S = 2.0
PATIENCE = timedelta(seconds=30)  # two windows of the venue's limits without any progress


def reconcile(
    adopt_balance: Adopt = False,
    accept_gap: Accept = False,
    reason: Reason = "",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Compare the venue's orders, fills and balances with ours; exit code 1 if something differs."""
    wrong = wiring.another_purpose()
    if wrong:
        raise wiring.SettingsError([wrong])
    if adopt_balance:
        _adopt(_said(reason), yes=yes)
    if accept_gap:
        _accept(_said(reason))
    left = _compare()
    books = wiring.books().read(wiring.now())
    _show(books, left, as_json=as_json)
    if books.differences or left or books.reconciled_at is None:
        raise typer.Exit(FAILED)


def no_entries(books: Snapshot, at: datetime) -> str | None:
    """Why no entry is approved on account of the books, for status and doctor."""
    if books.reconciled_at is None:
        left = books.progress.waiting
        return (
            f"not compared with the venue's since the start{f' ({left} symbols are left)' if left else ''}: no entries"
        )
    age_s = (at - books.reconciled_at).total_seconds()
    if any(isinstance(rule, Rule) and age_s > rule.limit_s for rule in wiring.rules()):
        return f"not compared with the venue's for {age_s:.0f} s: no entries"
    return None


def told(differences: tuple[Difference, ...]) -> str:
    """The sure ones in a sentence, for status and doctor."""
    return "; ".join(f"{one.kind} {one.subject}: {one.told}" for one in differences if one.is_sure)


def _show(books: Snapshot, left: int, *, as_json: bool) -> None:
    if as_json:
        at = books.reconciled_at.isoformat() if books.reconciled_at else None
        found = {"reconciled_at": at, "left": left, "differences": [asdict(one) for one in books.differences]}
        typer.echo(json.dumps(found))
    elif books.differences:
        Console().print(_table(books.differences))
    elif not left and books.reconciled_at is not None:
        typer.echo("The venue's books and ours agree.")
    if left:
        typer.echo(f"Symbols that could not be compared: {left}. The farm goes on with them.", err=True)
    if books.reconciled_at is None:
        typer.echo("Not all that entries wait for could be compared; the logs say why.", err=True)


def _compare() -> int:
    """Slices until every symbol was looked at wholly; how many were not, when it goes on no more."""
    from tasks.upkeep import reconcile as compare  # Celery is half a second that other commands need not wait for

    begun = wiring.now()
    before, since = None, begun
    while True:
        compare.run(full=True, begun=begun.isoformat())
        at = wiring.now()
        left = _left(begun, at)
        if left and left != before:
            typer.echo(f"Symbols that wait for their turn at the venue: {left}", err=True)
            before, since = left, at
        elif not left or at - since > PATIENCE:
            return left
        time.sleep(PAUSE_S)


def _left(begun: datetime, at: datetime) -> int:
    progress = wiring.books().read(at).progress
    return len(progress.traded) - progress.wholly(begun)


def _said(reason: str) -> str:
    if not reason.strip():
        raise typer.BadParameter("say why, for the audit", param_hint="--reason")
    return reason.strip()


def _adopt(reason: str, *, yes: bool) -> None:
    cash = wiring.trading().balance(wiring.CURRENCY)
    before = wiring.books().read(wiring.now()).cash
    if not yes:
        typer.confirm(f"Set the cash from {before:f} to {cash:f} {wiring.CURRENCY}?", abort=True)
    if wiring.books().adopt(cash, reason, getpass.getuser(), wiring.now()) is None:
        typer.echo("An order is live, and may move the balance any moment. Try again when none is.", err=True)
        raise typer.Exit(FAILED)
    typer.echo(f"The cash is {cash:f} {wiring.CURRENCY} now; it was {before:f}.", err=True)


def _accept(reason: str) -> None:
    gaps = wiring.books().accept_gaps(reason, getpass.getuser(), wiring.now())
    typer.echo(f"Accepted: {', '.join(gaps) or 'there is no gap'}.", err=True)


def _table(differences: tuple[Difference, ...]) -> Table:
    table = Table("what", "which", box=None, padding=(0, 2))
    table.add_column("differs", overflow="fold")
    table.add_column("runs", justify="right")
    for one in differences:
        table.add_row(one.kind, one.subject, one.told, str(one.seen))
    return table
