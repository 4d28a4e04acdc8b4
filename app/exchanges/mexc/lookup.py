"""Every way to ask MEXC for one order: by its name, among what works, in the history, and among the fills."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Any

from app.domain.errors import Unavailable
from app.domain.market import instant, microseconds
from app.domain.orders import Order, Report, Search
from app.exchanges.mexc.client import Client
from app.exchanges.mexc.errors import ASKING, ClockOff, NotVisible, translated
from app.exchanges.mexc.reports import executed, report, report_of_fills

ORDERS_PAGE = 1000
FILLS_PAGE = 100
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
ORDERS_REACH_MS = 7 * DAY_MS  # allOrders: "a maximum of the latest 7 days"
FILLS_REACH_MS = 30 * DAY_MS  # myTrades: "the transaction records in the past 1 month"

Row = Mapping[str, Any]
Ask = Callable[[dict[str, Any]], Any]


class Endless(Unavailable):
    """A full page of the venue's is the same as the one before it."""


class Lookup:
    """Only reads. An answer that is not about the order that was asked for is none: Unavailable."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def by_name(self, order: Order) -> Report | None:
        """What MEXC shows under the client order id; fills are read when there are more than `order.filled`."""
        record = self._named(order)
        return None if record is None else self._told(record, order)

    def search(self, order: Order) -> Search:
        """The same, and then all that is dearer: 26 of weight together, where `by_name` is 2."""
        began_ms = int(self.ask(self._client.spotPublicGetTime, {})["serverTime"])
        since_ms = self._since_ms(order)
        in_reach = since_ms >= began_ms - ORDERS_REACH_MS
        record = self._named(order) or self._working(order)
        if record is None and in_reach:
            record = self._past(order, since_ms, began_ms)
        found = (
            self._by_fills(order, since_ms, began_ms, gone=not in_reach)
            if record is None
            else self._told(record, order)
        )
        return Search(found, instant(began_ms * 1000), in_reach)

    def ask(self, call: Ask, request: Mapping[str, Any]) -> Any:
        """Asked again once if the clock was off: it is measured anew before, and asking twice does no harm."""
        try:
            return self._once(call, request)
        except ClockOff:
            return self._once(call, request)

    def _once(self, call: Ask, request: Mapping[str, Any]) -> Any:
        with translated(self._client, ASKING):
            self._client.synchronise()
            return call(dict(request))

    def _named(self, order: Order) -> Row | None:
        request = {"symbol": self._client.id_of(order.symbol), "origClientOrderId": order.client_order_id}
        try:
            record = self.ask(self._client.spotPrivateGetOrder, request)
        except NotVisible:
            return None
        if not isinstance(record, dict) or not record.get("orderId") or self._contradicts(record, order):
            raise Unavailable(f"asked for {order.client_order_id}, the venue told of something else: {record}"[:500])
        return record

    def _contradicts(self, record: Row, order: Order) -> bool:
        ours = {
            "symbol": self._client.id_of(order.symbol),
            "clientOrderId": order.client_order_id,
            "orderId": order.exchange_order_id,
        }
        return any(record.get(name) and wanted and str(record[name]) != wanted for name, wanted in ours.items())

    def _working(self, order: Order) -> Row | None:
        rows = self.ask(self._client.spotPrivateGetOpenOrders, {"symbol": self._client.id_of(order.symbol)})
        return next((row for row in rows if _is_of(row, order)), None)

    def _past(self, order: Order, since_ms: int, until_ms: int) -> Row | None:
        request = {"symbol": self._client.id_of(order.symbol), "startTime": since_ms, "limit": ORDERS_PAGE}
        pages = self._pages(self._client.spotPrivateGetAllOrders, request, until_ms + MINUTE_MS, key="orderId")
        return next((row for page in pages for row in page if _is_of(row, order)), None)

    def _by_fills(self, order: Order, since_ms: int, until_ms: int, *, gone: bool) -> Report | None:
        """What the fills prove of an order that nothing else shows.

        `gone` is that MEXC tells of no order that old: one that does not work any more has ended as its fills say.
        """
        oldest_ms = until_ms - FILLS_REACH_MS + MINUTE_MS
        request = {
            "symbol": self._client.id_of(order.symbol),
            "startTime": max(since_ms, oldest_ms),
            "limit": FILLS_PAGE,
        }
        pages = self._pages(self._client.spotPrivateGetMyTrades, request, until_ms + MINUTE_MS, key="id")
        rows = [self._with_codes(row, order) for page in pages for row in page if _is_of(row, order)]
        number = str(rows[0]["orderId"]) if rows else order.exchange_order_id
        ended = gone and since_ms >= oldest_ms
        return report_of_fills(order, number, rows, ended=ended) if number and (rows or ended) else None

    def _told(self, record: Row, order: Order) -> Report:
        filled = executed(record)
        rows = self._fills(order, str(record["orderId"]), filled) if filled > order.filled else []
        return report(record, rows, booked=order.filled)

    def _fills(self, order: Order, number: str, filled: Decimal) -> list[Row]:
        """The order's fills, from the newest back until they add up, or as many as MEXC tells."""
        request = {"symbol": self._client.id_of(order.symbol), "orderId": number, "limit": FILLS_PAGE}
        rows: list[Row] = []
        with suppress(Endless):  # an end is not believed until they add up
            for page in self._pages(self._client.spotPrivateGetMyTrades, request, None, key="id"):
                rows += [self._with_codes(row, order) for row in page if str(row["orderId"]) == number]
                if sum(Decimal(str(row["qty"])) for row in rows) >= filled:
                    break
        return rows

    def _pages(self, call: Ask, request: Mapping[str, Any], until_ms: int | None, *, key: str) -> Iterator[list[Row]]:
        """A page at a time from the newest back, each row once; Endless if a full one brings nothing new."""
        seen: set[str] = set()
        until = {} if until_ms is None else {"endTime": until_ms}
        while True:
            page = self.ask(call, {**request, **until})
            fresh = [row for row in page if str(row[key]) not in seen]
            if len(page) >= request["limit"] and not fresh:
                raise Endless(f"the venue tells one page again and again, and what is behind it never: {request}")
            yield fresh
            seen.update(str(row[key]) for row in fresh)
            if len(page) < request["limit"]:
                return
            until = {"endTime": min(int(row["time"]) for row in page)}

    def _since_ms(self, order: Order) -> int:
        """An hour before the venue can have heard of it: a database may have been restored, and have sent it before."""
        if order.acceptable_until is not None:
            return microseconds(order.acceptable_until) // 1000 - HOUR_MS
        return microseconds(order.created_at) // 1000 + self._client.venue_ms() - self._client.now_ms() - HOUR_MS

    def _with_codes(self, row: Row, order: Order) -> Row:
        asset = self._client.safe_currency_code(row.get("commissionAsset") or None)
        return {**row, "symbol": order.symbol, "commissionAsset": asset or order.symbol.partition("/")[2]}


def _is_of(row: Row, order: Order) -> bool:
    """Under either of its names; MEXC does not always tell the first."""
    name, number = row.get("clientOrderId"), order.exchange_order_id
    return name == order.client_order_id or (number is not None and str(row["orderId"]) == number)
