"""Forming bars: what pandas makes of the same ticks, closed by proof, and honest about what was not heard."""

import math
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.bars import FormingBars, is_sound
from app.domain.market import Bar, instant

SECOND = 1_000_000
NOON = 1_732_104_000 * SECOND
BTC = "BTC/USDT"


def tick(second: float, price: float = 100.0, quantity: float = 1.0, symbol: str = BTC) -> list[Any]:
    """A tick so many seconds after noon."""
    return [symbol, NOON + round(second * SECOND), price, quantity, "buy", NOON + round(second * SECOND) + 5]


def clock(second: float) -> list[Any]:
    return ["@", NOON + round(second * SECOND), NOON + round(second * SECOND) + 7]


def covered(second: float, symbol: str = BTC) -> list[Any]:
    return ["=", symbol, NOON + round(second * SECOND)]


def lost(second: float, symbol: str = BTC) -> list[Any]:
    return ["!", symbol, NOON + round(second * SECOND)]


def closed(rows: list[list[Any]], *intervals: str) -> list[Bar]:
    forming = FormingBars(intervals or ("1s",))
    forming.take(rows)
    return [one.bar for one in forming.closed]


def test_a_bar_closes_by_a_later_tick() -> None:
    rows = [covered(0), tick(0.1, 10), tick(0.2, 12), tick(0.3, 9, 2.5), tick(0.9, 11), tick(1.0, 50)]

    assert closed(rows) == [Bar(BTC, "1s", instant(NOON + SECOND), 10, 12, 9, 11, 5.5, 4)]


def test_a_bar_closes_by_the_clock_when_its_symbol_is_quiet() -> None:
    forming = FormingBars(["1s"])
    forming.take([tick(0.1), clock(0.9)])
    assert not forming.closed

    forming.take([clock(1.0)])

    assert [(one.bar.end, one.received_us) for one in forming.closed] == [(instant(NOON + SECOND), NOON + SECOND + 7)]


def test_an_interval_in_which_nothing_traded_has_no_bar_and_is_no_gap() -> None:
    bars = closed([covered(0), tick(0.5), tick(5.5), clock(9)])

    assert [(bar.end, bar.whole) for bar in bars] == [
        (instant(NOON + SECOND), True),
        (instant(NOON + 6 * SECOND), True),
    ]


def test_bars_of_several_intervals_are_made_in_one_pass() -> None:
    bars = closed([tick(0.5, 1), tick(1.5, 3), tick(61, 2), clock(62)], "1s", "1m")

    assert [(bar.interval, bar.open, bar.close, bar.ticks) for bar in bars] == [
        ("1s", 1, 1, 1),
        ("1s", 3, 3, 1),
        ("1m", 1, 3, 2),
        ("1s", 2, 2, 1),
    ]


def test_a_closed_bar_names_the_end_of_the_bar_before_it() -> None:
    forming = FormingBars(["1s"])
    forming.take([tick(0.5), tick(3.5), clock(4)])

    assert [one.previous_us for one in forming.closed] == [0, NOON + SECOND]


def test_the_first_bar_is_whole_only_if_its_beginning_was_covered() -> None:
    assert [bar.whole for bar in closed([tick(0.5), clock(1)])] == [False]
    assert [bar.whole for bar in closed([covered(0.2), tick(0.5), clock(1)])] == [False]
    assert [bar.whole for bar in closed([covered(0), tick(0.5), clock(1)])] == [True]


def test_what_was_lost_leaves_the_bars_that_it_touches_incomplete() -> None:
    rows = [covered(0), tick(0.5), tick(1.2), lost(2.5), tick(1.8), tick(2.8), tick(3.1), clock(4)]

    assert [bar.whole for bar in closed(rows)] == [True, False, False, True]


def test_a_loss_is_never_taken_back_by_an_earlier_one() -> None:
    assert [bar.whole for bar in closed([lost(3.5), lost(1.5), tick(2.5), tick(3.7), tick(4.1), clock(5)])] == [
        False,
        False,
        True,
    ]


def test_a_feed_that_comes_back_in_time_leaves_the_bar_whole() -> None:
    assert [bar.whole for bar in closed([covered(0), tick(1.2), covered(0), tick(1.9), clock(2)])] == [True]


def test_a_feed_that_comes_back_too_late_leaves_a_gap() -> None:
    rows = [covered(0), tick(1.2), covered(1.5), tick(1.9), tick(2.5), clock(3)]

    assert [bar.whole for bar in closed(rows)] == [False, True]


def test_a_late_tick_is_counted_and_changes_no_closed_bar() -> None:
    forming = FormingBars(["1s"])
    forming.take([tick(0.1, 10), clock(1), tick(0.5, 99), tick(1.5, 11), clock(2)])

    assert [one.bar.high for one in forming.closed] == [10, 11]
    assert forming.counts() == {"ticks_processed": 3, "ticks_late": 1, "bars_closed": 2}


