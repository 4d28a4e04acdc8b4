"""What is read of a whole farm: on real servers, and what is left out while they are away."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import redis
from structlog.testing import capture_logs

from app import measures, wiring
from app.bus import SENT, Keys, Mailboxes, Queues, StoredFigures
from app.domain.backups import name_at
from app.metrics import FAMILIES
from app.store import migrate
from tasks import upkeep
from tasks._hand_on import hand_on
from tests.fixtures._half_heard import half_heard, the_rest_is_heard
from tests.fixtures.databases import KINDS
from tests.fixtures.farm import configured
from tests.fixtures.memory.builders import NOON

CASH = Decimal(10_000)
HEARD = {
    "at": "2024-11-20T12:00:00Z",
    "symbols": 3,
    "subscribed": 2,
    "stale": ["BTC/USDT"],
    "ready": True,
    "connections": 1,
    "offset_ms": -4,
    "latency_ms": 31.5,
}


@pytest.fixture
def wired(farm_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A migrated database and an empty Redis."""
    with configured(farm_settings, monkeypatch):
        migrate(wiring.database())
        yield


@pytest.fixture
def away(farm_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Neither is there."""
    gone = {
        "CDB_DATABASE_URL": "postgresql+psycopg://nobody@127.0.0.1:1/none",
        "CDB_REDIS_URL": "redis://127.0.0.1:1/0",
    }
    with configured({**farm_settings, **gone}, monkeypatch):
        yield


@pytest.mark.parametrize("farm_kind", KINDS, indirect=True)
def test_upkeep_reads_every_family_that_is_not_the_feeds_or_the_notifiers(wired: None) -> None:
    wiring.ledger().open_account(CASH, wiring.now())
    wiring.books().keep((), wiring.now(), cursors=(), balances=None)
    (wiring.settings().backup_dir / name_at(wiring.now() - timedelta(hours=1))).mkdir(parents=True)

    assert upkeep.measure() == len([one for one in FAMILIES.values() if one.service not in ("feed", "notifier")])

    found = wiring.stored_figures().read()
    assert found is not None
    assert found[0]["equity"] == [[[], 10_000.0]]
    assert 3600 <= found[0]["backup_age_seconds"][0][1] < 3700
    assert found[0]["trading_state"] == [[["ACTIVE"], 1.0], [["REDUCING"], 0.0], [["HALTED"], 0.0]]
    assert found[0]["database_connections_active"][0][1] >= 1


def test_before_the_account_is_open_the_rest_is_told(wired: None) -> None:
    figures = measures.measure()

    assert "equity" not in figures
    assert figures["trades_total"] == [([], 0.0)]
    assert wiring.needs_books() == "upkeep has not read the books yet"
    upkeep.measure()
    assert wiring.needs_books() == "the account is not open yet"
    wiring.ledger().open_account(CASH, wiring.now())
    wiring.books().forget()
    upkeep.measure()
    assert wiring.needs_books() == "the books were not compared with the venue's since the start"
    wiring.books().keep((), wiring.now(), cursors=(), balances=None)
    upkeep.measure()
    assert wiring.needs_books() is None


def test_the_feeds_figures_are_its_own_report(wired: None) -> None:
    assert measures.heard() == {}
    assert wiring.needs_feed() == "no feed has spoken for 10 s"

    wiring.feed_status().write(HEARD)

    told = {name: samples[0][1] for name, samples in measures.heard().items()}
    assert told == {
        "feed_shards_silent": 0,
        "symbols_subscribed": 2,
        "symbols_stale": 1,
        "venue_connections": 1,
        "venue_clock_ahead_ms": -4,
        "websocket_latency_ms": 31.5,
    }
    assert wiring.needs_feed() is None
    wiring.feed_status().write({**HEARD, "ready": False})
    assert wiring.needs_feed() == "not all symbols are heard yet"


def test_a_shard_that_nobody_hears_is_in_the_figures_and_no_feed_is_ready(
    wired: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    half_heard(monkeypatch)
    assert measures.heard()["feed_shards_silent"] == [([], 1.0)]
    assert wiring.needs_feed() == "nobody hears shard 1 of 2"

    the_rest_is_heard()
    assert measures.heard()["feed_shards_silent"] == [([], 0.0)]
    assert wiring.needs_feed() is None


def test_a_service_with_all_it_needs_has_no_objection(wired: None) -> None:
    assert (wiring.needs_database(), wiring.needs_redis()) == (None, None)


def test_what_is_away_is_left_out_and_named(away: None) -> None:
    with capture_logs() as logs:
        assert measures.measure() == {}
    assert {one["event"] for one in logs} == {"figures cannot be read"}

    assert "127.0.0.1:1 does not answer" in str(wiring.needs_database())


def test_a_message_says_when_it_was_sent_and_a_queue_how_old_it_is(wired: None) -> None:
    began = wiring.now()
    hand_on().settle("O-1", "frame-1", 0)
    hand_on().settle("O-2", "frame-1", 0)
    queues = wiring.queues()

    oldest = queues.ages_s(["orders", "risk"], began + timedelta(seconds=60))

    assert oldest["risk"] == 0
    assert 55 < oldest["orders"] <= 60


def test_a_message_of_somebody_else_has_no_age(redis_client: "redis.Redis", keys: Keys) -> None:
    queues = Queues(redis_client, keys.prefix)
    for text in ('{"headers": {}}', "no JSON", '{"headers": {"%s": "soon"}}' % SENT):  # noqa: UP031 - braces
        redis_client.delete(f"{keys.prefix}q")
        redis_client.lpush(f"{keys.prefix}q", text)
        assert queues.ages_s(["q"], NOON) == {"q": 0.0}


def test_a_mailbox_is_as_old_as_what_no_drain_has_read(redis_client: "redis.Redis", keys: Keys) -> None:
    boxes = Mailboxes(redis_client, keys, 2)
    tick: tuple[Any, ...] = ("BTC/USDT", 1, 1.0, 1.0, "buy", 1)
    assert boxes.ages_s() == {0: 0.0, 1: 0.0}

    boxes.push({1: [tick]})
    redis_client.xadd(keys.mailbox(0), {"f": "old"}, id="1000-0")

    assert boxes.ages_s()[0] > 10_000
    assert 0 <= boxes.ages_s()[1] < 1000


def test_figures_are_kept_as_they_were_read_last(redis_client: "redis.Redis", keys: Keys) -> None:
    stored = StoredFigures(redis_client, keys)
    assert stored.read() is None

    stored.write({"equity": [([], 1.5)]}, NOON)

    assert stored.read() == ({"equity": [[[], 1.5]]}, NOON)
