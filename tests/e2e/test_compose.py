"""What docker-compose.yml would start is started here as processes, with its commands, environment and secrets.

Without a Docker engine: PostgreSQL, its psql, Prometheus and Alertmanager are this machine's, and names of containers
become addresses on it, also in what the last two are told. Their images and those of PostgreSQL, Valkey and
Grafana, limits, networks and volumes are not tried by this.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from psycopg import sql
from sqlalchemy import text

from app.store import Database, DatabaseError, Reports
from tests.fixtures._patience import PATIENCE_S
from tests.fixtures._required import program
from tests.fixtures._served import served
from tests.fixtures.alertmanager import PROGRAMS
from tests.fixtures.commands import until
from tests.fixtures.compose import ROOT, compose, made_secrets
from tests.fixtures.databases import QUICK, short_folder, takes_sessions
from tests.fixtures.prometheus import Prometheus
from workers import embedded_redis
from workers.own_postgresql import PostgreSQL
from workers.ports import free_port

DEPLOY = ROOT / "deploy"
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
OTHERS = (5432, 5555, 6379, 8000, 8090, 9090, 9093)
MORE = {"notify": "cdb_notifier", "alertmanager": "cdb_alertmanager"}  # those of other profiles, by theirs

pytestmark = pytest.mark.timeout(400)


class Containers:
    """Each service of the file as a process of this machine."""

    def __init__(self, folder: Path) -> None:
        self.services: dict[str, Any] = compose()["services"]
        for profile, name in MORE.items():
            self.services[name] = compose(profile=profile)["services"][name]
        self._folder = folder
        self._ports = {
            number: str(free_port()) for number in (*SETTINGS.values(), 5432, 5555, 6379, 8000, 8090, 9090, 9093)
        }
        self._secrets = made_secrets(folder)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        for name in ("cdb_database_url", "cdb_farm_database_url", "cdb_redis_url"):
            self._write(name, self.here(self.secret(name)))
        self._write("cdb_notify_urls", f"json://127.0.0.1:{free_port()}")
        self.prometheus = Prometheus(int(self._ports[9090]))

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

    @contextmanager
    def postgresql(self) -> Iterator[None]:
        """With the user that its image makes, who has to tell the password."""
        port = int(self._ports[5432])
        with short_folder() as folder:
            server = PostgreSQL(folder, "listen_addresses=127.0.0.1", f"port={port}", *QUICK)
            server.prepare()
            asks = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
            (folder / "data" / "pg_hba.conf").write_text(asks)
            with served(server.command, folder / "server.log", lambda: takes_sessions(folder, port)):
                with psycopg.connect(host=str(folder), port=port, user="postgres", dbname="cdb") as connection:
                    made = sql.SQL("CREATE ROLE cdb SUPERUSER LOGIN PASSWORD {}")
                    connection.execute(made.format(self.secret("postgres_password")))
                yield

    def give_roles(self) -> None:
        """What cdb_roles does, by this machine's psql."""
        env = {**os.environ, **self.services["cdb_roles"]["environment"], "PGPORT": self._ports[5432]}
        script = self.services["cdb_roles"]["command"][0].replace("/roles/", f"{DEPLOY / 'postgresql'}/")
        env |= {"PGHOST": self.here(env["PGHOST"])}
        ran = subprocess.run([script, str(self._secrets)], env=env, capture_output=True, text=True, timeout=PATIENCE_S)
        assert (ran.returncode, ran.stderr) == (0, "")

    def start_redis(self) -> None:
        """Valkey, as the file says, but for where it listens and keeps its files."""
        words = [word.replace("/run/secrets", str(self._secrets)) for word in self.services["cdb_redis"]["command"][1:]]
        where = ["--bind", "127.0.0.1", "--port", self._ports[6379], "--dir", str(self._own("cdb_redis"))]
        self._run("cdb_redis", [embedded_redis.binary(), *words, *where], dict(os.environ))

    def start_prometheus(self) -> None:
        """With the shipped configuration and rules, but for where it finds each container."""
        config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
        for job in config["scrape_configs"]:
            (found,) = job.pop("dns_sd_configs", [None])
            targets = [f"{found['names'][0]}:{found['port']}"] if found else job["static_configs"][0]["targets"]
            job["static_configs"] = [{"targets": list(map(self._address, targets))}]
        (alerting,) = config["alerting"]["alertmanagers"][0]["static_configs"]
        alerting["targets"] = list(map(self._address, alerting["targets"]))
        self._start_theirs("cdb_prometheus", "prometheus", config, 9090)

    def start_alertmanager(self) -> None:
        """As it is shipped; it has nobody to send to, and finds its secrets elsewhere."""
        text = (DEPLOY / "alertmanager" / "alertmanager.yml").read_text()
        config = yaml.safe_load(text.replace("/run/secrets", str(self._secrets)))
        self._start_theirs("cdb_alertmanager", "alertmanager", config, 9093, "--cluster.listen-address=")

    def is_well(self, name: str) -> bool:
        """What its health check says."""
        test = self.services[name]["healthcheck"]["test"]
        words = [sys.executable if word == "python" else self.here(word) for word in test[1:]]
        return subprocess.run(words, cwd=ROOT, capture_output=True, timeout=PATIENCE_S).returncode == 0

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

    def _start_theirs(self, name: str, kind: str, config: Any, port: int, *more: str) -> None:
        """A program of this machine by the file's command, with its configuration and its files in a folder."""
        found = program(kind, f"install Debian's package prometheus{'' if kind == 'prometheus' else '-alertmanager'}",
                        *(PROGRAMS if kind == "alertmanager" else ()))  # fmt: skip
        own = self._own(name)
        shutil.copytree(DEPLOY / kind, own / "etc")
        (own / "etc" / f"{kind}.yml").write_text(yaml.safe_dump(config))
        words = [
            word.replace(f"/etc/{kind}", str(own / "etc")).replace(f"path=/{kind}", f"path={own / 'data'}")
            for word in self.services[name]["command"]
        ]
        self._run(name, [found, *words, f"--web.listen-address=127.0.0.1:{self._ports[port]}", *more], dict(os.environ))

    def _address(self, target: str) -> str:
        """Where a container is here."""
        return f"127.0.0.1:{self._ports[int(target.partition(':')[2])]}"

    def _secrets_of(self, name: str) -> Path:
        folder = self._own(f"{name}-secrets")
        for one in self.services[name].get("secrets", []):
            told: dict[str, str] = one if isinstance(one, dict) else {"source": one}
            shutil.copy(self._secrets / told["source"], folder / Path(told.get("target", told["source"])).name)
        return folder

    def _own(self, name: str) -> Path:
        folder = self._folder / name
        folder.mkdir(exist_ok=True)
        return folder

    def _write(self, name: str, text: str) -> None:
        (self._secrets / name).write_text(text)


