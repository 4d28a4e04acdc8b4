"""Mailboxes on a real server: each script, and the interleavings that lose wake-ups, ticks or fences elsewhere."""

import threading
from decimal import Decimal
from typing import Any

import pytest
import redis

from app.bus import Keys, Lease, Limits, Mailboxes, Pushed, Stale
from app.domain.bars import Closed
from app.domain.market import Bar, instant

SECOND = 1_000_000


def tick(number: int, symbol: str = "BTC/USDT") -> tuple[Any, ...]:
    return (symbol, number * SECOND, 100.0, 1.0, "buy", number * SECOND)


@pytest.fixture
def boxes(redis_client: "redis.Redis", keys: Keys) -> Mailboxes:
    return Mailboxes(redis_client, keys, 1)


def leased(boxes: Mailboxes) -> Lease:
    lease = boxes.lease(0)
    assert lease is not None
    return lease


def test_a_frame_arrives_as_it_was_sent_and_names_itself(boxes: Mailboxes) -> None:
    boxes.push({0: [tick(1), ("@", 5, 6)]})

    (frame,) = leased(boxes).read(1)

    assert frame.rows == [list(tick(1)), ["@", 5, 6]]
    assert (frame.size, frame.id.count("-")) == (2, 1)


def test_the_first_push_asks_for_a_drain_and_the_next_does_not(boxes: Mailboxes) -> None:
    assert boxes.push({0: [tick(1)]}) == {0: Pushed(taken=True, armed=True, total=1)}
    assert boxes.push({0: [tick(2), tick(3)]}) == {0: Pushed(taken=True, armed=False, total=3)}


def test_a_drain_that_never_came_is_asked_for_again(redis_client: "redis.Redis", keys: Keys) -> None:
    boxes = Mailboxes(redis_client, keys, 1, Limits(armed_ms=1))
    boxes.push({0: [tick(1)]})
    threading.Event().wait(0.02)

    assert boxes.push({0: [tick(2)]})[0].armed


def test_only_one_drain_has_a_mailbox(boxes: Mailboxes) -> None:
    lease = leased(boxes)
    assert boxes.lease(0) is None

    assert lease.rest()

    assert boxes.lease(0) is not None


def test_a_push_just_before_the_rest_keeps_the_drain_at_work(boxes: Mailboxes) -> None:
    lease = leased(boxes)
    assert lease.read(1) == []
    assert not boxes.push({0: [tick(1)]})[0].armed

    assert not lease.rest()
    assert [frame.size for frame in lease.read(1)] == [1]


def test_a_push_just_after_the_rest_asks_for_a_new_drain(boxes: Mailboxes) -> None:
    lease = leased(boxes)
    assert lease.rest()

    assert boxes.push({0: [tick(1)]})[0].armed


