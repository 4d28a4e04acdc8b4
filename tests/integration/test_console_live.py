"""`cdb console` as a process: its health, its stream, and that a killed one is back for the pages that are open."""

import json
import signal

import httpx
import pytest

from tests.fixtures.commands import Commands, until
from workers.ports import free_port


@pytest.fixture
def console(cdb: Commands) -> str:
    """The address of a console that runs alone, over nothing."""
    port = free_port()
    cdb.env["CDB_CONSOLE_PORT"] = str(port)
    assert cdb.run("migrate").returncode == 0
    url = f"http://127.0.0.1:{port}"
    process = cdb.start("console")
    until(lambda: answers(url) == process.pid, "the console's start", 60)
    return url


def answers(url: str) -> int | None:
    try:
        pid: int = httpx.get(f"{url}/health", timeout=5).json()["pid"]
    except httpx.HTTPError:
        return None
    return pid


def test_it_tells_the_state_again_and_again_and_ends_when_it_is_told(cdb: Commands, console: str) -> None:
    heard = []
    with httpx.stream("GET", f"{console}/api/v1/stream", timeout=30) as stream:
        for line in stream.iter_lines():
            if line.startswith("data: "):
                heard.append(json.loads(line.removeprefix("data: "))["at"])
            if len(heard) == 3:
                break
        [process] = cdb.started
        process.send_signal(signal.SIGTERM)

    assert sorted(set(heard)) == heard
    assert process.wait(30) in (0, -signal.SIGTERM)
    assert "Traceback" not in cdb.said
