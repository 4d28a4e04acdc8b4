"""Which workers are at work, kept in a real Redis."""

import redis

from app.bus import Keys
from app.bus.presence import Presence


def test_a_worker_is_here_from_its_arrival_to_its_leaving(redis_client: "redis.Redis", keys: Keys) -> None:
    presence = Presence(redis_client, keys)

    presence.arrive(4711)
    assert presence.is_here(4711)
    assert not presence.is_here(4712)

    presence.leave(4711)
    assert not presence.is_here(4711)


def test_to_arrive_or_leave_twice_is_to_do_it_once(redis_client: "redis.Redis", keys: Keys) -> None:
    presence = Presence(redis_client, keys)

    presence.arrive(4711)
    presence.arrive(4711)
    presence.leave(4711)
    presence.leave(4711)

    assert not presence.is_here(4711)


def test_a_farm_beside_this_one_has_workers_of_its_own(redis_client: "redis.Redis", keys: Keys) -> None:
    Presence(redis_client, Keys("beside:")).arrive(4711)

    assert not Presence(redis_client, keys).is_here(4711)


def test_whoever_was_killed_is_not_here_when_a_farm_begins_again(redis_client: "redis.Redis", keys: Keys) -> None:
    presence = Presence(redis_client, keys)
    presence.arrive(4711)

    presence.begin()

    assert not presence.is_here(4711)
