"""MEXC's books of our account: what works, what was ordered and filled within its windows, what there is."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.domain.market import microseconds
from app.domain.orders import OrderState
from app.domain.rate_limit import Priority
from app.domain.reconciliation import VenueFill, VenueOrder
from app.exchanges.mexc.client import Client
from app.exchanges.mexc.errors import ASKING, ClockOff, translated
from app.exchanges.mexc.reports import STATES, fill

DAY_MS = 86_400_000
ORDERS_REACH_MS = 7 * DAY_MS
FILLS_REACH_MS = 30 * DAY_MS
SLACK_MS = 60_000
SYMBOLS_A_REQUEST = 5
ORDERS_PAGE = 1000
FILLS_PAGE = 100

Row = Mapping[str, Any]
Ask = Callable[[dict[str, Any]], Any]


class Account:
    """Only reads."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def open_orders(self, symbols: Sequence[str]) -> list[VenueOrder]:
        """What works there, whoever placed it; five symbols are asked for at once."""
        by_id = {self._client.id_of(symbol): symbol for symbol in symbols}
        names = list(by_id)
        found: list[VenueOrder] = []
        for first in range(0, len(names), SYMBOLS_A_REQUEST):
            request = {"symbol": ",".join(names[first : first + SYMBOLS_A_REQUEST])}
            rows = self._ask(self._client.spotPrivateGetOpenOrders, request)
            found += [_order(row, by_id[str(row["symbol"])]) for row in rows]
        return found

    def orders(self, symbol: str, since: datetime) -> list[VenueOrder]:
        """Orders made since then, of seven days at most."""
        rows = self._pages(
            self._client.spotPrivateGetAllOrders,
            symbol,
            since,
            reach_ms=ORDERS_REACH_MS,
            page=ORDERS_PAGE,
            key="orderId",
        )
        return [_order(row, symbol) for row in rows]

    def fills(self, symbol: str, since: datetime) -> list[VenueFill]:
        """Fills since then, of a month at most, oldest first."""
        rows = self._pages(
            self._client.spotPrivateGetMyTrades, symbol, since, reach_ms=FILLS_REACH_MS, page=FILLS_PAGE, key="id"
        )
        found = [VenueFill(str(row.get("clientOrderId") or ""), fill(self._named(row, symbol))) for row in rows]
        return sorted(found, key=lambda one: (one.fill.at, one.fill.venue_trade_id))

    def balances(self) -> dict[str, Decimal]:
        """What is free and locked, by currency."""
        return {code: Decimal(str(row["free"])) + Decimal(str(row["locked"])) for code, row in self._balances()}

    def free(self, currency: str) -> Decimal:
        """What no order there has locked of a currency; an exit waits for the answer, so it is as urgent as one."""
        with self._client.asking(Priority.EXIT):
            return sum((Decimal(str(row["free"])) for code, row in self._balances() if code == currency), Decimal(0))

    def _balances(self) -> list[tuple[str, Row]]:
        rows = self._ask(self._client.spotPrivateGetAccount, {})["balances"]
        return [(self._client.safe_currency_code(row["asset"]), row) for row in rows]

    def _pages(self, call: Ask, symbol: str, since: datetime, *, reach_ms: int, page: int, key: str) -> list[Row]:
        """All rows of a window, a page at a time from the newest back; each row once."""
        market, found = self._client.id_of(symbol), {}
        self._synchronise()
        now_ms = self._client.venue_ms()
        start = max(microseconds(since) // 1000 - SLACK_MS, now_ms - reach_ms + SLACK_MS)
        end = now_ms + SLACK_MS
        while True:
            rows = self._ask(call, {"symbol": market, "startTime": start, "endTime": end, "limit": page})
            fresh = {str(row[key]): row for row in rows if str(row[key]) not in found}
            found.update(fresh)
            if len(rows) < page:
                return list(found.values())
            oldest = min(int(row["time"]) for row in rows)
            end = oldest if fresh else oldest - 1  # a page of one millisecond alone would be asked for again for ever

    def _named(self, row: Row, symbol: str) -> Row:
        asset = self._client.safe_currency_code(row.get("commissionAsset") or None)
        return {**row, "symbol": symbol, "commissionAsset": asset or symbol.partition("/")[2]}

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
