"""What was printed, and the bars of it."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from app.simulator import history
from app.simulator.catalogue import listing
from app.simulator.history import History
from app.simulator.klines import DAY_MS, MINUTE_MS, end_of, longer, minutes, start_of
from app.simulator.market import Print
from app.simulator.synthetic import Synthetic

MONDAY_MS = 1_763_942_400_000  # 2025-11-24
START_MS = MONDAY_MS + 90 * MINUTE_MS + 20_000
NAME = "BTCUSDT"


def a_market(rate: float = 5, past_h: int = 1) -> Synthetic:
    return Synthetic([listing("BTC/USDT", 0)], seed=1, ticks_per_s=rate, start_ms=START_MS, past_h=past_h)


def a_print(time_ms: int, price: int = 100) -> Print:
    return Print(NAME, time_ms, Decimal(price), Decimal(2), "buy", str(time_ms))


def test_bars_of_every_length_begin_where_mexcs_do() -> None:
    at = START_MS + 3 * DAY_MS
    assert start_of("5m", at) % (5 * MINUTE_MS) == 0
    assert start_of("1W", at) == MONDAY_MS
    assert start_of("1M", at) == MONDAY_MS - 23 * DAY_MS
    assert end_of("1M", start_of("1M", at)) == MONDAY_MS + 7 * DAY_MS
    assert end_of("1m", MONDAY_MS) == MONDAY_MS + MINUTE_MS


def test_prints_become_minutes_and_minutes_longer_bars() -> None:
    prints = [a_print(MONDAY_MS + at, price) for at, price in ((0, 5), (59_999, 3), (60_000, 9), (300_000, 4))]
    made = list(minutes(prints))
    assert [tuple(map(int, (bar.open, bar.high, bar.low, bar.close, bar.volume))) for bar in made] == [
        (5, 5, 3, 3, 4),
        (9, 9, 9, 9, 2),
        (4, 4, 4, 4, 2),
    ]
    first, second = longer("5m", made)
    assert first.row("5m") == [MONDAY_MS, "5", "9", "3", "9", "6", MONDAY_MS + 300_000, "34"]
    assert second.start_ms == MONDAY_MS + 300_000
    assert list(minutes([])) == []


async def test_a_bar_that_began_before_the_start_is_whole() -> None:
    market = a_market()
    kept = History(market)
    for one in market.due(START_MS + 5_000):
        kept.add(one)
    start_ms = START_MS - START_MS % MINUTE_MS
    everything = list(kept.prints(NAME, start_ms, START_MS + 5_001))
    assert len({one.trade_id for one in everything}) == len(everything)
    (bar,) = await kept.klines(NAME, "1m", start_ms, start_ms)
    assert bar.volume == sum(one.quantity for one in everything)
    assert (bar.open, bar.close) == (everything[0].price, everything[-1].price)
    assert kept.forming(NAME, "1m", START_MS + 5_000) is not None
    assert kept.running(NAME, start_ms) is not None


async def test_the_past_is_read_once_and_never_from_before_its_beginning() -> None:
    kept = History(a_market(rate=1))
    long_ago = await kept.klines(NAME, "1d", START_MS - 400 * DAY_MS, START_MS)
    again = await kept.klines(NAME, "1d", START_MS - 400 * DAY_MS, START_MS)
    assert long_ago == again
    assert len(long_ago) == 1


def test_what_no_longer_fits_is_asked_of_the_market_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "PRINTS_KEPT", 50)
    monkeypatch.setattr(history, "LEAST_KEPT", 50)
    monkeypatch.setattr(history, "MINUTES_KEPT", 1)
    market = a_market(rate=20)
    kept = History(market)
    given = []
    for step in range(0, 70_000, 100):
        for one in market.due(START_MS + step):
            kept.add(one)
            given.append(one)
    until_ms = START_MS + 69_901
    assert list(kept.prints(NAME, START_MS, until_ms)) == given
    assert kept.latest(NAME, 20) == given[-20:]


def test_the_latest_prints_reach_back_before_the_start() -> None:
    market = a_market()
    kept = History(market)
    kept.add(a_print(START_MS))
    latest = kept.latest(NAME, 10)
    assert len(latest) == 10
    assert latest[-1].time_ms == START_MS
    assert latest[0].time_ms < START_MS


def test_a_symbol_that_never_printed_has_no_bars() -> None:
    kept = History(a_market(rate=0))
    assert kept.forming(NAME, "1m", START_MS) is None
    assert kept.running(NAME, 0) is None
    assert not list(chained(kept))


def chained(kept: History) -> Iterator[Print]:
    yield from kept.prints(NAME, 0, START_MS * 2)
