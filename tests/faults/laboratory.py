"""The fault laboratory: the real steps over SQLite and ccxt, and a simulated venue that plays a scenario."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select

from app import store
from app.domain.looks import Pace
from app.domain.market import instant, microseconds
from app.domain.orders import Leg, Order, OrderState, OrderType, Side
from app.domain.protection import Protection
from app.domain.reconciliation import Difference
from app.domain.risk import Account, Breaker
from app.domain.sizing import Sizing
from app.domain.trading import Signal
from app.exchanges import mexc
from app.risk import Rule
from app.steps.approve_signal import approve_signal
from app.steps.mark_equity import mark_equity
from app.steps.place_order import place_order
from app.steps.ports import Prices
from app.steps.reconcile import reconcile
from app.steps.settle_order import settle_order
from app.steps.sweep import sweep
from app.steps.sweep_exits import sweep_exits
from app.steps.watch_positions import watch_positions
from app.store import Database
from models import ExecutionRow, TradeRow
from tests.fixtures.fakes import MemoryHandOn, MemoryPrices, MemoryResting, MemoryTopics
from tests.fixtures.memory.builders import NOON, a_signal
from tests.fixtures.venue import ServedVenue

SYMBOLS = ("BTC/USDT", "ETH/USDT")
BTC, ETH = SYMBOLS
PRICE = Decimal(100)
RECV_WINDOW = timedelta(seconds=5)
READ_LAG = timedelta(milliseconds=100)
ORDER_TIMEOUT = timedelta(minutes=1)
LOOK = timedelta(milliseconds=50)
LOOKS = 100
PACE = Pace(timedelta(seconds=30), timedelta(hours=1))
ANSWERED_S = 20  # by a venue that nothing is wrong with, on a machine however slow


class StillClock:
    """The farm's clock and the venue's: it goes on when the test says so, so that a slow machine changes nothing."""

    def __init__(self) -> None:
        self._us = microseconds(NOON)

    def us(self) -> int:
        """Microseconds since the epoch."""
        return self._us

    def now(self) -> datetime:
        """The same as an instant."""
        return instant(self._us)

    def go_on(self, span: timedelta) -> None:
        """So long has passed."""
        self._us += span // timedelta(microseconds=1)


class Client(mexc.Client):
    """Waits long for an answer, and for that to a cancel as long as the test says: only a scenario makes one late."""

    cancel_s: float = ANSWERED_S

    def fetch2(self, path: str, api: Any = "public", method: str = "GET", *more: Any) -> Any:
        """With the time-out of its kind, in milliseconds."""
        self.timeout = round((self.cancel_s if method == "DELETE" else ANSWERED_S) * 1000)
        return super().fetch2(path, api, method, *more)


class Drained:
    """Mailboxes that are empty."""

    def shard(self, symbol: str) -> int:
        """All in one."""
        return 0

    def worked_through(self) -> dict[int, float]:
        """Just now."""
        return {0: 0.0}


class Laboratory:
    """A farm without workers: the test calls each step itself. Both symbols cost 100 USDT."""

    def __init__(self, venue: ServedVenue, database: Database, clock: StillClock) -> None:
        self.venue, self.database, self.clock, self.now = venue, database, clock, clock.now
        self.hand_on, self.announce, self.prices = MemoryHandOn(), MemoryTopics(), MemoryPrices()
        self.rules: Sequence[Rule] = ()
        self.sizing = Sizing()
        self._signals = 0
        self.connect()
        for symbol in SYMBOLS:
            self.tick(PRICE, symbol)
        self.refresh()
        self.ledger.open_account(Decimal(10_000), self.now())

    def connect(self) -> None:
        """What a process has of its own: a client, and the ports over the database."""
        self.client = Client(
            rest_url=self.venue.rest_url,
            now=self.now,
            keys=self.venue.keys,
            recv_window_ms=round(RECV_WINDOW.total_seconds() * 1000),
            throttle=False,
            markets=store.Instruments(self.database).markets,
        )
        self.trading, self.market = mexc.Trading(self.client), mexc.Market(self.client)
        self.account = mexc.Account(self.client)
        self.signals, self.instruments = store.Signals(self.database), store.Instruments(self.database)
        self.ledger, self.orders = store.Ledger(self.database), store.Orders(self.database)
        self.trades, self.letters = store.Trades(self.database), store.Letters(self.database)
        self.books = store.Books(self.database)

    def restart(self) -> None:
        """As if every process had been killed: nothing is left but the database and the venue."""
        self.close()
        self.database = Database(self.database.url.render_as_string(hide_password=False))
        self.connect()

    def close(self) -> None:
        """Let the connections go."""
        self.client.session.close()
        self.database.engine.dispose()

    def refresh(self) -> None:
        """Read the venue's rules."""
        self.instruments.save(*self.market.instruments(), self.now())

    def tick(self, price: object, symbol: str = BTC) -> None:
        """The market prints, and the farm has heard it."""
        self.venue.tick(symbol, price, 1000)
        self.prices.heard[symbol] = (float(str(price)), microseconds(self.now()))

    def approve(self, symbol: str = BTC, order_type: OrderType = OrderType.IOC, **changes: Any) -> str | None:
        """A fresh signal, decided; the client order id, or None if it was refused."""
        self._signals += 1
        at = self.now()
        wanted = {"symbol": symbol, "price": 100.0, "bar_end": at, "found_at": at, **changes}
        signal: Signal = a_signal(f"signal-{self._signals}", **wanted)
        self.signals.save(signal)
        return self.decide(signal.key, order_type)

    def decide(self, key: str, order_type: OrderType = OrderType.IOC) -> str | None:
        """A signal that is there, decided by `rules`."""
        at = self.now()
        return approve_signal(
            key,
            signals=self.signals,
            ledger=self.ledger,
            free=self.account.free,
            instruments=self.instruments,
            prices=self.prices,
            rules=self.rules,
            breaker=Breaker(),
            sizing=self.sizing,
            order_type=order_type,
            slippage=Decimal("0.01"),
            exit_slippage=Decimal("0.01"),
            time_to_live=timedelta(seconds=30),
            announce=self.announce,
            now=lambda: at,
        )

    def entry(self, symbol: str = BTC, **changes: Any) -> str:
        """An approved entry."""
        name = self.approve(symbol, **changes)
        assert name is not None
        return name

    def exit(self, trade_id: int, **changes: Any) -> str | None:
        """An exit by the stop of a trade; None if it was refused."""
        return self.approve(side=Side.SELL, leg=Leg.STOP_LOSS, trade_id=trade_id, interval="", **changes)

    def place(self, name: str, lease_s: float = 10) -> Order:
        """Send it; the order afterwards."""
        place_order(
            name,
            orders=self.orders,
            trading=self.trading,
            instruments=self.instruments,
            hand_on=self.hand_on,
            lease=timedelta(seconds=lease_s),
            announce=self.announce,
            now=self.now,
        )
        return self.orders.get(name)

    def settle(
        self,
        name: str,
        read_lag: timedelta = READ_LAG,
        later: timedelta = timedelta(0),
    ) -> Order:
        """Ask the venue about it once, by a clock that is so much later; the order afterwards."""
        settle_order(
            name,
            orders=self.orders,
            trading=self.trading,
            instruments=self.instruments,
            protection=Protection(),
            levels_changed=lambda: None,
            hand_on=self.hand_on,
            announce=self.announce,
            now=lambda: self.now() + later,
            recv_window=RECV_WINDOW,
            read_lag=read_lag,
            order_timeout=ORDER_TIMEOUT,
        )
        return self.orders.get(name)

    def settled(self, name: str, *states: OrderState, **terms: Any) -> Order:
        """Ask until it is in one of these states."""
        for _ in range(LOOKS):
            order = self.settle(name, **terms)
            if order.state in states:
                return order
            self.clock.go_on(LOOK)
        raise AssertionError(f"still {order.state} after {LOOKS} looks")

    def holding(self, symbol: str = BTC) -> Order:
        """An entry that is filled and booked."""
        name = self.entry(symbol)
        self.place(name)
        return self.settled(name, OrderState.FILLED)

    def swept(self) -> list[tuple[str, str]]:
        """What a sweep sends on its way again, as (queue, key)."""
        self.hand_on.calls.clear()
        sweep(
            orders=self.orders,
            signals=self.signals,
            sent_again=MemoryResting[str](),
            letters=self.letters,
            hand_on=self.hand_on,
            at=self.now() + timedelta(minutes=1),
            patience=timedelta(seconds=5),
        )
        return list(self.hand_on.calls)

    def reconcile(self, **changes: Any) -> list[Difference]:
        """One run over all symbols; what differs."""
        terms: dict[str, Any] = {"currency": "USDT", "symbols": SYMBOLS, "tolerance": Decimal(1), "pace": PACE}
        return reconcile(
            venue=self.account,
            books=self.books,
            orders=self.orders,
            instruments=self.instruments,
            protection=Protection(),
            prices=self.prices,
            audits=store.Audits(self.database),
            levels_changed=lambda: None,
            announce=self.announce,
            now=self.now,
            **{"settle": self.settle, **terms, **changes},
        )

    def marked(self, prices: Prices | None = None) -> Account:
        """The account as upkeep values it, and its state after that: the breaker may have tripped."""
        ledger, prices, announce = self.ledger, prices or self.prices, self.announce
        account = mark_equity(ledger=ledger, prices=prices, breaker=Breaker(), announce=announce, now=self.now)
        return replace(account, state=self.ledger.account({}, self.now()).state)

    def asked_again(self) -> str | None:
        """The exit that the sweep asks for after a minute's rest, decided."""
        self.hand_on.calls.clear()
        sweep_exits(
            trades=self.trades,
            signals=self.signals,
            prices=self.prices,
            hand_on=self.hand_on,
            at=self.now() + timedelta(minutes=1),
        )
        ((_, key),) = self.hand_on.calls
        return self.decide(key)

    def watch(self, after_s: float) -> int:
        """A look at what is held, so many seconds from now; drains work all the time."""
        return watch_positions(
            trades=self.trades,
            mailboxes=Drained(),
            audits=store.Audits(self.database),
            announce=self.announce,
            alert_after=timedelta(seconds=10),
            at=self.now() + timedelta(seconds=after_s),
        )

    @property
    def accepted(self) -> int:
        """How many orders the venue has taken."""
        return int(self.venue.status()["orders"])

    def executions(self) -> int:
        """How many fills are booked."""
        with self.database.reading() as session:
            return session.scalar(select(func.count()).select_from(ExecutionRow)) or 0

    def trade(self, number: int) -> TradeRow:
        """A trade as it is in the database."""
        with self.database.reading() as session:
            found = session.get(TradeRow, number)
            assert found is not None
            session.expunge(found)
        return found
