"""Tasks that were counted, read by a process that counts nothing."""

import subprocess
import sys
from pathlib import Path

from app.metrics import TaskCounts

COUNT = """
from pathlib import Path
from app.metrics import Files, TaskMetrics
import sys
files = Files(Path(sys.argv[1]), sys.argv[2])
files.count_here()
tasks = TaskMetrics()
for outcome in sys.argv[3:]:
    tasks.begun("tasks.orders.place")
    tasks.ended("tasks.orders.place", outcome, 0.1)
"""


def count(root: Path, service: str, *outcomes: str) -> None:
    subprocess.run([sys.executable, "-c", COUNT, str(root), service, *outcomes], check=True, timeout=60)


def test_the_counts_of_all_services_are_added_up(tmp_path: Path) -> None:
    count(tmp_path, "orders@one", "success", "success", "retry")
    count(tmp_path, "orders@two", "success")

    counts = TaskCounts(tmp_path).read()

    assert counts == {("tasks.orders.place", "success"): 3, ("tasks.orders.place", "retry"): 1}


def test_where_nobody_counts_there_is_nothing(tmp_path: Path) -> None:
    assert TaskCounts(tmp_path / "none").read() == {}


def test_a_file_that_is_not_whole_is_left_out(tmp_path: Path) -> None:
    count(tmp_path, "orders@one", "success")
    broken = next(tmp_path.glob("*/*/counter_*.db")).with_name("counter_broken.db")
    broken.write_bytes(b"")

    assert sum(TaskCounts(tmp_path).read().values()) == 1
