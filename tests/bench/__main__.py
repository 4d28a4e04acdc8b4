"""`make bench`: measures, and prints each figure beside a baseline of the same run."""

import argparse
import sys

from tests.bench import (
    approvals,
    archive,
    console,
    drain,
    drained,
    feed,
    growth,
    latency,
    minute,
    results,
    start,
    sustained,
    whole,
)
from tests.bench.figures import Figure, plain, table

BENCHMARKS = {
    "approvals": approvals.run,
    "archive": archive.run,
    "console": console.run,
    "drain": drain.run,
    "drained": drained.run,
    "feed": feed.run,
    "growth": growth.run,
    "latency": latency.run,
    "minute": minute.run,
    "results": results.run,
    "start": start.run,
    "sustained": sustained.run,
    "whole": whole.run,
}


def main() -> None:
    """All of them, or the one that is named."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", choices=sorted(BENCHMARKS))
    parser.add_argument("--json", action="store_true", help="for machines")
    wanted = parser.parse_args()
    figures: list[Figure] = []
    for name, run in BENCHMARKS.items():
        if wanted.only in (None, name):
            print(f"measuring {name} …", file=sys.stderr)
            figures += run()
    print(plain(figures) if wanted.json else table(figures))


if __name__ == "__main__":  # and not in the processes that it starts
    main()
