"""Redis, by what is kept in it."""

from collections.abc import Sequence
from functools import cache

import redis as redis_py

from app import bus
from app.domain.market import BarClose
from app.wiring._database import bars
from app.wiring._decisions import window_size
from app.wiring._settings import settings

TELLING_S = 0.2
ASKED_S = 1.0


@cache
def redis() -> "redis_py.Redis":
    """This process's connection to Redis."""
    return bus.connect(settings().redis_url)


@cache
def quick_redis() -> "redis_py.Redis":
    """The same for who is asked himself, as by Prometheus, which waits ten seconds: it soon gives up on a hung one."""
    return bus.connect(settings().redis_url, timeout_s=ASKED_S, retries=0)


@cache
def keys() -> bus.Keys:
    """The names of the farm's keys."""
    return bus.Keys(settings().redis_prefix)


@cache
def mailboxes() -> bus.Mailboxes:
    """The mailboxes of all shards."""
    return _mailboxes(None)


def mailboxes_of(part: bus.Part) -> bus.Mailboxes:
    """The same for a feed, which fills those of its part as long as it has it."""
    return _mailboxes(part)


def _mailboxes(part: bus.Part | None) -> bus.Mailboxes:
    limits = bus.Limits(cap=settings().mailbox_cap, archiving=settings().archive)
    return bus.Mailboxes(redis(), keys(), settings().shards, limits, part)


def feed_shards(lease_ms: int) -> bus.FeedShards:
    """Who hears which part of the market, as this process sees it."""
    client = bus.connect(settings().redis_url, timeout_s=ASKED_S, retries=0)
    return bus.FeedShards(client, keys(), settings().feed_shards, settings().shards, lease_ms)


def leadership(service: str, lease_ms: int) -> bus.Leadership:
    """The lead of a service of which one process does the work."""
    return bus.Leadership(bus.connect(settings().redis_url, timeout_s=ASKED_S, retries=0), keys(), service, lease_ms)


@cache
def windows() -> bus.Windows:
    """The last bars that strategies see."""
    return bus.Windows(redis(), keys(), bars(), keep=window_size())


@cache
def searched() -> bus.Resting[BarClose]:
    """Which closed bars need no search."""
    return bus.searched(redis(), keys())


@cache
def sent_again() -> bus.Resting[str]:
    """Which signals the sweep leaves alone."""
    return bus.sent_again(redis(), keys())


@cache
def outdated() -> bus.OutdatedHistories:
    """Which symbols' histories are outdated."""
    return bus.OutdatedHistories(redis(), keys())


@cache
def skews() -> bus.ClockSkews:
    """How far the venue's clock was from ours."""
    return bus.ClockSkews(redis(), keys())


@cache
def prices() -> bus.Prices:
    """The last price of each symbol."""
    return bus.Prices(redis(), keys())


@cache
def wanted_keys() -> bus.WantedKeys:
    """Which keys requests are to be signed with."""
    return bus.WantedKeys(quick_redis(), keys())


@cache
def topics() -> bus.Topics:
    """Tells whoever listens."""
    return bus.Topics(bus.connect(settings().redis_url, timeout_s=TELLING_S, retries=0), keys())


def listener(names: Sequence[str]) -> bus.Listener:
    """Hears these topics, on a connection of its own."""
    return bus.Listener(bus.connect(settings().redis_url), keys(), names)


@cache
def counters() -> bus.Counters:
    """What was counted."""
    return bus.Counters(redis(), keys())


@cache
def letters_aside() -> bus.LettersAside:
    """Dead letters that the database could not take."""
    return bus.LettersAside(redis(), keys())


@cache
def results_aside() -> bus.ResultsAside:
    """Results of tasks that wait for the database."""
    return bus.ResultsAside(redis(), keys())


@cache
def levels_changed() -> bus.LevelsChanged:
    """Tells the drains that a trade's levels are others."""
    return bus.LevelsChanged(redis(), keys())


@cache
def feed_status() -> bus.FeedStatus:
    """What the feeds say of themselves."""
    return bus.FeedStatus(redis(), keys(), settings().feed_shards)


def feed_status_of(part: bus.Part) -> bus.FeedStatus:
    """The same for the feed that writes it of its part."""
    return bus.FeedStatus(redis(), keys(), part.shards, part.shard)


@cache
def feed_heard() -> bus.FeedStatus:
    """The same for who is asked himself."""
    return bus.FeedStatus(quick_redis(), keys(), settings().feed_shards)


@cache
def healths() -> bus.Healths:
    """How each service says that it is."""
    return bus.Healths(quick_redis(), keys())


@cache
def presence() -> bus.Presence:
    """Which workers are at work."""
    return bus.Presence(redis(), keys())


@cache
def queues() -> bus.Queues:
    """The broker's queues."""
    return bus.Queues(redis(), settings().redis_prefix)


@cache
def stored_figures() -> bus.StoredFigures:
    """The figures of the whole farm, as they were read last."""
    return bus.StoredFigures(quick_redis(), keys())


@cache
def stored_pace() -> bus.StoredPace:
    """A replay's pace."""
    return bus.StoredPace(redis(), keys())
