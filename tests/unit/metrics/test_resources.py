import subprocess
import sys
from collections.abc import Iterator

import pytest

from app.metrics.resources import Resources

MEBIBYTE = 1 << 20
WORK = """
import time
held = bytearray(b"1") * (64 << 20)
while time.process_time() < 0.3:
    pass
print("done", flush=True)
input()
"""


def told() -> dict[str, float]:
    return {sample.name: sample.value for family in Resources("risk").collect() for sample in family.samples}


@pytest.fixture
def child() -> Iterator["subprocess.Popen[str]"]:
    """Holds 64 MiB, has worked for a third of a second, and waits until it is told to end."""
    command = [sys.executable, "-c", WORK]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "done\n"
        yield process


def test_the_figures_bear_the_services_name() -> None:
    labels = {sample.name: sample.labels for family in Resources("risk").collect() for sample in family.samples}

    assert labels == {
        "service_processes": {"service": "risk"},
        "service_memory_bytes": {"service": "risk"},
        "service_cpu_seconds_total": {"service": "risk"},
    }


def test_children_are_added_to_their_parent(child: "subprocess.Popen[str]") -> None:
    with_it = told()
    child.communicate("\n")
    without = told()

    assert with_it["service_processes"] - without["service_processes"] == 1
    assert with_it["service_memory_bytes"] - without["service_memory_bytes"] > 60 * MEBIBYTE


def test_what_a_child_has_used_stays_when_it_is_gone(child: "subprocess.Popen[str]") -> None:
    with_it = told()["service_cpu_seconds_total"]
    child.communicate("\n")

    assert told()["service_cpu_seconds_total"] >= with_it
    assert with_it >= 0.3
