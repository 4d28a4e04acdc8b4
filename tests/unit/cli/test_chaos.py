"""What chaos sets up, tells and exits with; the run itself is tested with a real farm."""

import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from app import wiring
from app.cli import chaos
from app.cli.codes import FAILED, WRONG
from app.domain.market import Bar
from app.domain.orders import Side
from app.store import Bars, Database
from tests.fixtures.history import Past, a_past, at
from tests.fixtures.hostile import own_environment, speaks_to_its_own_simulator_alone
from tests.fixtures.memory.builders import NOON
from tests.fixtures.typed import Typed
from workers import farm, own_postgresql
from workers.chaos.judge import judge
from workers.chaos.measures import Kill, milliseconds
from workers.chaos.run import Chaos


class Plays:
    """In the place of a farm: a run that is over, or was stopped; `past` is what there is to judge."""

    past: Any = a_past()
    is_over = True

    def __init__(self, *, flower: bool = True) -> None:
        self.kept = [SimpleNamespace(restarts=2), SimpleNamespace(restarts=1)]
        assert not flower

    async def run(self, tell: farm.Tell, once_up: object) -> None:
        tell("would start")
        run: Chaos = once_up.__self__  # type: ignore[attr-defined]
        run.is_over = self.is_over
        run.evidence = self.past.evidence  # type: ignore[method-assign]


@pytest.fixture(autouse=True)
def own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """What chaos sets is gone after the test, its folder with it; no farm starts."""
    monkeypatch.setattr(chaos, "Farm", Plays)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with own_environment():
        yield


def folders(tmp_path: Path) -> list[Path]:
    return list(tmp_path.glob("cdb-chaos-*"))


def test_a_clean_run_passes_and_leaves_nothing(typed: Typed, tmp_path: Path) -> None:
    ended = typed("chaos", "--seed", "3", "--for", "40s")

    assert ended.code == 0
    assert ended.out.splitlines()[0] == "would start"
    assert "everything held" in ended.out
    assert ["restarts", "3"] in [line.split() for line in ended.out.splitlines()]
    assert folders(tmp_path) == []


def test_its_folder_can_be_kept(typed: Typed, tmp_path: Path) -> None:
    ended = typed("chaos", "--for", "40s", "--keep")

    assert ended.code == 0
    assert [str(folder) in ended.err for folder in folders(tmp_path)] == [True]


def test_a_finding_fails_the_run_and_says_how_to_repeat_it(
    typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    past = Past()
    past.traded("IN1", Side.BUY, "1", 1)
    past.accepted("IN1", Side.BUY, "1", 2)
    monkeypatch.setattr(Plays, "past", past)

    ended = typed("chaos", "--seed", "4", "--for", "40s", "--json")

    assert ended.code == FAILED
    assert [finding["kind"] for finding in ended.plain["findings"]] == ["duplicate"]
    assert (ended.plain["seed"], ended.plain["passed"], ended.plain["accepted"]) == (4, False, 2)
    assert "cdb chaos --seed 4 --for 40s" in ended.err
    assert [str(folder) in ended.err for folder in folders(tmp_path)] == [True]


def test_several_runs_have_a_seed_each_and_a_sentence_for_all(
    typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evidence = replace(a_past().evidence(), kills=[Kill("orders", milliseconds(at(2)))])
    monkeypatch.setattr(Plays, "past", SimpleNamespace(evidence=lambda: evidence))

    ended = typed("chaos", "--seed", "8", "--runs", "2", "--for", "40s")

    assert ended.code == 0
    assert "Chaos, seed 8" in ended.out
    assert "Chaos, seed 9" in ended.out
    assert "2 of 2 runs held; 6 orders; 2 recoveries: p50 8.0 s, p99 8.0 s, max 8.0 s" in ended.out
    assert folders(tmp_path) == []


def test_one_failed_run_of_several_fails_them_all(typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    evidence = replace(a_past().evidence(), rested=False)
    monkeypatch.setattr(Plays, "past", SimpleNamespace(evidence=lambda: evidence))

    ended = typed("chaos", "--runs", "2", "--for", "40s")

    assert ended.code == FAILED
    assert "0 of 2 runs held" in ended.out


def test_a_run_that_was_stopped_has_failed(typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Plays, "is_over", False)

    ended = typed("chaos", "--for", "40s")

    assert ended.code == FAILED
    assert "was stopped before its end" in ended.err


def test_a_farm_of_its_own_disturbs_no_other(typed: Typed, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDB_EXCHANGE", "mexc")
    monkeypatch.setenv("CDB_REDIS_URL", "redis://shared/0")
    before = wiring.settings()

    typed("chaos", "--seed", "5", "--for", "40s", "--keep")

    own = wiring.settings()
    assert own.data_dir != before.data_dir
    assert own.venue_port != before.venue_port
    assert own.embedded_redis, "it is flushed: no other may be in it"
    assert (own.exchange, own.mode, own.venue_seed) == ("simulated", "paper", 5)
    assert own.venue_takes_duplicates
    assert wiring.strategies()[0].window == 2


def test_whatever_is_set_anywhere_chaos_speaks_to_its_own_simulator_alone(hostile: str, typed: Typed) -> None:
    ended = typed("chaos", "--for", "40s", "--keep")

    assert ended.code == 0
    speaks_to_its_own_simulator_alone()
    assert wiring.settings().embedded_redis, "it is flushed"
    assert wiring.settings().embedded_database
    assert wiring.settings().stop_loss == Decimal("0.02"), "the same seed is the same trouble"


def test_a_broken_setting_of_the_farm_here_does_not_matter(typed: Typed, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CDB_MODE=live\nCDB_SHRADS=2\n")

    assert typed("chaos", "--for", "40s").code == 0


def test_a_database_that_is_in_use_is_refused(typed: Typed, sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    Bars(sqlite).save([Bar("BTC/USDT", "1m", NOON, 1.0, 1.0, 1.0, 1.0, 1.0, 1)])
    monkeypatch.setenv("CDB_DATABASE_URL", sqlite.url.render_as_string())

    ended = typed("chaos", "--for", "40s")

    assert ended.code == WRONG
    assert "Give chaos an empty database" in ended.err


def test_an_empty_database_is_used(typed: Typed, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDB_DATABASE_URL", sqlite_url)

    assert typed("chaos", "--for", "40s").code == 0


def test_where_no_postgresql_is_installed_the_cure_is_told(typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_postgresql, "programs", lambda: None)

    ended = typed("chaos", "--for", "40s", "--postgresql")

    assert ended.code == FAILED
    assert "apt-get install postgresql" in ended.err


def test_a_length_that_is_none_is_wrong_usage(typed: Typed) -> None:
    assert typed("chaos", "--for", "soon").code == WRONG


def test_recoveries_are_told() -> None:
    evidence = replace(a_past().evidence(), kills=[Kill("orders", milliseconds(at(2))), Kill("risk", 0)])
    verdict = judge(evidence)

    assert [one["service"] for one in json.loads(json.dumps(chaos.plain(verdict)))["recoveries"]] == ["orders", "risk"]
    console = Console(width=200)
    with console.capture() as shown:
        console.print(chaos.table(verdict, 1, 0))
    assert "slow_recovery 1" in shown.get()
