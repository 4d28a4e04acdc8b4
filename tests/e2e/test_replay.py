"""`cdb replay`: every recorded tick once, in bars that pandas makes too, although a worker is killed on the way.

The farm has recovered when it works through ticks again; that takes it ten seconds at most.
"""

import json
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pandas
import psutil
import pytest
import redis

from tests.fixtures.commands import Commands, until, worker

pytestmark = pytest.mark.chaos

SYMBOLS = {"BTC/USDT": 60_000.0, "ETH/USDT": 2_500.0, "SOL/USDT": 150.0}
ROWS, SECONDS, SPEED = 3_000, 60, 4
RECOVERED_S = 10
FIRST_MS = 1_723_075_200_000
Bars = dict[tuple[str, int], tuple[float, ...]]  # by symbol and end of the bar in microseconds
COLUMNS = ["open", "high", "low", "close", "volume"]


def recording(path: Path) -> pandas.DataFrame:
    """A walk of three symbols' prices; quantities are binary fractions, so that any order of adding is exact."""
    chance = random.Random(5)
    prices, rows = dict(SYMBOLS), []
    for at_ms in sorted(chance.randrange(SECONDS * 1000) for _ in range(ROWS)):
        symbol = chance.choice(list(SYMBOLS))
        prices[symbol] = round(prices[symbol] * (1 + chance.gauss(0, 0.0002)), 2)
        quantity = chance.randrange(1, 64) / 64
        rows.append((FIRST_MS + at_ms, symbol, prices[symbol], quantity, chance.choice(["buy", "sell"])))
    trades = pandas.DataFrame(rows, columns=["timestamp_ms", "symbol", "price", "quantity", "side"])
    trades.to_csv(path, index=False)
    return trades


def bars_of(trades: pandas.DataFrame) -> Bars:
    """What pandas' resample makes of them."""
    timed = trades.set_index(pandas.to_datetime(trades["timestamp_ms"], unit="ms"))
    found: Bars = {}
    for symbol, prints in timed.groupby("symbol"):
        seconds = prints.resample("1s", label="right", closed="left")
        bars = seconds["price"].ohlc()
        bars["volume"] = seconds["quantity"].sum()
        ends = [end.value // 1000 for end in bars.index]
        rows = zip(ends, bars[COLUMNS].to_numpy().tolist(), strict=True)
        found |= {(str(symbol), end): tuple(row) for end, row in rows if row[0] == row[0]}
    return found


def bars_in(database: Path) -> Bars:
    query = f"""SELECT symbol, "end", {", ".join(COLUMNS)} FROM bars WHERE interval = '1s'"""
    with closing(sqlite3.connect(database)) as connection:
        return {(symbol, end): tuple(row) for symbol, end, *row in connection.execute(query)}


def processed(data_dir: Path) -> int:
    found = list(data_dir.glob("replays/*/redis.sock"))
    if not found:
        return 0
    with redis.Redis(unix_socket_path=str(found[0])) as client:
        try:
            return int(client.hget("cdb:counters", "ticks_processed") or 0)
        except redis.RedisError:  # not up yet
            return 0


@pytest.mark.timeout(400)
def test_a_worker_killed_in_mid_replay_costs_no_tick_and_doubles_none(cdb: Commands) -> None:
    file = cdb.data_dir / "trades.csv"
    trades = recording(file)
    playing = cdb.start("replay", str(file), "--speed", str(SPEED), "--bar", "1s", "--json")
    until(lambda: processed(cdb.data_dir) > ROWS // 5 or playing.poll() is not None, "the first ticks")
    victim = worker(playing, "ticks")
    assert victim is not None, cdb.said
    for process in (*victim.children(recursive=True), victim):
        kill(process)
    before = processed(cdb.data_dir)
    assert before < ROWS, "the replay was over before the worker was killed"
    until(lambda: processed(cdb.data_dir) > before, "ticks that are worked through again", RECOVERED_S)

    assert playing.wait(120) == 0, cdb.said
    told = json.loads(cdb.printed)
    assert (told["ticks_sent"], told["ticks_processed"]) == (ROWS, ROWS)

    (database,) = cdb.data_dir.glob("replays/*/cdb.sqlite")
    assert bars_in(database) == bars_of(trades)


def kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:  # it has ended by itself
        return
