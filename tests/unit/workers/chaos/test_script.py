"""The script of a run is drawn from its seed."""

from app.simulator.faults import KNOWN, LIMITS
from workers.chaos.script import FAULTS, script


def test_the_same_seed_gives_the_same_script() -> None:
    assert script(7, 120) == script(7, 120)
    assert script(7, 120) != script(8, 120)


def test_a_script_is_in_order_and_ends_in_time() -> None:
    times = [trouble.at_s for trouble in script(1, 60)]

    assert times == sorted(times)
    assert times
    assert times[-1] < 60


def test_a_longer_script_begins_as_the_shorter_one() -> None:
    short = script(3, 30)

    assert script(3, 300)[: len(short)] == short


def test_a_long_script_has_every_trouble_there_is() -> None:
    troubles = script(1, 600)

    killed = {(one.target, one.scope) for one in troubles if one.kind == "kill"}
    assert {one.fault["fault"] for one in troubles if one.kind == "fault"} == set(FAULTS)
    assert {("ticks", "child"), ("orders", "parent"), ("feed", "parent"), ("beat", "parent")} <= killed
    assert ("redis", "parent") in killed
    assert "flush" in {one.kind for one in troubles}


def test_a_database_of_our_own_is_struck_too_and_no_other() -> None:
    assert "database" not in {one.target for one in script(1, 600)}

    struck = {one.kind for one in script(1, 600, database=True) if one.target == "database"}
    assert struck == {"kill", "pause"}


def test_the_venue_knows_every_fault_and_what_it_takes() -> None:
    assert all(set(takes) <= KNOWN[name] | LIMITS for name, takes in FAULTS.items())


def test_every_trouble_can_be_told() -> None:
    told = {str(trouble) for trouble in script(1, 600)}

    assert "Redis is flushed" in told
    assert "kill a child of orders" in told
    assert any(one.startswith("pause feed for ") for one in told)
    assert "dropped_websocket" in told
    assert any(one.startswith("create_reply_dropped (times ") for one in told)
