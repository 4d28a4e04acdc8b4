"""MEXC's private side: orders out, reports in; money goes over the wire as exact text."""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.domain.errors import Unknown
from app.domain.market import microseconds
from app.domain.orders import Leg, Order, OrderType, Report, Side
from app.domain.rate_limit import Priority
from app.exchanges.mexc.client import Client
from app.exchanges.mexc.errors import ASKING, PLACING, ClockOff, NothingToCancel, NotVisible, translated
from app.exchanges.mexc.reports import executed, report

TYPES = {OrderType.MARKET: "MARKET", OrderType.LIMIT: "LIMIT", OrderType.IOC: "IMMEDIATE_OR_CANCEL"}
PAGE = 100
CLOCK_SLACK_MS = 60_000

Row = Mapping[str, Any]


class Trading:
    """Places, finds and cancels orders under their client order ids; errors are those of `app.domain.errors`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def await_turn(self, order: Order) -> None:
        """Wait until it may be submitted, and do what else may take time: a claim's signature grows old."""
        with translated(self._client, ASKING), self._client.asking(_priority(order)):
            self._client.id_of(order.symbol)
            self._client.synchronise()
            self._client.await_turn("POST", "order")

    def submit(self, order: Order, *, signed_at: datetime) -> str:
        """Send it once, signed with the claim's time; returns the venue's order id."""
        with translated(self._client, ASKING), self._client.asking(_priority(order)):
            request = self._request(order)
            self._client.synchronise(any_age=True)  # the claim is made: nothing that is not needed may take time
        with (
            self._client.asking(_priority(order)),
            self._client.signing(signed_at),
            translated(self._client, PLACING),
        ):
            reply = self._client.spotPrivatePostOrder(request)
        if not reply.get("orderId"):
            raise Unknown(f"the venue took the order but named no id: {reply}")
        return str(reply["orderId"])

    def look_up(self, order: Order) -> Report | None:
        """What the venue says of it; None only when two of its answers said that it is not there.

        Fills, which cost five times as much as the order, are read when there are more of them than `order.filled`.
        RateLimited at once when there is no turn: whoever waited here would keep new orders waiting behind him.
        """
        with self._client.asking(_priority(order), patience_s=0):
            record = self._by_client_id(order) or self._in_history(order)
            if record is None:
                return None
            filled = executed(record)
            rows = self._fills(order, str(record["orderId"]), filled) if filled > order.filled else []
            return report(record, rows, booked=order.filled)

    def cancel(self, order: Order) -> None:
        """Ask for its end; quiet if there is nothing to cancel. Read it again afterwards."""
        try:
            with self._client.asking(Priority.EXIT):  # whatever it was for, its end makes the risk smaller
                self._ask(self._client.spotPrivateDeleteOrder, self._named(order))
        except NothingToCancel:
            return

    def balance(self, currency: str) -> Decimal:
        """What is free and locked of a currency."""
        for row in self._ask(self._client.spotPrivateGetAccount, {})["balances"]:
            if self._client.safe_currency_code(row["asset"]) == currency:
                return Decimal(str(row["free"])) + Decimal(str(row["locked"]))
        return Decimal(0)

    def _request(self, order: Order) -> dict[str, str]:
        wanted = {
            "symbol": self._client.id_of(order.symbol),
            "side": order.side.upper(),
            "type": TYPES[order.type],
            "newClientOrderId": order.client_order_id,
        }
        if order.type is not OrderType.MARKET:
            return {**wanted, "quantity": f"{order.amount:f}", "price": f"{order.price:f}"}
        if order.side is Side.BUY:  # MEXC reads the quantity of a market order as what is sold
            return {**wanted, "quoteOrderQty": f"{order.amount * order.price:f}"}
        return {**wanted, "quantity": f"{order.amount:f}"}

    def _named(self, order: Order) -> dict[str, str]:
        return {"symbol": self._client.id_of(order.symbol), "origClientOrderId": order.client_order_id}

    def _by_client_id(self, order: Order) -> Row | None:
        try:
            found: Row = self._ask(self._client.spotPrivateGetOrder, self._named(order))
        except NotVisible:
            return None
        return found

    def _in_history(self, order: Order) -> Row | None:
        since = microseconds(order.claimed_at or order.created_at) // 1000 - CLOCK_SLACK_MS
        request = {
            "symbol": self._client.id_of(order.symbol),
            "startTime": since,
            "endTime": self._client.venue_ms() + CLOCK_SLACK_MS,
            "limit": 1000,
        }
        rows = self._ask(self._client.spotPrivateGetAllOrders, request)
        return next((row for row in rows if row.get("clientOrderId") == order.client_order_id), None)

    def _fills(self, order: Order, exchange_order_id: str, filled: Decimal) -> list[Row]:
        """The order's fills, a page of a hundred at a time from the newest back, until they add up."""
        request: dict[str, Any] = {
            "symbol": self._client.id_of(order.symbol),
            "orderId": exchange_order_id,
            "limit": PAGE,
        }
        fills: dict[str, Row] = {}
        while True:
            page = self._ask(self._client.spotPrivateGetMyTrades, request)
            fresh = {str(row["id"]): row for row in page if str(row["id"]) not in fills}
            fills.update(fresh)
            if len(page) < PAGE or not fresh or sum(Decimal(str(row["qty"])) for row in fills.values()) >= filled:
                return [self._with_codes(row, order) for row in fills.values()]
            request["endTime"] = min(int(row["time"]) for row in page)

    def _with_codes(self, row: Row, order: Order) -> Row:
        asset = self._client.safe_currency_code(row.get("commissionAsset") or None)
        return {**row, "symbol": order.symbol, "commissionAsset": asset or order.symbol.partition("/")[2]}

    def _ask(self, call: Callable[[dict[str, Any]], Any], request: Mapping[str, Any]) -> Any:
        try:
            return self._once(call, request)
        except ClockOff:  # measured anew before the second try; asking twice does no harm
            return self._once(call, request)

    def _once(self, call: Callable[[dict[str, Any]], Any], request: Mapping[str, Any]) -> Any:
        with translated(self._client, ASKING):
            self._client.synchronise()
            return call(dict(request))


def _priority(order: Order) -> Priority:
    return Priority.ENTRY if order.leg is Leg.ENTRY else Priority.EXIT
