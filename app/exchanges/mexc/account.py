"""MEXC's books of our account: what works, what was ordered and filled within its windows, what there is."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.domain.balances import Balances
from app.domain.errors import RateLimited
from app.domain.market import instant, microseconds
from app.domain.orders import OrderState
from app.domain.rate_limit import Priority
from app.domain.reconciliation import Stretch, VenueFill, VenueOrder
from app.exchanges.mexc.client import Client
from app.exchanges.mexc.errors import ASKING, ClockOff, translated
from app.exchanges.mexc.reports import STATES, fill

DAY_MS = 86_400_000
ORDERS_REACH_MS = 7 * DAY_MS
FILLS_REACH_MS = 30 * DAY_MS
SLACK_MS = 60_000
ORDERS_PAGE = 1000
FILLS_PAGE = 100
PAGES_AT_ONCE = 3  # of fills: whoever asks for more comes back for them, and holds nobody up

Row = Mapping[str, Any]
Ask = Callable[[dict[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class _Reach:
    """An endpoint that lists the past: how far back, how many rows a page, which of their figures is unique, and how
    many pages are asked for at once."""

    call: Ask
    reach_ms: int
    page: int
    key: str
    pages: int


class Account:
    """Only reads, and never waits for a turn: whoever compares books goes on with the rest another time."""

    together = 5

    def __init__(self, client: Client) -> None:
        self._client = client

    def open_orders(self, symbols: Sequence[str], *, pressing: bool = False) -> list[VenueOrder]:
        """What works there, whoever placed it; five symbols are asked for at once."""
        by_id = {self._client.id_of(symbol): symbol for symbol in symbols}
        names = list(by_id)
        found: list[VenueOrder] = []
        for first in range(0, len(names), self.together):
            request = {"symbol": ",".join(names[first : first + self.together])}
            with self._asking(pressing):
                rows = self._ask(self._client.spotPrivateGetOpenOrders, request)
            found += [_order(row, by_id[str(row["symbol"])]) for row in rows]
        return found

    def orders(self, symbol: str, since: datetime, *, pressing: bool = False) -> list[VenueOrder]:
        """Orders made since then, of seven days at most: the newest, as far as there are turns."""
        reach = _Reach(self._client.spotPrivateGetAllOrders, ORDERS_REACH_MS, ORDERS_PAGE, "orderId", pages=10)
        with self._asking(pressing):
            rows, _ = self._pages(reach, symbol, since)
        return [_order(row, symbol) for row in rows]

    def fills(self, symbol: str, since: datetime, until: datetime | None = None, *, pressing: bool = False) -> Stretch:
        """Fills since then, and until then, oldest first: of a month and three pages at most, as far as turns go."""
        reach = _Reach(self._client.spotPrivateGetMyTrades, FILLS_REACH_MS, FILLS_PAGE, "id", PAGES_AT_ONCE)
        with self._asking(pressing):
            rows, back_to_ms = self._pages(reach, symbol, since, until)
        found = [VenueFill(str(row.get("clientOrderId") or ""), fill(self._named(row, symbol))) for row in rows]
        found.sort(key=lambda one: (one.fill.at, one.fill.venue_trade_id))
        return Stretch(found, None if back_to_ms is None else instant(back_to_ms * 1000))

    def balances(self) -> Balances:
        """What is free and locked, by currency, between two looks at the venue's own clock."""
        with self._asking(True):
            since = self._time()
            rows = self._balances()
            until = self._time()
        amounts = {code: Decimal(str(row["free"])) + Decimal(str(row["locked"])) for code, row in rows}
        return Balances(since, until, amounts)

    def free(self, currency: str) -> Decimal:
        """What no order there has locked of a currency; an exit waits for the answer, so it is as urgent as one."""
        with self._client.asking(Priority.EXIT):
            return sum((Decimal(str(row["free"])) for code, row in self._balances() if code == currency), Decimal(0))

    def may_withdraw(self) -> bool | None:
        """Whether the account may; None if MEXC does not say. Of the key alone it tells nothing.

        Source: GET /api/v3/account, `canWithdraw`.
        """
        told = self._ask(self._client.spotPrivateGetAccount, {}).get("canWithdraw")
        return told if isinstance(told, bool) else None

    def _balances(self) -> list[tuple[str, Row]]:
        rows = self._ask(self._client.spotPrivateGetAccount, {})["balances"]
        return [(self._client.safe_currency_code(row["asset"]), row) for row in rows]

    def _pages(
        self, reach: "_Reach", symbol: str, since: datetime, until: datetime | None = None
    ) -> tuple[list[Row], int | None]:
        """All rows of a window, a page at a time from the newest back, each once; and where it had to stop."""
        market, found = self._client.id_of(symbol), dict[str, Row]()
        self._synchronise()
        now_ms = self._client.venue_ms()
        start = max(microseconds(since) // 1000 - SLACK_MS, now_ms - reach.reach_ms + SLACK_MS)
        end = now_ms + SLACK_MS if until is None else microseconds(until) // 1000
        for _ in range(reach.pages):
            request = {"symbol": market, "startTime": start, "endTime": end, "limit": reach.page}
            try:
                rows = self._ask(reach.call, request)
            except RateLimited:
                if not found:
                    raise
                break
            fresh = {str(row[reach.key]): row for row in rows if str(row[reach.key]) not in found}
            found.update(fresh)
            if len(rows) < reach.page:
                return list(found.values()), None
            oldest = min(int(row["time"]) for row in rows)
            end = oldest if fresh else oldest - 1  # a page of one millisecond alone would be asked for again for ever
        return list(found.values()), end

    def _asking(self, pressing: bool) -> AbstractContextManager[None]:
        return self._client.asking(Priority.BOOKS if pressing else Priority.DATA, patience_s=0)

    def _named(self, row: Row, symbol: str) -> Row:
        asset = self._client.safe_currency_code(row.get("commissionAsset") or None)
        return {**row, "symbol": symbol, "commissionAsset": asset or symbol.partition("/")[2]}

    def _time(self) -> datetime:
        with translated(self._client, ASKING):
            return instant(int(self._client.spotPublicGetTime()["serverTime"]) * 1000)

    def _synchronise(self) -> None:
        with translated(self._client, ASKING):
            self._client.synchronise()

    def _ask(self, call: Ask, request: Mapping[str, Any]) -> Any:
        try:
            return self._once(call, request)
        except ClockOff:  # measured anew before the second try; asking twice does no harm
            return self._once(call, request)

    def _once(self, call: Ask, request: Mapping[str, Any]) -> Any:
        with translated(self._client, ASKING):
            self._client.synchronise()
            return call(dict(request))


def _order(row: Row, symbol: str) -> VenueOrder:
    return VenueOrder(
        symbol=symbol,
        exchange_order_id=str(row["orderId"]),
        client_order_id=str(row.get("clientOrderId") or ""),
        state=STATES.get(str(row["status"]), OrderState.OPEN),
        filled=Decimal(str(row.get("executedQty") or 0)),
    )
