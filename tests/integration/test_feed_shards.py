"""The shards of the feed over a real Redis: each is had by one, and only who has it can push."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import groupby
from socket import gethostname
from typing import Any

import pytest
import redis

from app.bus import FeedShards, FeedStatus, Keys, Mailboxes, Part, Pushed
from app.domain.market import instant_text
from tests.fixtures.memory.builders import NOON

LONG_MS = 60_000
TICK = ("BTC/USDT", 1, 1.0, 1.0, "buy", 1)
FAR = "another-boot.1|999999999|far|token"

Newcomer = Callable[..., FeedShards]


@pytest.fixture
def newcomer(redis_client: "redis.Redis", keys: Keys) -> Newcomer:
    """One more feed."""

    def made(shards: int = 4, mailboxes: int = 8, lease_ms: int = LONG_MS) -> FeedShards:
        return FeedShards(redis_client, keys, shards, mailboxes, lease_ms)

    return made


def taken(feed: FeedShards) -> list[int]:
    """Shards that it wins in one turn, in which it loses none."""
    turn = feed.turn()
    assert not turn.lost
    return [part.shard for part in turn.taken]


def had(client: "redis.Redis", keys: Keys, shards: int = 4) -> list[bytes]:
    """By whom each is had."""
    tokens: list[Any] = [client.get(keys.feed_lease(shard, shards)) or b"" for shard in range(shards)]
    return [token.partition(b"#")[0] for token in tokens]


def test_a_feed_alone_has_all_and_keeps_them(newcomer: Newcomer) -> None:
    feed = newcomer()

    assert taken(feed) == [0, 1, 2, 3]
    assert feed.turn() == ([], [], 0, [], "")


def test_who_comes_gets_its_part_when_the_others_have_given_it_back(
    newcomer: Newcomer, redis_client: "redis.Redis", keys: Keys
) -> None:
    first, second, third = newcomer(), newcomer(), newcomer()
    parts = first.turn().taken
    assert taken(second) == []

    assert first.turn().surplus == 2
    assert first.turn().others == [f"{gethostname()} {os.getpid()}"]
    first.give_back(parts[3])
    first.give_back(parts[2])
    assert first.turn().surplus == 0
    seconds = second.turn().taken
    assert [part.shard for part in seconds] == [2, 3]

    assert taken(third) == []
    surplus = {one: one.turn().surplus for one in (first, second)}
    assert sorted(surplus.values()) == [0, 1], "four over three: two, one and one"
    giver, part = (first, parts[1]) if surplus[first] else (second, seconds[1])
    giver.give_back(part)
    assert taken(third) == [part.shard]
    assert [one.turn().surplus for one in (first, second, third)] == [0, 0, 0]
    assert len({*had(redis_client, keys)}) == 3


def test_only_its_feed_can_push_into_a_mailbox_and_only_while_it_has_it(
    newcomer: Newcomer, redis_client: "redis.Redis", keys: Keys
) -> None:
    feed = newcomer(2, 4)
    parts = feed.turn().taken
    boxes = [Mailboxes(redis_client, keys, 4, part=part) for part in parts]
    assert [[*one.own] for one in boxes] == [[0, 2], [1, 3]]

    assert {shard: pushed.taken for shard, pushed in boxes[1].push({1: [TICK], 3: [TICK]}).items()} == {
        1: True,
        3: True,
    }

    feed.give_back(parts[1])
    again = newcomer(2, 4)
    (another,) = again.turn().taken
    assert another.shard == 1
    assert boxes[1].push({1: [TICK]}) == {1: Pushed(taken=False, armed=False, total=1)}
    assert Mailboxes(redis_client, keys, 4, part=another).push({1: [TICK], 2: [TICK]}) == {
        1: Pushed(taken=True, armed=False, total=2),
        2: Pushed(taken=False, armed=False, total=0),
    }


def test_what_was_lost_and_won_again_is_had_by_another_token(
    newcomer: Newcomer, redis_client: "redis.Redis", keys: Keys
) -> None:
    feed, second = newcomer(1, 1, 50), newcomer(1, 1, 50)
    (before,) = feed.turn().taken
    time.sleep(0.1)
    (theirs,) = second.turn().taken
    second.give_back(theirs)
    second.leave()

    turn = feed.turn()

    assert turn.lost == [before], "somebody else had it meanwhile"
    after = turn.taken or feed.turn().taken
    assert after[0].token != before.token
    assert not Mailboxes(redis_client, keys, 1, part=before).push({0: [TICK]})[0].taken
    assert Mailboxes(redis_client, keys, 1, part=after[0]).push({0: [TICK]})[0].taken


def test_a_lease_that_ran_out_goes_on_if_nobody_took_it(newcomer: Newcomer) -> None:
    feed = newcomer(2, 2, 50)
    assert taken(feed) == [0, 1]
    time.sleep(0.1)

    turn = feed.turn()

    assert (turn.lost, turn.taken) == ([], [])


def test_who_was_killed_on_this_machine_is_followed_at_once(newcomer: Newcomer, redis_url: str, keys: Keys) -> None:
    code = f"""if True:
        import time
        from app.bus import FeedShards, Keys, connect
        print(len(FeedShards(connect({redis_url!r}), Keys({keys.prefix!r}), 4, 8, {LONG_MS}).turn().taken), flush=True)
        time.sleep(600)
    """
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "4\n"
        assert taken(newcomer()) == []
        holder.kill()

    assert taken(newcomer()) == [0, 1], "the one above still counts"


def test_who_was_killed_on_another_machine_is_followed_when_its_leases_have_run_out(
    newcomer: Newcomer, redis_client: "redis.Redis", keys: Keys
) -> None:
    for shard in (1, 2):
        redis_client.set(keys.feed_lease(shard, 4), f"{FAR}#1", px=100)
    feed = newcomer()

    assert taken(feed) == [0, 3]
    time.sleep(0.15)
    assert taken(feed) == [1, 2]


def test_after_a_flush_each_goes_on_with_what_it_had(
    newcomer: Newcomer, redis_client: "redis.Redis", keys: Keys
) -> None:
    first, second = newcomer(), newcomer()
    parts = first.turn().taken
    second.turn()
    for part in parts[2:]:
        first.give_back(part)
    second.turn()
    before = had(redis_client, keys)
    redis_client.flushall()
    boxes = Mailboxes(redis_client, keys, 8, part=parts[0])
    assert not boxes.push({0: [TICK]})[0].taken, "nobody may push before somebody has it"

    for one in (second, first, second):
        turn = one.turn()
        assert (turn.lost, turn.taken) == ([], [])

    assert had(redis_client, keys) == before
    assert boxes.push({0: [TICK]})[0].taken


@pytest.mark.parametrize(
    ("there", "here", "told"),
    [
        ((4, 8), (2, 8), "have CDB_FEED_SHARDS=4 and CDB_SHARDS=8, this one has CDB_FEED_SHARDS=2 and CDB_SHARDS=8"),
        ((4, 8), (4, 16), "have CDB_FEED_SHARDS=4 and CDB_SHARDS=8, this one has CDB_FEED_SHARDS=4 and CDB_SHARDS=16"),
        ((4, 8), (1, 8), "have CDB_FEED_SHARDS=4 and CDB_SHARDS=8, this one has CDB_FEED_SHARDS=1 and CDB_SHARDS=8"),
        ((1, 8), (4, 8), "have CDB_FEED_SHARDS=1, this one has CDB_FEED_SHARDS=4 and CDB_SHARDS=8"),
    ],
)
def test_feeds_that_are_set_otherwise_get_nothing_and_are_told_the_cure(
    newcomer: Newcomer, there: tuple[int, int], here: tuple[int, int], told: str
) -> None:
    first, second = newcomer(*there), newcomer(*here)
    all_shards = taken(first)

    turn = second.turn()

    assert (turn.taken, turn.others) == ((), ())
    assert told in turn.refusal
    assert "set the same here, or end all feeds" in turn.refusal
    assert first.turn().surplus == 0, "it does not count as one to share with"

    first.leave()
    assert len(all_shards) == there[0]
    turns = [second.turn(), second.turn()]
    assert [part.shard for turn in turns for part in turn.taken] == [*range(here[0])]


def test_another_number_waits_until_the_last_has_left(newcomer: Newcomer) -> None:
    first, second, other = newcomer(4), newcomer(4), newcomer(2)
    parts = first.turn().taken
    second.turn()
    for part in parts[2:]:
        first.give_back(part)
    second.turn()

    first.leave()
    assert other.turn().refusal
    second.leave()
    assert not other.turn().refusal


def test_what_a_feed_had_that_is_set_otherwise_than_who_came_first_after_a_flush_is_lost(
    newcomer: Newcomer, redis_client: "redis.Redis"
) -> None:
    feed = newcomer(4)
    parts = feed.turn().taken
    redis_client.flushall()
    newcomer(2).turn()

    turn = feed.turn()

    assert turn.lost == parts
    assert turn.refusal


def test_a_feed_from_before_there_were_shards_has_all_and_is_waited_for(
    newcomer: Newcomer, redis_client: "redis.Redis", keys: Keys
) -> None:
    redis_client.set(keys.leader("feed"), FAR, px=100)

    assert newcomer(4).turn().refusal
    one = newcomer(1)
    assert (taken(one), one.turn().refusal) == ([], "")
    time.sleep(0.15)
    assert taken(one) == [0]


def test_one_that_was_killed_is_no_reason_to_wait_with_another_number(
    newcomer: Newcomer, redis_client: "redis.Redis", keys: Keys
) -> None:
    alive = newcomer(1)
    alive.turn()
    token: Any = redis_client.get(keys.leader("feed"))
    machine, _, host, name = token.decode().split("|")
    redis_client.set(keys.leader("feed"), f"{machine}|999999999|{host}|{name}")

    assert taken(newcomer(4)) == [0, 1, 2, 3]


def test_nobody_gives_back_what_is_anothers(newcomer: Newcomer, redis_client: "redis.Redis", keys: Keys) -> None:
    feed = newcomer(2, 2)
    parts = feed.turn().taken
    redis_client.set(keys.feed_lease(0, 2), f"{FAR}#1")

    feed.give_back(Part(1, 2, "another token"))
    feed.leave()

    assert had(redis_client, keys, 2) == [FAR.encode(), b""]
    feed.give_back(parts[1])
    assert had(redis_client, keys, 2) == [FAR.encode(), b""]


class Anything:
    """Four feeds of three shards, to which anything may happen; what was pushed by whom is written down."""

    def __init__(self, newcomer: Newcomer, client: "redis.Redis", keys: Keys, seed: int) -> None:
        self.chance = random.Random(seed)
        self.feeds = [newcomer(3, 3) for _ in range(4)]
        self.client, self.keys = client, keys
        self.known: list[Part] = []
        self.pushed: list[dict[int, list[str]]] = [{0: [], 1: [], 2: []}]

    def happens(self) -> None:
        acts = {self.turn: 20, self.push: 40, self.give: 8, self.leave: 2, self.late: 3, self.flush: 1}
        (act,) = self.chance.choices([*acts], [*acts.values()])
        act()

    def turn(self) -> None:
        self.known += self.chance.choice(self.feeds).turn().taken

    def push(self) -> None:
        for part in self.chance.sample(self.known[-8:], min(1, len(self.known))):
            boxes = Mailboxes(self.client, self.keys, 3, part=part)
            if boxes.push({part.shard: [TICK]})[part.shard].taken:
                self.pushed[-1][part.shard].append(part.token)

    def give(self) -> None:
        for part in self.known[-3:]:
            self.chance.choice(self.feeds).give_back(part)

    def leave(self) -> None:
        self.chance.choice(self.feeds).leave()

    def late(self) -> None:
        """All leases have run out, and nobody counts as alive; a slow machine has no say in when."""
        self.client.delete(self.keys.feeds, *(self.keys.feed_lease(shard, 3) for shard in range(3)))

    def flush(self) -> None:
        """The mailboxes begin anew too."""
        self.client.flushall()
        self.pushed.append({0: [], 1: [], 2: []})


@pytest.mark.parametrize("seed", range(5))
def test_whatever_happens_no_feed_pushes_after_another_has(
    newcomer: Newcomer, redis_client: "redis.Redis", keys: Keys, seed: int
) -> None:
    scene = Anything(newcomer, redis_client, keys, seed)

    for _ in range(600):
        scene.happens()

    turns = [[token for token, _ in groupby(tokens)] for pushed in scene.pushed for tokens in pushed.values()]
    assert [one for one in turns if len(one) != len({*one})] == [], "who pushed after another did has another token"
    assert sum(map(len, turns)) > 9


def test_several_shards_read_as_one_status(newcomer: Newcomer, redis_client: "redis.Redis", keys: Keys) -> None:
    reader = FeedStatus(redis_client, keys, 3)
    assert (reader.read(), reader.division()) == (None, 3)
    feed = newcomer(3, 3)
    parts = feed.turn().taken
    told = {
        "at": instant_text(NOON),
        "wanted": 5,
        "stale": [],
        "refused": [],
        "unknown": [],
        "connections": 1,
        "ready": True,
    }
    whole = FeedStatus(redis_client, keys)
    assert whole.division() == 3, "what the feeds have in fact, whatever is set here"

    writers = [FeedStatus(redis_client, keys, 3, shard) for shard in range(3)]
    more = {"subscribed": 2, "offset_ms": 4, "latency_ms": None, "private": "up"}
    writers[0].write({**told, **more, "symbols": 2, "refused": ["Z/USDT"]})
    writers[1].write({**told, "subscribed": 1, "offset_ms": -9, "latency_ms": 7.5, "symbols": 2, "stale": ["B/USDT"]})

    assert whole.read() == {
        "at": instant_text(NOON),
        "symbols": 5,
        "subscribed": 3,
        "stale": ["B/USDT"],
        "refused": ["Z/USDT"],
        "unknown": [],
        "ready": False,
        "connections": 2,
        "offset_ms": -9,
        "latency_ms": 7.5,
        "private": "up",
        "shards": 3,
        "feeds": 1,
        "silent": [2],
    }

    writers[2].write({**told, "subscribed": 1, "offset_ms": 0, "latency_ms": 8.0, "symbols": 1})
    seen = whole.read()
    assert seen is not None
    assert (seen["ready"], seen["silent"], seen["latency_ms"], seen["subscribed"]) == (True, [], 8.0, 4)

    feed.give_back(parts[0])
    seen = whole.read()
    assert seen is not None
    assert (seen["ready"], seen["silent"], seen["subscribed"]) == (False, [0], 2), "its last words are not the truth"
    assert "private" not in seen
