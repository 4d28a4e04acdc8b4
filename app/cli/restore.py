"""cdb restore: puts a backup in the place of a farm's database, while nothing of that farm is at work."""

import json
from typing import Annotated

import typer

from app import backups, bus, wiring
from app.cli.running import at_work, redis_answers
from app.cli.why import By, Json, Yes, who
from app.domain.backups import BackupError, begun_at, name_at
from app.store import Copies
from workers.farm import held, is_held

Name = Annotated[str, typer.Argument(help="One of cdb backup list.")]
Broken = Annotated[
    bool, typer.Option("--broken-chain", help="Also one whose chain of sealed audits was broken when it was made.")
]
STOP = "Stop all of it, also on other machines, and restore again; nothing was changed"
NEXT = """\
Next: cdb audit verify; cdb up, which compares the venue's books with these; cdb reconcile, which tells what was traded
since the backup. Nothing is entered until a person says so: cdb resume --reason TEXT"""


def restore(name: Name, by: By = "", yes: Yes = False, broken_chain: Broken = False, as_json: Json = False) -> None:
    """Put a backup in the place of the database. Refused while a farm runs; what is there now is kept aside.

    It is restored beside the database, compared with what was kept, and put in its place last of all. What Redis holds
    of the farm is forgotten. The next start compares the venue's books with these, and enters nothing before a person
    has said so.
    """
    settings, at = wiring.settings(), wiring.now()
    kept, copies = wiring.shelf(), wiring.copies()
    folder = kept.path(name)
    _refuse_while_at_work(copies)
    with held(settings.data_dir):  # none starts meanwhile
        if not yes:
            place = wiring.database().url.render_as_string(hide_password=True)
            told = f"Put the books of {begun_at(name):%Y-%m-%d %H:%M:%S} UTC in the place of {place}?"
            typer.confirm(told, abort=True, err=True)
        wanted = backups.Wanted(wiring.database(), settings.mode, who(by), broken_chain)
        with kept.alone():
            done = backups.restore(
                kept, folder, wanted, copies=copies, forget_redis=lambda: _forget_redis(name_at(at)), at=at
            )
    if as_json:
        typer.echo(json.dumps({"restored": name, "aside": done.aside, "trading_state": done.state}))
        return
    typer.echo(f"Restored: {name}. Trading is {done.state or 'not begun'}.")
    if done.aside is not None:
        typer.echo(f"What was there before is kept as {done.aside}; remove it when you are sure.")
    typer.echo(NEXT)


def _refuse_while_at_work(copies: Copies) -> None:
    folder = wiring.settings().data_dir
    if is_held(folder):
        raise BackupError(f"A farm runs in {folder}", STOP)
    found = list(at_work(copies))
    if found:
        raise BackupError(f"The farm is at work: {'; '.join(found)}", STOP)


def _forget_redis(stamp: str) -> None:
    settings = wiring.settings()
    if redis_answers():
        bus.forget(wiring.redis(), settings.redis_prefix)
        return
    files = settings.data_dir / "redis"  # the embedded one rests, and would read them when it starts
    if files.exists():
        files.rename(files.with_name(f"redis.before-{stamp}"))
