"""What a mirror takes over of the live market's list."""

import asyncio
from typing import Any

from structlog.testing import capture_logs

from workers.venue_mirror import LiveMarket


def market(symbol: str, name: str, *, active: bool = True, **changes: Any) -> dict[str, Any]:
    base, _, quote = symbol.partition("/")
    info = {"baseAsset": base, "quoteAsset": quote, "quoteAssetPrecision": 2, "baseAssetPrecision": 4, **changes}
    return {"id": name, "active": active, "info": info}


class Listed(LiveMarket):
    """In the place of what a client was told; ccxt calls two coins otherwise than the venue does."""

    MARKETS = {  # noqa: RUF012 - nobody writes to it
        "BTC/USDT": market("BTC/USDT", "BTCUSDT"),
        "FLUX1/USDT": market("FLUX/USDT", "FLUXUSDT"),
        "OFF/USDT": market("OFF/USDT", "OFFUSDT", active=False),
        "NEW/USDT": market("NEW/USDT", "NEWUSDT"),
        "BAD/USDT": market("BAD/USDT", "BADUSDT", baseAssetPrecision=None),
        "ODD/USDT": market("ODD/USDT", "ODDLY"),
    }

    def _client(self) -> Any:
        return self

    async def load_markets(self) -> dict[str, Any]:
        return self.MARKETS

    async def spotPublicGetTickerPrice(self) -> list[dict[str, str]]:  # noqa: N802 - ccxt's name
        return [{"symbol": one["id"], "price": "2.5"} for one in self.MARKETS.values() if one["id"] != "NEWUSDT"]

    async def close(self) -> None:
        """There is nothing to close."""


def test_all_is_listed_but_what_makes_no_sense() -> None:
    with capture_logs() as logs:
        listings = asyncio.run(Listed("http://live", "ws://live").listings())

    assert {one.name: one.tradable for one in listings} == {"BTCUSDT": True, "FLUXUSDT": True, "OFFUSDT": False}
    [line] = logs
    assert (line["event"], line["count"]) == ("symbols not mirrored", 3)
    assert sorted(line["some"]) == ["BAD/USDT", "NEW/USDT", "ODD/USDT"]


def test_symbols_have_the_names_that_the_venue_gives_them() -> None:
    live = Listed("http://live", "ws://live")
    with capture_logs():
        asyncio.run(live.listings())

    with capture_logs() as logs:
        assert live.names(["FLUX1/USDT", "FLUX/USDT", "BTC/USDT"]) == ["FLUXUSDT", "BTCUSDT"]

    assert [line["symbols"] for line in logs] == [["FLUX/USDT"]]
