"""MEXC's signed REST endpoints: orders, the account, and keys for the private stream."""

from dataclasses import replace
from decimal import Decimal

from app.domain.orders import Side
from app.simulator.account import WORKING, AccountTrade, Status, VenueOrder
from app.simulator.desk import Desk, Entry
from app.simulator.errors import Refusal, missing, not_found
from app.simulator.listen_keys import ListenKeys
from app.simulator.market import text
from app.simulator.matching import Kind
from app.simulator.signing import Params
from app.simulator.venue import Venue

DAY_MS = 86_400_000
ORDERS_REACH_MS = 7 * DAY_MS
TRADES_REACH_MS = 31 * DAY_MS
FOREVER_MS = 2**62

Answer = object


class Private:
    """Each method answers one endpoint, once the request's signature was verified."""

    def __init__(self, venue: Venue, desk: Desk, keys: ListenKeys) -> None:
        self._venue, self._desk, self._keys = venue, desk, keys

    async def place(self, params: Params) -> Answer:
        """A new order; the answer has no status."""
        order = self._desk.place(_entry(params))
        if order is None:
            raise AssertionError("only a trial has no order")
        return {
            "symbol": order.symbol,
            "orderId": order.id,
            "orderListId": -1,
            "price": text(order.price),
            "origQty": text(order.quantity),
            "type": order.kind.value,
            "side": order.side.upper(),
            "transactTime": order.created_ms,
        }

    async def try_out(self, params: Params) -> Answer:
        """Whether an order would be taken."""
        self._desk.place(_entry(params), trial=True)
        return {}

    async def cancel(self, params: Params) -> Answer:
        """End one order."""
        symbol, order_id, client_id = self._which(params)
        return _ended(self._desk.cancel(symbol, order_id, client_id))

    async def cancel_all(self, params: Params) -> Answer:
        """End every order of up to five symbols."""
        names = params.need("symbol").split(",")
        if len(names) > 5:
            raise Refusal(700008, "Illegal characters found in parameter 'symbol'")
        return [_ended(order) for name in names for order in self._desk.cancel_all(name)]

    async def order(self, params: Params) -> Answer:
        """One order as it is now; MEXC does not say for how long, so one that ended is told as long as it is listed."""
        symbol, order_id, client_id = self._which(params)
        order = self._venue.account.named(order_id, client_id)
        if order is None or order.symbol != symbol or not self._visible(order) or self._is_past(order):
            raise not_found()
        stale = self._venue.faults.strike("stale_orders", self._venue.clock.real(), symbol=symbol)
        return _shown(order if stale is None else _as_taken(order))

    async def open_orders(self, params: Params) -> Answer:
        """What works, of up to five symbols."""
        names = [self._venue.listing(name).name for name in params.need("symbol").split(",")]
        orders = [order for name in names for order in self._venue.account.resting(name)]
        return [_shown(order) for order in reversed(orders) if self._visible(order)]

    async def all_orders(self, params: Params) -> Answer:
        """Orders of a symbol, newest first: of a day, or as far back as a week."""
        name, now_ms = self._venue.listing(params.need("symbol")).name, self._venue.clock.now_ms()
        since_ms = max(now_ms - ORDERS_REACH_MS, params.whole("startTime", now_ms - DAY_MS))
        until_ms = params.whole("endTime", FOREVER_MS)
        found = [
            order
            for order in self._venue.account.orders.values()
            if order.symbol == name and since_ms <= order.created_ms <= until_ms and self._visible(order)
        ]
        return [_shown(order) for order in found[::-1][: params.limit(500, 1000)]]

    async def my_trades(self, params: Params) -> Answer:
        """Fills of a symbol, newest first, as far back as a month."""
        name, now_ms = self._venue.listing(params.need("symbol")).name, self._venue.clock.now_ms()
        since_ms = max(now_ms - TRADES_REACH_MS, params.whole("startTime", 0))
        until_ms = min(params.whole("endTime", FOREVER_MS), self._venue.visible_until_ms())
        order_id = params.get("orderId")
        found = [
            trade
            for trade in self._venue.account.trades[name]
            if since_ms <= trade.time_ms <= until_ms and order_id in (None, trade.order_id)
        ]
        return [self._fill(trade) for trade in found[::-1][: params.limit(100, 100)]]

    async def account(self, params: Params) -> Answer:
        """Balances."""
        balances = [
            {"asset": asset, "free": text(one.free), "locked": text(one.locked), "available": text(one.free)}
            for asset, one in self._venue.account.balances.items()
            if one.free or one.locked
        ]
        return {
            "canTrade": True,
            "canWithdraw": False,
            "canDeposit": False,
            "updateTime": None,
            "accountType": "SPOT",
            "balances": balances,
            "permissions": ["SPOT"],
        }

    async def currencies(self, params: Params) -> Answer:
        """Every asset; none can leave."""
        listings = self._venue.market.listings.values()
        assets = dict.fromkeys([*(one.quote for one in listings), *(one.base for one in listings)])
        return [{"coin": asset, "Name": asset, "name": asset, "networkList": []} for asset in assets]

    async def listen(self, params: Params) -> Answer:
        """A new key for the private stream."""
        return {"listenKey": self._keys.create(self._venue.clock.real())}

    async def listen_keys(self, params: Params) -> Answer:
        """The valid keys."""
        return {"listenKey": self._keys.valid(self._venue.clock.real())}

    async def keep_listening(self, params: Params) -> Answer:
        """Another hour for a key."""
        return {"listenKey": self._keys.extend(params.need("listenKey"), self._venue.clock.real())}

    async def stop_listening(self, params: Params) -> Answer:
        """The end of a key."""
        return {"listenKey": self._keys.end(params.need("listenKey"))}

    def _visible(self, order: VenueOrder) -> bool:
        return order.created_ms <= self._venue.visible_until_ms()

    def _is_past(self, order: VenueOrder) -> bool:
        ended = order.status not in WORKING
        return ended and order.updated_ms < self._venue.clock.now_ms() - ORDERS_REACH_MS

    def _which(self, params: Params) -> tuple[str, str | None, str | None]:
        name = self._venue.listing(params.need("symbol")).name
        order_id, client_id = params.get("orderId"), params.get("origClientOrderId")
        if order_id is None and client_id is None:
            raise Refusal(700004, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
        return name, order_id, client_id

    def _fill(self, one: AccountTrade) -> dict[str, object]:
        return {
            "symbol": one.symbol,
            "id": one.id,
            "orderId": one.order_id,
            "orderListId": -1,
            "price": text(one.price),
            "qty": text(one.quantity),
            "quoteQty": text(one.quote),
            "commission": text(one.fee),
            "commissionAsset": one.fee_asset,
            "time": one.time_ms,
            "isBuyer": one.side is Side.BUY,
            "isMaker": one.maker,
            "isBestMatch": True,
            "isSelfTrade": False,
            "clientOrderId": one.client_id or None,
        }


def _entry(params: Params) -> Entry:
    symbol, side, kind = params.need("symbol"), params.need("side"), params.need("type")
    if side not in ("BUY", "SELL"):
        raise missing("side")
    if kind not in list(Kind):
        raise Refusal(30041, "current order type can not place order")
    quantity, price, budget = params.decimal("quantity"), params.decimal("price"), params.decimal("quoteOrderQty")
    _complete(Kind(kind), quantity, price, budget)
    return Entry(
        symbol=symbol,
        side=Side(side.lower()),
        kind=Kind(kind),
        quantity=quantity,
        price=None if kind == Kind.MARKET else price,
        budget=budget,
        client_id=params.get("newClientOrderId") or "",
    )


def _complete(kind: Kind, quantity: Decimal | None, price: Decimal | None, budget: Decimal | None) -> None:
    if quantity is None and (kind is not Kind.MARKET or budget is None):
        raise missing("quantity")
    if price is None and kind is not Kind.MARKET:
        raise missing("price")


def _shown(order: VenueOrder) -> dict[str, object]:
    return {
        "symbol": order.symbol,
        "orderId": order.id,
        "orderListId": -1,
        "clientOrderId": order.client_id or None,
        "price": text(order.price),
        "origQty": text(order.quantity),
        "executedQty": text(order.executed),
        "cummulativeQuoteQty": text(order.executed_quote),
        "status": order.status.value,
        "timeInForce": None,
        "type": order.kind.value,
        "side": order.side.upper(),
        "stopPrice": None,
        "icebergQty": None,
        "time": order.created_ms,
        "updateTime": order.updated_ms,
        "isWorking": order.status in WORKING,
        "origQuoteOrderQty": text(order.budget or order.price * order.quantity),
    }


def _as_taken(order: VenueOrder) -> VenueOrder:
    return replace(order, status=Status.NEW, executed=Decimal(0), executed_quote=Decimal(0))


def _ended(order: VenueOrder) -> dict[str, object]:
    return {**_shown(order), "origClientOrderId": order.client_id or None}
