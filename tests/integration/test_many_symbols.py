"""A farm that trades in sixty symbols under MEXC's limits, ten times as fast: real limiter, real venue, real steps."""

import time
from collections.abc import Iterator
from decimal import Decimal

import pytest

from app import decisions, wiring
from app.domain.looks import Look
from app.domain.market import microseconds
from app.domain.orders import OrderState
from app.domain.rate_limit import Budget
from app.simulator.catalogue import symbols
from app.store import migrate
from tasks import orders, upkeep
from tests.fixtures._patience import PATIENCE_S
from tests.fixtures.farm import approved, configured
from tests.fixtures.venue import ServedVenue, served
from workers.venue import VenueConfig

COUNT = 60
TENTH = 10  # of each span: the venue's window, the farm's, and the periods
EVERY_S = 30 / TENTH
BEAT_S = EVERY_S / 5
LATE_S = 30  # not 12: the machine may have other things to do; in virtual time the unit tests look at it exactly
WATCHED_S = 12


@pytest.fixture
def crowd(farm_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[ServedVenue]:
    """A farm that has begun at a venue with limits."""
    names = symbols(COUNT + 1)
    config = VenueConfig(
        market="idle",
        symbols=names,
        balances={"USDT": Decimal(100_000)},
        weight_limit=500,
        weight_window_s=10 / TENTH,
    )
    monkeypatch.setattr(decisions, "request_budget", lambda settings: (Budget(400, 12_000 // TENTH), 4))
    with served(config) as venue:
        values = {
            **farm_settings,
            "CDB_EXCHANGE_REST_URL": venue.rest_url,
            "CDB_EXCHANGE_WS_URL": venue.ws_url,
            "CDB_SYMBOLS": ",".join(names),
            "CDB_POSITION_SHARE": "0.004",
            "CDB_RECONCILE_S": str(EVERY_S),
            "CDB_RISK__NOT_RECONCILED__LIMIT_S": str(LATE_S),
            "CDB_RISK__STALE_MARKET__LIMIT_S": "3600",
        }
        with configured(values, monkeypatch):
            migrate(wiring.database())
            upkeep.refresh_instruments()
            upkeep.begin()
            for name in names:
                venue.tick(name, 100, 1000)
                now_us = microseconds(wiring.now())
                wiring.redis().hset(wiring.keys().prices, name, f"100.0|{now_us}|{now_us}")
            yield venue


def held(symbol: str) -> str:
    """An entry that is sent and settled; the limiter may want both to wait."""
    name = approved(f"S{symbol}", symbol=symbol)
    assert name is not None
    until = time.monotonic() + PATIENCE_S
    while wiring.orders().get(name).state is not OrderState.FILLED:
        assert time.monotonic() < until
        orders.place(name)
        orders.settle(name)
    return name


def compared_until(open_: bool, patience_s: float) -> float:
    """After how many seconds of beat's reconciliations an entry may be approved again."""
    began = time.monotonic()
    while (wiring.books().read(wiring.now()).reconciled_at is not None) is not open_:
        assert time.monotonic() < began + patience_s
        upkeep.reconcile()
        time.sleep(BEAT_S)
    return time.monotonic() - began


@pytest.mark.timeout(600)  # a crowd, which a busy machine takes its time for
def test_sixty_symbols_are_compared_after_a_start_and_stay_so_and_the_venue_refuses_nobody(crowd: ServedVenue) -> None:
    *traded, fresh = symbols(COUNT + 1)
    for symbol in traded:
        held(symbol)
        upkeep.reconcile()
    wiring.books().forget()
    assert approved("TOO-EARLY", symbol=fresh) is None

    upkeep.begin()
    compared_until(True, patience_s=LATE_S)
    assert approved("FIRST", symbol=fresh) is not None

    until, ages = time.monotonic() + WATCHED_S, []
    while time.monotonic() < until:
        upkeep.reconcile()
        at = wiring.now()
        books = wiring.books().read(at)
        assert books.reconciled_at is not None
        ages.append((at - books.reconciled_at).total_seconds())
        time.sleep(BEAT_S)
    assert max(ages) < LATE_S
    assert {symbol for symbol, look in books.cursors if look is Look.WHOLE} >= set(traded)
    assert books.differences == ()
    assert not {"answers_429", "answers_418"} & wiring.counters().all().keys()
