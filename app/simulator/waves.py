"""The course of a synthetic price: cycles of calm and burst, each a pure function of seed, symbol and time."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from app.simulator.catalogue import drawn

CYCLE_MS = 24_000
BLOCK = 64
BLOCKS_KEPT = 4
WANDER = 0.03
KINDS = {"rise": 0.56, "fall": 0.36, "flat": 0.02, "spike": 0.03, "crash": 0.03}
SIZES: Mapping[str, tuple[float, float]] = {
    "rise": (0.005, 0.012),
    "fall": (-0.014, -0.006),
    "flat": (-0.0004, 0.0004),
    "spike": (-0.001, 0.001),
    "crash": (-0.012, -0.006),
}
SURGE = 0.2
RUN = 0.3
CALM, SURGING, RUNNING = 0.5, 2.6, 1.6


@dataclass(frozen=True, slots=True)
class Cycle:
    """A while in a symbol's life: it starts at `level`, moves by `move` (logarithms) from the share `at` on."""

    kind: str
    level: float
    move: float
    at: float
    jolt: float

    def height(self, share: float) -> float:
        """The logarithm of the price over the opening one, at a share of the cycle."""
        after = share - self.at
        return self.level + self._course(share, after) + self._jolted(after)

    def activity(self, share: float) -> float:
        """How much is traded against the average: calm, then a surge as the move starts, then the run."""
        after = share - self.at
        if after < 0 or after >= RUN or self.kind == "flat":
            return CALM
        return SURGING if after < SURGE else RUNNING

    def _course(self, share: float, after: float) -> float:
        if after < 0:
            return -0.25 * self.move * share / self.at
        if after >= RUN:
            return self.move
        left = 1 - after / RUN
        return self.move * (1.25 * (1 - left * left) - 0.25)

    def _jolted(self, after: float) -> float:
        if not self.jolt or after < 0 or after >= RUN:
            return 0.0
        rising = min(1.0, after / 0.03)
        return self.jolt * rising * (1 - after / RUN)


class Wave:
    """The price of one symbol over all time."""

    def __init__(self, seed: int, name: str) -> None:
        self._seed, self._name = seed, name
        self._shift_ms = drawn(seed, name, "shift").randrange(CYCLE_MS)
        self._blocks: OrderedDict[int, list[Cycle]] = OrderedDict()

    def cycle(self, time_ms: int) -> tuple[Cycle, float]:
        """The cycle that an instant falls into, and at what share of it."""
        number, into_ms = divmod(time_ms + self._shift_ms, CYCLE_MS)
        block, place = divmod(number, BLOCK)
        return self._block(block)[place], into_ms / CYCLE_MS

    def _block(self, number: int) -> list[Cycle]:
        cycles = self._blocks.get(number)
        if cycles is None:
            cycles = self._blocks[number] = self._drawn(number)
            if len(self._blocks) > BLOCKS_KEPT:
                self._blocks.popitem(last=False)
        return cycles

    def _drawn(self, number: int) -> list[Cycle]:
        """Its moves are bent so that the block ends where the next one starts."""
        chance = drawn(self._seed, self._name, number)
        kinds = chance.choices(list(KINDS), list(KINDS.values()), k=BLOCK)
        moves = [chance.uniform(*SIZES[kind]) for kind in kinds]
        start, end = self._anchor(number), self._anchor(number + 1)
        bend = (end - start - sum(moves)) / BLOCK
        cycles, level = [], start
        for kind, move in zip(kinds, moves, strict=True):
            at, jolt = chance.uniform(0.35, 0.5), chance.uniform(0.008, 0.02)
            jolts = {"spike": jolt, "crash": -jolt}
            cycles.append(Cycle(kind, level, move + bend, at, jolts.get(kind, 0.0)))
            level += move + bend
        return cycles

    def _anchor(self, number: int) -> float:
        return drawn(self._seed, self._name, number, "anchor").uniform(-WANDER, WANDER)
