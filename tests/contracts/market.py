"""What every venue's public side does, whichever it is."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from app.domain.market import microseconds
from app.steps.ports import Market


@dataclass
class MarketUnderTest:
    """A venue that has traded `symbol` during the minutes before `until`."""

    market: Market
    symbol: str
    until: datetime


class MarketContract:
    """Subclasses give the fixture `venue_market`."""

    def test_every_listed_symbol_has_rules_and_a_record(self, venue_market: MarketUnderTest) -> None:
        instruments, records = venue_market.market.instruments()

        assert venue_market.symbol in {one.symbol for one in instruments} == set(records)
        assert all(one.symbol == f"{one.base}/{one.quote}" for one in instruments)
        assert all("id" in record for record in records.values())

    def test_volumes_are_of_listed_symbols(self, venue_market: MarketUnderTest) -> None:
        volumes = venue_market.market.volumes()

        assert venue_market.symbol in volumes
        assert all(volume >= 0 for volume in volumes.values())

    def test_bars_are_closed_whole_in_order_and_of_the_past_asked_for(self, venue_market: MarketUnderTest) -> None:
        since = venue_market.until - timedelta(minutes=3)
        for interval, span in (("1m", timedelta(minutes=1)), ("1s", timedelta(seconds=1))):
            bars = venue_market.market.bars(venue_market.symbol, interval, since, venue_market.until)

            assert bars
            assert [bar.end for bar in bars] == sorted({bar.end for bar in bars})
            assert all(since + span <= bar.end <= venue_market.until for bar in bars)
            assert all(bar.whole and bar.low <= min(bar.open, bar.close) for bar in bars)
            assert all(bar.high >= max(bar.open, bar.close) and bar.volume > 0 for bar in bars)

    def test_prints_rise_in_time_and_lie_in_the_past_asked_for(self, venue_market: MarketUnderTest) -> None:
        until_us = microseconds(venue_market.until)
        since_us = until_us - 60_000_000

        ticks = venue_market.market.prints(venue_market.symbol, since_us, until_us)

        assert ticks
        assert all(before.time_us < after.time_us for before, after in pairwise(ticks))
        assert all(since_us <= tick.time_us < until_us and tick.symbol == venue_market.symbol for tick in ticks)

    def test_the_clock_does_not_go_back(self, venue_market: MarketUnderTest) -> None:
        first = venue_market.market.time_us()

        assert venue_market.market.time_us() >= first > 0
