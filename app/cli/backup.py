"""cdb backup: makes one, lists them, and proves one by restoring it into a database that is gone afterwards."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib.metadata import version
from types import FrameType
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from app import backups, wiring
from app.cli.farm import seconds_of
from app.domain.backups import BackupError, Manifest

Json = Annotated[bool, typer.Option("--json", help="For machines.")]
Nice = Annotated[bool, typer.Option("--nice", help="Leave the processor to others, as the farm's own backups do.")]
Limit = Annotated[str | None, typer.Option("--limit", help="Give up after so long, such as 6h.")]
Name = Annotated[str | None, typer.Argument(metavar="[NAME]", help="One of cdb backup list; else the newest.")]
LEAST_PRIORITY = 19
AGAIN_S = 10.0  # enough to clean up after the first time

backup = typer.Typer(
    help="Make a backup of the farm's books, running or not; list them, and prove that one can be restored.",
    invoke_without_command=True,
    rich_markup_mode=None,
)


@backup.callback()
def make(context: typer.Context, nice: Nice = False, limit: Limit = None, as_json: Json = False) -> None:
    """Make one, and remove those that are older than CDB_BACKUP_KEEP_DAYS; the newest whole one always stays."""
    if context.invoked_subcommand is not None:
        return
    if nice:
        os.nice(LEAST_PRIORITY)
    at, kept = wiring.now(), wiring.shelf()
    with _limited(seconds_of(limit)):
        made, gone = backups.make(
            kept,
            copies=wiring.copies(),
            aside=wiring.letters_aside(),
            version=version("claire-de-binare"),
            at=at,
            keep=timedelta(days=wiring.settings().backup_keep_days),
        )
    if as_json:
        typer.echo(json.dumps({"path": str(kept.folder / made.name), "removed": gone, **_plain(made)}))
        return
    typer.echo(f"{kept.folder / made.name}\n{_told(made)}")
    if made.letters is None:
        typer.echo("Redis was not asked for dead letters that wait there: it does not answer.", err=True)
    if gone:
        typer.echo(f"Removed, for they were too old: {', '.join(gone)}")


@backup.command("list")
def list_(as_json: Json = False) -> None:
    """List what there is, oldest first."""
    found = wiring.shelf().all()
    if as_json:
        typer.echo(msgspec.json.encode(found))
        return
    if not found:
        typer.echo(f"There is no backup in {wiring.settings().backup_dir}. Make one: cdb backup")
        return
    table = Table("name", "begun (UTC)", box=None, padding=(0, 2))
    table.add_column("MB", justify="right")
    table.add_column("encrypted")
    for one in found:
        size, sealed = f"{one.size / 1e6:.1f}", "yes" if one.encrypted else "no"
        table.add_row(one.name, f"{one.begun_at:%Y-%m-%d %H:%M:%S}", size, sealed)
    Console().print(table)


@backup.command()
def verify(name: Name = None, as_json: Json = False) -> None:
    """Restore one into a database that is gone afterwards; compare rows, sums and the audit chain. Exit code 1: bad."""
    found = backups.verify(wiring.shelf(), copies=wiring.copies(), name=name)
    told = f"The backup {found.name} is good: restored and compared.\n{_told(found)}"
    typer.echo(json.dumps({"good": True, **_plain(found)}) if as_json else told)


def _told(one: Manifest) -> str:
    held = one.contents
    rows = sum(table.rows for table in held.tables.values())
    waiting = f", {one.letters} dead letters from Redis" if one.letters else ""
    return f"{rows} rows in {len(held.tables)} tables{waiting}; schema {held.revision or '-'}; audit head {held.head}"


def _plain(one: Manifest) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(one)
    return plain


@contextmanager
def _limited(seconds: float | None) -> Iterator[None]:
    """It is given up afterwards, and leaves nothing; it is told again, for a library may have kept it to itself."""
    if seconds is None:
        yield
        return

    def give_up(number: int, frame: FrameType | None) -> None:
        cure = "See what the database is busy with, or allow more: --limit"
        raise BackupError(f"The backup took longer than {seconds:g} s", cure)

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
