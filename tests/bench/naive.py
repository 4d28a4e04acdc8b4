"""What many farms begin with, to compare with: a chain of three Celery tasks for each tick, each with its own trips."""

import os
from collections.abc import Sequence
from functools import cache
from typing import Any

import redis
from celery import Celery
from sqlalchemy import Engine, create_engine, insert

from app.domain.market import instant
from models import MarketDataRow
from tests.bench import chains

BROKER, DATABASE, CLIENT = "NAIVE_BROKER", "NAIVE_DATABASE", "NAIVE_REDIS"
QUEUE, DONE = "naive", "naive:done"
MINUTE_US = 60_000_000
Row = Sequence[Any]

naive = Celery("naive", broker=os.environ.get(BROKER, "redis://127.0.0.1:1/0"))
naive.conf.update(
    task_ignore_result=True,
    task_default_queue=QUEUE,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
)


@cache
def _client() -> "redis.Redis":
    return redis.Redis.from_url(os.environ[CLIENT])


@cache
def _engine() -> Engine:
    return create_engine(os.environ[DATABASE])


@naive.task(name="naive.bar")
def bar(row: Row) -> Row:
    """The tick into its minute's bar, which Redis keeps."""
    symbol, time_us, price, quantity, *_ = row
    name = f"naive:bar:{symbol}:{time_us // MINUTE_US}"
    known: Any = _client().hgetall(name)
    high, low = (float(known.get(part, price)) for part in (b"high", b"low"))
    opened, volume = float(known.get(b"open", price)), float(known.get(b"volume", 0)) + quantity
    now: dict[Any, float] = {
        "open": opened,
        "high": max(high, price),
        "low": min(low, price),
        "close": price,
        "volume": volume,
    }
    _client().hset(name, mapping=now)
    return row


@naive.task(name="naive.keep")
def keep(row: Row) -> Row:
    """The tick into the database."""
    symbol, time_us, price, quantity, side, _ = row
    kept = {"symbol": symbol, "timestamp": instant(time_us), "price": price, "volume": quantity, "side": side}
    with _engine().begin() as connection:
        connection.execute(insert(MarketDataRow).values(**kept, source="naive"))
    return row


@naive.task(name="naive.analyse")
def analyse(row: Row) -> None:
    """Whether the tick has closed a bar; none does here."""
    symbol, time_us, *_ = row
    _client().exists(f"naive:bar:{symbol}:{time_us // MINUTE_US - 1}")
    _client().incr(DONE)


def worker(processes: int) -> tuple[str, ...]:
    """The command of a worker for all of it."""
    return chains.worker("tests.bench.naive:naive", processes, "error")


def links(row: Row) -> tuple[Any, ...]:
    """One tick's chain, as a naive feed starts it."""
    return bar.s(row), keep.s(), analyse.s()
