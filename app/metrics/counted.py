"""What the workers of this machine have counted of their tasks, read from their files by who is none of them."""

import json
import struct
from collections.abc import Callable, Iterable
from pathlib import Path

from prometheus_client.mmap_dict import MmapedDict

_read: Callable[[str], Iterable[tuple[str, float, float, int]]] = MmapedDict.read_all_values_from_file
NAME = "tasks_total"


class TaskCounts:
    """Over the files of all services in a folder; a worker that starts anew begins at nothing."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self) -> dict[tuple[str, str], int]:
        """How many tries have ended, by task and outcome."""
        counts: dict[tuple[str, str], int] = {}
        for path in self._root.glob("*/*/counter_*.db"):
            for key, value in _values(path):
                name, _, labels, _ = json.loads(key)
                if name == NAME or name == NAME.removesuffix("_total"):
                    of = labels["task"], labels["outcome"]
                    counts[of] = counts.get(of, 0) + int(value)
        return counts


def _values(path: Path) -> list[tuple[str, float]]:
    try:
        return [(key, value) for key, value, *_ in _read(str(path))]
    except (OSError, ValueError, RuntimeError, struct.error):  # its process has just gone, or it is not there whole yet
        return []
