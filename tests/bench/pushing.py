"""The process of the venue that pushes prepared frames, and how it is asked for them."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import Request, urlopen

import psutil

from tests.bench import farms

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
