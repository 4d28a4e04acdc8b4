"""What a real worker has counted is what it did, whoever of its processes dies."""

import os
import signal
from collections.abc import Callable
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from app import wiring
from tests.fixtures import _trial_tasks as trial
from tests.fixtures._forks import Program
from tests.fixtures._patience import PATIENCE_S
from tests.fixtures.workers import a_worker, log, outcome, until
from workers.ports import free_port


@pytest.fixture
def farm_settings(farm_settings: dict[str, str]) -> dict[str, str]:
    return {**farm_settings, "CDB_PORT_TICKS": str(free_port())}  # of a worker on many queues, that of the first


def scraped(name: str, **labels: str) -> float | None:
    """The sum of the samples of that name with these labels, None if there is none."""
    with urlopen(f"http://127.0.0.1:{wiring.settings().port_ticks}/metrics", timeout=PATIENCE_S) as answer:
        text = str(answer.read(), "utf-8")
    samples = [one for family in text_string_to_metric_families(text) for one in family.samples]
    found = [one.value for one in samples if one.name == name and labels.items() <= one.labels.items()]
    return sum(found) if found else None


def answers() -> bool:
    try:
        scraped("tasks_total")
    except (URLError, OSError):
        return False
    return True


def hands(outcome_: str = "success") -> float | None:
    return scraped("tasks_total", task="tasks.orders.trial_hand", outcome=outcome_)


def do(times: int) -> None:
    for one in [trial.hand.s(f"K{one}").apply_async() for one in range(times)]:
        assert outcome(one)[0] == "SUCCESS"


def children(process: Program) -> list[psutil.Process]:
    return psutil.Process(process.pid).children()


@pytest.mark.chaos
def test_c13_counters_are_exact_after_children_and_then_the_worker_were_killed(celery: Callable[..., Any]) -> None:
    first = a_worker(celery)
    until(answers, "the first answer")
    do(12)
    until(lambda: hands() == 12, "the count of what was done")

    victims = children(first)
    for victim in victims:
        victim.kill()
    until(lambda: len(set(children(first)) - set(victims)) == 2, "new children")
    assert hands() == 12
    do(8)
    until(lambda: hands() == 20, "the count of what was done by both generations")
    assert scraped("task_duration_seconds_count", task="tasks.orders.trial_hand") == 20

    lost = trial.die.s("D").apply_async()
    assert outcome(lost)[0] == "FAILURE"
    until(lambda: scraped("tasks_total", outcome="lost") == 1, "the count of a lost process")
    until(lambda: not scraped("tasks_running"), "the end of what ran in it")

    os.kill(first.pid, signal.SIGKILL)
    first.wait(PATIENCE_S)
    a_worker(celery)
    until(answers, "an answer of the next worker")
    assert hands() is None
    assert scraped("tasks_running") is None
    do(3)
    until(lambda: hands() == 3, "the count of the next worker alone")


def test_c13_a_worker_of_threads_counts_what_it_did(celery: Callable[..., Any]) -> None:
    a_worker(celery, "threads")
    until(answers, "the first answer")
    do(5)
    until(lambda: hands() == 5, "the count of what was done")


def test_c13_a_child_that_was_replaced_for_its_memory_is_counted(celery: Callable[..., Any]) -> None:
    process = a_worker(celery)
    until(answers, "the first answer")
    before = children(process)
    for key in ("A", "B", "C", "D"):
        assert outcome(trial.grow.s(key, 420).apply_async())[0] == "SUCCESS"

    until(lambda: len(set(children(process)) - set(before)) > 0, "a new child")
    until(lambda: scraped("tasks_total", task="tasks.orders.trial_grow", outcome="success") == 4, "the count")


def test_a_worker_whose_port_is_taken_works(celery: Callable[..., Any]) -> None:
    a_worker(celery)
    until(answers, "the first answer")
    second = celery("worker", "-Q", "ticks,orders", "-c", "1", "-n", "second@%h", "-I", "tests.fixtures._trial_tasks")
    until(lambda: "metrics are not served" in log(), "the warning")

    assert "CDB_PORT_TICKS; 0 is none" in log()
    do(6)
    assert second.poll() is None


def test_a_program_that_only_asks_writes_no_metrics(celery: Callable[..., Any]) -> None:
    process = celery("inspect", "ping", "--timeout", "0.5")
    process.wait(PATIENCE_S)

    assert "No nodes replied" in log()
    assert not (wiring.settings().data_dir / "metrics").exists()
