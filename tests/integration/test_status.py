"""cdb status over a real Redis and database."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from app import store as rooms
from app import wiring
from app.cli.codes import UNREACHABLE
from app.domain.history import Outdated
from app.domain.orders import OUT_OF_REACH
from app.domain.risk import TradingState
from tests.contracts.stores import StoreUnderTest
from tests.fixtures._half_heard import half_heard, the_rest_is_heard
from tests.fixtures.memory.builders import BTC, NOON, a_letter
from tests.fixtures.typed import Typed
from workers.farm import held


@pytest.fixture
def served(data_dir: Path, redis_url: str, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Servers of somebody else's, with a migrated database."""
    monkeypatch.setenv("CDB_REDIS_URL", redis_url)
    monkeypatch.setenv("CDB_REDIS_PREFIX", f"{data_dir.parent.name}:")
    monkeypatch.setenv("CDB_DATABASE_URL", sqlite_url)
    return data_dir


def test_without_a_farm_it_says_how_to_start_one(typed: Typed, data_dir: Path) -> None:
    ended = typed("status")

    assert (ended.code, ended.out) == (UNREACHABLE, "")
    assert ended.err == f"No farm runs in {data_dir}. Start it: cdb up\n"


def test_a_farm_that_has_just_begun_is_told_as_such(served: Path, typed: Typed) -> None:
    ended = typed("status")

    assert (ended.code, ended.err) == (0, "")
    rows = dict(re.split(" {2,}", line.strip()) for line in ended.out.splitlines() if "  " in line.strip())
    assert rows["farm"] == f"none runs in {served}"
    assert (rows["feed"], rows["trading state"], rows["orders"]) == ("silent", "not open yet", "0")


def test_a_halt_is_shown_with_its_reason_by_whom_and_since_when(served: Path, typed: Typed) -> None:
    wiring.ledger().open_account(Decimal(10_000), NOON)
    wiring.ledger().set_state(TradingState.HALTED, "exchange news", "ann", NOON)

    assert "2024-11-20 12:00:00 UTC by ann: exchange news" in typed("status").out
    plain = typed("status", "--json").plain
    assert (plain["trading_state"], plain["state_by"], plain["state_at"]) == ("HALTED", "ann", NOON.isoformat())


def test_what_services_say_of_themselves_is_shown(served: Path, typed: Typed) -> None:
    assert "none says how it is" in typed("status").out
    wiring.healths().write("risk", "one", {"reason": None}, wiring.now())
    assert "all 1 are well" in typed("status").out
    wiring.healths().write("orders", "two", {"reason": "database: it does not answer"}, wiring.now())

    assert "orders on two: database: it does not answer" in typed("status").out


def test_what_the_feed_hears_and_what_was_counted_is_shown(served: Path, typed: Typed) -> None:
    wiring.counters().add(ticks_processed=12_345)
    wiring.feed_status().write({"symbols": 10, "subscribed": 9, "ready": False})

    ended = typed("status")

    assert "hears 9 of 10 symbols" in ended.out
    assert "12345" in ended.out


@pytest.mark.parametrize("private", ["up", "down"])
def test_whether_the_private_stream_is_heard_is_shown(served: Path, typed: Typed, private: str) -> None:
    wiring.feed_status().write({"symbols": 10, "subscribed": 9, "ready": False, "private": private})

    assert f"hears 9 of 10 symbols; the private stream is {private}" in typed("status").out


def test_shards_that_nobody_hears_are_shown(served: Path, typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    half_heard(monkeypatch)
    told = "hears 1 of 2 symbols in 2 shards by 1; nobody hears shard 1 of 2; the private stream is up"
    assert told in " ".join(typed("status").out.split())
    assert typed("status", "--json").plain["feed"]["silent"] == [1]

    the_rest_is_heard()
    assert "hears 2 of 2 symbols in 2 shards by 2; the private stream is up" in " ".join(typed("status").out.split())


def test_a_pause_that_the_venue_wants_is_shown_with_what_was_counted(
    served: Path, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CDB_EXCHANGE_REST_URL", "http://venue.test")
    monkeypatch.setenv("CDB_EXCHANGE_WS_URL", "ws://venue.test/ws")
    wiring.counters().add(requests_waited=7, answers_418=1)
    wiring.limiter("http://venue.test").pause(60, 429)

    assert "7 had to wait, 1 answered 429, 1 answered 418; venue.test is not asked for 60 s after HTTP 429" in (
        " ".join(typed("status").out.split())
    )
    pauses = typed("status", "--json").plain["pauses"]
    assert pauses["venue.test"]["status"] == 429
    assert 50 < pauses["venue.test"]["left_s"] <= 60


def test_a_history_that_is_outdated_is_shown(served: Path, typed: Typed) -> None:
    assert "up to date as far as known" in typed("status").out

    wiring.outdated().tell(Outdated("BTC/USDT", "1m", NOON, "its klines end there"))

    assert "outdated: BTC/USDT 1m" in typed("status").out


def test_prices_of_what_is_held_that_are_not_known_are_shown(served: Path, typed: Typed) -> None:
    assert re.search("prices +not open yet", typed("status").out)
    store = StoreUnderTest.over(rooms, wiring.database()).opened().listed(BTC)
    assert "known of all that is held" in typed("status").out

    store.holding()

    assert "not known now: BTC/USDT (the last is" in " ".join(typed("status").out.split())


def test_orders_that_are_held_for_a_person_are_shown_with_the_cure(served: Path, typed: Typed) -> None:
    store = StoreUnderTest.over(rooms, wiring.database()).opened()
    assert re.search("held orders +none", typed("status").out)

    store.orders.hold(store.orders.doubt(store.sent(store.entry()), "timed out", NOON), OUT_OF_REACH, NOON)

    said = " ".join(typed("status").out.split())
    assert "O-signal-1: look for it on the venue's own page of orders" in said


def test_dead_letters_are_counted(served: Path, typed: Typed) -> None:
    assert re.search("dead letters +none", typed("status").out)
    wiring.letters().keep(a_letter())

    assert "1 wait for a person: cdb failed list" in typed("status").out


def test_machines_read_the_same_as_json(served: Path, typed: Typed) -> None:
    with held(served):
        ended = typed("status", "--json")

    assert ended.code == 0
    assert ended.plain["running"] is True
    assert ended.plain["queues"] == {"ticks": 0, "signals": 0, "risk": 0, "orders": 0, "upkeep": 0}
    assert ended.plain["pauses"] == {}
    assert (ended.plain["realised"], ended.plain["equity"], ended.plain["feed"]) == ("0", None, None)


def test_on_servers_of_somebody_elses_a_farm_may_run_on_another_machine(served: Path, typed: Typed) -> None:
    assert typed("status", "--json").plain["running"] is False


def test_a_redis_that_is_gone_is_a_sentence(served: Path, typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDB_REDIS_URL", "redis://127.0.0.1:1/0")

    ended = typed("status")

    assert ended.code == UNREACHABLE
    assert ended.err.startswith("Redis cannot be used: ")
    assert "`cdb doctor` tells what is wrong" in ended.err


def test_a_database_without_tables_is_a_sentence_with_its_cure(
    served: Path, typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CDB_DATABASE_URL", f"sqlite:///{tmp_path / 'bare.sqlite'}")

    ended = typed("status")

    assert ended.code == UNREACHABLE
    assert "Run: cdb migrate" in ended.err
