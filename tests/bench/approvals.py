"""Approvals and orders a second, by the farm's own tasks on a real database and over real sockets.

Beside an approval stands a transaction that inserts one row; beside an order one REST call.
"""

import http.client
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from hashlib import sha256
from hmac import new as hmac
from itertools import count
from statistics import median
from typing import Any
from urllib.parse import urlencode, urlsplit

import psycopg
from sqlalchemy import func, select

from app import wiring
from app.domain.market import microseconds
from app.simulator.catalogue import listing, symbols
from models import ExecutionRow
from tests.bench import servers
from tests.bench.farms import apart
from tests.bench.figures import Figure
from tests.bench.servers import Servers
from tests.bench.together import Took, together
from tests.fixtures.memory.builders import a_signal
from tests.fixtures.venue import ServedVenue, served
from workers.venue import VenueConfig

PROCESSES, ROUNDS = (1, 2, 4), 3
ORDERS = 80  # each leaves one open trade more, which the next approval values
WARM = 5  # of each process, before its time is taken
BARE_ROWS = 10  # for each approval: they are quick
EQUITY = Decimal(1_000_000)
ROOMY = {
    "POSITION_SHARE": "0.0002",
    "MAX_TOTAL_EXPOSURE": "0.9",
    "SIGNAL_TTL_S": "3600",
    "RISK__STALE_MARKET__LIMIT_S": "3600",
    "REQUEST_WEIGHT": "0",  # no limit: how fast it could go is the question
    "SLIPPAGE": "0.2",
    "ORDER_TIMEOUT_S": "600",
}
BARE = "CREATE TABLE bare (id INTEGER PRIMARY KEY, name TEXT NOT NULL)"
INSERT = "INSERT INTO bare (id, name) VALUES ({}, {})"


class Short(Exception):
    """Fewer were done than were asked for, so that the figures would be of something else."""


def run() -> list[Figure]:
    """On each database, with one process and with several; medians of rounds that each begin anew."""
    figures = []
    for kind in servers.kinds():
        for processes in PROCESSES:
            figures += _told(kind, processes, [apart(_round, kind, processes) for _ in range(ROUNDS)])
    return figures


def _told(kind: str, processes: int, rounds: Sequence[tuple[Took, Took, Took, Took]]) -> list[Figure]:
    where = f"{servers.KINDS[kind]}, {processes} {'process' if processes == 1 else 'processes'}"
    names = ("approvals, beside bare transactions", "orders, beside bare REST calls")
    figures = []
    for name, ours, bare in zip(names, (0, 2), (1, 3), strict=True):
        pairs = [(one[ours], one[bare]) for one in rounds]
        rate, bare_rate = (median(pair[which].rate for pair in pairs) for which in (0, 1))
        cpu, bare_cpu = (median(pair[which].cpu_us for pair in pairs) for which in (0, 1))
        figures += [
            Figure(f"{where}: {name}", rate, bare_rate, "1/s"),
            Figure("  CPU of one, the servers' with it", cpu, bare_cpu, "µs"),
        ]
    return figures


