"""Where the processes of one service count: files of their own, which the service's parent adds up.

A process that dies leaves its files. Its counters and histograms are added to those of all that died before, in one
file a kind, so that nothing is lost and nothing grows; its gauges go with it. prometheus-client's own multiprocess mode
keeps every file for ever and knows a process by its pid, which comes again.
"""

import fcntl
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any

from prometheus_client import Metric, values
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
KEPT = ("counter", "histogram")
GONE = "gauge_livesum"  # the only gauges that there may be: summed over the processes that live
RESERVED = 256 << 10  # bytes a file; a mapped file that has to grow on a full disk ends its process
GONE_BEFORE = "gone"

_values: Any = values
_multiprocess_value: Callable[[Callable[[], str]], Any] = _values.MultiProcessValue
_read: Callable[[str], Iterable[tuple[str, float, float, int]]] = MmapedDict.read_all_values_from_file
_mapped: Callable[[str], Any] = MmapedDict
_multiprocess: Callable[..., Collector] = MultiProcessCollector


class Taken(Exception):
    """Another service of this name counts here."""


class Process:
    """Names the process that calls it: its pid may come again, its name does not. OSError if it cannot write."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pid = 0
        self._name = ""

    def __call__(self) -> str:
        if os.getpid() != self._pid:  # the first call, or the first of a child
            self._begin()
        return self._name

    def _begin(self) -> None:
        name = f"{os.getpid()}-{secrets.token_hex(4)}"
        new = self._folder / f"{name}.new"
        sign = _lock(new)
        try:
            for kind in (*KEPT, GONE):
                _reserve(self._folder / f"{kind}_{name}.db", RESERVED)
        except OSError:
            os.close(sign)
            new.unlink()
            raise
        new.rename(self._folder / f"{name}.alive")  # seen by others only now, when it is locked
        self._pid, self._name = os.getpid(), name


class Files(Collector):
    """The files of one service. Its parent makes this, before it has children: what a former one counted is gone.

    Taken if another process of that name lives, OSError if the folder cannot be written.
    """

    def __init__(self, root: Path, service: str) -> None:
        home = root / re.sub(r"[^\w.@%+-]", "-", service)
        home.mkdir(parents=True, exist_ok=True)
        try:
            _lock(home / "lock")
        except (BlockingIOError, PermissionError) as error:
            raise Taken(f"another process counts in {home}") from error
        for former in home.iterdir():
            if former.is_dir():
                shutil.rmtree(former)
        # A folder for each start: a child that outlives a killed parent finds its own gone, and never this one.
        self.folder = Path(tempfile.mkdtemp(dir=home))
        self.process = Process(self.folder)
        self._sweeping = Lock()

    def count_here(self) -> None:
        """From now on all metrics of this process and of its children are kept here.

        prometheus-client would ask the environment when it is imported, and Flower imports it before any of us runs.
        """
        os.environ[FOLDER] = str(self.folder)
        _values.ValueClass = _multiprocess_value(self.process)

    def sweep(self) -> None:
        """Add up what the dead have left; OSError if that cannot be written, then it stays as it is."""
        with self._sweeping:
            signs = [sign for sign in self.folder.glob("*.alive") if self._is_dead(sign)]
            if not signs:
                return
            for kind in KEPT:
                self._add_up(kind, [self.folder / f"{kind}_{sign.stem}.db" for sign in signs])
            for sign in signs:
                (self.folder / f"{GONE}_{sign.stem}.db").unlink(missing_ok=True)
                sign.unlink()

    def collect(self) -> Iterable[Metric]:
        """The sums over all processes of the service, as they are now."""
        with suppress(OSError):  # the disk is full: the files of the dead are read one by one
            self.sweep()
        with self._sweeping:
            return list(_multiprocess(None, path=str(self.folder)).collect())

    def _is_dead(self, sign: Path) -> bool:
        return sign.stem != self.process() and not _is_locked(sign)

    def _add_up(self, kind: str, left: list[Path]) -> None:
        gone = self.folder / f"{kind}_{GONE_BEFORE}.db"
        there = [path for path in (gone, *left) if path.exists()]
        sums: dict[str, float] = {}
        for path in there:
            for key, value, *_ in _read(str(path)):
                sums[key] = sums.get(key, 0.0) + value
        new = gone.with_suffix(".new")
        _reserve(new, RESERVED + sum(len(key.encode()) + 32 for key in sums))
        written = _mapped(str(new))
        for key, value in sums.items():
            written.write_value(key, value, 0.0)
        written.close()
        new.replace(gone)
        for path in left:
            path.unlink(missing_ok=True)


# Locks of the whole process, which a child does not inherit and which end with it, however it ends.


def _lock(path: Path) -> int:
    """A descriptor that stays open, and the lock with it, until the process ends."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _is_locked(path: Path) -> bool:
    with path.open("r+") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            return True
    return False


def _reserve(path: Path, size: int) -> None:
    """Zeros, which the disk has taken; they appear at once."""
    zeros = path.with_suffix(".zeros")
    try:
        zeros.write_bytes(bytes(size))
    except OSError:
        zeros.unlink(missing_ok=True)
        raise
    zeros.rename(path)
