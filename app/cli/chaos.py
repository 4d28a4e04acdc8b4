"""cdb chaos: trouble a farm of its own by a seeded script, and judge it from the venue's own journal."""

import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from app import store, wiring
from app.cli.codes import FAILED
from app.cli.farm import Json, seconds_of
from app.simulator.catalogue import symbols
from app.wiring import SettingsError
from workers.chaos.judge import Verdict, judge
from workers.chaos.measures import percentile
from workers.chaos.run import Chaos
from workers.chaos.script import script
from workers.farm import Farm
from workers.own_postgresql import PostgreSQL
from workers.ports import NO_METRICS, free_port
from workers.supervisor import CannotStart, Logs, Supervisor

DATABASE_PATIENCE_S = 30.0
SYMBOLS = 8  # one or two more than the exposure limit has room for
STRATEGY = "workers.chaos.eager:Strategy"
Seed = Annotated[int, typer.Option(min=0, help="The same seed makes the same script.")]
For = Annotated[str, typer.Option("--for", help="How long the trouble lasts, such as 40s or 5m.")]
Runs = Annotated[int, typer.Option(min=1, help="How many runs, each with the next seed.")]
PostgreSql = Annotated[
    bool, typer.Option("--postgresql", help="With a PostgreSQL of its own in the place of SQLite; it is troubled too.")
]
Keep = Annotated[bool, typer.Option("--keep", help="Keep the farm's folder also when everything held.")]


def chaos(
    seed: Seed = 1,
    for_: For = "5m",
    runs: Runs = 1,
    postgresql: PostgreSql = False,
    keep: Keep = False,
    as_json: Json = False,
) -> None:
    """Trouble a farm of its own with kills, pauses, lost messages and a faulty venue; then judge what came of it.

    It trades against the simulator, in a folder, on ports and with a Redis of its own, and knows no other setting than
    CDB_DATABASE_URL, which is used if it is in the environment, not if it is in a file; that database must be empty,
    and is not struck, whereas one of chaos' own is killed and paused too.
    Exit code 1, and the folder stays, if anything was lost, doubled or over a limit. With --json each run is a line.
    """
    length_s = seconds_of(for_) or 0.0
    console = Console(stderr=as_json)
    verdicts = []
    for one in range(seed, seed + runs):
        folder = _settings_of_its_own(one)
        server = _server_of_its_own(folder) if postgresql else None
        try:
            verdicts.append(asyncio.run(_run(one, length_s, folder, console, server, as_json=as_json)))
        finally:
            _let_go()
            if server is not None:
                shutil.rmtree(server.folder)
        again = f"cdb chaos --seed {one} --for {for_}" + (" --postgresql" if postgresql else "")
        _leave(folder, verdicts[-1], again, keep=keep)
    if runs > 1:
        console.print(together(verdicts))
    if not all(verdict.passed for verdict in verdicts):
        raise typer.Exit(FAILED)


async def _run(
    seed: int, length_s: float, folder: Path, console: Console, server: PostgreSQL | None, *, as_json: bool
) -> Verdict:
    beside = Supervisor([server.service()] if server else [], Logs(folder / "logs"))
    await beside.start(DATABASE_PATIENCE_S)
    try:
        _empty_database()
        troubles = script(seed, length_s, database=server is not None)
        run = Chaos(troubles, seed, lambda told: console.print(told, highlight=False, markup=False), beside.kept)
        farm = Farm(flower=False)
        await farm.run(lambda told: console.print(told, highlight=False), run.run)
        if not run.is_over:
            typer.echo(f"Chaos was stopped before its end; its folder is {folder}", err=True)
            raise typer.Exit(FAILED)
        verdict = judge(run.evidence())
    finally:
        wiring.database().engine.dispose()  # a server that is asked to stop waits for its clients
        await beside.stop()
    restarts = sum(kept.restarts for kept in (*beside.kept, *farm.kept))
    if as_json:
        typer.echo(json.dumps({"seed": seed, "restarts": restarts, "tripped": run.tripped, **plain(verdict)}))
    else:
        Console().print(table(verdict, seed, restarts))
    return verdict


def _server_of_its_own(folder: Path) -> PostgreSQL:
    """Its files are not in the farm's folder: it may run as another user, who cannot read there."""
    server = PostgreSQL(Path(tempfile.mkdtemp(prefix=f"{folder.name}-pg-")))
    try:
        server.prepare()
    except CannotStart:
        shutil.rmtree(server.folder)
        raise
    os.environ["CDB_DATABASE_URL"] = server.url
    wiring.reset()
    return server


def _let_go() -> None:
    if wiring.database.cache_info().currsize:
        wiring.database().engine.dispose()
    if wiring.redis.cache_info().currsize:
        wiring.redis().close()


