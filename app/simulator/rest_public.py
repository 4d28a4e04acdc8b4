"""MEXC's public REST endpoints over the simulated venue."""

from collections.abc import Iterable
from decimal import Decimal

from app.simulator.errors import Refusal, missing
from app.simulator.klines import SPANS_MS, Kline
from app.simulator.market import Listing, Print, text
from app.simulator.matching import Level
from app.simulator.signing import Params
from app.simulator.venue import Venue

ORDER_TYPES = ["LIMIT", "MARKET", "LIMIT_MAKER", "IMMEDIATE_OR_CANCEL", "FILL_OR_KILL"]
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

NOBODY = Level(Decimal(0), Decimal(0))

Answer = object


class Public:
    """Each method answers one endpoint."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    async def ping(self, params: Params) -> Answer:
        """Anybody there?"""
        return {}

    async def time(self, params: Params) -> Answer:
        """The venue's clock."""
        return {"serverTime": self._venue.time_ms()}

    async def default_symbols(self, params: Params) -> Answer:
        """What may be traded over the API."""
        names = [name for name in self._venue.market.listings if self._venue.listing(name).tradable]
        return {"code": 200, "data": names, "msg": None}

    async def exchange_info(self, params: Params) -> Answer:
        """The rules of each symbol."""
        return {
            "timezone": "CST",
            "serverTime": self._venue.time_ms(),
            "rateLimits": [],
            "exchangeFilters": [],
            "symbols": [self._rules(self._venue.listing(name)) for name in self._named(params)],
        }

    async def depth(self, params: Params) -> Answer:
        """The book."""
        name = self._venue.listing(params.need("symbol")).name
        book, limit = self._venue.book(name), params.limit(100, 5000)
        return {
            "lastUpdateId": self._venue.version[name],
            "bids": [_pair(level) for level in book.bids[:limit]],
            "asks": [_pair(level) for level in book.asks[:limit]],
            "timestamp": self._venue.time_ms(),
        }

    async def trades(self, params: Params) -> Answer:
        """The latest prints, newest first."""
        name = self._venue.listing(params.need("symbol")).name
        return [_trade(one) for one in reversed(self._venue.history.latest(name, params.limit(500, 1000)))]

    async def agg_trades(self, params: Params) -> Answer:
        """Prints between two instants, both inclusive, oldest first; without them the latest."""
        name, limit = self._venue.listing(params.need("symbol")).name, params.limit(500, 1000)
        since, until = params.get("startTime"), params.get("endTime")
        if (since is None) != (until is None):
            raise missing("endTime" if until is None else "startTime")
        if since is None:
            return [_aggregate(one) for one in self._venue.history.latest(name, limit)]
        since_ms, until_ms = params.whole("startTime", 0), params.whole("endTime", 0)
        if until_ms - since_ms > HOUR_MS:
            raise Refusal(-1127, "More than 1 hours between startTime and endTime.")
        found: list[Answer] = []
        for one in self._venue.history.prints(name, since_ms, min(until_ms, self._venue.clock.now_ms()) + 1):
            found.append(_aggregate(one))
            if len(found) == limit:
                break
        return found

    async def klines(self, params: Params) -> Answer:
        """Bars, oldest first, the forming one last."""
        name, interval = self._venue.listing(params.need("symbol")).name, params.need("interval")
        if interval not in SPANS_MS:
            raise Refusal(-1121, "Invalid interval.")
        limit, now_ms = params.limit(500, 1000), self._venue.clock.now_ms()
        stale = self._venue.faults.strike("stale_klines", self._venue.clock.real(), symbol=name)
        told_ms = now_ms - (int(stale.number("ms", Decimal(0))) if stale else 0)
        until_ms = min(told_ms, params.whole("endTime", now_ms))
        since_ms = params.whole("startTime", until_ms - limit * SPANS_MS[interval])
        bars = await self._venue.history.klines(name, interval, since_ms, until_ms)
        chosen = bars[:limit] if params.get("startTime") else bars[-limit:]
        return [bar.row(interval) for bar in chosen]

    async def ticker_24hr(self, params: Params) -> Answer:
        """How each symbol did in the last day, as far as the venue has run."""
        names = self._named(params)
        rows = [self._day(self._venue.market.listings[name]) for name in names]
        return rows[0] if params.get("symbol") else rows

    async def ticker_price(self, params: Params) -> Answer:
        """Last prices."""
        rows = [{"symbol": name, "price": text(self._venue.last[name])} for name in self._named(params)]
        return rows[0] if params.get("symbol") else rows

    async def book_ticker(self, params: Params) -> Answer:
        """Best bids and asks."""
        rows = [{"symbol": name, **self._best(name)} for name in self._named(params)]
        return rows[0] if params.get("symbol") else rows

    async def average_price(self, params: Params) -> Answer:
        """The mean of the last five minutes."""
        name, now_ms = self._venue.listing(params.need("symbol")).name, self._venue.clock.now_ms()
        bars = await self._venue.history.klines(name, "1m", now_ms - 5 * 60_000, now_ms)
        volume, turnover = _sums(bars)
        mean = (turnover / volume).quantize(Decimal("1E-8")) if volume else self._venue.last[name]
        return {"mins": 5, "price": text(mean)}

    async def contracts(self, params: Params) -> Answer:
        """Futures: there are none."""
        return {"success": True, "code": 0, "data": []}

    def _named(self, params: Params) -> list[str]:
        wanted = params.get("symbol") or params.get("symbols")
        if wanted is None:
            return list(self._venue.market.listings)
        return [self._venue.listing(name).name for name in wanted.split(",")]

    def _rules(self, one: Listing) -> dict[str, object]:
        fees = self._venue.terms.fees
        types = ORDER_TYPES if one.market_orders else [kind for kind in ORDER_TYPES if kind != "MARKET"]
        return {
            "symbol": one.name,
            "status": "2" if self._venue.suspended(one.name) else "1",
            "baseAsset": one.base,
            "baseAssetPrecision": one.amount_decimals,
            "quoteAsset": one.quote,
            "quotePrecision": one.price_decimals,
            "quoteAssetPrecision": one.price_decimals,
            "baseCommissionPrecision": one.amount_decimals,
            "quoteCommissionPrecision": one.price_decimals,
            "orderTypes": types,
            "isSpotTradingAllowed": one.tradable,
            "isMarginTradingAllowed": False,
            "quoteOrderQtyMarketAllowed": one.market_orders,
            "quoteAmountPrecision": text(one.min_notional),
            "quoteAmountPrecisionMarket": text(one.min_notional),
            "baseSizePrecision": text(one.min_amount),
            "permissions": ["SPOT"],
            "filters": [],
            "maxQuoteAmount": text(one.max_notional),
            "maxQuoteAmountMarket": text(one.max_notional),
            "makerCommission": text(fees.maker),
            "takerCommission": text(fees.taker),
            "tradeSideType": 1,
            "fullName": one.base,
        }

    def _best(self, name: str) -> dict[str, str]:
        book = self._venue.book(name)
        bid, ask = (side[0] if side else NOBODY for side in (book.bids, book.asks))
        return {
            "bidPrice": text(bid.price),
            "bidQty": text(bid.quantity),
            "askPrice": text(ask.price),
            "askQty": text(ask.quantity),
        }

    def _day(self, one: Listing) -> dict[str, object]:
        now_ms, last = self._venue.time_ms(), self._venue.last[one.name]
        bar = self._venue.history.running(one.name, now_ms - DAY_MS) or Kline(
            now_ms, one.opening, max(one.opening, last), min(one.opening, last), last, Decimal(0), Decimal(0)
        )
        volume, turnover = bar.volume + (one.turnover / last).quantize(one.step), bar.turnover + one.turnover
        return {
            "symbol": one.name,
            "priceChange": text(last - bar.open),
            "priceChangePercent": text(((last - bar.open) / bar.open).quantize(Decimal("1E-8"))),
            "prevClosePrice": text(bar.open),
            "lastPrice": text(last),
            **self._best(one.name),
            "openPrice": text(bar.open),
            "highPrice": text(bar.high),
            "lowPrice": text(bar.low),
            "volume": text(volume),
            "quoteVolume": text(turnover),
            "openTime": now_ms - DAY_MS,
            "closeTime": now_ms,
            "count": None,
        }


def _pair(level: Level) -> list[str]:
    return [text(level.price), text(level.quantity)]


def _trade(one: Print) -> dict[str, object]:
    return {
        "id": None,
        "price": text(one.price),
        "qty": text(one.quantity),
        "quoteQty": text(one.price * one.quantity),
        "time": one.time_ms,
        "isBuyerMaker": one.side == "sell",
        "isBestMatch": True,
        "tradeType": "ASK" if one.side == "sell" else "BID",
    }


def _aggregate(one: Print) -> dict[str, object]:
    return {
        "a": None,
        "f": None,
        "l": None,
        "p": text(one.price),
        "q": text(one.quantity),
        "T": one.time_ms,
        "m": one.side == "sell",
        "M": True,
    }


def _sums(bars: Iterable[Kline]) -> tuple[Decimal, Decimal]:
    volume, turnover = Decimal(0), Decimal(0)
    for bar in bars:
        volume, turnover = volume + bar.volume, turnover + bar.turnover
    return volume, turnover