@pytest.fixture
def containers(tmp_path: Path, postgresql_installed: None) -> Iterator[Containers]:
    """Those of docker-compose.yml, none of which runs yet but PostgreSQL; whatever still runs at the end is killed."""
    made = Containers(tmp_path)
    with made.postgresql():
        yield made
        made.kill()


def test_what_the_compose_file_starts_is_well_trades_and_stops(containers: Containers) -> None:
    ours = [name for name, one in containers.services.items() if one["image"].startswith(OURS)]
    containers.start_redis()
    time.sleep(0.5)
    assert containers.start("cdb_migrate").wait(PATIENCE_S) == 0, containers.told("cdb_migrate")
    containers.give_roles()
    kept = [name for name in ours if name != "cdb_migrate"]
    for name in kept:
        containers.start(name)

    for name in kept:
        until(lambda name=name: containers.is_well(name), f"{name}: {containers.told(name)}", 180)  # type: ignore[misc]
    containers.start_alertmanager()
    containers.start_prometheus()
    for name in ("cdb_alertmanager", "cdb_prometheus"):
        until(lambda name=name: containers.is_well(name), f"{name}: {containers.told(name)}", PATIENCE_S)  # type: ignore[misc]
    until(containers.prometheus.is_up, "Prometheus' readiness", PATIENCE_S)
    jobs = {
        job["job_name"]
        for job in yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    }
    until(lambda: containers.prometheus.up() == dict.fromkeys(jobs, True), "all targets", 60)
    until(containers.prometheus.has_alertmanager, "Prometheus' Alertmanager", PATIENCE_S)
    until(lambda: not containers.prometheus.unjudged(), "a look at each rule", 60)
    database = Database(containers.secret("cdb_farm_database_url"))
    until(lambda: Reports(database).summary().executions > 0, "the first execution", PATIENCE_S)
    with pytest.raises(DatabaseError, match="permission denied"), database.writing() as session:
        session.execute(text("DELETE FROM orders"))
    database.engine.dispose()
    assert containers.prometheus.broken_rules() == {}
    codes = containers.stop()

    asked_to_end = {0, -signal.SIGTERM}  # the console's server ends by the signal itself, once it has closed
    assert {name: code for name, code in codes.items() if code not in asked_to_end} == {}
