"""The account is opened once, with the cash that the venue says there is."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from app.domain.portfolio import Mark
from app.domain.risk import Account
from app.steps.open_account import open_account
from app.steps.ports import Missing
from tests.fixtures.fakes import MemoryFarm
from tests.fixtures.memory.store import Ledger, Tables


class StrictLedger(Ledger):
    """Says that there is no account, as a database does."""

    def __init__(self, tables: Tables) -> None:
        super().__init__(tables)
        self.tables = tables

    def account(self, marks: Mapping[str, Mark], at: datetime) -> Account:
        if self.tables.cash is None:
            raise Missing("there is no account")
        return super().account(marks, at)


def opened(memory: MemoryFarm) -> bool:
    ledger = StrictLedger(memory.tables)
    return open_account(ledger=ledger, trading=memory.trading, currency="USDT", at=memory.now())


def test_a_farm_without_an_account_opens_one_with_the_venues_cash(memory: MemoryFarm) -> None:
    memory.tables.cash = None

    assert opened(memory)
    assert memory.tables.cash == memory.trading.balance("USDT")


def test_an_account_that_is_there_stays(memory: MemoryFarm) -> None:
    assert not opened(memory)
    assert memory.tables.cash == Decimal(10_000)
