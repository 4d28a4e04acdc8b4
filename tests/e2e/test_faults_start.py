"""What keeps a farm or a worker from starting ends it at once, with the reason, the cure and an exit code."""

import os
import socket
import subprocess
import sys

from tests.fixtures.commands import ROOT, Commands


def test_a_port_that_somebody_has_ends_the_start_with_the_venues_own_words(cdb: Commands) -> None:
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        ended = cdb.run("up", "--for", "30s", CDB_VENUE_PORT=str(somebody.getsockname()[1]))

    assert ended.returncode == 1
    assert "cannot be listened on" in ended.stderr
    assert "choose another port, or end what listens there" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_rule_with_a_wrong_parameter_is_refused_before_anything_starts(cdb: Commands) -> None:
    ended = cdb.run("up", "--for", "30s", CDB_RISK__COOLDOWN__SECONDS="9")

    assert ended.returncode == 2
    assert "cooldown has no parameter 'seconds'; there is limit_s" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (cdb.data_dir / "logs").exists()


def test_a_worker_on_a_schema_that_is_behind_says_how_to_bring_it_up_to_date(cdb: Commands, redis_url: str) -> None:
    command = [sys.executable, "-m", "celery", "-A", "app", "worker", "-Q", "risk", "-c", "1"]
    env = {**os.environ, **cdb.env, "CDB_REDIS_URL": redis_url}
    ended = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)

    assert ended.returncode == 1
    assert "cdb migrate" in ended.stderr
    assert "Traceback" not in ended.stderr
