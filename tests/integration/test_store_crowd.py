"""Many at once: limits hold, claims are won once, and nobody is told that the database is locked."""

from collections import Counter
from decimal import Decimal
from multiprocessing.managers import SyncManager
from typing import Any

from sqlalchemy import select

from app.domain.risk import TradingState
from app.store import Database, Ledger
from models import AuditRow, SignalRow
from tests.contracts.stores import StoreUnderTest
from tests.fixtures._contenders import LIMIT, claims, decides, decides_until_it_trips, writes
from tests.fixtures._forks import FORKED
from tests.fixtures.memory.builders import NOON


def at_once(work: Any, *calls: tuple[Any, ...]) -> list[int | None]:
    """Exit codes of processes that run at the same time."""
    processes = [FORKED.Process(target=work, args=arguments) for arguments in calls]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return [process.exitcode for process in processes]


def address(database: Database) -> str:
    return database.url.render_as_string(hide_password=False)


def test_sixty_four_decisions_at_once_meet_the_limit_exactly(database: Database) -> None:
    ledger = Ledger(database)
    ledger.open_account(Decimal(10_000), NOON)

    assert at_once(decides, *((address(database), process, 16) for process in range(4))) == [0] * 4

    assert ledger.account({}, NOON).reserved == LIMIT
    with database.reading() as session:
        assert Counter(session.scalars(select(SignalRow.status))) == {"approved": 3, "refused": 61}


def test_nothing_is_approved_after_the_transaction_that_tripped_the_breaker(database: Database) -> None:
    ledger = Ledger(database)
    ledger.open_account(Decimal(10_000), NOON)

    calls = ((address(database), process, 16, 2) for process in range(4))
    assert at_once(decides_until_it_trips, *calls) == [0] * 4

    assert ledger.account({}, NOON).state is TradingState.HALTED
    with database.reading() as session:
        told = session.scalars(select(AuditRow.event_type).order_by(AuditRow.id)).all()  # written under the lock
        decided = Counter(session.scalars(select(SignalRow.status)))
    assert told.count("trading_state") == 1
    assert "order.approved" not in told[told.index("trading_state") :]
    assert decided["approved"] == told.count("order.approved") < 64
    assert decided.total() == 64


def test_each_claim_has_one_winner(database: Database) -> None:
    from app import store

    rooms = StoreUnderTest.over(store, database).opened()
    orders = [rooms.entry(f"signal-{one}").client_order_id for one in range(20)]
    with SyncManager(ctx=FORKED) as manager:
        won = manager.list()
        assert at_once(claims, *((address(database), orders, won) for _ in range(3))) == [0] * 3

        assert sorted(won) == sorted(orders)


def test_four_writers_of_one_file_wait_for_their_turn(sqlite: Database) -> None:
    Ledger(sqlite).open_account(Decimal(10_000), NOON)

    assert at_once(writes, *((address(sqlite), process, 40) for process in range(4))) == [0] * 4

    with sqlite.reading() as session:
        assert len(session.scalars(select(SignalRow.id)).all()) == 160
