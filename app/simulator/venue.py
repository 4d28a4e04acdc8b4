"""The venue itself: its market, clock, books and account, without any protocol."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from app.simulator.account import Account, Change, Fees
from app.simulator.clock import Clock
from app.simulator.errors import bad_symbol
from app.simulator.faults import Faults
from app.simulator.history import History
from app.simulator.journal import Journal
from app.simulator.market import Listing, Market, Print
from app.simulator.matching import Book, Depth


@dataclass(frozen=True, slots=True)
class Terms:
    """What the venue grants and charges. Weights are counted per endpoint and window, 0 is no limit."""

    api_key: str = "paper"
    api_secret: str = "paper-secret"
    fees: Fees = field(default_factory=Fees)
    depth: Depth = field(default_factory=Depth)
    takes_duplicates: bool = False
    open_orders: int = 500
    weight_limit: int = 500
    weight_window_s: float = 10
    patience: int = 20
    ban_s: int = 120


NOBODY = Book((), ())


class Venue:
    """Takes prints in, knows what each symbol is worth, and tells those who listen what happened.

    What a symbol in `unheard` is worth now is not known before its first print: nobody trades it until then.
    """

    def __init__(
        self, market: Market, account: Account, journal: Journal, clock: Clock, terms: Terms, faults: Faults
    ) -> None:
        self.market, self.account, self.journal = market, account, journal
        self.clock, self.terms, self.faults = clock, terms, faults
        self.history = History(market)
        self.last: dict[str, Decimal] = {name: one.opening for name, one in market.listings.items()}
        self.version: dict[str, int] = dict.fromkeys(market.listings, 1)
        self.unheard: set[str] = set()
        self.printed = 0
        self.accepted = 0
        self.limited: Counter[int] = Counter()  # requests that were too many, by the HTTP status of their answers
        self.on_print: list[Callable[[Print], None]] = []
        self.on_change: list[Callable[[Change, str], None]] = []
        self._books: dict[str, tuple[int, Book]] = {}

    def time_ms(self) -> int:
        """What the venue says the time is."""
        skew = self.faults.look("clock_skew", self.clock.real()) if self.faults else None
        return self.clock.now_ms() + (int(skew.number("ms", Decimal(0))) if skew else 0)

    def step(self) -> int:
        """Take in what the market prints up to now."""
        prints = self.market.due(self.clock.now_ms())
        for one in prints:
            self.take(one)
        return len(prints)

    def take(self, one: Print) -> None:
        """Take in one print."""
        self.unheard.discard(one.symbol)
        self.last[one.symbol] = one.price
        self.version[one.symbol] += 1
        self.history.add(one)
        self.printed += 1
        for listener in self.on_print:
            listener(one)

    def listing(self, name: str) -> Listing:
        """The rules of a symbol as they are now; raises the venue's refusal for one that it does not list."""
        found = self.market.listings.get(name)
        if found is None:
            raise bad_symbol()
        if not self.faults:
            return found
        real_us = self.clock.real()
        return replace(
            found,
            tradable=found.tradable and not self.faults.look("no_api_trading", real_us, symbol=name),
            market_orders=found.market_orders and not self.faults.look("market_orders_disabled", real_us, symbol=name),
        )

    def suspended(self, name: str) -> bool:
        """Whether trading in a symbol is halted."""
        return self.faults.look("symbol_suspended", self.clock.real(), symbol=name) is not None

    def book(self, name: str) -> Book:
        """The book that the last price implies."""
        if name in self.unheard:
            return NOBODY
        version = self.version[name]
        known = self._books.get(name)
        if known is not None and known[0] == version:
            return known[1]
        listing = self.market.listings[name]
        book = self.terms.depth.book(self.last[name], listing.tick, listing.step)
        self._books[name] = (version, book)
        return book

    def commit(self, reason: str) -> Change:
        """Write down what an operation did, then tell it."""
        change = self.account.commit()
        self.journal.write(change)
        for listener in self.on_change:
            listener(change, reason)
        return change

    def visible_until_ms(self) -> int:
        """Orders and fills after this are not to be seen yet."""
        lag = self.faults.look("read_lag", self.clock.real()) if self.faults else None
        return self.clock.now_ms() - (int(lag.number("ms", Decimal(0))) if lag else 0)
