"""MEXC's family does what every venue does, over ccxt, HTTP and the simulator."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Event, Thread
from typing import Any

import msgspec
import pytest
from urllib3 import PoolManager

from app.domain.errors import Denied, RateLimited, Refused, Unavailable, Unknown, VenueError
from app.domain.orders import TERMINAL, OrderState, OrderType
from app.exchanges.mexc import Account, ApiKeys, Client, Market, Trading
from tests.contracts.account import AccountContract, AccountUnderTest
from tests.contracts.market import MarketContract, MarketUnderTest
from tests.contracts.trading import TradingContract, VenueUnderTest
from tests.fixtures._patience import PATIENCE_S
from workers.venue import Address, VenueConfig, serve

SYMBOLS = ("BTC/USDT", "ETH/USDT")


def now() -> datetime:
    """The real clock: the simulator's runs with it."""
    return datetime.now(UTC)


class Simulator:
    """A venue in a thread of its own, on a port of its own."""

    def __init__(self, config: VenueConfig) -> None:
        self.url = ""
        self._config, self._ready, self._stopped = config, Event(), asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._run)
        self._web = PoolManager()
        self._thread.start()
        assert self._ready.wait(PATIENCE_S)

    def tell(self, path: str, **wanted: Any) -> None:
        """POST to what only a simulated venue has."""
        answer = self._web.request("POST", self.url + path, body=msgspec.json.encode(wanted))
        assert answer.status == 200, answer.data

    def heal(self) -> None:
        """No more faults."""
        self._web.request("DELETE", f"{self.url}/sim/faults")

    def client(self, **changes: Any) -> Client:
        """A client of this venue."""
        keys = ApiKeys(self._config.api_key, self._config.api_secret)
        wanted = {"rest_url": self.url, "now": now, "throttle": False, "timeout_s": 1, "keys": lambda: keys}
        return Client(**{**wanted, **changes})

    def close(self) -> None:
        """Stop it."""
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join()
        self._loop.close()
        self._web.clear()

    def _run(self) -> None:
        self._loop.run_until_complete(serve(self._config, self._stopped, self._opened))

    def _opened(self, address: Address) -> None:
        self.url = address.rest_url
        self._ready.set()


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    venue = Simulator(VenueConfig(market="idle", symbols=SYMBOLS))
    venue.tell("/sim/tick", symbol="BTC/USDT", price="100", quantity="1", side="buy")
    yield venue
    venue.close()


@pytest.fixture
def client(simulator: Simulator) -> Iterator[Client]:
    made = simulator.client()
    yield made
    made.session.close()


@pytest.fixture
def desk(client: Client) -> VenueUnderTest:
    return VenueUnderTest(Trading(client), now)


class TestTrading(TradingContract):
    """The contract, with the fixture above."""


class TestAccount(AccountContract):
    @pytest.fixture
    def venue_account(self, client: Client, desk: VenueUnderTest) -> AccountUnderTest:
        return AccountUnderTest(Account(client), desk)


class TestMarket(MarketContract):
    @pytest.fixture
    def venue_market(self) -> Iterator[MarketUnderTest]:
        venue = Simulator(VenueConfig(market="synthetic", symbols=SYMBOLS, ticks_per_s=50))
        client = venue.client()
        until = now().replace(microsecond=0) - timedelta(seconds=2)
        yield MarketUnderTest(Market(client), "BTC/USDT", until)
        client.session.close()
        venue.close()


def test_f1_a_create_whose_answer_is_lost_is_unknown_and_then_found(simulator: Simulator, desk: VenueUnderTest) -> None:
    desk.trading.look_up(desk.order())
    simulator.tell("/sim/faults", fault="create_reply_dropped")
    order = desk.order(price=Decimal(110))

    with pytest.raises(Unknown):
        desk.trading.submit(order, signed_at=now())

    assert desk.report(order, *TERMINAL).state is OrderState.FILLED


def test_f1_a_create_that_times_out_is_unknown_and_then_found(simulator: Simulator, desk: VenueUnderTest) -> None:
    desk.trading.look_up(desk.order())
    simulator.tell("/sim/faults", fault="create_reply_delayed", ms=1500)
    order = desk.order(price=Decimal(110))

    with pytest.raises(Unknown):
        desk.trading.submit(order, signed_at=now())

    assert desk.report(order, *TERMINAL).state is OrderState.FILLED


def test_f2_an_order_within_the_read_lag_is_not_visible_yet(simulator: Simulator, desk: VenueUnderTest) -> None:
    simulator.tell("/sim/faults", fault="read_lag", ms=500)
    order = desk.placed(price=Decimal(110))

    assert desk.trading.look_up(order) is None
    assert desk.report(order, *TERMINAL).state is OrderState.FILLED


