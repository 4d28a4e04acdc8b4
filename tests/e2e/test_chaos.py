"""`cdb chaos`: a farm in trouble, judged from the venue's own journal."""

import json

import pytest

from tests.fixtures.commands import Commands

RECOVERED_S = 10.0


@pytest.mark.chaos
@pytest.mark.timeout(240)
def test_a_farm_in_trouble_loses_nothing_doubles_nothing_and_keeps_its_limits(cdb: Commands) -> None:
    ended = cdb.run("chaos", "--seed", "1", "--for", "40s", "--json")

    assert ended.stdout, ended.stderr
    verdict = json.loads(ended.stdout)
    assert verdict["findings"] == [], ended.stderr
    assert ended.returncode == 0
    assert verdict["accepted"] > 0
    assert verdict["recoveries"]
    assert verdict["recovery_p99_s"] <= RECOVERED_S
