"""The process of the venue that pushes prepared frames, and how it is asked for them."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import psutil

from app import wiring
from tests.bench import farms
from tests.fixtures.commands import until

SETTLE_S = 10.0
UP_S, LOOK_S = 120.0, 0.02


@contextmanager
def venue(port: int) -> Iterator[psutil.Process]:
    """Serves at that port of loopback until it is left."""
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.pushes", str(port)], cwd=farms.ROOT)
    try:
        deadline = time.monotonic() + UP_S
        while True:
            try:
                asked(port, "api/v3/time")
                break
            except OSError:  # not yet
                assert process.poll() is None, "the venue has ended"
                assert time.monotonic() < deadline, "the venue did not come up"
                time.sleep(LOOK_S)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def asked(port: int, path: str, method: str = "GET") -> bytes:
    """Its answer."""
    with urlopen(Request(f"http://127.0.0.1:{port}/{path}", method=method)) as answer:
        return bytes(answer.read())


def followed(port: int) -> dict[str, str]:
    """Settings, as `farms.running` takes them, of a farm that hears this venue and trades at its own simulated one."""
    rest, ws = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}/ws"
    return {"EXCHANGE": "mexc", "EXCHANGE_REST_URL": rest, "EXCHANGE_WS_URL": ws, "VENUE_MARKET": "idle"}


def until_heard() -> None:
    """The farm that `wiring` leads to hears all symbols, and what a start brings with it is over."""
    until(lambda: bool((wiring.feed_status().read() or {}).get("ready")), "the feed's readiness")
    time.sleep(SETTLE_S)


def stream(port: int, sizes: Sequence[int], seconds: int, **how: object) -> int:
    """Have the farm's feed sent a frame of each symbol in 100 ms, with as many deals as `sizes` says; ticks sent."""
    query = urlencode({"who": "feed", "sizes": json.dumps(sizes), "seconds": seconds, **how})
    return int(json.loads(asked(port, f"stream?{query}", "POST"))["ticks"])
