"""A real Flower beside a real worker: it shows the tasks with their keys, asks for the password, and steers nothing."""

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from app import wiring
from tests.fixtures import _trial_tasks as trial
from tests.fixtures._patience import PATIENCE_S
from tests.fixtures.workers import outcome, until
from workers.ports import free_port
from workers.services import farm_services

PASSWORD = "a long password"


@pytest.fixture
def farm_settings(farm_settings: dict[str, str], password: str) -> dict[str, str]:
    return {**farm_settings, "CDB_FLOWER_PORT": str(free_port()), "CDB_FLOWER_PASSWORD": password}


@pytest.fixture(params=[PASSWORD])
def password(request: pytest.FixtureRequest) -> str:
    """What it asks for."""
    return str(request.param)


@pytest.fixture
def flower(celery: Callable[..., Any]) -> None:
    """As the farm starts it, beside a worker that tells of its tasks."""
    service = next(one for one in farm_services(wiring.settings()) if one.name == "flower")
    celery(*service.command[5:], **service.env)
    until(lambda: asked("/healthcheck", "")[0] == 200, "Flower's start")
    celery("worker", "-Q", "orders", "-c", "1", "-n", "orders@%h", "-I", "tests.fixtures._trial_tasks", "-E")


def asked(path: str, password: str = PASSWORD, body: dict[str, str] | None = None) -> tuple[int, str]:
    """The status and the text of its answer."""
    data = None if body is None else urlencode(body).encode()
    request = Request(f"{wiring.flower().url}{path}", data=data)
    if password:
        request.add_header("Authorization", f"Basic {b64encode(f'cdb:{password}'.encode()).decode()}")
    try:
        with urlopen(request, timeout=PATIENCE_S) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()
    except (URLError, OSError):
        return 0, ""


def test_it_shows_each_task_with_its_key_to_who_knows_the_password(flower: None) -> None:
    assert asked("/workers", "")[0] == asked("/workers", "a wrong password")[0] == 401

    done = trial.hand.s("ORDER-1").apply_async()
    assert outcome(done)[0] == "SUCCESS"
    failed = trial.fail.s("ORDER-2").apply_async()
    assert outcome(failed)[0] == "FAILURE"
    until(lambda: shown(failed.id).get("state") == "FAILURE", "what Flower shows")

    task = shown(done.id)
    assert (task["name"], task["state"]) == ("tasks.orders.trial_hand", "SUCCESS")
    assert "ORDER-1" in task["args"]
    assert "ORDER-1" in asked(f"/task/{done.id}")[1]
    assert "orders@" in asked("/workers")[1]
    assert asked(f"/task/{done.id}", "")[0] == 401


@pytest.mark.parametrize("password", [""], indirect=True)
def test_without_a_password_it_steers_nothing(flower: None) -> None:
    until(lambda: "orders@" in asked("/workers", "")[1], "the worker")

    for path in ("/api/worker/shutdown/orders@here", "/api/task/apply/tasks.orders.trial_hand", "/api/task/revoke/T-1"):
        assert asked(path, "", {"args": "[]"})[0] in (401, 403), path


def shown(task_id: str) -> dict[str, Any]:
    """What its list of tasks says of one."""
    status, text = asked(f"/api/task/info/{task_id}")
    return json.loads(text) if status == 200 else {}
