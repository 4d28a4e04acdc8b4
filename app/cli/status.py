"""cdb status: what the live view shows, once."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console

from app import figures, wiring
from app.cli import limits
from app.cli.codes import UNREACHABLE
from app.cli.reconcile import no_entries, told
from app.domain.errors import Missing
from app.domain.shards import unheard
from app.steps.events import last_marks
from app.steps.settle_order import CURE
from app.store.reports import Summary
from workers import view
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
    extra = {
        "farm": f"runs in {settings.data_dir}" if running else f"none runs in {settings.data_dir}",
        "trading state": seen.summary.trading_state or "not open yet",
        "since": _since(seen.summary),
        "services": _services(),
        "feed": _feed(seen.feed),
        "ticks": str(seen.counters.get("ticks_processed", 0)),
        "bars": f"{wiring.reports().bars()} stored, with those fetched as history",
        "waiting": str(seen.waiting),
        "clock": _clock(),
        "histories": _histories(),
        "books": _books(),
        "prices": _prices(),
        "held orders": _held(),
        "venue requests": "; ".join([limits.felt(seen.counters), *limits.in_force(seen.pauses)]),
        "dead letters": _letters(),
    }
    Console().print(view.summary_table(seen.summary, "Claire de Binare", extra))


def _services() -> str:
    """What they say of themselves."""
    healths = wiring.healths().read(wiring.now())
    ill = [f"{one.service} on {one.host}: {one.reason}" for one in healths if not one.is_well]
    if ill:
        return "; ".join(ill)
    return f"all {len(healths)} are well" if healths else "none says how it is"


def _feed(told: Mapping[str, Any] | None) -> str:
    """How much of the market is heard and by whom, and whether our own orders are."""
    if told is None:
        return "silent"
    several = f" in {told['shards']} shards by {told['feeds']}" if "shards" in told else ""
    silent = f"; {unheard(told['silent'], told['shards'])}" if told.get("silent") else ""
    private = f"; the private stream is {told['private']}" if "private" in told else ""
    return f"hears {told['subscribed']} of {told['symbols']} symbols{several}{silent}{private}"


def _clock() -> str:
    """How far the venue's was from ours when it was measured last."""
    skew = wiring.skews().read()
    if skew is None:
        return "not measured yet"
    return f"{skew}{f'; too far since {skew.off_since:%Y-%m-%d %H:%M:%S}' if skew.off_since else ''}"


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
    blocked = no_entries(books, wiring.now())
    if books.reconciled_at is None or blocked:
        return "; ".join(filter(None, [blocked, told(books.differences)]))
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
