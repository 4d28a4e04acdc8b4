"""`cdb console` as a process: its health, its stream, its end, and all that its description allows."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.fixtures._patience import PATIENCE_S
from tests.fixtures.commands import Commands, until
from workers.ports import free_port


@pytest.fixture
def console(cdb: Commands) -> str:
    """The address of a console that runs alone, over an empty database and without Redis."""
    return started(cdb)


def started(cdb: Commands) -> str:
    port = free_port()
    cdb.env["CDB_CONSOLE_PORT"] = str(port)
    assert cdb.run("migrate").returncode == 0
    url = f"http://127.0.0.1:{port}"
    process = cdb.start("console")
    until(lambda: answers(url) == process.pid, "the console's start", 60)
    return url


def answers(url: str) -> int | None:
    try:
        pid: int = httpx.get(f"{url}/health", timeout=PATIENCE_S).json()["pid"]
    except httpx.HTTPError:
        return None
    return pid


def test_it_tells_the_state_again_and_again_and_ends_when_it_is_told(cdb: Commands, console: str) -> None:
    heard = []
    with httpx.stream("GET", f"{console}/api/v1/stream", timeout=PATIENCE_S) as stream:
        for line in stream.iter_lines():
            if line.startswith("data: "):
                heard.append(json.loads(line.removeprefix("data: "))["at"])
            if len(heard) == 3:
                break
        [process] = cdb.started
        process.send_signal(signal.SIGTERM)

    assert sorted(set(heard)) == heard
    assert process.wait(PATIENCE_S) in (0, -signal.SIGTERM)
    assert "Traceback" not in cdb.said


@pytest.mark.timeout(300)
def test_whatever_its_description_allows_is_answered_as_it_says(cdb: Commands, redis_url: str) -> None:
    """Schemathesis asks all routes but the endless one, with the token of a program."""
    token = "a-token-of-a-program-for-tests"
    cdb.env |= {"CDB_CONSOLE_TOKEN": token, "CDB_CONSOLE_PASSWORD": "a password of a person"}
    cdb.env |= {"CDB_REDIS_URL": redis_url, "CDB_REDIS_PREFIX": f"{cdb.data_dir.name}:"}
    url = started(cdb)
    options = (
        "--exclude-path",
        "/api/v1/stream",
        "--checks",
        "all",
        "--phases",
        "coverage,fuzzing",
        "-n",
        "10",
        "--request-timeout",
        "60",
    )
    command = [
        str(Path(sys.executable).with_name("st")),
        "run",
        f"{url}/api/v1/openapi.json",
        *options,
        "--seed",
        "7",
    ]

    asked = subprocess.run(
        [*command, "-H", f"Authorization: Bearer {token}", "--no-color"],
        cwd=cdb.data_dir,
        capture_output=True,
        text=True,
        timeout=280,
    )

    assert asked.returncode == 0, asked.stdout
    assert "Traceback" not in cdb.said
    assert token not in cdb.said
