"""The units for a machine of one's own are read by systemd's own parser."""

import subprocess
from pathlib import Path

import pytest

from tests.fixtures._required import program
from tests.fixtures.compose import ROOT

UNITS = [ROOT / "deploy" / "systemd" / "cdb.service", *sorted((ROOT / "deploy" / "backup").glob("cdb-backup.[st]*"))]


def systemd_analyze() -> str:
    return program("systemd", "install Debian's package systemd", "systemd-analyze")


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_systemd_finds_nothing_wrong_with_a_unit(unit: Path, tmp_path: Path) -> None:
    for one in UNITS:  # a timer wants to see its service
        text = one.read_text().replace("/opt/claire/.venv/bin/cdb", "/bin/true").replace("/opt/claire", str(tmp_path))
        (tmp_path / one.name).write_text(text)

    ran = subprocess.run(
        [systemd_analyze(), "verify", tmp_path / unit.name], capture_output=True, text=True, timeout=30
    )

    assert [line for line in (ran.stdout + ran.stderr).splitlines() if line.startswith(unit.name)] == []
    assert ran.returncode == 0, ran.stderr


def test_a_unit_that_is_wrong_would_be_told(tmp_path: Path) -> None:
    unit = tmp_path / "wrong.service"
    unit.write_text("[Service]\nType=nonsense\nExecStart=/bin/true\n")

    ran = subprocess.run([systemd_analyze(), "verify", unit], capture_output=True, text=True, timeout=30)

    assert "nonsense" in ran.stdout + ran.stderr
