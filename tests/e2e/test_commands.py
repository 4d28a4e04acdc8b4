"""What `cdb` says and how it exits while no farm runs."""

import json

import pytest

from tests.fixtures.commands import Commands
from workers.farm import held

OWN = """from dataclasses import dataclass

@dataclass(frozen=True)
class Strategy:
    version, window, warm_up = "1", 2, 2
    def indicators(self, bars): ...
    def decide(self, now, before): ...
"""


def test_a_status_without_a_farm_exits_with_three_and_the_command_to_start_one(cdb: Commands) -> None:
    asked = cdb.run("status")

    assert asked.returncode == 3
    assert "cdb up" in asked.stderr
    assert "Traceback" not in asked.stderr


def test_the_doctor_knows_a_farm_that_merely_sleeps_from_one_that_is_ill(cdb: Commands) -> None:
    asleep = cdb.run("doctor", "--json")
    ill = cdb.run("doctor", "--json", CDB_REDIS_URL="redis://127.0.0.1:1/0")

    assert asleep.returncode == 0
    assert not [finding for finding in json.loads(asleep.stdout) if finding["ok"] is False]
    assert ill.returncode == 1
    wrong = [finding for finding in json.loads(ill.stdout) if finding["ok"] is False]
    assert "Redis" in [finding["what"] for finding in wrong]
    assert all(finding["cure"] for finding in wrong)


def test_a_wrong_setting_exits_with_two_and_its_cure(cdb: Commands) -> None:
    asked = cdb.run("status", CDB_SHRADS="2")

    assert asked.returncode == 2
    assert "did you mean CDB_SHARDS?" in asked.stderr
    assert "Traceback" not in asked.stderr


def test_a_duration_that_is_none_is_wrong_usage(cdb: Commands) -> None:
    asked = cdb.run("up", "--for", "soon")

    assert asked.returncode == 2
    assert "write 90s" in asked.stderr


def test_every_service_of_a_farm_is_a_command(cdb: Commands) -> None:
    asked = cdb.run("services", "--json")

    services = {service["name"]: service["command"] for service in json.loads(asked.stdout)}
    assert {"redis", "venue", "feed", "ticks", "signals", "risk", "orders", "upkeep", "beat", "flower"} <= set(services)
    assert all(services.values())


def test_a_broken_recording_is_refused_with_its_line_before_anything_starts(cdb: Commands) -> None:
    broken = cdb.data_dir / "broken.csv"
    broken.write_text("timestamp_ms,symbol,price,quantity,side\n1700000000000,BTC/USDT,-1,1,buy\n")
    asked = cdb.run("replay", str(broken))

    assert asked.returncode == 2
    assert "line 2" in asked.stderr
    assert not (cdb.data_dir / "replays").exists()


@pytest.mark.parametrize("script", [True, False], ids=["cdb", "python -m app.cli"])
def test_a_strategy_in_the_current_folder_is_found(cdb: Commands, script: bool) -> None:
    (cdb.data_dir / "my_own.py").write_text(OWN)
    with held(cdb.data_dir):
        good = cdb.run("up", at=cdb.data_dir, script=script, CDB_STRATEGIES="my_own:Strategy")
        wrong = cdb.run("up", at=cdb.data_dir, script=script, CDB_STRATEGIES="my_other:Strategy")

    assert (good.returncode, "A farm (process" in good.stderr) == (1, True), "it is stopped by the other farm alone"
    assert wrong.returncode == 2
    assert "there is no module 'my_other'; start from its folder, or put that on PYTHONPATH" in wrong.stderr