def test_no_wake_up_is_lost_between_a_feed_and_drains_that_race(
    boxes: Mailboxes, redis_url: str, redis_client: "redis.Redis", keys: Keys
) -> None:
    asked = threading.Semaphore(0)
    seen: list[int] = []

    def drains() -> None:
        with redis.Redis.from_url(redis_url) as client:
            mine = Mailboxes(client, keys, 1, Limits(archiving=False))
            while len(seen) < 300 and asked.acquire(timeout=5):
                lease = mine.lease(0)
                while lease is not None:
                    frames = lease.read(1)
                    if frames:
                        lease.commit(frames, {}, {}, {})
                        seen.extend(row[1] // SECOND for frame in frames for row in frame.rows)
                    elif lease.rest():
                        lease = None

    worker = threading.Thread(target=drains)
    worker.start()
    for number in range(1, 301):
        if boxes.push({0: [tick(number)]})[0].armed:
            asked.release()
    worker.join(10)

    assert seen == list(range(1, 301))
    assert boxes.depths() == {0: 0}


def test_levels_that_changed_while_a_drain_waited_are_known_with_the_next_frame(
    boxes: Mailboxes, redis_client: "redis.Redis", keys: Keys
) -> None:
    lease = leased(boxes)
    assert (lease.read(1), lease.levels_version) == ([], 0)
    redis_client.incr(keys.levels_version)
    boxes.push({0: [tick(1)]})

    assert len(lease.read(1)) == 1
    assert lease.levels_version == 1


def test_a_commit_moves_everything_at_once(boxes: Mailboxes, redis_client: "redis.Redis", keys: Keys) -> None:
    boxes.push({0: [tick(1)]})
    redis_client.incr(keys.levels_version)
    lease = leased(boxes)
    assert lease.levels_version == 1
    frames = lease.read(1)
    redis_client.incr(keys.levels_version)

    state: dict[str, Any] = {"BTC/USDT": [1, None, {}]}
    assert lease.peaks == {}
    lease.commit(frames, state, {"BTC/USDT": (100.5, 1, 2)}, {"ticks_processed": 1}, {7: Decimal("100.50")})

    assert lease.levels_version == 2
    assert redis_client.hget(keys.prices, "BTC/USDT") == b"100.5|1|2"
    assert redis_client.hget(keys.counters, "ticks_processed") == b"1"
    assert boxes.depths() == {0: 0}
    assert lease.rest()
    assert leased(boxes).forming == state


def test_highs_that_the_database_has_not_got_are_the_next_drains_and_go_with_the_commit_after_it_has(
    boxes: Mailboxes, redis_client: "redis.Redis", keys: Keys
) -> None:
    boxes.push({0: [tick(1)]})
    dead = leased(boxes)
    dead.commit(dead.read(1), {}, {}, {}, {7: Decimal("100.50"), 12: Decimal("1E-8")})
    redis_client.delete(keys.lease(0))  # it was killed, and its time has run out

    boxes.push({0: [tick(2)]})
    lease = leased(boxes)
    assert lease.peaks == {7: Decimal("100.50"), 12: Decimal("1E-8")}
    lease.commit(lease.read(1), {}, {}, {})

    assert lease.rest()
    assert leased(boxes).peaks == {}


def test_a_commit_takes_the_states_of_many_thousand_symbols(boxes: Mailboxes) -> None:
    boxes.push({0: [tick(1)]})
    lease = leased(boxes)
    states: dict[str, Any] = {f"S{number}/USDT": [number, None, {}] for number in range(5000)}

    lease.commit(lease.read(1), states, {}, {})

    assert lease.rest()
    assert leased(boxes).forming == states


def test_a_stale_drain_writes_nothing(boxes: Mailboxes, redis_client: "redis.Redis", keys: Keys) -> None:
    boxes.push({0: [tick(1)]})
    stale = leased(boxes)
    frames = stale.read(1)
    redis_client.delete(keys.lease(0))  # its time has run out, and
    fresh = leased(boxes)  # another drain has come
    before = {key: redis_client.dump(key) for key in sorted(redis_client.keys())}

    for write in (
        lambda: stale.commit(frames, {"BTC/USDT": [1, None, {}]}, {"BTC/USDT": (1.0, 1, 1)}, {"ticks_processed": 1}),
        lambda: stale.extend([a_closed_bar(1)], 5),
        stale.rest,
        stale.hand_over,
    ):
        with pytest.raises(Stale):
            write()

    assert {key: redis_client.dump(key) for key in sorted(redis_client.keys())} == before
    fresh.commit(fresh.read(1), {}, {}, {})


def test_a_commit_whose_answer_was_lost_is_not_done_twice(
    boxes: Mailboxes, redis_client: "redis.Redis", keys: Keys
) -> None:
    boxes.push({0: [tick(1)]})
    lease = leased(boxes)
    frames = lease.read(1)
    lease.commit(frames, {}, {}, {"ticks_processed": 1})
    lease._cursor = "0-0"  # as if the answer had not come

    with pytest.raises(Stale):
        lease.commit(frames, {}, {}, {"ticks_processed": 1})
    assert redis_client.hget(keys.counters, "ticks_processed") == b"1"


def test_a_drain_that_hands_over_leaves_the_mailbox_to_the_next(boxes: Mailboxes) -> None:
    lease = leased(boxes)
    lease.hand_over()

    assert not boxes.push({0: [tick(1)]})[0].armed
    assert [frame.size for frame in leased(boxes).read(1)] == [1]


def test_two_readers_each_see_every_frame_and_the_slower_decides_what_is_trimmed(
    boxes: Mailboxes, redis_client: "redis.Redis", keys: Keys
) -> None:
    for number in range(1, 4):
        boxes.push({0: [tick(number)]})
    lease = leased(boxes)
    drained = lease.read(1)
    lease.commit(drained, {}, {}, {})
    assert redis_client.xlen(keys.mailbox(0)) == 3
    archive = boxes.archive(0)
    first = archive.read(2)

    assert archive.keep(first, 2)

    assert redis_client.xlen(keys.mailbox(0)) == 1
    assert (boxes.depths(), boxes.unarchived()) == ({0: 0}, {0: 1})
    last = archive.read(10)
    assert [*first, *last] == drained
    assert archive.keep(last, 1)
    assert redis_client.xlen(keys.mailbox(0)) == 0
    assert redis_client.hget(keys.counters, "ticks_archived") == b"3"


def test_an_archiver_that_is_ahead_takes_nothing_from_the_drain(
    boxes: Mailboxes, redis_client: "redis.Redis", keys: Keys
) -> None:
    boxes.push({0: [tick(1)]})
    boxes.push({0: [tick(2)]})
    archive = boxes.archive(0)
    archive.keep(archive.read(10), 2)
    lease = leased(boxes)
    first = lease.read(1)[:1]

    lease.commit(first, {}, {}, {})

    assert redis_client.xlen(keys.mailbox(0)) == 1
    assert [frame.rows for frame in lease.read(1)] == [[list(tick(2))]]


def test_of_two_archivers_one_counts(boxes: Mailboxes) -> None:
    boxes.push({0: [tick(1)]})
    one, other = boxes.archive(0), boxes.archive(0)
    frames, same = one.read(10), other.read(10)

    assert frames == same
    assert (one.keep(frames, 1), other.keep(same, 0)) == (True, False)
    assert boxes.unarchived() == {0: 0}


def test_without_an_archive_the_drain_alone_decides(redis_client: "redis.Redis", keys: Keys) -> None:
    boxes = Mailboxes(redis_client, keys, 1, Limits(archiving=False))
    boxes.push({0: [tick(1)]})
    lease = leased(boxes)

    lease.commit(lease.read(1), {}, {}, {})

    assert redis_client.xlen(keys.mailbox(0)) == 0
    assert boxes.unarchived() == {0: 0}


def test_a_full_mailbox_gives_up_what_is_drained_first_and_then_takes_no_more(
    redis_client: "redis.Redis", keys: Keys
) -> None:
    boxes = Mailboxes(redis_client, keys, 1, Limits(cap=3))
    boxes.push({0: [tick(1), tick(2)]})
    lease = leased(boxes)
    lease.commit(lease.read(1), {}, {}, {})

    assert boxes.push({0: [tick(3), tick(4)]})[0].taken

    assert redis_client.hget(keys.counters, "ticks_archive_lost") == b"2"
    assert [frame.size for frame in boxes.archive(0).read(10)] == [2]
    assert not boxes.push({0: [tick(5), tick(6)]})[0].taken
    lease.commit(lease.read(1), {}, {}, {})
    assert boxes.push({0: [tick(5), tick(6)]})[0].taken


def test_a_frame_larger_than_the_mailbox_still_goes_through_an_empty_one(
    redis_client: "redis.Redis", keys: Keys
) -> None:
    boxes = Mailboxes(redis_client, keys, 1, Limits(cap=1))

    assert boxes.push({0: [tick(1), tick(2)]})[0].taken


def test_after_a_flush_the_feed_can_tell_and_the_work_goes_on(boxes: Mailboxes, redis_client: "redis.Redis") -> None:
    assert boxes.push({0: [tick(1), tick(2)]})[0].total == 2
    lease = leased(boxes)
    frames = lease.read(1)
    redis_client.flushall()
    redis_client.script_flush()

    with pytest.raises(Stale):
        lease.commit(frames, {}, {}, {})

    again = boxes.push({0: [tick(3)]})[0]
    assert (again.total, again.armed) == (1, True)
    assert [frame.rows for frame in leased(boxes).read(1)] == [[list(tick(3))]]


def test_how_long_ago_came_in_what_was_worked_through(boxes: Mailboxes) -> None:
    assert boxes.worked_through() == {}, "nobody has worked yet"
    boxes.push({0: [tick(1)]})
    assert boxes.worked_through() == {}

    lease = leased(boxes)
    lease.commit(lease.read(1), {}, {}, {})

    assert 0 <= boxes.worked_through()[0] < 60


def test_a_mailbox_is_stranded_when_it_is_not_empty_and_nobody_works_on_it(
    redis_client: "redis.Redis", keys: Keys
) -> None:
    boxes = Mailboxes(redis_client, keys, 3)
    boxes.push({0: [tick(1)], 2: [tick(2)]})
    assert boxes.lease(2) is not None

    assert boxes.stranded() == [0]


def test_a_frame_that_cannot_be_read_can_be_passed_over(
    boxes: Mailboxes, redis_client: "redis.Redis", keys: Keys
) -> None:
    boxes.push({0: [tick(1)]})
    redis_client.xadd(keys.mailbox(0), {"f": b"[[1,", "n": 2})
    lease = leased(boxes)

    frames = lease.read(1)

    assert [(frame.rows, frame.size) for frame in frames] == [([list(tick(1))], 1), ([], 2)]
    lease.commit(frames, {}, {}, {})
    assert lease.rest()


def test_a_symbol_always_has_the_same_mailbox(redis_client: "redis.Redis", keys: Keys) -> None:
    boxes = Mailboxes(redis_client, keys, 4)

    assert [boxes.shard(symbol) for symbol in ("BTC/USDT", "ETH/USDT", "SOL/USDT")] == [3, 1, 3]


def a_closed_bar(end: int, previous: int = 0) -> Closed:
    bar = Bar("BTC/USDT", "1s", instant(end * SECOND), 1, 2, 0.5, 1.5, 3, 4)
    return Closed(bar, previous * SECOND, 0)
