"""Follows the live market for a mirroring venue: its rules over REST once, prints of some over the websocket."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import structlog

from app.domain.errors import RateLimited
from app.domain.rate_limit import Limiter
from app.simulator.market import Listing, Print
from app.simulator.mirror import Mirror

if TYPE_CHECKING:
    from app.exchanges.mexc.async_client import AsyncClient

log = structlog.get_logger()

STREAMS = 30
SHOWN = 5
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0


class LiveMarket:
    """The venue that is mirrored; the farm's feed asks it too, so they share a `limiter`.

    Symbols are those of the farm (BTC/USDT); `names` are the venue's own (BTCUSDT), which ccxt may call otherwise.
    """

    def __init__(self, rest_url: str, ws_url: str, limiter: Limiter | None = None) -> None:
        self._rest_url, self._ws_url, self._limiter = rest_url, ws_url, limiter
        self._markets: Mapping[str, Any] = {}
        self._symbols: dict[str, str] = {}
        self._wanted: dict[str, None] = {}  # in the order in which they were
        self._followed: set[str] = set()
        self._more = asyncio.Event()

    async def listings(self) -> list[Listing]:
        """The rules of all that is listed, so that questions about any of it are answered. Raises ConnectionError."""
        import ccxt

        client = self._client()
        try:
            self._markets = await client.load_markets()
            prices = {row["symbol"]: row["price"] for row in await client.spotPublicGetTickerPrice()}
        except (ccxt.BaseError, RateLimited) as error:
            raise ConnectionError(f"{type(error).__name__}: {error}"[:300]) from error
        finally:
            await client.close()
        found, strange = {}, {}
        for symbol, market in self._markets.items():
            try:
                found[symbol] = _listing(market, prices)
            except (ArithmeticError, KeyError, TypeError, ValueError) as error:
                strange[symbol] = repr(error)
        if strange:
            log.warning("symbols not mirrored", count=len(strange), some=dict(list(strange.items())[:SHOWN]))
        self._symbols = {listing.name: symbol for symbol, listing in found.items()}
        return list(found.values())

    def names(self, symbols: Sequence[str]) -> list[str]:
        """The venue's own names of these; what it does not list is left out and logged."""
        known = {symbol: name for name, symbol in self._symbols.items()}
        missing = [symbol for symbol in symbols if symbol not in known]
        if missing:
            log.warning("symbols not followed", symbols=missing, reason="the live venue does not list them")
        return [known[symbol] for symbol in symbols if symbol in known]

    def want(self, names: Iterable[str]) -> None:
        """Follow these too, from now on."""
        fresh = [name for name in names if name in self._symbols and name not in self._followed]
        self._wanted.update(dict.fromkeys(fresh))
        if fresh:
            self._more.set()

    async def follow(self, mirror: Mirror) -> None:
        """Push every live print of what is wanted into the mirror, thirty symbols a connection, until cancelled."""
        async with asyncio.TaskGroup() as lines:
            while True:
                await self._more.wait()
                self._more.clear()
                names, self._wanted = list(self._wanted), {}
                self._followed.update(names)
                for start in range(0, len(names), STREAMS):
                    lines.create_task(self._follow_some(mirror, names[start : start + STREAMS]))

    async def _follow_some(self, mirror: Mirror, names: Sequence[str]) -> None:
        client = self._client()
        client.set_markets(self._markets)  # else each connection would ask for all of them again
        try:
            await asyncio.gather(*(_follow_one(mirror, client, name, self._symbols[name]) for name in names))
        finally:
            await client.close()

    def _client(self) -> "AsyncClient":
        from app.exchanges.mexc.async_client import AsyncClient  # ccxt, which only a mirror needs

        return AsyncClient(self._rest_url, self._ws_url, self._limiter)


async def _follow_one(mirror: Mirror, client: Any, name: str, symbol: str) -> None:
    import ccxt

    wait_s, count = FIRST_WAIT_S, 0
    while True:
        try:
            trades = await client.watch_trades(symbol)
        except ccxt.NetworkError as error:
            log.warning("live market lost", symbol=symbol, reason=str(error), again_in_s=wait_s)
            await asyncio.sleep(wait_s)
            wait_s = min(LONGEST_WAIT_S, wait_s * 2)
            continue
        wait_s = FIRST_WAIT_S
        for trade in trades:
            count += 1
            mirror.push(_print(name, trade, count))


def _print(name: str, trade: dict[str, Any], count: int) -> Print:
    price, quantity = Decimal(str(trade["info"]["price"])), Decimal(str(trade["info"]["quantity"]))
    return Print(
        name, int(trade["timestamp"]), price, quantity, trade["side"], f"{trade['timestamp']}{count % 1000:03d}"
    )


def _listing(market: dict[str, Any], prices: dict[str, str]) -> Listing:
    info = market["info"]
    listing = Listing(
        base=info["baseAsset"],
        quote=info["quoteAsset"],
        opening=Decimal(prices[market["id"]]),
        price_decimals=int(info["quoteAssetPrecision"]),
        amount_decimals=int(info["baseAssetPrecision"]),
        min_amount=Decimal(info.get("baseSizePrecision") or 0),
        min_notional=Decimal(info.get("quoteAmountPrecision") or 1),
        max_notional=Decimal(info.get("maxQuoteAmount") or 2_000_000),
        tradable=bool(market["active"]),
        market_orders="MARKET" in info.get("orderTypes", ()),
    )
    if listing.name != market["id"]:
        raise ValueError(f"{market['id']} is not {listing.base} and {listing.quote}")
    return listing
