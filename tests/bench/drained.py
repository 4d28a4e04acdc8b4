"""How long a tick is on its way from the feed's socket into the bars of a drain, as the drains have written it down."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from app import wiring
from app.simulator.catalogue import symbols
from tests.bench import farms, pushing, told
from tests.bench.figures import Figure, percentile
from tests.fixtures.databases import short_folder
from workers.ports import free_port

SYMBOLS, SECONDS = 50, 30
RATES = {"1,000": 2, "10,000": 20}  # deals in a frame of each symbol in 100 ms
WAYS: Mapping[str, Mapping[str, object]] = {"one symbol after the other": {"apart": 1}, "thirty at the same moment": {}}
PERCENTILES = (("p50", 50), ("p99", 99), ("p99.9", 99.9))
LATEST_S = 1.0


def run() -> list[Figure]:
    """At each rate, in milliseconds."""
    with hearing() as (port, folder):
        return [
            figure for way in WAYS for rate, deals in RATES.items() for figure in _told(rate, way, deals, port, folder)
        ]


@contextmanager
def hearing() -> Iterator[tuple[int, Path]]:
    """A farm that hears the venue at a port, and whose drains write into a folder."""
    port = free_port()
    market = {**pushing.followed(port), "SYMBOLS": ",".join(symbols(SYMBOLS)), "REQUEST_WEIGHT": "0"}
    with short_folder() as folder, pushing.venue(port):
        os.environ[told.TOLD] = str(folder)
        with farms.running("tests.bench.told", **market):
            wiring.reset()
            pushing.until_heard()
            yield port, folder


def _told(rate: str, way: str, deals: int, port: int, folder: Path) -> list[Figure]:
    waits = waits_ms(port, folder, deals, **WAYS[way])
    said = f"{rate} ticks/s, {way}: tick received → in its bar"
    return [Figure(f"{said}, {name} of {len(waits)}", percentile(waits, at), None, "ms") for name, at in PERCENTILES]


def waits_ms(port: int, folder: Path, deals: int, **how: object) -> list[float]:
    """For each of the ticks how long after it was received its drain had committed it."""
    for file in folder.iterdir():
        os.truncate(file, 0)
    wanted = pushing.stream(port, [deals], SECONDS, **how)
    time.sleep(LATEST_S)
    waits = [(at_us - one) / 1000 for at_us, received in told.commits(folder) for one in received]
    assert len(waits) == wanted, f"{len(waits)} of {wanted} ticks were drained"
    return waits
