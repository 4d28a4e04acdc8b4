"""cdb replay: recorded trades through a farm of their own, and a table of what came of them."""

import asyncio
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from app import bus, store, wiring
from app.cli.codes import FAILED
from app.cli.drive import TOP_SPEED
from app.cli.play import LATENESS_MS, Play
from app.domain import recording
from app.domain.market import interval_seconds
from app.domain.recording import BadRecording, BadRow
from app.wiring import SettingsError
from workers import view
from workers.farm import Farm
from workers.ports import NO_METRICS, free_port

SHOWN_BAD_ROWS = 5
SHOWN_SYMBOLS = 3
TYPED = ("CDB_REDIS_URL", "CDB_DATABASE_URL", "CDB_VENUE_FAULTS")  # not taken from a file: it may be another farm's

File = Annotated[
    Path, typer.Argument(help="Recorded trades: our columns, or Binance's trades or aggTrades; .csv, .gz, .zip.")
]
Speed = Annotated[
    str,
    typer.Option(help=f"Times as fast as recorded, up to {TOP_SPEED:g}, or max: as fast as signals and orders follow."),
]
Bar = Annotated[str, typer.Option(help="The interval of the bars, such as 1s or 1m.")]
SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Leave out rows that are no trade instead of refusing the file.")
]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]


def replay(file: File, speed: Speed = "1", bar: Bar = "1s", skip_bad: SkipBad = False, as_json: Json = False) -> None:
    """Play recorded trades through the simulator and a farm of its own; ends with a table.

    The farm lives in CDB_DATA_DIR/replays, so that one which trades is not disturbed. Strategies, risk and orders are
    set as here, whatever else is set it trades at its own simulator. CDB_REDIS_URL and CDB_DATABASE_URL are used if
    they are in the environment, not if they are in a file; the database must be empty.

    Ticks, bars and signals are the same at any speed. Orders are not: faster than 100 times, a signal would be too
    old before an order of it can be sent. max slows down while ticks, bars, signals or orders pile up.
    """
    pace, console = _speed(speed), Console(stderr=as_json)
    _interval(bar)
    bad: list[BadRow] = []
    found = recording.summary(file, bad=bad.append if skip_bad else _refuse)
    _tell_left_out(bad, console)
    _in_our_currency(file, sorted(found.symbols))
    _settings_of_its_own(file, bar, sorted(found.symbols))
    _empty_database()
    play = Play(console, found, pace)
    farm = Farm(flower=False)
    try:
        asyncio.run(farm.run(lambda sentence: console.print(sentence, highlight=False), play.run))
    finally:
        _forget_keys()
    if as_json and play.seen is not None:
        typer.echo(json.dumps(play.plain(len(bad))))
    elif play.seen is not None:
        Console().print(view.summary_table(play.seen.summary, f"Replay of {file.name}", play.rows(len(bad))))
    if not play.is_over:
        typer.echo("The replay was stopped before its end.", err=True)
        raise typer.Exit(FAILED)


def _refuse(row: BadRow) -> None:
    raise BadRecording(replace(row, cure=f"{row.cure}; --skip-bad leaves out all such lines"))


def _tell_left_out(bad: list[BadRow], console: Console) -> None:
    for row in bad[:SHOWN_BAD_ROWS]:
        console.print(f"left out: {row.file}, line {row.line}: {row.problem}", markup=False, soft_wrap=True)
    if len(bad) > SHOWN_BAD_ROWS:
        console.print(f"left out: {len(bad) - SHOWN_BAD_ROWS} more", highlight=False)


def _in_our_currency(file: Path, symbols: list[str]) -> None:
    others = [symbol for symbol in symbols if symbol.partition("/")[2] != wiring.CURRENCY]
    if others:
        problem = (
            f"it holds trades of {', '.join(others[:SHOWN_SYMBOLS])}, and the account is kept in {wiring.CURRENCY}"
        )
        cure = f"play a file of pairs that are quoted in it, such as BTC/{wiring.CURRENCY}"
        raise BadRecording(BadRow(file.name, 0, problem, cure))


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed <= TOP_SPEED:
        raise typer.BadParameter(f"{text!r}: write a number up to {TOP_SPEED:g}, or max", param_hint="--speed")
    return speed


def _interval(text: str) -> None:
    try:
        interval_seconds(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--bar") from error


def _settings_of_its_own(file: Path, bar: str, symbols: list[str]) -> None:
    """It decides as the farm here does, and trades at its own simulator, whatever is set anywhere."""
    like = wiring.settings()
    name = f"{file.name.split('.')[0]}-{wiring.now():%Y%m%d-%H%M%S}-{os.getpid()}"
    own = {
        "CDB_DATA_DIR": str(like.data_dir / "replays" / name),
        "CDB_REDIS_PREFIX": like.redis_prefix,
        "CDB_EXCHANGE": "simulated",
        "CDB_MODE": "paper",
        "CDB_SYMBOLS": ",".join(symbols),
        "CDB_BAR_INTERVALS": bar,
        "CDB_CLOCK": "replay",
        "CDB_FEED_SHARDS": "1",
        "CDB_REQUEST_WEIGHT": "0",
        "CDB_LATENESS_MS": str(LATENESS_MS),
        "CDB_VENUE_MARKET": "replay",
        "CDB_VENUE_FILE": str(file.absolute()),
        "CDB_VENUE_PORT": str(free_port()),
        **NO_METRICS,
    }
    wiring.live_apart(own, typed=TYPED, like=like)
    if not wiring.settings().embedded_redis:  # others have their keys there
        os.environ["CDB_REDIS_PREFIX"] += f"replay-{os.getpid()}:"
        wiring.reset()


def _empty_database() -> None:
    if wiring.settings().embedded_database:
        return
    store.migrate(wiring.database())
    if not wiring.reports().is_empty():
        cure = "Give the replay an empty database: CDB_DATABASE_URL, or leave it out for a file of its own"
        raise SettingsError([f"CDB_DATABASE_URL holds bars or orders already. {cure}"])


def _forget_keys() -> None:
    """On a shared server nothing is left behind."""
    settings = wiring.settings()
    if settings.embedded_redis:
        return
    bus.forget(wiring.redis(), settings.redis_prefix)
