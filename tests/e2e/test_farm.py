"""`cdb up`: from the market to an executed order, mistreated on the way, with another farm beside it."""

import json
import re
import signal

import psutil
import pytest

from tests.fixtures._patience import PATIENCE_S
from tests.fixtures.commands import Commands, commands, until, worker

pytestmark = pytest.mark.chaos


@pytest.mark.timeout(500)
def test_a_farm_trades_beside_another_survives_a_killed_worker_and_stops_when_told() -> None:
    with commands() as farm, commands() as neighbour:
        up = farm.start("up")
        until(lambda: "is up" in farm.said or up.poll() is not None, "the farm's start", 120)
        until(lambda: executions(farm) >= 1 or up.poll() is not None, "the first execution")
        assert up.poll() is None, farm.said

        beside = neighbour.start("up", "--for", "5s", "--json")
        second = farm.run("up", "--for", "1s")
        assert second.returncode == 1
        assert f"process {up.pid}" in second.stderr
        assert farm.run("services").returncode == 0

        before = worker(up, "ticks")
        assert before is not None
        before.kill()
        until(lambda: worker(up, "ticks") not in (None, before), "the worker's restart", PATIENCE_S)
        seen = ticks(farm)
        until(lambda: ticks(farm) > seen, "ticks after the restart", PATIENCE_S)
        assert farm.run("doctor").returncode == 0

        assert beside.wait(150) == 0, neighbour.said
        assert json.loads(neighbour.printed)["trading_state"] in ("ACTIVE", None)

        services = psutil.Process(up.pid).children(recursive=True)
        up.send_signal(signal.SIGTERM)
        assert up.wait(60) == 0, farm.said
        assert "What came of it" in farm.said
        assert not [one for one in services if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
        assert "Traceback" not in farm.said + neighbour.said


def executions(farm: Commands) -> int:
    """As its last plain line tells."""
    told = re.findall(r"executions (\d+)", farm.said)
    return int(told[-1]) if told else 0


def ticks(farm: Commands) -> int:
    return int(json.loads(farm.run("status", "--json").stdout)["counters"].get("ticks_processed", 0))
