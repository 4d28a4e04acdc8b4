"""cdb halt, reduce and resume: a person changes the trading state, without Redis and without a farm."""

from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select

from app import store as rooms
from app import wiring
from app.cli.codes import FAILED, WRONG
from app.domain.orders import OUT_OF_REACH, OrderState
from app.domain.risk import TradingState
from models import AuditRow
from tests.contracts.stores import StoreUnderTest
from tests.fixtures.memory.builders import NOON
from tests.fixtures.typed import Typed


@pytest.fixture(autouse=True)
def account(data_dir: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An open account, and nothing else that runs."""
    monkeypatch.setenv("CDB_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("CDB_REDIS_URL", "redis://127.0.0.1:1/0")
    wiring.ledger().open_account(Decimal(10_000), wiring.now())


def audited() -> list[tuple[str, str, str]]:
    with wiring.database().reading() as session:
        rows = session.scalars(
            select(AuditRow.data).where(AuditRow.event_type == "trading_state").order_by(AuditRow.id)
        )
        return [(data["to"], data["reason"], data["by"]) for data in rows]


def test_a_halt_is_kept_with_who_and_why(typed: Typed) -> None:
    ended = typed("halt", "--reason", "exchange news", "--by", "ann", "--json")

    assert (ended.code, ended.plain) == (0, {"trading_state": "HALTED", "withdrawn": 0})
    assert audited() == [("HALTED", "exchange news", "ann")]


def test_who_it_was_is_the_machines_user_if_not_told(typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "bob")

    assert typed("reduce", "--reason", "thin market").out == "trading_state: REDUCING\n"
    assert audited() == [("REDUCING", "thin market", "bob")]


@pytest.mark.parametrize("command", ["halt", "reduce", "resume"])
def test_an_empty_reason_is_refused(typed: Typed, command: str) -> None:
    ended = typed(command, "--reason", " ")

    assert ended.code == WRONG
    assert "--reason is empty" in ended.err
    assert audited() == []


def test_reducing_does_not_loosen_a_halt(typed: Typed) -> None:
    typed("halt", "--reason", "news", "--by", "ann")

    ended = typed("reduce", "--reason", "less", "--by", "ann")

    assert ended.code == FAILED
    assert "cdb resume" in ended.err
    assert len(audited()) == 1


def test_a_halt_is_resumed_only_when_confirmed(typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    wiring.ledger().set_state(TradingState.HALTED, "loss", "breaker", wiring.now())
    monkeypatch.setattr("typer.confirm", _declines)

    assert typed("resume", "--reason", "looked", "--by", "ann").code == FAILED
    assert [state for state, _, _ in audited()] == ["HALTED"]

    ended = typed("resume", "--reason", "looked", "--by", "ann", "--yes", "--json")
    assert ended.plain["trading_state"] == "ACTIVE"
    assert Decimal(ended.plain["day_open"]) == 10_000
    assert audited()[-1] == ("ACTIVE", "looked", "ann")


def test_resuming_what_is_active_changes_nothing(typed: Typed) -> None:
    ended = typed("resume", "--reason", "again")

    assert "nothing was changed" in ended.out
    assert audited() == []


@pytest.fixture
def held() -> StoreUnderTest:
    """An order that is out of the venue's reach."""
    store = StoreUnderTest.over(rooms, wiring.database())
    doubted = store.orders.doubt(store.sent(store.entry()), "timed out", NOON)
    store.orders.hold(doubted, OUT_OF_REACH, NOON)
    return store


def test_an_order_that_is_held_for_a_person_ends_when_somebody_has_looked(held: StoreUnderTest, typed: Typed) -> None:
    ended = typed(
        "expire", "O-sign", "--reason", "the venue's page has no such order", "--by", "ann", "--yes", "--json"
    )

    assert ended.plain == {"client_order_id": "O-signal-1", "state": "expired", "freed": "100"}
    assert held.ledger.account({}, NOON).reserved == 0
    assert held.orders.get("O-signal-1").reason == "the venue's page has no such order (said ann)"


def test_an_order_is_ended_only_when_confirmed(
    held: StoreUnderTest, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("typer.confirm", _declines)

    assert typed("expire", "O-signal-1", "--reason", "looked").code == FAILED
    assert held.orders.get("O-signal-1").state is OrderState.UNKNOWN


def test_an_order_that_the_farm_still_looks_for_is_left_to_it(typed: Typed) -> None:
    store = StoreUnderTest.over(rooms, wiring.database())
    store.orders.doubt(store.sent(store.entry()), "timed out", NOON)

    ended = typed("expire", "O-signal-1", "--reason", "impatient", "--yes")

    assert ended.code == FAILED
    assert "O-signal-1 is unknown and not held for a person; the farm settles it." in ended.err
    assert store.orders.get("O-signal-1").state is OrderState.UNKNOWN


def test_an_order_that_has_ended_is_ended_no_more(held: StoreUnderTest, typed: Typed) -> None:
    held.settled(held.orders.get("O-signal-1"), OrderState.CANCELLED)

    assert typed("expire", "O-signal-1", "--reason", "late", "--yes").code == FAILED


def _declines(*arguments: object, **options: object) -> None:
    raise SystemExit(FAILED)
