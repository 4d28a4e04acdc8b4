"""One reader for all who look."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from app.web import watch
from app.web.curves import Curves
from app.web.models import Curve, Status
from app.web.watch import Full, Watch
from tests.fixtures.memory.builders import NOON


def a_status() -> Status:
    """One that says nothing."""
    nothing: dict[str, Any] = dict.fromkeys(Status.model_fields)
    lists: dict[str, Any] = {name: [] for name in ("problems", "events", "tasks", "pauses")}
    farm: dict[str, Any] = dict.fromkeys(("exchange", "mode", "currency", "version"), "") | {"flower_port": 0}
    farm |= {name: [] for name in ("symbols", "intervals", "strategies")}
    return Status.model_validate({**nothing, **lists, "farm": farm, "at": NOON})


@asynccontextmanager
async def running(watched: Watch) -> AsyncIterator[None]:
    task = asyncio.create_task(watched.run())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks follow one another at once."""
    monkeypatch.setattr(watch, "LOOK_S", 0.01)


async def test_all_who_listen_hear_the_very_same_bytes_of_one_look() -> None:
    watched = Watch(a_status)
    listeners = [watched.listen() for _ in range(10)]

    async with running(watched):
        heard = await asyncio.gather(*(anext(one) for one in listeners))

    assert len({id(text) for text in heard}) == 1
    assert b'"problems":[]' in heard[0]
    for one in listeners:
        await one.aclose()  # type: ignore[attr-defined]


async def test_nobody_looks_while_nobody_listens() -> None:
    watched = Watch(a_status)

    async with running(watched):
        await asyncio.sleep(0)
        assert watched.looks == 0
        listener = watched.listen()
        await anext(listener)
        await listener.aclose()  # type: ignore[attr-defined]
        await asyncio.sleep(0.05)
        seen = watched.looks
        await asyncio.sleep(0.05)

    assert watched.looks == seen


async def test_many_questions_at_once_are_one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LOOK_S", 60.0)
    watched = Watch(a_status)

    await asyncio.gather(*(watched.latest() for _ in range(20)))

    assert watched.looks == 1


async def test_a_listener_too_many_is_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "MOST_LISTENERS", 0)

    with pytest.raises(Full):
        await anext(Watch(a_status).listen())


def test_of_threads_that_ask_for_a_curve_at_once_one_reads() -> None:
    curves, reads = Curves(), []
    curve = Curve(since=NOON, until=NOON, step_s=60, points=[])

    def read() -> Curve:
        reads.append(1)
        return curve

    ask: Callable[[], object] = lambda: curves("1h", read)  # noqa: E731
    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(reads) == 1
    assert curves("6h", read) is curve
    assert len(reads) == 2
