"""cdb notify: what people are told, and whether it reaches them."""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from app import wiring
from app.cli.codes import FAILED
from app.cli.why import Json
from app.domain.alerts import Severity
from app.domain.days import report as day_report
from app.domain.notices import Message
from app.notify import Channel, NotDelivered
from app.store import ChannelState, ListedAlert

Limit = Annotated[int, typer.Option(min=1, help="How many, those that stand first, then the newest.")]
DayOption = Annotated[
    datetime | None, typer.Option("--day", formats=["%Y-%m-%d"], help="Which day (UTC); yesterday if not given.")
]
NOBODY = "CDB_NOTIFY_URLS names nobody, so nobody is told. Set it, such as CDB_NOTIFY_URLS=tgram://token/chat"
HELP = "What people are told of (Telegram, mail, Slack and the rest), and whether it reaches them."

notify = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None)


@notify.command("test")
def try_(as_json: Json = False) -> None:
    """Send a message to each channel now; exit code 1 if one of them did not take it."""
    channels = _somebody()
    settings = wiring.settings()
    message = Message(
        f"[{settings.notify_name}, {settings.mode}] A test", "This is how the farm would tell you.", Severity.INFO
    )
    with ThreadPoolExecutor(len(channels)) as at_once:
        reasons = dict(at_once.map(lambda one: (one.name, _objection(one, message)), channels))
    if as_json:
        typer.echo(json.dumps({name: {"ok": reason is None, "reason": reason} for name, reason in reasons.items()}))
    else:
        for name, reason in reasons.items():
            typer.echo(f"{name}: {'sent' if reason is None else f'not delivered: {reason}'}")
    if any(reasons.values()):
        raise typer.Exit(FAILED)


@notify.command("list")
def list_(limit: Limit = 20, as_json: Json = False) -> None:
    """List what is wrong now, what happened last, and how each channel stands."""
    listed, channels = wiring.alerts().listed(limit), wiring.alerts().channels()
    if as_json:
        told = {"alerts": list(map(_plain, listed)), "channels": list(map(asdict, channels))}
        typer.echo(json.dumps(told, default=str))
        return
    console = Console()
    console.print(_table(listed) if listed else "Nobody was told of anything.")
    if channels:
        console.print(_channels(channels))
    if not wiring.settings().notify_addresses:
        typer.echo(NOBODY, err=True)


@notify.command()
def report(day: DayOption = None, as_json: Json = False) -> None:
    """Show the report of a day, as it is sent when the day is over."""
    wanted: date = day.date() if day else wiring.now().date() - timedelta(days=1)
    seen = wiring.days().read(wanted)
    if as_json:
        typer.echo(json.dumps(asdict(seen), default=str))
        return
    if not seen.has_been:
        typer.echo(f"There was no farm on {wanted}.", err=True)
        raise typer.Exit(FAILED)
    told = day_report(seen, wiring.CURRENCY)
    typer.echo(f"{told.title}\n{told.text}")


def notifier() -> None:
    """Run the notifier alone: it tells people what they should know, as CDB_NOTIFY_URLS says."""
    _somebody()
    from workers.notifier import main  # its figures are nothing that the other commands need

    main()


def _somebody() -> list[Channel]:
    """Who is told; SettingsError if nobody is."""
    channels = wiring.channels()
    if not channels:
        raise wiring.SettingsError([NOBODY])
    return channels


def _objection(channel: Channel, message: Message) -> str | None:
    try:
        channel.send(message)
    except NotDelivered as error:
        return wiring.without_secrets(str(error))
    return None


def _plain(one: ListedAlert) -> Mapping[str, Any]:
    alert = one.alert
    what = {"kind": alert.kind, "about": alert.about, "severity": alert.severity}
    words = {"title": alert.title, "text": alert.text}
    return {**what, **words, "at": one.at, "over_at": one.over_at, "undelivered": list(one.undelivered)}


def _table(listed: list[ListedAlert]) -> Table:
    table = Table("since (UTC)", "until", "severity", box=None, padding=(0, 2))
    table.add_column("what", overflow="fold")
    table.add_column("not brought by", overflow="fold")
    for one in listed:
        until = "it stands" if one.over_at is None else "-" if one.over_at == one.at else _at(one.over_at)
        table.add_row(_at(one.at), until, one.alert.severity, one.alert.title, ", ".join(one.undelivered) or "-")
    return table


def _channels(states: list[ChannelState]) -> Table:
    table = Table("channel", "sent", "waiting", "given up", box=None, padding=(0, 2))
    table.add_column("last failure", overflow="fold")
    for one in states:
        table.add_row(one.channel, str(one.sent), str(one.waiting), str(one.given_up), one.error or "-")
    return table


def _at(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
