"""F20: a venue whose clock runs ahead, on the wire: what is signed follows it, and a person is told once."""

import pytest
from sqlalchemy import select

from app import wiring
from app.domain.orders import OrderState
from models import AuditRow
from tasks import orders, upkeep
from tests.fixtures.farm import approved
from tests.fixtures.typed import Typed
from tests.fixtures.venue import ServedVenue

AHEAD_MS = 8000


@pytest.fixture
def cdb(begun: ServedVenue, farm_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch, typed: Typed) -> Typed:
    """The command, on a farm that has begun."""
    values = {"CDB_EXCHANGE_REST_URL": begun.rest_url, "CDB_EXCHANGE_WS_URL": begun.ws_url}
    for name, value in {**farm_settings, **values}.items():
        monkeypatch.setenv(name, value)
    return typed


def alarms() -> int:
    """How often a person was told."""
    with wiring.database().reading() as session:
        return len(session.scalars(select(AuditRow.id).where(AuditRow.event_type == "clock.off")).all())


def test_f20_orders_go_on_while_the_clock_is_off_and_a_person_is_told_once(begun: ServedVenue) -> None:
    upkeep.check_clock()
    begun.fail("clock_skew", ms=AHEAD_MS)
    name = approved()
    assert name is not None

    assert [upkeep.check_clock() > AHEAD_MS - 500 for _ in range(2)] == [True, True]
    for _ in range(5):
        orders.place(name)  # the first request is refused (700003), and the clock measured again
        orders.settle(name)

    assert wiring.orders().get(name).state is OrderState.FILLED
    assert alarms() == 1


def test_f20_status_and_doctor_tell_it_until_the_clock_is_well(cdb: Typed, begun: ServedVenue) -> None:
    assert "not measured yet" in cdb("status").out
    begun.fail("clock_skew", ms=AHEAD_MS)
    cdb("status")
    upkeep.check_clock()

    assert "too far since" in " ".join(cdb("status").out.split())
    [clock] = [one for one in cdb("doctor", "--json").plain if one["what"] == "clock"]
    assert (clock["ok"], "NTP" in clock["cure"]) == (False, True)

    begun.heal()
    cdb("status")
    upkeep.check_clock()

    assert "too far" not in cdb("status").out
    [clock] = [one for one in cdb("doctor", "--json").plain if one["what"] == "clock"]
    assert clock["ok"]
