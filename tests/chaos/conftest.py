"""Quiet logs, a quick disk and one core: else thousands of schedules would mostly write and wait."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import structlog


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Only what is critical is logged."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


@pytest.fixture(autouse=True)
def one_core(worker_id: str) -> Iterator[None]:
    """Threads that hand a turn to each other stay together: from core to core each turn costs several times as much."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    own = sorted(before)[int(worker_id.removeprefix("gw") or 0) % len(before) if worker_id != "master" else 0]
    os.sched_setaffinity(0, {own})
    yield
    os.sched_setaffinity(0, before)


@pytest.fixture
def quick_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where the machine has such a thing: no power cut is simulated here."""
    memory = Path("/dev/shm")
    if not memory.is_dir():
        yield tmp_path
        return
    with TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)
