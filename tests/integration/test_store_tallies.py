"""What Prometheus is told of the database is what it holds."""

from decimal import Decimal
from typing import Any

import pytest

from app import store as rooms
from app.domain.errors import NotOpenYet
from app.domain.letters import DeadLetter
from app.domain.orders import OrderState
from app.domain.portfolio import Mark
from app.domain.unprotected import Spell
from app.steps.ports import Check
from app.store import Database, Tallies, tallies
from tests.contracts.stores import LATER, StoreUnderTest, sale
from tests.fixtures.memory.builders import BTC, NOON, a_signal


@pytest.fixture
def store(database: Database) -> StoreUnderTest:
    """Every port over one database."""
    return StoreUnderTest.over(rooms, database)


@pytest.fixture
def counted(database: Database) -> Tallies:
    """Who counts."""
    return Tallies(database)


def checked(store: StoreUnderTest, key: str, *checks: tuple[str, str | None]) -> None:
    store.signals.save(a_signal(key))
    with store.ledger.deciding(key, {}, NOON) as decision:
        decision.record([Check(rule, objection, {}) for rule, objection in checks])
        decision.refuse("as it happens")


def test_an_empty_database_is_counted_too(counted: Tallies) -> None:
    assert counted.trades() == tallies.TradeTally(0, 0, 0, 0, 0.0, 0.0, 0.0, 0, 0.0)
    assert counted.orders() == tallies.OrderTally({}, 0, 0, None)
    assert (counted.checks(), counted.signals(), counted.letters(), counted.unsealed()) == ({}, {}, {}, 0)
    with pytest.raises(NotOpenYet):
        counted.books(NOON)


def test_trades_are_counted_by_what_they_made(counted: Tallies, store: StoreUnderTest) -> None:
    won = store.opened().holding("won").trade_id
    store.settled(store.sent(store.exit(won, "exit-won")), OrderState.FILLED, sale("s-won", price=Decimal(120)))
    lost = store.holding("lost", symbol="ETH/USDT").trade_id
    store.settled(store.sent(store.exit(lost, "exit-lost")), OrderState.FILLED, sale("s-lost", price=Decimal(90)))
    held = store.holding("held", symbol="SOL/USDT").trade_id
    store.entry("pending", symbol="XRP/USDT")
    store.trades.keep_spells({held: Spell(NOON, 2.5)})

    told = counted.trades()

    assert (told.entered, told.open, told.won, told.lost) == (3, 1, 1, 1)
    assert (told.mean_size, told.unprotected, told.unprotected_s) == (100.0, 1, 2.5)
    assert told.realised == pytest.approx(20 - 10 - 4 * 0.05, abs=0.2)


def test_an_order_that_nobody_knows_of_is_as_old_as_its_claim(counted: Tallies, store: StoreUnderTest) -> None:
    store.opened().holding()
    store.orders.doubt(store.sent(store.entry("unclear", symbol="ETH/USDT")), "no answer", LATER)

    told = counted.orders()

    assert (told.states, told.executions) == ({"filled": 1, "unknown": 1}, 1)
    assert (told.unclear, told.unclear_since) == (1, NOON)


def test_the_account_is_valued_at_what_is_written_down(counted: Tallies, store: StoreUnderTest) -> None:
    store.opened().holding()
    store.ledger.mark({BTC: Mark(Decimal(200), LATER)}, LATER)

    told = counted.books(LATER)

    assert told.account.exposure == 200
    assert (told.reconciled_at, told.differences) == (NOON, {})


def test_what_only_grows_is_counted_for_good_and_its_newest_rows_anew(
    counted: Tallies, store: StoreUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tallies, "TAIL", 2)
    store.opened()
    checked(store, "one", ("cooldown", "too soon"), ("max_exposure", None))
    assert counted.checks() == {("cooldown", "refused"): 1, ("max_exposure", "passed"): 1}
    checked(store, "two", ("cooldown", None), ("max_exposure", None), ("cooldown", None))
    checked(store, "three", ("cooldown", "too soon"))

    expected = {("cooldown", "refused"): 2, ("max_exposure", "passed"): 2, ("cooldown", "passed"): 2}
    assert counted.checks() == counted.checks() == expected
    assert counted.signals() == {("BUY",): 3}


def test_letters_and_audits_that_wait_are_counted(counted: Tallies, store: StoreUnderTest) -> None:
    store.opened()
    store.letters.keep(DeadLetter("t-1", "tasks.orders.place", "Error", "no", NOON))

    assert counted.letters() == {"waiting": 1}
    before = counted.unsealed()
    assert before > 0
    assert store.audits.seal(100, LATER) == before
    assert counted.unsealed() == 0


def test_connections_are_those_of_anybody(counted: Tallies, database: Database) -> None:
    counted.ping()
    before = counted.connections()
    assert before is not None

    other: Any = Database(database.url.render_as_string(hide_password=False))
    with other.reading() as session:
        session.connection()
        after = counted.connections()
    other.engine.dispose()

    assert after is not None
    assert after > before >= 1