def _round(kind: str, processes: int) -> tuple[Took, Took, Took, Took]:
    names = symbols(ORDERS + WARM * processes)
    shares = [names[first::processes] for first in range(processes)]
    with _market(kind, names) as (venue, beside):
        approved = together(_approving, shares, beside)
        bare = together(
            _inserting, [(kind, number, BARE_ROWS * (len(share) - WARM)) for number, share in enumerate(shares)], beside
        )
        ordered = together(_ordering, shares, beside)
        called = together(_calling, [(venue.rest_url, share) for share in shares], beside)
        with wiring.database().reading() as session:
            filled = session.scalar(select(func.count(ExecutionRow.trade_id.distinct()))) or 0
    done = (approved.done, bare.done // BARE_ROWS, ordered.done, called.done, filled - WARM * processes)
    if set(done) != {ORDERS}:
        raise Short(f"{ORDERS} of each were to be done: {done}")
    return approved, bare, ordered, called


@contextmanager
def _market(kind: str, names: Sequence[str]) -> Iterator[tuple[ServedVenue, Servers]]:
    """A farm that has begun at a venue that is still, and has a fresh wish to buy in every symbol."""
    config = VenueConfig(market="idle", symbols=tuple(names), balances={"USDT": EQUITY}, weight_limit=0)
    with served(config) as venue:
        urls = {"EXCHANGE_REST_URL": venue.rest_url, "EXCHANGE_WS_URL": venue.ws_url}
        with servers.standing(kind, SYMBOLS=",".join(names), **ROOMY, **urls) as beside:
            from tasks import upkeep

            upkeep.refresh_instruments()
            upkeep.begin()
            _wish(names)
            with wiring.database().writing() as session:
                session.connection().exec_driver_sql(BARE)
            yield venue, beside


def _wish(names: Sequence[str]) -> None:
    at = wiring.now()
    heard: dict[Any, Any] = {name: f"{_price(name):f}|{microseconds(at)}|{microseconds(at)}" for name in names}
    wiring.redis().hset(wiring.keys().prices, mapping=heard)
    for name in names:
        wish = a_signal(name, symbol=name, price=float(_price(name)), bar_end=at, found_at=at, correlation_id=name)
        assert wiring.signals().save(wish)


def _price(name: str) -> Decimal:
    return listing(name, 0).opening


def _approving(names: Sequence[str]) -> Callable[[], int]:
    from tasks.risk import approve

    for name in names[:WARM]:
        approve(name)
    return lambda: sum(approve(name) is not None for name in names[WARM:])


def _inserting(share: tuple[str, int, int]) -> Callable[[], int]:
    """The same driver on the same database: a row, a commit that waits for the disk as the farm's do."""
    kind, number, rows = share
    ids = range(number * rows * 2, number * rows * 2 + rows)
    if kind == "sqlite":
        return lambda: _on_sqlite(ids)
    return lambda: _on_postgresql(ids)


def _on_sqlite(ids: Sequence[int]) -> int:
    connection = sqlite3.connect(str(wiring.database().url.database), timeout=60, isolation_level=None)
    connection.execute("PRAGMA synchronous=FULL")
    for number in ids:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(INSERT.format("?", "?"), (number, "bare"))
        connection.execute("COMMIT")
    connection.close()
    return len(ids)


def _on_postgresql(ids: Sequence[int]) -> int:
    url = wiring.database().url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url) as connection:
        for number in ids:
            connection.execute(INSERT.format("%s", "%s"), (number, "bare"))
            connection.commit()
    return len(ids)


def _ordering(names: Sequence[str]) -> Callable[[], int]:
    """Claimed, sent, acknowledged, looked at, and what it filled kept."""
    from tasks.orders import place, settle

    orders = _approved(names)

    def send(some: Sequence[str]) -> int:
        sent = [place(name) for name in some]
        return sum(settle(name) is not None for name in sent if name)

    send(orders[:WARM])
    return lambda: send(orders[WARM:])


def _approved(names: Sequence[str]) -> list[str]:
    from tasks.risk import approve

    return [name for name in map(approve, names) if name]  # the same as were approved before


def _calling(share: tuple[str, Sequence[str]]) -> Callable[[], int]:
    """An order by hand, over one connection that stays."""
    rest_url, names = share
    address = urlsplit(rest_url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port or 0)
    connection.connect()
    key, secret = wiring.settings().trading_keys
    numbers = count()

    def call(name: str) -> int:
        rules = wiring.instruments().get(name)
        price = rules.round_price(_price(name) * Decimal("1.2"))
        asked = urlencode(
            {
                "symbol": name.replace("/", ""),
                "side": "BUY",
                "type": "IMMEDIATE_OR_CANCEL",
                "quantity": f"{rules.floor_amount(Decimal(200) / price):f}",
                "price": f"{price:f}",
                "newClientOrderId": f"bare-{name.partition('/')[0]}-{next(numbers)}",
                "timestamp": time.time_ns() // 1_000_000,
            }
        )
        signature = hmac(secret.encode(), asked.encode(), sha256).hexdigest()
        connection.request("POST", f"/api/v3/order?{asked}&signature={signature}", headers={"X-MEXC-APIKEY": key})
        answer = connection.getresponse()
        said = answer.read()
        assert answer.status == 200, said
        return 1

    return lambda: sum(map(call, names[WARM:]))
