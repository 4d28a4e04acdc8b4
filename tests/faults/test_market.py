"""What the venue's market does to a farm's windows, over the simulator's real klines and prints."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
import redis
from sqlalchemy import select

from app import store
from app.bus import Keys, OutdatedHistories
from app.domain.history import settled_until
from app.domain.market import Bar
from app.domain.risk import Account, TradingState
from app.domain.trading import Intent
from app.exchanges import mexc
from app.risk import stale_market, window_gap
from app.simulator.scenario import load
from app.steps.check_history import check_history
from app.steps.history_alarm import Alarm
from app.steps.warm_windows import warm_windows
from app.store import Database
from models import AuditRow
from tests.faults.laboratory import BTC, SYMBOLS, Laboratory
from tests.fixtures.memory.builders import NOON, a_signal, an_instrument
from tests.fixtures.venue import ServedVenue, served
from workers.venue import VenueConfig

SIZE = 15
MINUTE = timedelta(minutes=1)
EVEN = Decimal(1000)
CALM = Account(TradingState.ACTIVE, cash=EVEN, equity=EVEN, day_open=EVEN, day_high=EVEN)


def now() -> datetime:
    """The real clock: that of a venue whose market goes on by itself."""
    return datetime.now(UTC)


class Windows:
    """A farm that only keeps windows of a minute, at a venue whose klines end ten minutes ago."""

    def __init__(self, venue: ServedVenue, database: Database, outdated: OutdatedHistories) -> None:
        self.venue, self.database, self.outdated, self.now = venue, database, outdated, now
        self.client = mexc.Client(rest_url=venue.rest_url, now=now, timeout_s=5, throttle=False)
        self.market, self.bars, self.audits = mexc.Market(self.client), store.Bars(database), store.Audits(database)
        self.asked: set[tuple[str, str]] = set()

    def warm(self) -> int:
        at = self.now()
        return warm_windows(
            market=self.market,
            bars=self.bars,
            symbols=(BTC,),
            intervals=("1m",),
            size=SIZE,
            asked=self.asked,
            window_changed=lambda symbol, interval: None,
            alarm=Alarm(self.outdated, self.audits, at),
            at=at,
        )

    def check(self, at: datetime | None = None) -> int:
        return check_history(
            market=self.market,
            bars=self.bars,
            alarm=Alarm(self.outdated, self.audits, at or self.now()),
            symbols=(BTC,),
            intervals=("1m",),
            size=SIZE,
            asked={(BTC, "1m")},
            quiet={},
            window_changed=lambda symbol, interval: None,
        )

    def window(self) -> list[Bar]:
        """The last minutes, if nothing is missing."""
        return self.bars.window(BTC, "1m", self.now(), SIZE)

    def audited(self) -> list[str]:
        query = select(AuditRow.event_type).where(AuditRow.event_type == "history.outdated")
        with self.database.reading() as session:
            return list(session.scalars(query))


@pytest.fixture
def windows(sqlite: Database, redis_client: "redis.Redis", keys: Keys) -> Iterator[Windows]:
    config = VenueConfig(
        market="synthetic", symbols=SYMBOLS, ticks_per_s=4, past_h=1, weight_limit=0, scenario=load("F30")
    )
    with served(config) as venue:
        made = Windows(venue, sqlite, OutdatedHistories(redis_client, keys))
        yield made
        made.client.session.close()


def objections(window: list[Bar], age: timedelta) -> list[str]:
    """What the rules have against an entry on this window, in a market whose last tick was heard so long ago."""
    signal = a_signal(window_whole=all(bar.whole for bar in window))
    intent = Intent(signal, an_instrument(), Decimal(100), Decimal(1), NOON, market_age_s=age.total_seconds())
    told = (rule.objection(intent, CALM) for rule in (stale_market.Rule(), window_gap.Rule()))
    return [one for one in told if one is not None]


def test_F30_a_history_that_the_venue_tells_outdated_is_told_once_blocks_entries_and_is_made_up_for(
    windows: Windows,
) -> None:
    at = now()
    windows.bars.save(windows.market.bars(BTC, "1m", at - SIZE * MINUTE, at))
    newest = windows.window()[-1].end
    assert at - newest > 9 * MINUTE, "its klines end ten minutes ago"

    assert [windows.check(), windows.check()] == [0, 0]
    assert windows.audited() == ["history.outdated"]
    assert "the venue's own klines" in windows.outdated.all()[f"{BTC} 1m"].reason
    assert "the last tick of BTC/USDT is" in objections(windows.window(), at - newest)[0]

    windows.venue.heal()
    assert windows.check() >= 8
    assert windows.window()[-1].end >= settled_until("1m", at)
    assert windows.audited() == ["history.outdated"]


def test_F30_an_outdated_past_leaves_no_hole_behind_that_nobody_knows_of(windows: Windows) -> None:
    windows.warm()
    assert list(windows.outdated.all()) == [f"{BTC} 1m past"]
    heard = replace(windows.window()[-1], end=settled_until("1m", now()), whole=False)
    windows.bars.save([heard])  # the feed began in the middle of it

    windows.warm()
    assert "has a gap" in objections(windows.window(), timedelta())[0]
    assert windows.audited() == ["history.outdated"]

    windows.venue.heal()
    windows.warm()
    ends = [bar.end for bar in windows.window()]
    assert [after - before for before, after in pairwise(ends)] == [MINUTE] * (SIZE - 1)
    assert objections(windows.window(), timedelta()) == []
    assert windows.outdated.all() == {}


def test_F30_a_market_that_does_not_trade_is_no_alarm(
    laboratory: Callable[[str], Laboratory], windows: Windows
) -> None:
    quiet = laboratory("F30")
    windows.market, windows.now = quiet.market, quiet.now
    later = quiet.now() + timedelta(hours=2)
    quiet.tick(100)

    windows.warm()
    windows.check(later)

    assert (windows.audited(), windows.outdated.all()) == ([], {})
