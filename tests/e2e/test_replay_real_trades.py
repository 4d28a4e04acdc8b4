"""`cdb replay` of real trades: every tick once, the bars of pandas, the signals of plain `ta`, all at their own time.

All of them are played as fast as can be asked for, on the farm's own SQLite and Redis and on servers that it is given.
What comes of it is held against the file alone, so that both replays are also the same.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import pytest
import redis
from pandas import DataFrame, Timedelta, Timestamp
from sqlalchemy import select

from app.store import Database
from models import BarRow, Base, MarketDataRow, SignalRow
from tests.fixtures.commands import Commands
from tests.fixtures.databases import KINDS
from tests.unit.strategies.test_real_trades import Found, bars_of_a_second, plainly

Row = TypeVar("Row", bound=Base)
Bars = list[tuple[Timestamp, float, float, float, float, int, bool]]

SPEED = 100
COLUMNS = ["timestamp_ms", "symbol", "price", "quantity", "side", "trade_id"]


@dataclass(frozen=True)
class Played:
    """What a replay left in its database."""

    told: dict[str, object]
    ticks: Sequence[MarketDataRow]
    bars: Sequence[BarRow]
    signals: Sequence[SignalRow]


@pytest.fixture(params=KINDS)
def place(cdb: Commands, request: pytest.FixtureRequest) -> str:
    """The address of the database to play on: the farm's own, or one that it is given together with a Redis."""
    if request.param == "sqlite":
        return f"sqlite:///{cdb.data_dir}/replays/*/cdb.sqlite"
    url: str = request.getfixturevalue("empty_postgresql")
    cdb.env |= {"CDB_DATABASE_URL": url, "CDB_REDIS_URL": request.getfixturevalue("redis_url")}
    return url


@pytest.mark.timeout(400)
def test_real_trades_become_the_bars_of_pandas_and_the_signals_of_plain_ta(
    cdb: Commands, recorded_trades: DataFrame, place: str, redis_client: "redis.Redis"
) -> None:
    trades = recorded_trades
    played = replayed(cdb, trades, place, "1s")

    assert counted(played) == {"sent": len(trades), "received": len(trades), "processed": len(trades), "lost": 0}
    for symbol in trades["symbol"].unique():
        assert ticks_of(played, symbol) == ticks_in(trades, symbol)
        bars = bars_of_a_second(trades, symbol)
        assert bars_found(played, symbol) == bars_wanted(trades, bars, symbol, "1s")
        assert volumes_found(played, symbol) == pytest.approx(list(bars["volume"]), rel=1e-12)
        assert signals_of(played, symbol) == plainly(bars)
    assert {str(signal.signal_type) for signal in played.signals} == {"BUY", "SELL"}
    assert all(signal.window_whole for signal in played.signals)
    assert redis_client.keys() == [], "a replay leaves nothing on a server that is not its own"


@pytest.mark.timeout(400)
@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_bars_of_five_minutes_are_those_of_pandas_the_last_one_too_in_which_the_file_ends(
    cdb: Commands, recorded_trades: DataFrame, place: str
) -> None:
    trades = recorded_trades.loc[: recorded_trades.index[0] + Timedelta(seconds=60)]
    played = replayed(cdb, trades, place, "5m")

    for symbol in trades["symbol"].unique():
        bars = trades[trades["symbol"] == symbol]["price"].resample("5min", label="right", closed="left").ohlc()
        assert len(bars) == 2
        assert bars_found(played, symbol) == bars_wanted(trades, bars, symbol, "5min")


def replayed(cdb: Commands, trades: DataFrame, place: str, bar: str) -> Played:
    file = cdb.data_dir / "trades.csv.gz"
    trades[COLUMNS].to_csv(file, index=False)
    ended = cdb.run("replay", str(file), "--speed", str(SPEED), "--bar", bar, "--json")
    assert ended.returncode == 0, ended.stderr
    if "*" in place:
        (found,) = cdb.data_dir.glob("replays/*/cdb.sqlite")
        place = f"sqlite:///{found}"
    return Played(json.loads(ended.stdout), rows(place, MarketDataRow), rows(place, BarRow), rows(place, SignalRow))


def rows(url: str, table: type[Row]) -> Sequence[Row]:
    """All of a table, in the order of their keys."""
    database = Database(url)
    with database.reading() as session:
        found = session.scalars(select(table).order_by(table.__table__.c.id)).all()
        session.expunge_all()
    database.engine.dispose()
    return found


def counted(played: Played) -> dict[str, object]:
    counters = played.told["counters"]
    assert isinstance(counters, dict)
    lost = ("ticks_late", "ticks_doubled", "ticks_bad", "ticks_conflated", "ticks_archive_lost")
    return {
        "sent": played.told["ticks_sent"],
        "received": counters["ticks_received"],
        "processed": played.told["ticks_processed"],
        "lost": sum(counters.get(name, 0) for name in lost),
    }


def ticks_of(played: Played, symbol: str) -> list[tuple[int, float, float, str]]:
    """In the order in which they came: time in milliseconds as in the file, price, quantity, side."""
    times = [tick.timestamp for tick in played.ticks if tick.symbol == symbol]
    assert times == sorted(set(times))
    return [
        (Timestamp(tick.timestamp).value // 1_000_000, tick.price, tick.volume, tick.side)
        for tick in played.ticks
        if tick.symbol == symbol
    ]


def ticks_in(trades: DataFrame, symbol: str) -> list[tuple[int, float, float, str]]:
    of_symbol = trades[trades["symbol"] == symbol]
    return list(of_symbol[["timestamp_ms", "price", "quantity", "side"]].itertuples(index=False, name=None))


def bars_found(played: Played, symbol: str) -> Bars:
    return [
        (Timestamp(bar.end), bar.open, bar.high, bar.low, bar.close, bar.ticks, bar.whole)
        for bar in sorted(played.bars, key=lambda bar: bar.end)
        if bar.symbol == symbol
    ]


def bars_wanted(trades: DataFrame, bars: DataFrame, symbol: str, span: str) -> Bars:
    """As pandas has them; its counts come from the trades once more."""
    of_symbol = trades[trades["symbol"] == symbol]
    counts = of_symbol["price"].resample(span, label="right", closed="left").count()
    figures = bars[["open", "high", "low", "close"]].itertuples(name=None)
    return [(end, o, h, low, c, int(counts[end]), True) for end, o, h, low, c in figures]


def volumes_found(played: Played, symbol: str) -> list[float]:
    """Floats are added up in another order by pandas."""
    return [bar.volume for bar in sorted(played.bars, key=lambda bar: bar.end) if bar.symbol == symbol]


def signals_of(played: Played, symbol: str) -> Found:
    return sorted(
        (Timestamp(one.timestamp), str(one.signal_type).lower())
        for one in played.signals
        if one.symbol == symbol and one.strategy == "momentum" and one.interval  # an exit asked for again has none
    )