def _settings_of_its_own(seed: int) -> Path:
    """Nothing is taken over from the farm here: the same seed is the same trouble."""
    folder = Path(tempfile.mkdtemp(prefix=f"cdb-chaos-{seed}-"))
    own = {
        "CDB_DATA_DIR": str(folder),
        "CDB_EXCHANGE": "simulated",
        "CDB_MODE": "paper",
        "CDB_SYMBOLS": ",".join(symbols(SYMBOLS)),
        "CDB_BAR_INTERVALS": "1s",
        "CDB_STRATEGIES": STRATEGY,
        "CDB_RISK__COOLDOWN__LIMIT_S": "0",
        "CDB_MAX_DAILY_DRAWDOWN": "0.50",  # so that what trips is the breaker, when the market crashes
        "CDB_MAX_DAY_LOSS": "0.10",
        "CDB_MARK_S": "1",
        "CDB_VENUE_SEED": str(seed),
        "CDB_VENUE_TICKS_PER_S": "60",
        "CDB_VENUE_TAKES_DUPLICATES": str(seed % 2 == 1).lower(),
        "CDB_VENUE_PORT": str(free_port()),
        **NO_METRICS,
    }
    wiring.live_apart(own, typed=["CDB_DATABASE_URL"])
    return folder


def _empty_database() -> None:
    if wiring.settings().embedded_database:
        return
    store.migrate(wiring.database())
    if not wiring.reports().is_empty():
        cure = "Give chaos an empty database: CDB_DATABASE_URL, or leave it out for a file of its own"
        raise SettingsError([f"CDB_DATABASE_URL holds bars or orders already. {cure}"])


def _leave(folder: Path, verdict: Verdict, again: str, *, keep: bool) -> None:
    if verdict.passed and not keep:
        shutil.rmtree(folder)
    else:
        typer.echo(f"Its folder is {folder}; the same script again: {again}", err=True)


def _seconds(took_s: float | None) -> str:
    return "–" if took_s is None else f"{took_s:.1f} s"


def plain(verdict: Verdict) -> dict[str, Any]:
    """For machines; money as text."""
    measures = verdict.measures
    return {
        "passed": verdict.passed,
        "findings": [asdict(finding) for finding in verdict.findings],
        "accepted": measures.accepted,
        "fills": measures.fills,
        "exposure_high": f"{measures.exposure_high:.4f}",
        "unprotected_s": measures.unprotected_s,
        "unprotected_longest_s": measures.unprotected_longest_s,
        "recoveries": [asdict(one) for one in measures.recoveries],
        "recovery_p50_s": measures.recovery_p50_s,
        "recovery_p99_s": measures.recovery_p99_s,
        "recovery_max_s": measures.recovery_max_s,
    }


def table(verdict: Verdict, seed: int, restarts: int) -> Table:
    """For people: the figures, then each finding, then the verdict."""
    shown, measures = Table(title=f"Chaos, seed {seed}", box=box.SIMPLE_HEAD, show_header=False), verdict.measures
    took = (measures.recovery_p50_s, measures.recovery_p99_s, measures.recovery_max_s)
    rows = {
        "orders the venue accepted": str(measures.accepted),
        "fills": str(measures.fills),
        "highest exposure": f"{measures.exposure_high:.2%}",
        "unprotected": f"{measures.unprotected_s:.1f} s, {measures.unprotected_longest_s:.1f} s at once",
        "kills": str(len(measures.recoveries)),
        "recovery p50, p99, max": ", ".join(map(_seconds, took)),
        "recoveries": ", ".join(f"{one.service} {_seconds(one.took_s)}" for one in measures.recoveries),
        "restarts": str(restarts),
        **{f"{finding.kind} {number}": finding.what for number, finding in enumerate(verdict.findings, 1)},
        "verdict": "everything held" if verdict.passed else f"{len(verdict.findings)} findings",
    }
    for name, value in rows.items():
        shown.add_row(name, value)
    return shown


def together(verdicts: Sequence[Verdict]) -> str:
    """Several runs in a sentence: how many passed, and how long it took to be back after a kill."""
    passed = sum(verdict.passed for verdict in verdicts)
    took = [one.took_s for verdict in verdicts for one in verdict.measures.recoveries if one.took_s is not None]
    p50, p99, most = (_seconds(percentile(took, percent)) for percent in (50, 99, 100))
    return (
        f"{passed} of {len(verdicts)} runs held; {sum(verdict.measures.accepted for verdict in verdicts)} orders; "
        f"{len(took)} recoveries: p50 {p50}, p99 {p99}, max {most}"
    )
