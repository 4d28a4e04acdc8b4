"""cdb up around a farm, and the small commands beside it."""

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
import redis
from rich.console import Console

from app import figures, wiring
from app.bus import Limiter
from app.cli import farm as command
from app.cli.codes import FAILED, WRONG
from app.cli.farm import venue_config
from app.settings.fields import CONFIRMATION
from app.store import DatabaseError
from tests.fixtures.typed import Typed
from workers import feed
from workers.farm import Farm, Tell, held
from workers.venue import VenueConfig
from workers.zygotes import Zygotes


class FarmOfNothing(Farm):
    """Is up at once, with no service at all."""

    async def run(self, tell: Tell, once_up: Callable[[Farm], Awaitable[None]]) -> None:
        await once_up(self)


class StoppedFarm(Farm):
    """Is told to stop before it is up."""

    async def run(self, tell: Tell, once_up: Callable[[Farm], Awaitable[None]]) -> None:
        tell("stopping")


@pytest.fixture
def begun(data_dir: Path, redis_url: str, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A farm's Redis and database are there, and nothing of it runs."""
    monkeypatch.setenv("CDB_REDIS_URL", redis_url)
    monkeypatch.setenv("CDB_REDIS_PREFIX", f"{data_dir.parent.name}:")
    monkeypatch.setenv("CDB_DATABASE_URL", sqlite_url)
    monkeypatch.setattr(command, "Farm", FarmOfNothing)
    monkeypatch.setattr(command, "zygotes_of", lambda settings: Zygotes())
    monkeypatch.setattr(command, "LINE_S", 0.02)
    monkeypatch.setattr(command, "LOOK_S", 0.02)
    figures.read()  # the first time takes longer


def test_up_for_a_while_shows_lines_and_ends_with_a_summary(begun: None, typed: Typed) -> None:
    ended = typed("up", "--for", "0.5s")

    assert ended.code == 0
    first, *lines = ended.out.splitlines()
    assert first.startswith("the farm is up after 0 s; console: http://127.0.0.1:8000, Flower: http://127.0.0.1:5555")
    assert "opening | equity –" in lines[0]
    assert "What came of it" in ended.out
    assert "profit and loss" in lines[-6] + lines[-5] + lines[-4]


def test_up_for_machines_prints_nothing_but_json(begun: None, typed: Typed) -> None:
    ended = typed("up", "--for", "0.1s", "--json")

    assert (ended.code, ended.err) == (0, "")
    assert ended.plain["executions"] == 0


def test_a_farm_that_was_stopped_before_it_was_up_has_no_summary(
    begun: None, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "Farm", StoppedFarm)

    assert typed("up").out == "stopping\n"
    assert typed("up", "--json").plain == {}


@pytest.mark.parametrize(
    "error", [redis.ConnectionError("gone"), DatabaseError("The database was busy", "Try again")], ids=type
)
def test_a_server_that_is_being_restarted_does_not_end_the_farm(
    error: Exception, begun: None, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, failed = figures.read, iter([error])

    def at_first_not() -> figures.Figures:
        for failure in failed:
            raise failure
        return read()

    monkeypatch.setattr(figures, "read", at_first_not)

    ended = typed("up", "--for", "0.5s")

    assert ended.code == 0
    assert f"no figures just now: {error}" in ended.out
    assert "What came of it" in ended.out


@pytest.mark.parametrize("fails", [False, True])
def test_in_a_terminal_the_view_lives(
    fails: bool, begun: None, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable() -> figures.Figures:
        raise redis.ConnectionError("gone")

    paper = StringIO()
    monkeypatch.setattr(command, "Console", lambda: Console(file=paper, force_terminal=True, width=160))
    if fails:
        monkeypatch.setattr(figures, "read", unreadable)
    farm = FarmOfNothing()
    watch = command.Watch(farm, 0.5, quiet=False)

    asyncio.run(farm.run(watch.tell, watch.run))

    assert ("no figures just now" in paper.getvalue()) is fails
    assert ("Ctrl-C stops" in paper.getvalue()) is not fails


def test_the_addresses_are_those_that_can_be_opened(begun: None, data_dir: Path) -> None:
    addresses = command.Watch(FarmOfNothing(), None, quiet=True)._addresses()

    assert addresses == {
        "console": "http://127.0.0.1:8000",
        "Flower": "http://127.0.0.1:5555",
        "simulated MEXC": "http://127.0.0.1:8090",
    }


def test_a_farm_on_another_venue_shows_no_simulator(
    begun: None, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CDB_EXCHANGE_REST_URL", "http://venue.example")
    monkeypatch.setenv("CDB_EXCHANGE_WS_URL", "ws://venue.example/ws")
    wiring.settings.cache_clear()

    assert list(command.Watch(FarmOfNothing(), None, quiet=True)._addresses()) == ["console", "Flower"]


def test_a_second_farm_in_the_folder_is_told_who_has_it(typed: Typed, data_dir: Path) -> None:
    with held(data_dir):
        ended = typed("up", "--for", "1s")

    assert ended.code == FAILED
    assert f"runs in {data_dir}. Stop it, or give this one a folder and ports of its own" in ended.err


def test_a_folder_that_cannot_be_used_is_told_with_its_cure(
    typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("CDB_DATA_DIR", str(tmp_path / "file" / "data"))

    ended = typed("up", "--for", "1s")

    assert ended.code == FAILED
    assert "cannot be used: Not a directory. Make it writable" in ended.err


def test_a_venue_whose_port_is_taken_says_so_without_a_traceback(typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv("CDB_VENUE_PORT", str(port))
        monkeypatch.setenv("CDB_VENUE_MARKET", "idle")

        ended = typed("venue")

    assert ended.code == WRONG
    assert f"127.0.0.1:{port} cannot be listened on" in ended.err
    assert "choose another port, or end what listens there" in ended.err
    assert "Traceback" not in ended.err


def test_the_feed_is_a_command_too(typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    monkeypatch.setattr(feed, "main", lambda: ran.append("feed"))

    assert typed("feed").code == 0
    assert ran == ["feed"]


def test_services_are_listed_with_commands_that_can_be_typed(typed: Typed) -> None:
    ended = typed("services")

    assert ended.code == 0
    assert "venue    python -m app.cli venue\n" in ended.out
    assert ended.out.startswith("redis ")
    assert sys.executable not in ended.out


def test_on_servers_of_somebody_elses_they_are_no_services(typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDB_REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("CDB_EXCHANGE_REST_URL", "http://venue.example")
    monkeypatch.setenv("CDB_EXCHANGE_WS_URL", "ws://venue.example/ws")

    names = [service["name"] for service in typed("services", "--json").plain]

    assert names == ["ticks", "signals", "risk", "orders", "upkeep", "beat", "feed", "flower", "console"]


def test_the_simulated_venue_is_as_the_settings_want_it(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDB_VENUE_PORT", "7001")
    monkeypatch.setenv("CDB_VENUE_SEED", "42")
    monkeypatch.setenv("CDB_VENUE_BALANCE", "123.5")

    config = venue_config(wiring.settings())

    assert (config.port, config.seed, config.balances) == (7001, 42, {"USDT": Decimal("123.5")})
    assert config.state_path == data_dir / "venue.journal"
    assert (config.api_key, config.api_secret) == ("paper", "paper-secret")
    assert config.symbols == wiring.settings().symbols


def test_a_simulated_venue_beside_a_live_farm_never_has_its_keys(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "EXCHANGE": "mexc",
        "MODE": "live",
        "SYMBOLS": "BTC/USDT",
        "LIVE_CONFIRMED": CONFIRMATION,
        "API_KEY": "real",
        "API_SECRET": "real",
    }.items():
        monkeypatch.setenv(f"CDB_{name}", value)

    config = venue_config(wiring.settings())

    assert wiring.settings().trading_keys == ("real", "real")
    assert (config.api_key, config.api_secret) == ("paper", "paper-secret")


@pytest.mark.parametrize("wanted", ["all", "top:5"])
def test_when_no_symbol_is_named_it_lists_many(wanted: str, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDB_SYMBOLS", wanted)

    assert len(venue_config(wiring.settings()).symbols) == command.SIMULATED_ALL


def test_the_venue_plays_the_scenario_of_the_settings(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDB_VENUE_FAULTS", "F2")

    scenario = venue_config(wiring.settings()).scenario

    assert scenario is not None
    assert scenario.name == "F02_not_visible_right_after_create"


def test_a_scenario_on_the_command_line_goes_before_that_of_the_settings(
    typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[VenueConfig] = []
    monkeypatch.setenv("CDB_VENUE_FAULTS", "F2")
    monkeypatch.setattr("workers.venue.run", lambda config, limiter: ran.append(config))

    assert typed("venue", "--faults", "F1").code == 0
    assert [config.scenario and config.scenario.name for config in ran] == ["F01_create_times_out_but_is_live"]


@pytest.mark.parametrize(("market", "shares"), [("mirror", True), ("idle", False)])
def test_a_venue_that_mirrors_shares_the_limiter_of_the_live_venue(
    market: str, shares: bool, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Limiter | None] = []
    monkeypatch.setenv("CDB_EXCHANGE", "mexc")
    monkeypatch.setenv("CDB_SYMBOLS", "BTC/USDT")
    monkeypatch.setenv("CDB_VENUE_MARKET", market)
    monkeypatch.setattr("workers.venue.run", lambda config, limiter: given.append(limiter))

    assert typed("venue").code == 0
    assert [one and one.host for one in given] == (["api.mexc.com"] if shares else [None])


def test_faults_and_scenarios_are_listed(typed: Typed) -> None:
    ended = typed("venue", "--list-faults")

    assert ended.code == 0
    assert "create_reply_delayed     ms" in ended.out
    assert "F01_create_times_out_but_is_live" in ended.out


def test_or_as_json(typed: Typed) -> None:
    told = typed("venue", "--list-faults", "--json").plain

    assert told["faults"]["create_reply_delayed"] == ["ms"]
    assert told["scenarios"]["F01_create_times_out_but_is_live"]


def test_the_version_and_the_migrated_database_are_told_to_machines_too(typed: Typed, data_dir: Path) -> None:
    assert typed("version", "--json").plain == {"version": typed("version").out.strip()}
    assert typed("migrate", "--json").plain == {"database": f"sqlite:///{data_dir}/cdb.sqlite"}


@pytest.mark.parametrize("arguments", [("venue", "--faults", "F999"), ("up",)])
def test_a_scenario_that_there_is_not_is_wrong_usage_and_nothing_starts(
    arguments: tuple[str, ...], typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CDB_VENUE_FAULTS", "" if "venue" in arguments else "F999")

    ended = typed(*arguments)

    assert ended.code == WRONG
    assert "there is no scenario 'F999'; name a TOML file or one that `cdb venue --list-faults` shows" in ended.err
