"""Tests find the farm's processes by what these call themselves, however long the path of the interpreter is."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.fixtures.commands import title, worker

FARM = "import subprocess, sys; subprocess.run(sys.argv[1:])"
RENAMED = """
import setproctitle, sys
setproctitle.setproctitle("[celeryd: ticks@host:MainProcess] -active- (" + 200 * "A" + ")")
print("renamed", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("room", [1, 500], ids=["longer than the command", "shorter"])
def test_a_worker_is_found_by_the_name_in_its_title(room: int, tmp_path: Path) -> None:
    program = tmp_path / "worker.py"
    program.write_text(RENAMED)
    command = [sys.executable, "-c", FARM, sys.executable, str(program), room * "B"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as farm:
        assert farm.stdin is not None
        assert farm.stdout is not None
        assert farm.stdout.readline() == "renamed\n"

        found = worker(farm, "ticks")

        assert found is not None
        assert title(found).startswith("[celeryd: ticks@host:MainProcess] -active- (AAA")
        assert worker(farm, "orders") is None
        farm.stdin.close()


def test_a_title_is_one_line_of_what_was_typed() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()", "feed"], stdin=subprocess.PIPE, text=True) as process:
        assert title(psutil.Process(process.pid)) == f"{sys.executable} -c input() feed"
        process.communicate("\n")
