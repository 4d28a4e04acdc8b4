"""What a supervisor tells of its services."""

from pathlib import Path

from app.roll import LATE_S, Enrolled, Roll

READY = Enrolled("orders", "ready", 4711, 2)


def test_what_was_told_is_read_again(tmp_path: Path) -> None:
    roll = Roll(tmp_path / "services.json")
    roll.write([READY], 1000)

    assert roll.read(1001) == [READY]


def test_nobody_has_told_anything_yet(tmp_path: Path) -> None:
    assert Roll(tmp_path / "services.json").read(0) is None


def test_what_a_farm_told_that_is_gone_counts_no_longer(tmp_path: Path) -> None:
    roll = Roll(tmp_path / "services.json")
    roll.write([READY], 1000)

    assert roll.read(1000 + LATE_S) is None
