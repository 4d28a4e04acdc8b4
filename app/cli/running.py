"""Whether anything of a farm is at work, on this machine or another: what `cdb restore` must not happen to."""

from collections.abc import Iterator

from redis.exceptions import RedisError

from app import wiring
from app.store import Copies

PING_S = 1.0


def at_work(copies: Copies) -> Iterator[str]:
    """Who is, each in a few words; RedisError if a server that others may use does not answer."""
    if redis_answers():
        yield from _heard()
    yield from copies.used_by()


def redis_answers() -> bool:
    """The embedded one rests while its farm does; RedisError if another one does not answer."""
    try:
        wiring.redis().ping()
    except RedisError:
        if not wiring.settings().embedded_redis:
            raise
        return False
    return True


def _heard() -> Iterator[str]:
    if wiring.feed_status().read() is not None:
        yield "a feed, which spoke less than 10 s ago"
    from app.celery import farm  # half a second that other commands need not wait for

    for answer in farm.control.ping(timeout=PING_S) or ():
        yield from (f"the worker {name}" for name in answer)
