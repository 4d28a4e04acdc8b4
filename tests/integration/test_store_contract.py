"""SQLite, PostgreSQL and the tests' own memory do the same: every contract of the store, over each of them."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from app import store as rooms
from app.store import Database
from models import AuditRow
from tests.contracts.audits import AuditsContract
from tests.contracts.bars import BarsContract
from tests.contracts.books import BooksContract
from tests.contracts.instruments import InstrumentsContract
from tests.contracts.ledger import LedgerContract
from tests.contracts.letters import LettersContract
from tests.contracts.orders import OrdersContract
from tests.contracts.signals import SignalsContract
from tests.contracts.stores import StoreUnderTest
from tests.contracts.ticks import TicksContract
from tests.contracts.trades import TradesContract
from tests.fixtures.memory import store as memory

Events = list[tuple[str, dict[str, object]]]


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def tables(request: pytest.FixtureRequest) -> "memory.Tables | Database":
    """Empty tables of each kind."""
    if request.param == "memory":
        return memory.Tables()
    database: Database = request.getfixturevalue(request.param)
    return database


@pytest.fixture
def store(tables: "memory.Tables | Database") -> StoreUnderTest:
    """Every port over them."""
    room = memory if isinstance(tables, memory.Tables) else rooms
    return StoreUnderTest.over(room, tables)


class TestBars(BarsContract):
    """Bars."""


class TestBooks(BooksContract):
    """Our books, as a reconciliation reads them."""


class TestTicks(TicksContract):
    """Ticks."""


class TestSignals(SignalsContract):
    """Signals."""


class TestInstruments(InstrumentsContract):
    """Instruments."""


class TestLedger(LedgerContract):
    """The ledger."""


class TestLetters(LettersContract):
    """Dead letters."""


class TestOrders(OrdersContract):
    """Orders."""


class TestTrades(TradesContract):
    """Trades."""


class TestAudits(AuditsContract):
    """Audits."""

    @pytest.fixture
    def written(self, tables: "memory.Tables | Database") -> Callable[[], Events]:
        def read() -> Events:
            if isinstance(tables, memory.Tables):
                return [(event, dict(data)) for event, data in tables.audits]
            with tables.reading() as session:
                rows = session.scalars(select(AuditRow).order_by(AuditRow.id))
                return [(row.event_type, row.data) for row in rows]

        return read
