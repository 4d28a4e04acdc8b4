"""What docker-compose.yml would start is started here as processes, with its commands, environment and secrets.

Without a Docker engine: PostgreSQL is the tests' own server, and names of containers become addresses on this machine.
The images of PostgreSQL, Valkey, Prometheus and Grafana, limits, networks and volumes are not tried by this.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.store import Database, Reports
from tests.fixtures.commands import until
from tests.fixtures.compose import ROOT, compose, made_secrets
from workers import embedded_redis
from workers.ports import free_port

OURS = "claire-de-binare"
SETTINGS = {
    "feed": 5001,
    "signals": 5002,
    "risk": 5003,
    "orders": 5004,
    "ticks": 5005,
    "upkeep": 5006,
    "notifier": 5007,
}

pytestmark = pytest.mark.timeout(300)


class Containers:
    """Each service of the file as a process of this machine."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.services: dict[str, Any] = compose()["services"]
        self._folder = folder
        self._ports = {number: str(free_port()) for number in (*SETTINGS.values(), 5555, 6379, 8000, 8090)}
        self._secrets = made_secrets(folder)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._write("cdb_database_url", database_url)
        self._write("cdb_redis_url", self.here(self.secret("cdb_redis_url")))

    def secret(self, name: str) -> str:
        """What a file of it says."""
        return (self._secrets / name).read_text()

    def here(self, text: str) -> str:
        """A command's or a setting's words with this machine's addresses."""
        here = re.sub(r"\bcdb_(redis|venue|upkeep|postgres)\b(?!_)", "127.0.0.1", text).replace("0.0.0.0", "127.0.0.1")
        return re.sub(r":(\d{4})\b", lambda found: f":{self._ports.get(int(found[1]), found[1])}", here)

    def start(self, name: str) -> "subprocess.Popen[bytes]":
        """A service of the farm's own image."""
        env = {word: value for word, value in os.environ.items() if not word.startswith(("CDB_", "CELERY_"))}
        given = self.services[name].get("environment") or {}
        env |= {word: self.here(str(value)) for word, value in given.items() if value is not None}
        env |= {f"CDB_PORT_{service.upper()}": self._ports[port] for service, port in SETTINGS.items()}
        env |= {"CDB_FLOWER_PORT": self._ports[5555], "CDB_CONSOLE_PORT": self._ports[8000]}
        env |= {"CDB_VENUE_PORT": self._ports[8090], "CDB_SECRETS_DIR": str(self._secrets_of(name))}
        env |= {"CDB_DATA_DIR": str(self._own(name)), "CDB_CONFIG": os.devnull, "CDB_ENV_FILE": os.devnull}
        command = [sys.executable, "-m", "app.cli", *self.services[name]["command"]]
        return self._run(name, command, env)

    def start_redis(self) -> None:
        """Valkey, as the file says, but for where it listens and keeps its files."""
        words = [word.replace("/run/secrets", str(self._secrets)) for word in self.services["cdb_redis"]["command"][1:]]
        where = ["--bind", "127.0.0.1", "--port", self._ports[6379], "--dir", str(self._own("cdb_redis"))]
        self._run("cdb_redis", [embedded_redis.binary(), *words, *where], dict(os.environ))

    def is_well(self, name: str) -> bool:
        """What its health check says."""
        test = self.services[name]["healthcheck"]["test"]
        words = [sys.executable if word == "python" else self.here(word) for word in test[1:]]
        return subprocess.run(words, cwd=ROOT, capture_output=True, timeout=30).returncode == 0

    def told(self, name: str) -> str:
        """The end of what a service has said."""
        return (self._folder / f"{name}.log").read_text()[-3000:]

    def stop(self) -> dict[str, int]:
        """Each is asked to end, and ends within the time that the file gives it; with which code."""
        codes = {}
        for process in reversed(self._running.values()):
            process.terminate()
        for name, process in self._running.items():
            codes[name] = process.wait(40)
        self._running.clear()
        return codes

    def kill(self) -> None:
        """Whatever still runs."""
        for process in self._running.values():
            process.kill()
            process.wait()

    def _run(self, name: str, command: list[str], env: dict[str, str]) -> "subprocess.Popen[bytes]":
        with (self._folder / f"{name}.log").open("wb") as out:
            self._running[name] = subprocess.Popen(command, cwd=ROOT, env=env, stdout=out, stderr=out)
        return self._running[name]

    def _secrets_of(self, name: str) -> Path:
        folder = self._own(f"{name}-secrets")
        for one in self.services[name].get("secrets", []):
            source = one["source"] if isinstance(one, dict) else one
            shutil.copy(self._secrets / source, folder)
        return folder

    def _own(self, name: str) -> Path:
        folder = self._folder / name
        folder.mkdir(exist_ok=True)
        return folder

    def _write(self, name: str, text: str) -> None:
        (self._secrets / name).write_text(text)


@pytest.fixture
def containers(tmp_path: Path, empty_postgresql: str) -> Iterator[Containers]:
    """Those of docker-compose.yml, none of which runs yet; whatever still runs at the end is killed."""
    made = Containers(tmp_path, empty_postgresql)
    yield made
    made.kill()


def test_what_the_compose_file_starts_is_well_trades_and_stops(containers: Containers, empty_postgresql: str) -> None:
    ours = [name for name, one in containers.services.items() if one["image"].startswith(OURS)]
    containers.start_redis()
    time.sleep(0.5)
    assert containers.start("cdb_migrate").wait(60) == 0, containers.told("cdb_migrate")
    kept = [name for name in ours if name != "cdb_migrate"]
    for name in kept:
        containers.start(name)

    for name in kept:
        until(lambda name=name: containers.is_well(name), f"{name}: {containers.told(name)}", 120)  # type: ignore[misc]
    database = Database(empty_postgresql)
    until(lambda: Reports(database).summary().executions > 0, "the first execution", 90)
    database.engine.dispose()
    codes = containers.stop()

    asked_to_end = {0, -signal.SIGTERM}  # the console's server ends by the signal itself, once it has closed
    assert {name: code for name, code in codes.items() if code not in asked_to_end} == {}
