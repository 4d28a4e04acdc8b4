"""What is secret is planted in every setting that has such, and in an error that tells it: it is seen nowhere."""

from collections.abc import Callable
from typing import Any
from urllib.request import urlopen

import httpx
import pytest
from sqlalchemy import make_url, text

from app import wiring
from app.web.application import application
from app.wiring import Console
from tasks import upkeep
from tests.fixtures import _trial_tasks as trial
from tests.fixtures._patience import PATIENCE_S
from tests.fixtures.workers import log, outcome, until
from tests.integration.test_flower import asked
from workers.ports import free_port
from workers.services import farm_services

PASSWORD = "planted-flower-password"
PLANTED = {
    "CDB_API_KEY": "planted-api-key-4711",
    "CDB_API_SECRET": "planted-api-secret-4711",
    "CDB_CONSOLE_PASSWORD": "planted-console-password",
    "CDB_CONSOLE_TOKEN": "planted-console-token-of-24-characters",
    "CDB_FLOWER_PASSWORD": PASSWORD,
    "CDB_BACKUP_KEY": "planted-backup-key-4711",
    "CDB_NOTIFY_URLS": "tgram://123456789:planted-token-of-telegram-4711/42 mailto://ann:planted-mail@localhost",
}
WITHIN = {
    "Telegram's token": "planted-token-of-telegram-4711",
    "the mail's": "planted-mail",
    "PostgreSQL's": "planted-pg",
}
ALL = {**PLANTED, **WITHIN}


@pytest.fixture
def farm_settings(farm_settings: dict[str, str]) -> dict[str, str]:
    ports = {"CDB_FLOWER_PORT": str(free_port()), "CDB_PORT_ORDERS": str(free_port())}
    # The tests' server trusts whoever comes, with any password.
    database = make_url(farm_settings["CDB_DATABASE_URL"]).set(password=WITHIN["PostgreSQL's"])
    where = {"CDB_DATABASE_URL": database.render_as_string(hide_password=False)}
    return {**farm_settings, **PLANTED, **ports, **where, "CDB_LOG_LEVEL": "debug"}


pytestmark = pytest.mark.parametrize("farm_kind", ["postgresql"], indirect=True)


async def test_no_secret_is_seen_in_logs_metrics_flower_results_pages_or_dead_letters(
    celery: Callable[..., Any],
) -> None:
    service = next(one for one in farm_services(wiring.settings()) if one.name == "flower")
    celery(*service.command[5:], **service.env)
    until(lambda: asked("/healthcheck", "")[0] == 200, "Flower's start")
    celery("worker", "-Q", "orders", "-c", "1", "-n", "orders@%h", "-I", "tests.fixtures._trial_tasks", "-E")

    failed = trial.blab.s("ORDER-1").apply_async()
    assert outcome(failed)[0] == "FAILURE"
    until(lambda: wiring.letters().count() == 1, "the dead letter")
    until(lambda: asked(f"/task/{failed.id}", PASSWORD)[0] == 200, "Flower's page of it")

    seen = {
        "log": log(),
        "metrics": urlopen(f"http://127.0.0.1:{wiring.settings().port_orders}/metrics", timeout=PATIENCE_S)
        .read()
        .decode(),
        "dead letter": repr(wiring.letters().get(failed.id)),
        "result": stored(),
        "Flower's page": asked(f"/task/{failed.id}", PASSWORD)[1],
        "Flower's list": asked("/tasks", PASSWORD)[1] + asked("/api/tasks", PASSWORD)[1],
        "Flower's worker": asked("/workers", PASSWORD)[1],
        **await pages("/dead-letters/1", "/dead-letters", "/farm", "/api/v1/dead-letters/1", "/api/v1/status"),
    }
    assert "cannot be done" in seen["/api/v1/dead-letters/1"]
    assert [(where, name) for where, told in seen.items() for name, value in ALL.items() if value in told] == []


def test_no_secret_is_in_what_a_task_says_that_is_tried_again(celery: Callable[..., Any]) -> None:
    celery("worker", "-Q", "orders", "-c", "1", "-n", "orders@%h", "-I", "tests.fixtures._trial_tasks", "-E")

    tried = trial.blab_again.s("ORDER-1").apply_async()
    until(lambda: tried.state == "RETRY", "the first try")

    seen = {"log": log(), "result": stored() + repr(tried.result) + str(tried.traceback)}
    assert "ORDER-1 cannot be done" in seen["result"]
    assert [(where, name) for where, told in seen.items() for name, value in ALL.items() if value in told] == []


async def pages(*paths: str) -> dict[str, str]:
    transport = httpx.ASGITransport(application(Console()))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as browser:
        answers = {path: await browser.get(path) for path in paths}
    assert {answer.status_code for answer in answers.values()} == {200}
    return {path: answer.text for path, answer in answers.items()}


def stored() -> str:
    upkeep.keep_results()
    with wiring.database().reading() as session:
        return repr(session.execute(text("SELECT * FROM celery_taskmeta")).all())
