"""The rest of the bus on a real server: windows, prices, counters, topics, status and pace."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest
import redis

from app.bus import (
    Counters,
    FeedStatus,
    Keys,
    Lease,
    LevelsChanged,
    Mailboxes,
    Prices,
    StoredPace,
    Topics,
    Windows,
    connect,
    plain_url,
)
from app.domain.bars import Closed
from app.domain.market import Bar, BarClose, instant
from app.domain.pace import Pace
from app.domain.window import Window
from tests.fixtures.fakes import MemoryFarm
from tests.fixtures.memory.builders import NOON

SECOND = 1_000_000


def bar(end: int, close: float = 1.5, *, whole: bool = True) -> Bar:
    return Bar("BTC/USDT", "1s", instant(end * SECOND), 1, 2, 0.5, close, 3, 4, whole)


class Kept:
    """A window in Redis, over bars in a database, extended by a drain."""

    def __init__(self, client: "redis.Redis", keys: Keys, memory: MemoryFarm) -> None:
        self.memory = memory
        self.windows = Windows(client, keys, memory.bars, keep=4)
        lease = Mailboxes(client, keys, 1).lease(0)
        assert lease is not None
        self.lease: Lease = lease

    def close(self, end: int, previous: int) -> None:
        """A drain closes a bar."""
        self.memory.bars.save([bar(end)])
        self.lease.extend([Closed(bar(end), previous * SECOND, 0)], 4)

    def ends(self, until: int, size: int = 3) -> list[int]:
        """The ends of the bars that a strategy would see."""
        return [int(one.end.timestamp()) for one in self.windows.read(bar(until).key, size).bars()]

    def forget_database(self) -> None:
        self.memory.tables.bars.clear()


@pytest.fixture
def kept(redis_client: "redis.Redis", keys: Keys, memory: MemoryFarm) -> Kept:
    kept = Kept(redis_client, keys, memory)
    memory.bars.save([bar(end) for end in (1, 2, 3)])
    return kept


def test_a_window_is_made_from_the_database_and_then_kept(kept: Kept) -> None:
    assert kept.ends(3) == [1, 2, 3]
    kept.forget_database()

    assert kept.ends(3) == [1, 2, 3]
    assert kept.windows.read(bar(3).key, 1).bars() == [bar(3)]


def test_a_kept_window_grows_with_each_bar_and_stays_short(kept: Kept) -> None:
    kept.ends(3)
    for end in (4, 5, 6):
        kept.close(end, end - 1)
    kept.close(6, 5)
    kept.forget_database()

    assert kept.ends(6, size=4) == [3, 4, 5, 6]


def test_a_window_with_a_hole_is_made_anew(kept: Kept) -> None:
    kept.ends(3)
    kept.memory.bars.save([bar(4)])
    kept.close(5, previous=4)

    assert kept.ends(5) == [3, 4, 5]


def test_a_window_can_be_read_as_it_was_at_an_earlier_close(kept: Kept) -> None:
    kept.ends(3)
    kept.close(4, previous=3)

    assert kept.ends(3) == [1, 2, 3]
    kept.close(7, previous=4)
    assert kept.ends(4, size=4) == [1, 2, 3, 4]
    assert kept.ends(7) == [3, 4, 7]


def test_a_window_whose_past_has_changed_is_made_anew(kept: Kept) -> None:
    kept.memory.bars.save([bar(9, whole=False)])
    kept.ends(9)
    kept.memory.bars.save([bar(9, close=7)])

    kept.windows.forget("BTC/USDT", "1s")

    assert kept.windows.read(bar(9).key, 1).bars() == [bar(9, close=7)]


def test_a_window_survives_a_flush(kept: Kept, redis_client: "redis.Redis") -> None:
    kept.ends(3)
    redis_client.flushall()

    assert kept.ends(3) == [1, 2, 3]


def test_a_window_of_which_nothing_is_known_is_empty(kept: Kept) -> None:
    assert kept.windows.read(BarClose("ETH/USDT", "1s", "2024-11-20T12:00:00Z"), 3).bars() == []


def test_windows_that_are_asked_for_ahead_are_read_as_they_were_then(kept: Kept) -> None:
    kept.ends(3)
    ahead = kept.windows.ahead([bar(3).key, bar(2).key])
    kept.close(4, previous=3)
    kept.forget_database()

    assert ahead.read(bar(3).key, 3).bars() == [bar(1), bar(2), bar(3)]
    assert ahead.read(bar(2).key, 2).bars() == [bar(1), bar(2)]
    assert kept.ends(4) == [2, 3, 4]


def test_what_redis_has_not_is_made_from_the_database_when_its_turn_comes(kept: Kept) -> None:
    ahead = kept.windows.ahead([bar(3).key])
    kept.memory.bars.save([bar(0)])

    assert ahead.read(bar(3).key, 9).bars() == [bar(0), bar(1), bar(2), bar(3)]


def test_nothing_is_asked_for_when_nothing_has_closed(kept: Kept) -> None:
    kept.windows.ahead([])


def test_a_window_of_an_older_farm_is_removed_when_it_is_made_anew(
    kept: Kept, redis_client: "redis.Redis", keys: Keys
) -> None:
    older = keys.older_window("BTC/USDT", "1s")
    for act in (lambda: kept.ends(3), lambda: kept.windows.forget("BTC/USDT", "1s")):
        redis_client.rpush(older, "[1000000,1,2,0.5,1.5,3,4,true]")
        act()

        assert not redis_client.exists(older)
    assert kept.ends(3) == [1, 2, 3]


@pytest.mark.parametrize("keep", [1, 2, 4])
def test_a_window_that_has_grown_long_is_cut_to_the_bars_that_are_to_be_kept(
    kept: Kept, redis_client: "redis.Redis", keys: Keys, keep: int
) -> None:
    def ends() -> list[int]:
        rows: Any = redis_client.get(keys.window("BTC/USDT", "1s"))
        return [int(one.end.timestamp()) for one in Window("BTC/USDT", "1s", rows).bars()]

    kept.ends(3)
    for end in range(4, keep + 65):
        kept.lease.extend([Closed(bar(end), (end - 1) * SECOND, 0)], keep)
    assert ends() == list(range(1, keep + 65))

    kept.lease.extend([Closed(bar(keep + 65), (keep + 64) * SECOND, 0)], keep)
    assert ends() == list(range(66, keep + 66))


def test_prices_leave_out_what_was_never_heard(redis_client: "redis.Redis", keys: Keys) -> None:
    redis_client.hset(keys.prices, "BTC/USDT", "64000.5|17|18")
    prices = Prices(redis_client, keys)

    assert prices.last(["BTC/USDT", "ETH/USDT"]) == {"BTC/USDT": (64000.5, 17)}
    assert prices.last([]) == {}


@pytest.mark.parametrize(
    "text", ["nan|1|1", "0.0|1|1", "-5.0|1|1", "inf|1|1", "1e400|1|1", "|1|1", "5.0|soon|1", "5.0"]
)
def test_what_no_drain_can_have_written_is_no_price(text: str, redis_client: "redis.Redis", keys: Keys) -> None:
    redis_client.hset(keys.prices, mapping={"BTC/USDT": text, "ETH/USDT": "3000.5|17|18"})

    assert Prices(redis_client, keys).last(["BTC/USDT", "ETH/USDT"]) == {"ETH/USDT": (3000.5, 17)}


def test_counters_add_up(redis_client: "redis.Redis", keys: Keys) -> None:
    counters = Counters(redis_client, keys)
    counters.add(ticks_bad=2, ticks_conflated=1)
    counters.add(ticks_bad=3)

    assert counters.all() == {"ticks_bad": 5, "ticks_conflated": 1}


def test_drains_hear_that_levels_have_changed(redis_client: "redis.Redis", keys: Keys) -> None:
    LevelsChanged(redis_client, keys)()

    lease = Mailboxes(redis_client, keys, 1).lease(0)
    assert lease is not None
    assert lease.levels_version == 1


def test_a_topic_tells_whoever_listens(redis_client: "redis.Redis", keys: Keys) -> None:
    with redis_client.pubsub(ignore_subscribe_messages=True) as listener:  # type: ignore[no-untyped-call]
        listener.subscribe(keys.topic("market_data"))
        listener.get_message(timeout=1)
        topics = Topics(redis_client, keys)
        topics("market_data", "feed", {"price": 1}, NOON)
        message = listener.get_message(timeout=1)

    assert message is not None
    event = json.loads(message["data"])
    assert event.keys() == {"event_id", "timestamp", "service", "data"}
    assert (event["timestamp"], event["service"], event["data"]) == ("2024-11-20T12:00:00Z", "feed", {"price": 1})


def test_a_topic_that_cannot_be_told_is_counted_and_costs_one_time_out(
    tmp_path: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.bus.topics.PAUSE_S", 600.0)
    path = str(tmp_path / "silent.sock")
    with socket.socket(socket.AF_UNIX) as silent:  # takes connections and says nothing
        silent.bind(path)
        silent.listen()
        with connect(f"unix://{path}", timeout_s=0.05, retries=0) as client:
            topics = Topics(client, keys)
            for _ in range(50):
                topics("market_data", "feed", {}, NOON)
        silent.setblocking(False)
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):  # nobody else has come
            silent.accept()

    assert topics.lost == 50


def test_the_feeds_status_is_there_as_long_as_the_feed(redis_client: "redis.Redis", keys: Keys) -> None:
    status = FeedStatus(redis_client, keys)
    assert status.read() is None

    status.write({"ready": True, "symbols": 3})
    assert status.read() == {"ready": True, "symbols": 3}
    assert 0 < redis_client.pttl("test:feed:status") <= 10_000


def test_a_pace_is_read_as_it_was_written(redis_client: "redis.Redis", keys: Keys) -> None:
    stored = StoredPace(redis_client, keys)
    assert stored.read() is None

    stored.write(Pace(10, 20, 5.0))

    assert stored.read() == Pace(10, 20, 5.0)


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        ("redis://h:1/2", "redis://h:1/2"),
        ("redis+socket:///run/r.sock", "unix:///run/r.sock"),
        ("redis+socket:///run/r.sock?virtual_host=3", "unix:///run/r.sock?db=3"),
    ],
)
def test_celerys_url_of_a_socket_is_understood(given: str, plain: str) -> None:
    assert plain_url(given) == plain


def test_a_client_gives_up_on_a_server_that_says_nothing() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        connect(_url(silent), timeout_s=0.05, retries=0) as client,
        pytest.raises(redis.TimeoutError),
    ):
        client.ping()


def _url(server: socket.socket) -> str:
    return f"redis://127.0.0.1:{server.getsockname()[1]}/0"
