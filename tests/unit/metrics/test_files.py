"""What a service has counted stays when its processes die, and what was true of them alone goes."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, values

from app.metrics import Files, Taken, TaskMetrics, files
from app.metrics.files import Process
from tests.fixtures import _counting

Counting = Callable[[Files, int], "subprocess.Popen[str]"]


@pytest.fixture
def counting() -> Iterator[Counting]:
    """Starts processes that count so often, and are then in the midst of one more."""
    started: list[subprocess.Popen[str]] = []

    def start(service: Files, times: int) -> "subprocess.Popen[str]":
        command = [sys.executable, _counting.__file__, str(service.folder), str(times)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        return process

    yield start
    for process in started:
        killed(process)


def killed(process: "subprocess.Popen[str]") -> None:
    if process.returncode is None:
        process.kill()
        process.communicate()


@pytest.fixture
def service(tmp_path: Path) -> Files:
    return Files(tmp_path, "orders@here")


def value(service: Files, name: str, **labels: str) -> float | None:
    registry = CollectorRegistry()
    registry.register(service)
    return registry.get_sample_value(name, {"task": "t", **labels})


def done(service: Files) -> float | None:
    return value(service, "tasks_total", outcome="success")


def running(service: Files) -> float | None:
    return value(service, "tasks_running")


def databases(service: Files) -> int:
    return len(list(service.folder.iterdir()))


def test_c13_counters_of_the_dead_are_kept_and_their_gauges_go(service: Files, counting: Counting) -> None:
    one, other = counting(service, 3), counting(service, 4)
    assert (done(service), running(service)) == (7, 2)

    killed(one)
    assert (done(service), running(service)) == (7, 1)
    killed(other)
    assert (done(service), running(service)) == (7, None)


def test_c13_a_histogram_of_the_dead_is_added_up_and_not_summed_twice(service: Files, counting: Counting) -> None:
    for _ in range(3):
        killed(counting(service, 2))
        service.sweep()

    assert value(service, "task_duration_seconds_count") == 6
    assert value(service, "task_duration_seconds_bucket", le="0.01") == 0
    assert value(service, "task_duration_seconds_bucket", le="0.025") == 6
    assert value(service, "task_duration_seconds_bucket", le="+Inf") == 6
    assert value(service, "task_duration_seconds_sum") == pytest.approx(0.12)


def test_c13_any_number_of_deaths_leaves_one_file_of_each_kind(service: Files, counting: Counting) -> None:
    killed(counting(service, 1))
    service.sweep()
    before = databases(service)
    for _ in range(4):
        killed(counting(service, 1))
        service.sweep()

    assert databases(service) == before
    assert done(service) == 5


def test_c13_a_pid_that_came_again_is_another_process(service: Files, counting: Counting) -> None:
    process = counting(service, 2)
    killed(process)
    for left in list(service.folder.glob(f"*{process.pid}-*")):
        left.rename(left.with_name(left.name.replace(f"{process.pid}-", f"{os.getppid()}-")))  # one that lives

    assert (done(service), running(service)) == (2, None)
    assert Process(service.folder)() != Process(service.folder)()


def test_c13_a_start_forgets_what_the_one_before_counted_and_leaves_other_services_alone(
    tmp_path: Path, counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    former, other = Files(tmp_path, "orders@here"), Files(tmp_path, "risk@here")
    killed(counting(former, 2))
    counting(other, 3)

    again = Files(tmp_path, "orders@here")  # a process may lock again what it has locked

    assert done(again) is None
    assert not former.folder.exists()
    assert done(other) == 3


def test_two_of_one_name_do_not_empty_each_others_files(tmp_path: Path) -> None:
    make = (
        "import sys, pathlib, app.metrics as m; "
        "f = m.Files(pathlib.Path(sys.argv[1]), 'a@b'); print(f.folder, flush=True); input()"
    )
    first = subprocess.Popen(
        [sys.executable, "-c", make, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert first.stdout is not None
    folder = Path(first.stdout.readline().strip())

    with pytest.raises(Taken, match="a@b"):
        Files(tmp_path, "a@b")
    assert folder.is_dir()

    killed(first)
    Files(tmp_path, "a@b")
    assert not folder.exists()


def test_a_full_disk_loses_nothing_that_was_counted(
    service: Files, counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(counting(service, 2))

    def full(path: Path, data: bytes) -> int:
        path.touch()
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        with pytest.raises(OSError, match="No space"):
            service.sweep()
        assert done(service) == 2
        with pytest.raises(OSError, match="No space"):
            Process(service.folder)()
    assert done(service) == 2
    assert not list(service.folder.glob("*.zeros"))


def test_what_this_process_counts_is_there_too_even_if_the_library_was_imported_before(
    service: Files, counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    library: Any = values
    monkeypatch.setattr(library, "ValueClass", library.ValueClass)
    monkeypatch.setenv(files.FOLDER, "")
    counting(service, 2)

    service.count_here()
    here = TaskMetrics()
    here.begun("t")
    here.never_ended("t", "lost")

    library.ValueClass.close_all_files()

    assert running(service) == 2
    assert value(service, "tasks_total", outcome="lost") == 1
    assert done(service) == 2
