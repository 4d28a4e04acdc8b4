"""cdb restore: puts a backup in the place of a farm's database, while nothing of that farm is at work."""

import json
from typing import Annotated

import typer

from app import backups, bus, store, wiring
from app.cli.backup import shelf
from app.cli.running import at_work, redis_answers
from app.cli.why import By, Json, Yes, who
from app.domain.backups import BackupError, begun_at, name_at
from app.store import Copies
from workers.farm import held

Name = Annotated[str, typer.Argument(help="One of cdb backup list.")]
Broken = Annotated[
    bool, typer.Option("--broken-chain", help="Also one whose chain of sealed audits was broken when it was made.")
]


def restore(name: Name, by: By = "", yes: Yes = False, broken_chain: Broken = False, as_json: Json = False) -> None:
    """Put a backup in the place of the database. Refused while a farm runs; what is there now is kept aside.

    It is restored beside the database, compared with what was kept, and put in its place last of all. What Redis holds
    of the farm is forgotten. The next start compares the venue's books with these before it enters anything.
    """
    settings, at = wiring.settings(), wiring.now()
    kept, copies = shelf(), store.copies(wiring.database())
    folder = kept.path(name)
    with held(settings.data_dir):
        _refuse_while_at_work(copies)
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
    typer.echo(f"Restored: {name}. What was there before is kept as {done.aside}; remove it when you are sure.")
    typer.echo(
        f"Trading is {done.state or 'not begun'}; entries wait until the venue's books were compared with these."
    )
    typer.echo("Next: cdb audit verify, then cdb up. Trades since the backup are told as differences: cdb reconcile.")


def _refuse_while_at_work(copies: Copies) -> None:
    found = list(at_work(copies))
    if found:
        cure = "Stop all of it, also on other machines, and restore again; nothing was changed"
        raise BackupError(f"The farm is at work: {'; '.join(found)}", cure)


def _forget_redis(stamp: str) -> None:
    settings = wiring.settings()
    if redis_answers():
        bus.forget(wiring.redis(), settings.redis_prefix)
        return
    files = settings.data_dir / "redis"  # the embedded one rests, and would read them when it starts
    if files.exists():
        files.rename(files.with_name(f"redis.before-{stamp}"))
