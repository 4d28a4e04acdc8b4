"""How long a tick is on its way from the feed's socket into the bars of a drain, as the farm's own Redis saw it."""

import json
import re
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import redis

from app import bus, wiring
from app.simulator.catalogue import symbols
from tests.bench import farms, pushing
from tests.bench.figures import Figure, percentile
from workers.ports import free_port

SYMBOLS, SECONDS = 50, 30
RATES = {"1,000": 2, "10,000": 20}  # deals in a frame of each symbol in 100 ms
WAYS: Mapping[str, Mapping[str, object]] = {"one symbol after the other": {"apart": 1}, "thirty at the same moment": {}}
PERCENTILES = (("p50", 50), ("p99", 99), ("p99.9", 99.9))
POSTED = re.compile(r"XADD (\S+) \* f (.*) n (\d+)")
DRAINED = re.compile(r"HINCRBY (\S+):place drained (\d+)")
Command = tuple[float, str]


def run() -> list[Figure]:
    """At each rate, in milliseconds."""
    port = free_port()
    market = {**pushing.followed(port), "SYMBOLS": ",".join(symbols(SYMBOLS)), "REQUEST_WEIGHT": "0"}
    with pushing.venue(port), farms.running(**market):
        wiring.reset()
        pushing.until_heard()
        return [figure for way in WAYS for rate, deals in RATES.items() for figure in _measured(rate, way, deals, port)]


def _measured(rate: str, way: str, deals: int, port: int) -> list[Figure]:
    with _seen_by_redis() as seen:
        wanted = pushing.stream(port, [deals], SECONDS, **WAYS[way])
    waits = list(waits_ms(seen))
    assert len(waits) > 0.9 * wanted, f"{len(waits)} of {wanted} ticks were seen"
    said = f"{rate} ticks/s, {way}: tick received → in its bar"
    return [Figure(f"{said}, {name} of {len(waits)}", percentile(waits, at), None, "ms") for name, at in PERCENTILES]


def waits_ms(seen: Iterable[Command]) -> Iterator[float]:
    """For each tick how long after it was received its drain has committed it; mailboxes are worked off in order."""
    posted: dict[str, deque[tuple[int, list[int]]]] = {}
    for at_s, command in seen:
        if found := POSTED.fullmatch(command):
            received = [row[5] for row in json.loads(found[2]) if len(row) == 6]
            posted.setdefault(found[1], deque()).append((int(found[3]), received))
        elif found := DRAINED.fullmatch(command):
            rows, waiting = int(found[2]), posted.get(found[1], deque())
            while rows > 0 and waiting:  # at first there may be older ones that were not seen
                size, received = waiting.popleft()
                rows -= size
                yield from (at_s * 1000 - one / 1000 for one in received)


@contextmanager
def _seen_by_redis() -> Iterator[list[Command]]:
    """Every push and every commit meanwhile, with its time by the clock of this machine."""
    seen: list[Command] = []
    over, ready = threading.Event(), threading.Event()
    client: redis.Redis = bus.connect(wiring.settings().redis_url)

    def look() -> None:
        with client.monitor() as monitor:  # type: ignore[no-untyped-call]
            ready.set()
            for one in monitor.listen():
                if one["command"].startswith(("XADD", "HINCRBY")):
                    seen.append((one["time"], one["command"]))
                if over.is_set():
                    return

    looking = threading.Thread(target=look)
    looking.start()
    ready.wait()
    yield seen
    over.set()
    looking.join()