def test_f12_what_an_order_was_filled_before_it_ended_is_reported(simulator: Simulator, desk: VenueUnderTest) -> None:
    simulator.tell("/sim/faults", fault="partial_fills", share="0.01")

    report = desk.report(desk.placed(price=Decimal(110), amount=Decimal(80)), *TERMINAL)

    assert report.state is OrderState.CANCELLED
    assert 0 < report.filled < 80


def test_f14_a_fee_in_base_currency_is_told_as_such(simulator: Simulator, desk: VenueUnderTest) -> None:
    simulator.tell("/sim/faults", fault="fee_in_base")

    [fill] = desk.report(desk.placed(price=Decimal(110)), OrderState.FILLED).fills

    assert fill.commission_asset == "BTC"
    assert desk.trading.balance("BTC") == fill.amount - fill.commission


def test_f18_an_ioc_order_that_was_booked_as_resting_is_seen_and_ended(
    simulator: Simulator, desk: VenueUnderTest
) -> None:
    simulator.tell("/sim/faults", fault="ioc_as_gtc")
    order = desk.placed(price=Decimal(50))
    desk.report(order, OrderState.OPEN)

    desk.trading.cancel(order)

    assert desk.report(order, *TERMINAL).state is OrderState.CANCELLED


def test_a_claim_that_is_too_old_is_accepted_no_more(desk: VenueUnderTest) -> None:
    order = desk.order(price=Decimal(110))

    with pytest.raises(Unavailable):
        desk.trading.submit(order, signed_at=now() - timedelta(seconds=6))

    assert desk.trading.look_up(order) is None


def test_f20_a_clock_that_is_off_is_measured_and_made_up_for(simulator: Simulator) -> None:
    client = simulator.client(now=lambda: now() - timedelta(minutes=5))
    desk = VenueUnderTest(Trading(client), lambda: now() - timedelta(minutes=5))

    assert desk.report(desk.placed(price=Decimal(110)), *TERMINAL).state is OrderState.FILLED
    client.session.close()


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"fault": "internal_error"}, Unknown),
        ({"fault": "gateway_timeout"}, Unknown),
        ({"fault": "unavailable_html"}, Unknown),
        ({"fault": "forbidden_html"}, Unknown),
        ({"fault": "create_lost"}, Unknown),
        ({"fault": "rate_limited", "retry_after_s": 3}, RateLimited),
        ({"fault": "banned"}, RateLimited),
    ],
    ids=lambda value: value["fault"] if isinstance(value, dict) else value.__name__,
)
def test_each_fault_on_the_wire_is_read_as_what_is_known(
    simulator: Simulator, desk: VenueUnderTest, fault: dict[str, Any], expected: type[VenueError]
) -> None:
    desk.trading.look_up(desk.order())  # knows the symbols and the clock from here on
    order = desk.order(price=Decimal(110))
    simulator.tell("/sim/faults", **fault)

    with pytest.raises(VenueError) as raised:
        desk.trading.submit(order, signed_at=now())
    simulator.heal()

    assert type(raised.value) is expected
    assert desk.trading.look_up(order) is None


def test_wrong_keys_are_denied_with_a_cure(simulator: Simulator) -> None:
    client = simulator.client(keys=lambda: ApiKeys("paper", "wrong"))

    with pytest.raises(Denied) as denied:
        Trading(client).balance("USDT")

    assert "CDB_API_SECRET" in denied.value.cure
    client.session.close()


def test_f17_a_symbol_that_the_api_may_not_trade_is_refused() -> None:
    venue = Simulator(VenueConfig(market="idle", symbols=SYMBOLS, untradable=("BTC/USDT",)))
    client = venue.client()
    desk = VenueUnderTest(Trading(client), now)

    instruments, _ = Market(client).instruments()
    with pytest.raises(Refused):
        desk.placed(price=Decimal(110))

    assert {one.symbol: one.tradable for one in instruments} == {"BTC/USDT": False, "ETH/USDT": True}
    client.session.close()
    venue.close()


def test_what_the_rules_round_to_is_what_the_venue_books(client: Client, desk: VenueUnderTest) -> None:
    rules = {one.symbol: one for one in Market(client).instruments()[0]}["BTC/USDT"]
    amount, price = rules.floor_amount(Decimal("0.123456789123")), rules.round_price(Decimal("50.123456"))

    order = desk.placed(type=OrderType.LIMIT, amount=amount, price=price)

    [booked] = client.spotPrivateGetOpenOrders({"symbol": "BTCUSDT"})
    assert (Decimal(booked["origQty"]), Decimal(booked["price"])) == (amount, price)
    desk.trading.cancel(replace(order))
