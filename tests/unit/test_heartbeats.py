"""What a worker told can be read by whoever keeps it."""

from pathlib import Path

import pytest

from app.domain.progress import Beat
from app.heartbeats import Heartbeats

BEAT = Beat(turn=7, begun=3, running=1, queues=("signals", "risk"))


@pytest.fixture
def heartbeats(tmp_path: Path) -> Heartbeats:
    return Heartbeats(tmp_path / "heartbeats")


def test_the_last_that_a_process_told_is_read(heartbeats: Heartbeats) -> None:
    heartbeats.write(4711, Beat(6, 3, 0, ()))
    heartbeats.write(4711, BEAT)

    assert heartbeats.read(4711) == BEAT
    assert heartbeats.read(4712) is None


def test_who_has_left_tells_nothing(heartbeats: Heartbeats) -> None:
    heartbeats.write(4711, BEAT)
    heartbeats.leave(4711)
    heartbeats.leave(4711)

    assert heartbeats.read(4711) is None


def test_nobody_has_told_anything_when_a_farm_begins_again(heartbeats: Heartbeats) -> None:
    heartbeats.begin()
    heartbeats.write(4711, BEAT)
    heartbeats.begin()

    assert heartbeats.read(4711) is None


def test_nothing_is_left_beside_what_was_told(heartbeats: Heartbeats, tmp_path: Path) -> None:
    heartbeats.write(4711, BEAT)

    assert [path.name for path in (tmp_path / "heartbeats").iterdir()] == ["4711.json"]
