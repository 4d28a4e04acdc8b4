"""Signals of real trades, found twice: by the strategy bar by bar, and by plain `ta` calls that know nothing of it."""

import pandas
import pytest
import ta
from pandas import DataFrame, Series, Timestamp

from app.strategies import strategy

Found = list[tuple[Timestamp, str]]


def bars_of_a_second(trades: DataFrame, symbol: str) -> DataFrame:
    """What pandas makes of the trades of a symbol: a row a second, named by its end, none where nothing traded."""
    traded = trades[trades["symbol"] == symbol]
    seconds = traded.resample("1s", label="right", closed="left")
    bars = seconds["price"].ohlc()
    bars["volume"] = seconds["quantity"].sum()
    return bars.dropna()


def plainly(bars: DataFrame) -> Found:
    """The mission's words in plain `ta`: crossover, momentum, volume spike, trend; opposite crossover, exhaustion."""
    close, volume = bars["close"], bars["volume"]
    above = ta.trend.ema_indicator(close, 9) > ta.trend.ema_indicator(close, 21)
    was_above = above.shift(fill_value=False)
    rsi = ta.momentum.rsi(close, 14)
    spiked = (volume / ta.trend.sma_indicator(volume, 20) >= 1.5).rolling(3).max() == 1
    trend = ta.trend.sma_indicator(close, 50)
    known = trend.shift().notna()
    sell = known & ((was_above & ~above) | ((rsi.shift() >= 75) & (rsi < 75)))
    buy = known & above & ~was_above & rsi.gt(50) & rsi.lt(75) & spiked & (close > trend) & ~sell
    sides = Series("", index=bars.index).mask(buy, "buy").mask(sell, "sell")
    return [(at, side) for at, side in sides.items() if side]  # type: ignore[misc]


def by_the_strategy(bars: DataFrame) -> Found:
    """As the farm does it: at each bar's close, over the window that ends with it."""
    momentum = strategy("momentum", {})
    found = []
    for place in range(1, len(bars)):
        window = bars.iloc[max(0, place + 1 - momentum.window) : place + 1]
        before, now = momentum.indicators(window).iloc[-2:].to_dict("records")
        wish = momentum.decide(now, before)  # type: ignore[arg-type]
        if wish is not None:
            found.append((pandas.Timestamp(window.index[-1]), str(wish.side)))
    return found


@pytest.mark.parametrize(("symbol", "buys", "sells"), [("BTC/USDT", 2, 5), ("ETH/USDT", 4, 9)])
def test_real_trades_give_the_signals_that_plain_ta_finds(
    recorded_trades: DataFrame, symbol: str, buys: int, sells: int
) -> None:
    bars = bars_of_a_second(recorded_trades, symbol)
    found = by_the_strategy(bars)

    assert found == plainly(bars)
    assert [side for _, side in found].count("buy") == buys
    assert [side for _, side in found].count("sell") == sells
