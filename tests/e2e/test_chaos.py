"""`cdb chaos`: a farm in trouble, judged from the venue's own journal."""

import json

import pytest

from tests.fixtures.commands import Commands


@pytest.mark.chaos
@pytest.mark.timeout(600)
def test_a_farm_in_trouble_loses_nothing_doubles_nothing_and_keeps_its_limits(cdb: Commands) -> None:
    ended = cdb.run("chaos", "--seed", "1", "--for", "25s", "--json")

    assert ended.stdout, ended.stderr
    verdict = json.loads(ended.stdout)
    # How quick it was depends on what else the machine does: `make chaos` judges that, on a machine of its own.
    assert [found for found in verdict["findings"] if found["kind"] != "slow_recovery"] == [], ended.stderr
    assert verdict["accepted"] > 0
    assert verdict["recoveries"]
