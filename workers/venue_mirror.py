"""Follows the live market for a mirroring venue: its rules over REST once, its prints over the websocket."""

import asyncio
from collections.abc import Mapping, Sequence
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
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0


class LiveMarket:
    """The venue that is mirrored; the farm's feed asks it too, so they share a `limiter`."""

    def __init__(self, rest_url: str, ws_url: str, limiter: Limiter | None = None) -> None:
        self._rest_url, self._ws_url, self._limiter = rest_url, ws_url, limiter
        self._markets: Mapping[str, Any] = {}

    async def listings(self, symbols: Sequence[str]) -> list[Listing]:
        """The rules of these symbols; of all that can be traded if none are named. Raises ConnectionError."""
        import ccxt

        client = self._client()
        try:
            self._markets = await client.load_markets()
            prices = {row["symbol"]: row["price"] for row in await client.spotPublicGetTickerPrice()}
        except (ccxt.BaseError, RateLimited) as error:
            raise ConnectionError(f"{type(error).__name__}: {error}"[:300]) from error
        finally:
            await client.close()
        markets = self._markets
        wanted = symbols or [symbol for symbol, market in markets.items() if market["spot"] and market["active"]]
        missing = [symbol for symbol in wanted if symbol not in markets or markets[symbol]["id"] not in prices]
        if missing:
            log.warning("symbols not mirrored", symbols=missing, reason="the live venue does not list them")
        return [_listing(markets[symbol], prices) for symbol in wanted if symbol not in missing]

    async def follow(self, mirror: Mirror) -> None:
        """Push every live print of what was listed into the mirror, thirty symbols a connection, until cancelled."""
        symbols = [listing.symbol for listing in mirror.listings.values()]
        groups = [symbols[start : start + STREAMS] for start in range(0, len(symbols), STREAMS)]
        await asyncio.gather(*(self._follow_some(mirror, group) for group in groups))

    async def _follow_some(self, mirror: Mirror, symbols: Sequence[str]) -> None:
        client = self._client()
        client.set_markets(self._markets)  # else each connection would ask for all of them again
        try:
            await asyncio.gather(*(_follow_one(mirror, client, symbol) for symbol in symbols))
        finally:
            await client.close()

    def _client(self) -> "AsyncClient":
        from app.exchanges.mexc.async_client import AsyncClient  # ccxt, which only a mirror needs

        return AsyncClient(self._rest_url, self._ws_url, self._limiter)


async def _follow_one(mirror: Mirror, client: Any, symbol: str) -> None:
    import ccxt

    wait_s, count = FIRST_WAIT_S, 0
    name = symbol.replace("/", "")
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
    return Listing(
        base=info["baseAsset"],
        quote=info["quoteAsset"],
        opening=Decimal(prices[market["id"]]),
        price_decimals=int(info["quoteAssetPrecision"]),
        amount_decimals=int(info["baseAssetPrecision"]),
        min_amount=Decimal(info.get("baseSizePrecision") or 0),
        min_notional=Decimal(info.get("quoteAmountPrecision") or 1),
        max_notional=Decimal(info.get("maxQuoteAmount") or 2_000_000),
        tradable=bool(info.get("isSpotTradingAllowed", True)),
        market_orders="MARKET" in info.get("orderTypes", ()),
    )
