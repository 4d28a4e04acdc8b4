"""cdb status: what the live view shows, once."""

import json
from typing import Annotated

import typer
from rich.console import Console

from app import wiring
from app.cli import limits
from app.cli.codes import UNREACHABLE
from app.cli.reconcile import told
from app.domain.errors import Missing
from app.steps.events import last_marks
from app.steps.settle_order import CURE
from app.store.reports import Summary
from workers import figures, view
from workers.farm import is_held

Json = Annotated[bool, typer.Option("--json", help="For machines.")]


def status(as_json: Json = False) -> None:
    """Show what the farm has done and what it is doing; exit code 3 when none runs."""
    settings = wiring.settings()
    running = is_held(settings.data_dir)
    if not running and settings.embedded_redis:
        typer.echo(f"No farm runs in {settings.data_dir}. Start it: cdb up", err=True)
        raise typer.Exit(UNREACHABLE)
    seen = figures.read()
    if as_json:
        typer.echo(json.dumps({"running": running, **seen.plain()}))
        return
    feed = "silent" if seen.feed is None else f"hears {seen.feed['subscribed']} of {seen.feed['symbols']} symbols"
    extra = {
        "farm": f"runs in {settings.data_dir}" if running else f"none runs in {settings.data_dir}",
        "trading state": seen.summary.trading_state or "not open yet",
        "since": _since(seen.summary),
        "feed": feed,
        "ticks": str(seen.counters.get("ticks_processed", 0)),
        "bars": str(wiring.reports().bars()),
        "waiting": str(seen.waiting),
        "histories": _histories(),
        "books": _books(),
        "prices": _prices(),
        "held orders": _held(),
        "venue requests": "; ".join([limits.felt(seen.counters), *limits.in_force(seen.pauses)]),
        "dead letters": _letters(),
    }
    Console().print(view.summary_table(seen.summary, "Claire de Binare", extra))


def _histories() -> str:
    """Which of them have ceased though their market goes on."""
    outdated = wiring.outdated().all()
    return f"outdated: {', '.join(outdated)}" if outdated else "up to date as far as known"


def _books() -> str:
    """What the last reconciliation found."""
    try:
        books = wiring.books().read(wiring.now())
    except Missing:
        return "not open yet"
    if books.reconciled_at is None:
        return "not compared with the venue's since the start: no entries"
    compared = f"compared with the venue's at {books.reconciled_at:%H:%M:%S}"
    return f"{compared}; {told(books.differences) or 'they agree'}"


def _prices() -> str:
    """Whether the account is valued at prices that are known now."""
    try:
        account = wiring.ledger().account(last_marks(wiring.prices(), wiring.ledger().held()), wiring.now())
    except Missing:
        return "not open yet"
    if not account.old_marks:
        return "known of all that is held and trades"
    ages = (f"{symbol} (the last is {age.total_seconds():.0f} s old)" for symbol, age in account.old_marks.items())
    return f"not known now: {', '.join(ages)}; no entries, and no loss is concluded"


def _held() -> str:
    """Orders that only a person can find out about."""
    names = wiring.reports().held_orders()
    return f"{', '.join(names)}: {CURE}" if names else "none"


def _letters() -> str:
    """How many tasks failed for good."""
    count = wiring.letters().count()
    return f"{count} wait for a person: cdb failed list" if count else "none"


def _since(summary: Summary) -> str:
    if summary.state_at is None:
        return "-"
    return f"{summary.state_at:%Y-%m-%d %H:%M:%S} UTC by {summary.state_by}: {summary.state_reason}"
