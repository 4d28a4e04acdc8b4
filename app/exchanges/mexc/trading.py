"""MEXC's private side: orders out, reports in; money goes over the wire as exact text."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.domain.errors import Unknown
from app.domain.orders import Leg, Order, OrderType, Report, Search, Side, Stamp
from app.domain.rate_limit import Priority
from app.exchanges.mexc.client import Client
from app.exchanges.mexc.errors import ASKING, PLACING, NothingToCancel, translated
from app.exchanges.mexc.lookup import Lookup

TYPES = {OrderType.MARKET: "MARKET", OrderType.LIMIT: "LIMIT", OrderType.IOC: "IMMEDIATE_OR_CANCEL"}


class Trading:
    """Places, finds and cancels orders under their client order ids; errors are those of `app.domain.errors`."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lookup = Lookup(client)

    def await_turn(self, order: Order) -> None:
        """Wait until it may be submitted, and do what else may take time: a claim's signature grows old."""
        with translated(self._client, ASKING), self._client.asking(_priority(order)):
            self._client.id_of(order.symbol)
            self._client.synchronise()
            self._client.await_turn("POST", "order")

    def stamp(self, at: datetime) -> Stamp:
        """What a request that is claimed at this instant is signed with, by MEXC's clock as it was measured last."""
        return self._client.stamp(at)

    def submit(self, order: Order, *, signed_at: datetime) -> str:
        """Send it once, signed with its stamp; returns the venue's order id."""
        with translated(self._client, ASKING), self._client.asking(_priority(order)):
            request = self._request(order)
        with (
            self._client.asking(_priority(order)),
            self._client.signing(signed_at),
            translated(self._client, PLACING),
        ):
            reply = self._client.spotPrivatePostOrder(request)
        if not isinstance(reply, dict) or not reply.get("orderId") or _is_of_another(reply, request):
            raise Unknown(f"the venue's answer is not about this order: {reply}"[:500])
        return str(reply["orderId"])

    def look_up(self, order: Order) -> Report | None:
        """What the venue says of it; None when it does not show it, which alone proves nothing.

        Fills, which cost five times as much as the order, are read when there are more of them than `order.filled`.
        RateLimited at once when there is no turn: whoever waited here would keep new orders waiting behind him.
        """
        with self._client.asking(_priority(order), patience_s=0):
            return self._lookup.by_name(order)

    def search(self, order: Order) -> Search:
        """What the venue says of it in each way that it can be asked: the answers that an absence is proved by."""
        with self._client.asking(_priority(order), patience_s=0):
            return self._lookup.search(order)

    def cancel(self, order: Order) -> None:
        """Ask for its end; quiet if there is nothing to cancel. Read it again afterwards."""
        named = {"symbol": self._client.id_of(order.symbol), "origClientOrderId": order.client_order_id}
        try:
            with self._client.asking(Priority.EXIT):  # whatever it was for, its end makes the risk smaller
                self._lookup.ask(self._client.spotPrivateDeleteOrder, named)
        except NothingToCancel:
            return

    def balance(self, currency: str) -> Decimal:
        """What is free and locked of a currency."""
        for row in self._lookup.ask(self._client.spotPrivateGetAccount, {})["balances"]:
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


def _is_of_another(reply: Mapping[str, Any], request: Mapping[str, str]) -> bool:
    """What MEXC tells in its answer, it tells of the order that was sent."""
    said = {"symbol": reply.get("symbol"), "newClientOrderId": reply.get("clientOrderId")}
    return any(value and str(value) != request[name] for name, value in said.items())


def _priority(order: Order) -> Priority:
    return Priority.ENTRY if order.leg is Leg.ENTRY else Priority.EXIT
