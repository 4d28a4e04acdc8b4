"""What goes wrong in a schedule, and when: drawn from a seed, or one kill at each of some numbered points."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from random import Random
from typing import Any, Protocol


class Fate(Enum):
    """What happens to a process at a point."""

    GO = auto()
    KILL = auto()  # it is gone
    AWAY = auto()  # the database cannot be reached, or falls silent after it has committed


@dataclass(frozen=True, slots=True)
class Journey:
    """A request to the venue: how long it travels, how long its answer does, whether that arrives, and whether the
    connection breaks as soon as it is on its way, so that nobody waits for it.
    """

    there_s: float = 0.02
    back_s: float = 0.02
    answered: bool = True
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Filling:
    """How an order meets the book: at once, after a while, and after it was cancelled, as shares of its amount."""

    at_once: float = 1
    later: float = 0
    later_s: float = 1
    too_late: float = 0
    too_late_s: float = 1


@dataclass(frozen=True, slots=True)
class Clock:
    """How far the venue's clock is ahead of the farm's, by how much it gains in a second, and how wrong the farm
    measures it the first time, and each time after its signature was refused.
    """

    ahead_s: float = 0
    drift: float = 0
    error_s: float = 0
    errors_s: float = 0


class Plan(Protocol):
    """Answers every question that a schedule leaves to chance."""

    takes_duplicates: bool
    clock: Clock
    fee_in_base: bool
    order_type: str
    crash_s: float | None
    trouble_s: float  # how long things go wrong
    quiet_after_s: float  # when everything that may still come by itself has come
    late_s: float  # how long after that a fill may still be told
    pauses: bool  # whether processes stand still at points

    def fate(self, point: str) -> Fate:
        """What happens at a point."""
        ...

    def pause_s(self, point: str) -> float:
        """How long the process stands still there; 0 lets nobody in between."""
        ...

    def deliveries(self) -> Sequence[float]:
        """After how many seconds a message comes: not at all, once, twice."""
        ...

    def redelivery_s(self) -> float | None:
        """When the message of a killed process comes again; None if it is lost."""
        ...

    def journey(self) -> Journey:
        """The way of a request."""
        ...

    def lag_s(self) -> float:
        """How old what the venue shows is."""
        ...

    def filling(self) -> Filling:
        """What becomes of an order there."""
        ...

    def skew_s(self) -> float:
        """How far the clock of a worker's machine is ahead of the others'."""
        ...


@dataclass
class Script:
    """All goes well but for a kill at each of these points, counted from 1."""

    kills: frozenset[int] = frozenset()
    lost: bool = False
    takes_duplicates: bool = False
    fee_in_base: bool = False
    order_type: str = "ioc"
    crash_s: float | None = None
    trouble_s: float = 60
    quiet_after_s: float = 14
    late_s: float = 0
    pauses: bool = False
    fillings: list[Filling] = field(default_factory=list)  # of the first orders; all others fill at once
    journeys: list[Journey] = field(default_factory=list)  # of the first requests; all others travel well
    lags_s: float = 0
    clock: Clock = Clock()
    passed: list[str] = field(default_factory=list)

    def fate(self, point: str) -> Fate:
        self.passed.append(point)
        return Fate.KILL if len(self.passed) in self.kills else Fate.GO

    def pause_s(self, point: str) -> float:
        return 0

    def deliveries(self) -> Sequence[float]:
        return (0.001,)

    def redelivery_s(self) -> float | None:
        return None if self.lost else 1.0

    def journey(self) -> Journey:
        return self.journeys.pop(0) if self.journeys else Journey()

    def lag_s(self) -> float:
        return self.lags_s

    def filling(self) -> Filling:
        return self.fillings.pop(0) if self.fillings else Filling()

    def skew_s(self) -> float:
        return 0


class WhileItLasts:
    """A plan as long as the trouble lasts; then all goes well."""

    def __init__(self, plan: Plan, in_trouble: Callable[[], bool]) -> None:
        self._plan, self._in_trouble = plan, in_trouble
        self._calm = Script(takes_duplicates=plan.takes_duplicates, fee_in_base=plan.fee_in_base, clock=plan.clock)

    def fate(self, point: str) -> Fate:
        return (self._plan if self._in_trouble() else self._calm).fate(point)

    def pause_s(self, point: str) -> float:
        return (self._plan if self._in_trouble() else self._calm).pause_s(point)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plan if self._in_trouble() else self._calm, name)


PAUSES = (0.0, 0.0, 0.0, 0.0, 0.0, 0.001, 0.05, 0.3)


class Chance:
    """Everything may go wrong; how much of what is drawn once a schedule, so that some faults meet undisturbed."""

    trouble_s = 20.0
    quiet_after_s = 40.0
    late_s = 11.0
    pauses = True

    def __init__(self, seed: int) -> None:
        self._random = random = Random(seed)
        self.takes_duplicates = random.random() < 0.5
        self.fee_in_base = random.random() < 0.3
        self.order_type = random.choice(("ioc", "ioc", "limit", "market"))
        self.crash_s = random.choice((None, None, random.uniform(2, 12)))
        self._kill = random.choice((0.0, 0.01, 0.04))
        self._away = random.choice((0.0, 0.0, 0.02))
        self._stop = random.choice((0.0, 0.01, 0.05))
        self._lost = random.choice((0.0, 0.1, 0.4))
        self._doubled = random.choice((0.0, 0.2, 0.5))
        self._late = random.choice((0.0, 0.3))
        self._mute = random.choice((0.0, 0.1, 0.5))
        self._cut = random.choice((0.0, 0.1, 0.4))
        self._slow = random.choice((0.0, 0.2, 0.5))
        self._lag = random.choice((0.0, 1.0, 1.99))
        self._whole = random.choice((1.0, 0.5, 0.0))
        self._machines_s = random.choice(((0.0,), (0.0,), (0.0, 0.9), (-3.0, 0.0, 3.0)))
        self.clock = random.choice(
            (
                Clock(),
                Clock(ahead_s=random.uniform(-90, 90)),
                Clock(ahead_s=random.uniform(-5, 5), error_s=random.choice((0.9, 0.99, -0.9)), errors_s=0.4),
                Clock(error_s=random.choice((3.0, -4.0, 8.0, -9.0))),  # beyond what the venue takes at once
                Clock(ahead_s=1.0, drift=random.choice((0.02, -0.02, 0.3, -0.3))),
            )
        )

    def fate(self, point: str) -> Fate:
        drawn = self._random.random()
        if drawn < self._kill:
            return Fate.KILL
        return Fate.AWAY if drawn < self._kill + self._away else Fate.GO

    def pause_s(self, point: str) -> float:
        if self._random.random() < self._stop:
            return self._random.choice((1.0, 4.9, 5.1, 7.5, 9.0, 30.0))
        return self._random.choice(PAUSES)

    def deliveries(self) -> Sequence[float]:
        if self._random.random() < self._lost:
            return ()
        times = 2 if self._random.random() < self._doubled else 1
        return [self._delay_s() for _ in range(times)]

    def redelivery_s(self) -> float | None:
        return None if self._random.random() < 0.5 else self._random.uniform(0, 15)

    def journey(self) -> Journey:
        slow = self._random.random() < self._slow
        there_s = self._random.choice((1.0, 4.9, 4.99, 4.99, 5.5, 9.0, 13.0)) if slow else 0.02
        cut = self._random.random() < self._cut
        return Journey(there_s, self._random.choice((0.02, 0.5)), self._random.random() >= self._mute, cut)

    def lag_s(self) -> float:
        return self._random.choice((0, self._random.uniform(0, self._lag), self._lag, self._lag))

    def filling(self) -> Filling:
        if self._random.random() < self._whole:
            return Filling()
        draw = self._random
        at_once, later, too_late = draw.choice((0, 0.005, 0.4, 1)), draw.choice((0, 0.5, 1)), draw.choice((0, 0, 0.3))
        return Filling(at_once, later, draw.uniform(0, 10), too_late, draw.uniform(0, 10))

    def skew_s(self) -> float:
        return self._random.choice(self._machines_s)

    def _delay_s(self) -> float:
        return self._random.uniform(0, 12) if self._random.random() < self._late else self._random.uniform(0, 0.05)