def test_a_tick_that_comes_twice_counts_once() -> None:
    forming = FormingBars(["1s"])
    forming.take([tick(0.1), tick(0.2), tick(0.1), tick(0.2), clock(1)])

    assert forming.closed[0].bar.ticks == 2
    assert forming.counts() == {"ticks_processed": 2, "ticks_doubled": 2, "bars_closed": 1}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (tick(1, math.nan), "price nan is not a positive number"),
        (tick(1, -1), "price -1 is not a positive number"),
        (tick(1, 1, math.inf), "quantity inf is not a positive number"),
        ([BTC, 0, 1.0, 1.0, "buy", 1], "time 0 is not after 1970"),
        ([BTC, 1, 1.0, 1.0, "hold", 1], "side 'hold' is neither buy nor sell"),
        ([BTC, 1.5, 1.0, 1.0, "buy", 1], "its symbol or a time has the wrong type"),
        ([7, 1, 1.0, 1.0, "buy", 1], "its symbol or a time has the wrong type"),
        ([BTC, 1, None, 1.0, "buy", 1], "it is neither a tick nor a mark"),
        ([BTC, 1, 1.0], "it is neither a tick nor a mark"),
        (["@", "noon", 1], "it is neither a tick nor a mark"),
        (["!", 5, 1], "it is neither a tick nor a mark"),
        (["?", BTC, 1], "it is neither a tick nor a mark"),
        ([["="], BTC, 1], "it is neither a tick nor a mark"),
        ("abc", "it is neither a tick nor a mark"),
        ([], "it is neither a tick nor a mark"),
        (5, "it is neither a tick nor a mark"),
    ],
    ids=str,
)
def test_a_row_that_cannot_be_is_counted_with_its_reason(row: Any, reason: str) -> None:
    forming = FormingBars(["1s"])
    forming.take([tick(0.1), row, clock(1)])

    assert not is_sound(row)
    assert forming.flaws == [reason]
    assert forming.counts() == {"ticks_processed": 1, "ticks_bad": 1, "bars_closed": 1}


def test_ticks_of_watched_symbols_are_shown() -> None:
    forming = FormingBars(["1s"])
    forming.take([tick(0.1, 7), tick(0.2, 8, symbol="ETH/USDT")], watch={"ETH/USDT"})

    assert [(one.symbol, one.price) for one in forming.watched] == [("ETH/USDT", 8)]


def test_what_was_committed_is_reported_no_more() -> None:
    forming = FormingBars(["1s"])
    forming.take([tick(0.1, 7), tick(0.2, 8, symbol="ETH/USDT"), tick(1.2, 9), [], tick(0.1)], watch={BTC})
    assert forming.prices() == {
        BTC: (9, NOON + 1_200_000, NOON + 1_200_005),
        "ETH/USDT": (8, NOON + 200_000, NOON + 200_005),
    }
    forming.clear()
    forming.take([clock(1)])

    assert not forming.watched
    assert not forming.flaws
    assert not forming.prices()
    assert [one.bar.symbol for one in forming.closed] == ["ETH/USDT"]
    assert list(forming.saved()) == ["ETH/USDT"]


def test_an_interval_that_is_new_begins_where_its_state_is_missing() -> None:
    before = FormingBars(["1s"])
    before.take([covered(0), tick(0.1, 10)])
    after = FormingBars(["1s", "1m"], before.saved())
    after.take([tick(0.2, 12), clock(60)])

    assert [(one.bar.interval, one.bar.open) for one in after.closed] == [("1s", 10), ("1m", 12)]


ticks = st.lists(
    st.tuples(
        st.integers(0, 10_000),
        st.sampled_from(["BTC/USDT", "ETH/USDT", "SOL/USDT"]),
        st.floats(0.01, 1e6, allow_nan=False),
        st.floats(1e-6, 1e4, allow_nan=False),
    ),
    max_size=120,
    unique_by=lambda one: (one[0], one[1]),
)


@settings(max_examples=60, deadline=None)
@given(ticks, st.lists(st.integers(1, 40), max_size=6))
def test_bars_equal_those_of_pandas_however_the_work_is_cut(
    drawn: list[tuple[int, str, float, float]], cuts: list[int]
) -> None:
    rows = [tick(ms / 1000, price, quantity, symbol) for ms, symbol, price, quantity in sorted(drawn)]
    rows.append(clock(3600))
    made: list[Bar] = []
    saved: dict[str, list[Any]] = {}
    first = 0
    for size in [*cuts, len(rows)]:  # each piece as if by another process, from what the one before has saved
        forming = FormingBars(["1s", "5s"], saved)
        forming.take(rows[first : first + size])
        made += [one.bar for one in forming.closed]
        saved |= forming.saved()
        first += size

    for interval, span in (("1s", "1s"), ("5s", "5s")):
        ours = {(bar.symbol, bar.end): bar for bar in made if bar.interval == interval}
        theirs = resampled(rows[:-1], span)
        assert ours.keys() == theirs.keys()
        for key, (opened, high, low, close, volume, count) in theirs.items():
            bar = ours[key]
            assert (bar.open, bar.high, bar.low, bar.close, bar.ticks) == (opened, high, low, close, count)
            assert bar.volume == pytest.approx(volume)


def resampled(rows: list[list[Any]], span: str) -> dict[tuple[str, Any], tuple[float, ...]]:
    """The same bars as pandas makes them."""
    table = pd.DataFrame(rows, columns=["symbol", "time_us", "price", "quantity", "side", "received_us"])
    table.index = pd.to_datetime(table["time_us"], unit="us", utc=True)
    found: dict[tuple[str, Any], tuple[float, ...]] = {}
    for symbol, group in table.groupby("symbol"):
        pieces = group.resample(span, label="right")
        bars = pieces["price"].ohlc().assign(volume=pieces["quantity"].sum(), ticks=pieces["price"].count())
        for end, bar in bars[bars["ticks"] > 0].iterrows():
            found[str(symbol), end.to_pydatetime()] = tuple(bar)  # type: ignore[attr-defined]
    return found
