"""What is held is worth the newest price that is known of it, whoever has forgotten which."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from app.domain.marks import OLDEST, Valuation, valued
from app.domain.portfolio import Mark, Trade, TradeStatus
from tests.fixtures.memory.builders import BTC, NOON

ONE = Decimal(1)
minutes = st.integers(0, 60).map(lambda late: NOON + timedelta(minutes=late))
found = st.one_of(st.none(), st.builds(Mark, st.integers(1, 999).map(Decimal), minutes))


def a_trade(symbol: str = BTC, **changes: object) -> Trade:
    """One coin, bought at 100 at noon and never marked since."""
    plain = Trade(1, symbol, "momentum", TradeStatus.OPEN, NOON, size=ONE, left=ONE, entry_price=Decimal(100))
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_what_was_never_marked_is_worth_what_was_paid_for_it() -> None:
    valuation = valued([a_trade()], {}, NOON)

    assert valuation == Valuation(Decimal(100), {BTC: Mark(Decimal(100), NOON)}, {BTC: timedelta(0)})


def test_what_is_not_bought_yet_is_worth_nothing_and_waits_for_no_price() -> None:
    pending = a_trade(status=TradeStatus.PENDING, left=Decimal(0), entry_price=None)

    assert valued([pending], {}, NOON + timedelta(days=1)) == Valuation()


def test_of_two_trades_of_a_symbol_the_mark_of_either_is_the_others() -> None:
    later = NOON + timedelta(seconds=1)
    trades = [a_trade(), a_trade(mark=Decimal(90), marked_at=later), a_trade()]

    assert valued(trades, {}, later).exposure == 270


def test_a_price_that_was_heard_is_known_until_it_is_older_than_the_bound() -> None:
    heard = {BTC: Mark(Decimal(120), NOON)}
    beyond = OLDEST + timedelta(microseconds=1)

    assert valued([a_trade()], heard, NOON + OLDEST).old == {}
    assert valued([a_trade()], heard, NOON + beyond).old == {BTC: beyond}


def test_a_price_that_is_forgotten_is_not_known_however_lately_it_was_written_down() -> None:
    marked = a_trade(mark=Decimal(120), marked_at=NOON)

    assert valued([marked], {}, NOON + timedelta(seconds=2)).old == {BTC: timedelta(seconds=2)}


def test_a_fill_is_no_older_than_what_was_heard_before_it() -> None:
    filled = a_trade(mark=Decimal(120), marked_at=NOON + timedelta(seconds=1))
    heard = {BTC: Mark(Decimal(110), NOON)}

    assert valued([filled], heard, NOON + timedelta(seconds=1)) == Valuation(Decimal(120), {BTC: filled.last_mark})


def test_who_was_overtaken_does_not_bring_back_an_older_price() -> None:
    written = a_trade(mark=Decimal(20), marked_at=NOON + timedelta(seconds=5))
    wrong_clock = {BTC: Mark(Decimal(100), NOON + timedelta(days=9))}

    valuation = valued([written], wrong_clock, NOON + timedelta(seconds=1))

    assert valuation == Valuation(Decimal(20), {BTC: written.last_mark})


@given(heard=found, written=found, at=minutes)
def test_it_is_never_worth_an_older_price_than_another_that_is_known(
    heard: Mark | None, written: Mark | None, at: datetime
) -> None:
    trade = a_trade() if written is None else a_trade(mark=written.price, marked_at=written.at)

    valuation = valued([trade], {} if heard is None else {BTC: heard}, at)

    told = [] if heard is None else [Mark(heard.price, min(heard.at, at))]
    known = [*told, trade.last_mark]
    mark = valuation.marks[BTC]
    assert mark in known
    assert mark.at == max(one.at for one in known)
    assert valuation.exposure == mark.price
