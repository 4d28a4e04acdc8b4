"""Quiet logs and a quick disk: else thousands of schedules would mostly write and wait."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from shutil import copy
from tempfile import TemporaryDirectory

import pytest
import structlog

from app.store import Database
from tests.chaos.books import Store, on_sqlite


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Only what is critical is logged."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


@pytest.fixture
def quick_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where the machine has such a thing: no power cut is simulated here."""
    memory = Path("/dev/shm")
    if not memory.is_dir():
        yield tmp_path
        return
    with TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


@pytest.fixture
def another_on_sqlite(sqlite_template: Path, quick_folder: Path) -> Iterator[Callable[[], Store]]:
    """Opens an empty migrated database each time, and closes the one before."""
    numbers = count()
    with ExitStack() as opened:

        def another() -> Store:
            opened.close()
            database = Database(f"sqlite:///{copy(sqlite_template, quick_folder / f'{next(numbers)}.sqlite')}")
            opened.callback(database.engine.dispose)
            return on_sqlite(database)

        yield another
