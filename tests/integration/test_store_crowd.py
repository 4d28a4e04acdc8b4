"""Many at once: limits hold, claims are won once, and nobody is told that the database is locked."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from itertools import chain
from multiprocessing.managers import SyncManager
from typing import Any

import pytest
from sqlalchemy import select

from app import store as rooms
from app.domain.orders import OrderState
from app.domain.risk import TradingState
from app.domain.sizing import Sizing
from app.store import Database, Instruments, Ledger
from models import AuditRow, RiskEventRow, SignalRow
from tests.contracts.stores import StoreUnderTest
from tests.fixtures._approvals import LIMIT, Parameters, enters, enters_until_refused, marks_a_loss
from tests.fixtures._contenders import claims, writes
from tests.fixtures._forks import FORKED
from tests.fixtures.memory.builders import BTC, NOON, a_fill, an_instrument

pytestmark = pytest.mark.timeout(600)  # an idle machine needs four seconds each, a busy one many more
CROWD = [f"C{number}/USDT" for number in range(64)]


def at_once(work: Any, *calls: tuple[Any, ...]) -> list[int | None]:
    """Exit codes of processes that run at the same time."""
    return ended(*(FORKED.Process(target=work, args=arguments) for arguments in calls))


def ended(*processes: Any) -> list[int | None]:
    """Exit codes of these, once they have run."""
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return [process.exitcode for process in processes]


def address(database: Database) -> str:
    return database.url.render_as_string(hide_password=False)


def prepared(database: Database, symbols: Sequence[str]) -> Ledger:
    """An account of 10,000 and what the venue says of these symbols."""
    Instruments(database).save([an_instrument(symbol) for symbol in symbols], {}, NOON)
    ledger = Ledger(database)
    ledger.open_account(Decimal(10_000), NOON)
    return ledger


def decided(database: Database) -> Counter[str]:
    with database.reading() as session:
        return Counter(session.scalars(select(SignalRow.status)))


def objections(database: Database) -> Counter[str]:
    """Which rules objected, and how often."""
    query = select(RiskEventRow.risk_check).where(RiskEventRow.reason.is_not(None))
    with database.reading() as session:
        return Counter(session.scalars(query))


BY_RULE = Sizing(share=Decimal("0.05"), max_exposure=Decimal(1)), {"max_exposure": {"limit": LIMIT}}
BY_SIZE = Sizing(share=Decimal("0.07"), max_exposure=LIMIT), {"max_exposure": {"limit": Decimal("0.99")}}


@pytest.mark.parametrize(("sizing", "parameters", "approved"), [(*BY_RULE, 6), (*BY_SIZE, 5)], ids=["rule", "size"])
def test_sixty_four_approvals_at_once_meet_the_limit_exactly(
    sizing: Sizing, parameters: Parameters, approved: int, database: Database
) -> None:
    ledger, ready = prepared(database, CROWD), FORKED.Barrier(len(CROWD))

    wishes = ((address(database), ready, symbol, symbol, sizing, parameters) for symbol in CROWD)
    assert at_once(enters, *wishes) == [0] * 64

    assert ledger.account({}, NOON).reserved == 10_000 * LIMIT
    assert decided(database) == {"approved": approved, "refused": 64 - approved}
    guard = "max_exposure" if approved == 6 else "amount"  # the other one would have let more pass
    assert objections(database)[guard] == 64 - approved


def test_sixteen_wishes_for_one_symbol_become_one_position(database: Database) -> None:
    ledger, ready = prepared(database, CROWD[:1]), FORKED.Barrier(16)
    small, usual = Sizing(share=Decimal("0.001")), dict[str, Any]()

    wishes = ((address(database), ready, CROWD[0], f"wish-{number}", small, usual) for number in range(16))
    assert at_once(enters, *wishes) == [0] * 16

    assert decided(database) == {"approved": 1, "refused": 15}
    assert objections(database) == {"one_position": 15}
    assert ledger.account({}, NOON).reserved == 10


def test_nothing_is_approved_after_the_transaction_that_tripped_the_breaker(database: Database) -> None:
    """63 enter as long as they may; one marks the account, whose one position has lost an eighth of it."""
    wishes: dict[int, list[str]] = {process: [f"C{process}N{one}/USDT" for one in range(3)] for process in range(63)}
    ledger = prepared(database, [BTC, *chain(*wishes.values())])
    store = StoreUnderTest.over(rooms, database)
    fee = a_fill(amount=Decimal(20), commission=Decimal(0))
    store.settled(store.sent(store.entry(amount=Decimal(20), reserved=Decimal(2000))), OrderState.FILLED, fee)
    ready, small = FORKED.Barrier(64), Sizing(share=Decimal("0.001"), max_exposure=Decimal(1))
    parameters = {"max_exposure": {"limit": Decimal("0.99")}}

    entering = [
        FORKED.Process(target=enters_until_refused, args=(address(database), ready, symbols, [BTC], small, parameters))
        for symbols in wishes.values()
    ]
    marking = FORKED.Process(target=marks_a_loss, args=(address(database), ready, BTC, 37.5))
    assert ended(*entering, marking) == [0] * 64

    assert ledger.account({}, NOON).state is TradingState.HALTED
    with database.reading() as session:
        told = session.scalars(select(AuditRow.event_type).order_by(AuditRow.id)).all()  # written under the lock
    assert told.count("trading_state") == 1
    tripped = told.index("trading_state")
    assert "order.approved" in told[:tripped]
    assert "order.approved" not in told[tripped:]
    assert decided(database) == {"approved": told.count("order.approved"), "refused": 63}
    assert objections(database) == {"trading_state": 63}


def test_each_claim_has_one_winner(database: Database) -> None:
    store = StoreUnderTest.over(rooms, database).opened()
    orders = [store.entry(f"signal-{one}").client_order_id for one in range(3)]
    with SyncManager(ctx=FORKED) as manager:
        won = manager.list()
        assert at_once(claims, *((address(database), orders, won) for _ in range(3))) == [0] * 3

        assert sorted(won) == sorted(orders)


def test_four_writers_of_one_file_wait_for_their_turn(sqlite: Database) -> None:
    Ledger(sqlite).open_account(Decimal(10_000), NOON)

    assert at_once(writes, *((address(sqlite), process, 40) for process in range(4))) == [0] * 4

    with sqlite.reading() as session:
        assert len(session.scalars(select(SignalRow.id)).all()) == 160
