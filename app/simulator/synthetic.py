"""A market made up from a seed: the same seed, symbols and time give the same prints, also of a past never run."""

import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import chain
from operator import attrgetter
from random import Random

from app.simulator.catalogue import drawn
from app.simulator.market import Listing, Print
from app.simulator.waves import Wave

HOUR_MS = 3_600_000
SECOND_MS = 1000
IDS_PER_SECOND = 100_000
JITTER = 0.0005
TYPICAL_NOTIONAL = 180.0
SPREAD_OF_SIZES = 0.6

in_time = attrgetter("time_ms")


class Synthetic:
    """Prints of any number of symbols at a total rate; with the rate 0 it is idle and prints nothing by itself.

    Its past reaches back `past_h` hours before the full hour in which it was started.
    """

    def __init__(
        self, listings: Sequence[Listing], *, seed: int, ticks_per_s: float, start_ms: int, past_h: int = 4
    ) -> None:
        self.listings: Mapping[str, Listing] = {one.name: one for one in listings}
        self.seed: int | None = seed
        self.kind = "synthetic" if ticks_per_s > 0 else "idle"
        self._seed = seed
        self._rate = ticks_per_s / len(self.listings)
        self._waves = {name: Wave(seed, name) for name in self.listings}
        self.begins_ms = start_ms - start_ms % HOUR_MS - past_h * HOUR_MS
        self.start_ms = start_ms
        self._given_ms = start_ms - 1
        self._second = start_ms // SECOND_MS
        self._now: deque[Print] = deque(self._drawn(self._second) if self._rate else ())
        self._next: list[Print] = []
        self._unprepared = iter(tuple(self.listings))

    def due(self, now_ms: int) -> Sequence[Print]:
        """Prints since the last call; what the next second brings is prepared bit by bit."""
        if not self._rate:
            return ()
        found: list[Print] = []
        while self._second * SECOND_MS <= now_ms:
            while self._now and self._now[0].time_ms <= now_ms:
                found.append(self._now.popleft())
            if (self._second + 1) * SECOND_MS > now_ms:
                break
            self._turn()
        fresh = [one for one in found if one.time_ms > self._given_ms]
        self._given_ms = max(self._given_ms, now_ms)
        self._prepare(now_ms)
        return fresh

    def past(self, name: str, since_ms: int, until_ms: int) -> Iterator[Print]:
        """Prints with since <= time < until, as they were or would have been given."""
        if not self._rate:
            return
        since_ms = max(since_ms, self.begins_ms)
        for second in range(since_ms // SECOND_MS, -(-until_ms // SECOND_MS)):
            for one in self.second(name, second):
                if since_ms <= one.time_ms < until_ms:
                    yield one

    def price(self, name: str, time_ms: int) -> Decimal:
        """Where the course of a symbol is, whether or not anything trades."""
        cycle, share = self._waves[name].cycle(time_ms)
        listing = self.listings[name]
        return Decimal(repr(float(listing.opening) * math.exp(cycle.height(share)))).quantize(listing.tick)

    def second(self, name: str, second: int) -> list[Print]:
        """All prints of one symbol in one second (since the epoch)."""
        wave, listing = self._waves[name], self.listings[name]
        chance = drawn(self._seed, name, second, "prints")
        cycle, share = wave.cycle(second * SECOND_MS)
        activity = cycle.activity(share)
        count = math.floor(self._rate * activity + chance.random())
        times = sorted(second * SECOND_MS + chance.randrange(SECOND_MS) for _ in range(count))
        return [self._print(listing, wave, chance, at, second, place) for place, at in enumerate(times)]

    def _print(self, listing: Listing, wave: Wave, chance: Random, time_ms: int, second: int, place: int) -> Print:
        cycle, share = wave.cycle(time_ms)
        opening, activity = float(listing.opening), cycle.activity(share)
        price = opening * math.exp(cycle.height(share) + chance.gauss(0, JITTER))
        size = TYPICAL_NOTIONAL * activity * chance.lognormvariate(0, SPREAD_OF_SIZES) / opening
        ticks = max(1, round(price * 10**listing.price_decimals))
        steps = max(1, round(size * 10**listing.amount_decimals))
        return Print(
            listing.name,
            time_ms,
            Decimal(ticks).scaleb(-listing.price_decimals),
            Decimal(steps).scaleb(-listing.amount_decimals),
            "buy" if chance.random() < 0.5 + math.copysign(0.2, cycle.move) else "sell",
            str(second * IDS_PER_SECOND + place),
        )

    def _drawn(self, second: int) -> list[Print]:
        return sorted(chain.from_iterable(self.second(name, second) for name in self.listings), key=in_time)

    def _prepare(self, now_ms: int) -> None:
        """As many symbols of the next second as the share of this one that has passed."""
        passed = (now_ms - self._second * SECOND_MS) / SECOND_MS
        while self._prepared < passed * len(self.listings):
            name = next(self._unprepared, None)
            if name is None:
                return
            self._next += self.second(name, self._second + 1)
            self._prepared += 1

    _prepared = 0

    def _turn(self) -> None:
        """On to the next second."""
        for name in self._unprepared:
            self._next += self.second(name, self._second + 1)
        self._now.extend(sorted(self._next, key=in_time))
        self._next, self._unprepared, self._prepared = [], iter(tuple(self.listings)), 0
        self._second += 1
