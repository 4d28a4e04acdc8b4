"""The ready pieces in deploy/backup say commands that there are, at a time that can be."""

import re
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.fixtures.typed import Typed

PIECES = Path(__file__).parents[3] / "deploy" / "backup"
COMMAND = re.compile(r"\.venv/bin/cdb ([a-z0-9 -]+?)(?= >|\"|\n)")
NAMES = ("cdb-backup.cron", "cdb-backup.service", "register-backup-task.ps1")


def piece(name: str) -> ConfigParser:
    """A unit of systemd's."""
    parser = ConfigParser(interpolation=None, comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # its names are not all small
    parser.read_string((PIECES / name).read_text())
    return parser


@pytest.mark.parametrize("name", NAMES)
def test_what_a_piece_runs_can_be_run(name: str, typed: Typed) -> None:
    commands = COMMAND.findall((PIECES / name).read_text())

    assert commands
    for command in commands:
        assert command.startswith("backup")
        assert typed(*command.split(), "--help").code == 0


def test_cron_reads_five_fields_a_user_and_a_command() -> None:
    lines = [line for line in (PIECES / "cdb-backup.cron").read_text().splitlines() if line[:1].isdigit()]

    assert len(lines) == 2
    for line in lines:
        fields = line.split(maxsplit=6)
        assert all(re.fullmatch(r"\*|\d{1,2}", field) for field in fields[:5])
        assert fields[5] == "cdb"
        assert "%" not in fields[6], "cron takes it for the end of a line"


def test_the_timer_starts_the_service_each_day() -> None:
    timer, service = piece("cdb-backup.timer"), piece("cdb-backup.service")

    assert timer["Timer"]["OnCalendar"] == "*-*-* 03:30:00 UTC"
    assert timer["Timer"]["Persistent"] == "true"
    assert timer["Install"]["WantedBy"] == "timers.target"
    assert service["Service"]["Type"] == "oneshot"
