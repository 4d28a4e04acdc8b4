"""The script of a run: which trouble comes when, drawn from a seed; the same seed and length give the same script."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

Kind = Literal["kill", "pause", "flush", "fault"]
Scope = Literal["parent", "child"]

WORKERS = ("ticks", "signals", "risk", "orders", "upkeep")
SERVICES = (*WORKERS, "feed", "beat", "redis")
DATABASE = "database"
AFTER_A_KILL_S = (7.0, 9.0)  # so that one sees how long the service takes to be back
AFTER_A_PAUSE_S = (2.0, 4.0)  # and after a flush
AFTER_A_FAULT_S = (0.2, 2.5)
FIRST_S = 1.0


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that goes wrong, `at_s` after the script's beginning.

    A kill or a pause of `for_s` seconds strikes the `target` service's own process or one child of it; a fault is
    what the simulated venue is told.
    """

    at_s: float
    kind: Kind
    target: str = ""
    scope: Scope = "parent"
    for_s: float = 0.0
    fault: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        if self.kind == "fault":
            rest = ", ".join(f"{name} {value}" for name, value in self.fault.items() if name != "fault")
            return f"{self.fault['fault']}" + (f" ({rest})" if rest else "")
        if self.kind == "flush":
            return "Redis is flushed"
        whom = self.target if self.scope == "parent" else f"a child of {self.target}"
        return f"{self.kind} {whom}" + (f" for {self.for_s:g} s" if self.for_s else "")


def script(seed: int, length_s: float, *, database: bool = False) -> list[Trouble]:
    """Troubles for `length_s` seconds: decks of everything there is, each shuffled and dealt until time is over.

    `database` says whether there is a server of our own that may be struck too.
    """
    chance = Random(seed)
    troubles: list[Trouble] = []
    at_s = FIRST_S
    for kind, target, scope in _dealt(chance, (*SERVICES, DATABASE) if database else SERVICES):
        if at_s >= length_s:
            return troubles
        trouble = _made(chance, round(at_s, 2), kind, target, scope)
        troubles.append(trouble)
        at_s += chance.uniform(*_pause(trouble))
    raise AssertionError("the decks never end")


def _pause(trouble: Trouble) -> tuple[float, float]:
    if trouble.kind == "kill":
        return AFTER_A_KILL_S
    return AFTER_A_FAULT_S if trouble.kind == "fault" else AFTER_A_PAUSE_S


def _dealt(chance: Random, services: tuple[str, ...]) -> Iterator[tuple[Kind, str, Scope]]:
    while True:
        faults: list[tuple[Kind, str, Scope]] = [("fault", name, "parent") for name in FAULTS]
        deck = _processes(services) + faults + FLUSHES
        chance.shuffle(deck)
        yield from deck


def _processes(services: tuple[str, ...]) -> list[tuple[Kind, str, Scope]]:
    kinds: tuple[Kind, ...] = ("kill", "pause")
    whole: list[tuple[Kind, str, Scope]] = [(kind, name, "parent") for kind in kinds for name in services]
    return whole + [(kind, name, "child") for kind in kinds for name in WORKERS]


def _made(chance: Random, at_s: float, kind: Kind, target: str, scope: Scope) -> Trouble:
    if kind == "fault":
        return Trouble(at_s, kind, "venue", fault={"fault": target, **_drawn(chance, FAULTS[target])})
    for_s = round(chance.uniform(1.0, 7.0), 1) if kind == "pause" else 0.0
    return Trouble(at_s, kind, target, scope, for_s)


def _drawn(chance: Random, ranges: Mapping[str, Any]) -> dict[str, Any]:
    """A whole number or a share within each range; what is no range is as it is."""
    return {name: chance.randint(*value) if isinstance(value, tuple) else value for name, value in ranges.items()}


FLUSHES: list[tuple[Kind, str, Scope]] = [("flush", "redis", "parent")] * 3
ORDER = "/api/v3/order"
FAULTS: Mapping[str, Mapping[str, Any]] = {
    "create_reply_dropped": {"times": (1, 3)},
    "create_reply_delayed": {"ms": (1000, 7000), "times": (1, 2)},
    "create_delayed": {"ms": (500, 7000), "times": (1, 2)},
    "create_lost": {"times": (1, 3)},
    "connection_dropped": {"times": (2, 6)},
    "connections_refused": {"for_s": (1, 3)},
    "internal_error": {"after": True, "path": ORDER, "times": (1, 3)},
    "gateway_timeout": {"after": True, "path": ORDER, "times": (1, 3)},
    "unavailable_html": {"times": (1, 4)},
    "rate_limited": {"retry_after_s": 1, "times": (1, 3)},
    "answers_delayed": {"ms": (200, 1500), "for_s": (2, 4)},
    "read_lag": {"ms": (300, 1500), "for_s": (3, 6)},
    "partial_fills": {"share": "0.4", "for_s": (3, 6)},
    "no_fills": {"for_s": (1, 3)},
    "ioc_as_gtc": {"for_s": (2, 5)},
    "fee_in_base": {"for_s": (2, 5)},
    "clock_skew": {"ms": (-900, 900), "for_s": (3, 6)},
    "order_refused": {"code": 30001, "times": (1, 2)},
    "silent_websocket": {"for_s": (2, 5)},
    "dropped_websocket": {},
}
