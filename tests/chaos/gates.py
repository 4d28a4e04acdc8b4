"""A gate before and behind each call to a port: here a process stands still, dies, or loses its database."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from app.store import DatabaseError
from tests.chaos.plans import Fate, Plan
from tests.chaos.virtual import Killed, Timeline

DATABASE = frozenset({"bars", "ticks", "signals", "ledger", "orders", "trades", "books", "instruments", "audits"})
SHARED = DATABASE | {"venue", "hand_on", "lease", "archive"}  # where it matters who comes first
WRITES = frozenset(
    {
        "save",
        "mark",
        "set_state",
        "tighten",
        "claim",
        "release",
        "accept",
        "doubt",
        "hold",
        "reject",
        "expire",
        "settle",
        "restrict",
        "keep",
        "forget",
        "open_account",
        "raise_peaks",
        "write",
    }
)
TURNS = frozenset({"mailboxes.lease", "mailboxes.archive"})  # what these give is a port again


class Gates:
    """The points of one schedule."""

    def __init__(self, timeline: Timeline, plan: Plan, in_trouble: Callable[[], bool]) -> None:
        self._timeline = timeline
        self._plan = plan
        self._in_trouble = in_trouble
        self.committed: Callable[[], None] = lambda: None

    def point(self, name: str) -> None:
        """What the plan wants to happen here; nothing once the trouble is over."""
        task = self._timeline.task
        if task is None or not self._in_trouble():
            return
        fate = self._plan.fate(f"{task.name}: {name}")
        if fate is Fate.KILL:
            raise Killed
        if task.atomic:
            return
        port = name.partition(".")[0]
        if port not in SHARED:
            return
        if fate is Fate.AWAY and port in DATABASE:
            raise DatabaseError("the database is away", "Wait for it")
        pause_s = self._plan.pause_s(name)
        if pause_s:
            self._timeline.sleep(pause_s)

    def called(self, name: str, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """A call with its two points."""
        self.point(f"{name} before")
        result = call(*args, **kwargs)
        method = name.rpartition(".")[2]
        if method in WRITES:
            self.committed()
        self.point(f"{name} after")
        return Gate(result, method, self) if name in TURNS and result is not None else result

    @contextmanager
    def deciding(self, opened: Any) -> Iterator[Any]:
        """A decision is one transaction: it is killed before it commits, or after."""
        self.point("ledger.deciding before")
        with self._timeline.alone(), opened as decision:
            yield decision
            self.point("ledger.deciding commits")
        self.committed()
        self.point("ledger.deciding after")


class Gate:
    """A port behind its gates."""

    def __init__(self, port: Any, name: str, gates: Gates) -> None:
        self._port, self._name, self._gates = port, name, gates

    def __getattr__(self, method: str) -> Any:
        call = getattr(self._port, method)
        if not callable(call):
            return call
        gated: Any
        if method == "ahead":  # each window that was asked for ahead is read through the gate, as one that was not
            gated = lambda *args, **kwargs: Gate(call(*args, **kwargs), self._name, self._gates)  # noqa: E731
        elif method == "deciding":
            gated = lambda *args, **kwargs: self._gates.deciding(call(*args, **kwargs))  # noqa: E731
        else:
            gated = partial(self._gates.called, f"{self._name}.{method}", call)
        vars(self)[method] = gated  # found at once the next time
        return gated

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._gates.called(self._name, self._port, *args, **kwargs)
