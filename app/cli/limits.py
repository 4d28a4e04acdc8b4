"""The venue's limit of requests in words: how often it was felt, and the pauses that are in force."""

from collections.abc import Mapping

from app.domain.rate_limit import Pause

CURE = "wait; if it comes again, lower CDB_REQUEST_SHARE, and end what else asks with this key or from this address"


def refused(counters: Mapping[str, int]) -> int:
    """How many answers said that there were too many requests."""
    return counters.get("answers_429", 0) + counters.get("answers_418", 0)


def felt(counters: Mapping[str, int]) -> str:
    """Since Redis was new."""
    limited, banned = counters.get("answers_429", 0), counters.get("answers_418", 0)
    return f"{counters.get('requests_waited', 0)} had to wait, {limited} answered 429, {banned} answered 418"


def in_force(pauses: Mapping[str, Pause]) -> list[str]:
    """A sentence for each host that nobody asks just now."""
    return [f"{host} is not asked for {pause.left_s:.0f} s after HTTP {pause.status}" for host, pause in pauses.items()]
