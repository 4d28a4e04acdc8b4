"""Follows the live market for a mirroring venue: its rules over REST once, its prints over the websocket."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import structlog

from app.simulator.market import Listing, Print
from app.simulator.mirror import Mirror

log = structlog.get_logger()

STREAMS = 30
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0


def client_of(rest_url: str, ws_url: str = "") -> Any:
    """ccxt's websocket client of a venue that speaks MEXC's protocol; imported here, since only a mirror needs it."""
    import ccxt.pro

    host = rest_url.rstrip("/")
    api: dict[str, Any] = {
        "spot": {"public": host, "private": host},
        "contract": {"public": f"{host}/api/v1/contract", "private": f"{host}/api/v1/private"},
    }
    if ws_url:
        api["ws"] = {"spot": ws_url}
    return ccxt.pro.mexc({"options": {"defaultType": "spot"}, "urls": {"api": api}})


async def live_listings(rest_url: str, symbols: Sequence[str]) -> list[Listing]:
    """The rules of these symbols as the live venue has them; of all that can be traded if none are named.

    Raises ConnectionError.
    """
    import ccxt

    client = client_of(rest_url)
    try:
        markets = await client.load_markets()
        prices = {row["symbol"]: row["price"] for row in await client.spotPublicGetTickerPrice()}
    except ccxt.BaseError as error:
        raise ConnectionError(f"{type(error).__name__}: {error}"[:300]) from error
    finally:
        await client.close()
    wanted = symbols or [symbol for symbol, market in markets.items() if market["spot"] and market["active"]]
    missing = [symbol for symbol in wanted if symbol not in markets or markets[symbol]["id"] not in prices]
    if missing:
        log.warning("symbols not mirrored", symbols=missing, reason="the live venue does not list them")
    return [_listing(markets[symbol], prices) for symbol in wanted if symbol not in missing]


async def follow(mirror: Mirror, rest_url: str, ws_url: str) -> None:
    """Push every live print into the mirror, thirty symbols a connection, until cancelled."""
    symbols = [listing.symbol for listing in mirror.listings.values()]
    groups = [symbols[start : start + STREAMS] for start in range(0, len(symbols), STREAMS)]
    await asyncio.gather(*(_follow_some(mirror, group, rest_url, ws_url) for group in groups))


async def _follow_some(mirror: Mirror, symbols: Sequence[str], rest_url: str, ws_url: str) -> None:
    client = client_of(rest_url, ws_url)
    try:
        await asyncio.gather(*(_follow_one(mirror, client, symbol) for symbol in symbols))
    finally:
        await client.close()


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
