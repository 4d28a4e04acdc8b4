"""The last price of each symbol, as the drains have heard it."""

from collections.abc import Iterable
from math import inf
from typing import Any

import redis
import structlog

from app.bus.keys import Keys

log = structlog.get_logger()


class Prices:
    """Written by the drains with their commit; read by whoever values or sizes something."""

    def __init__(self, client: "redis.Redis", keys: Keys) -> None:
        self._client = client
        self._keys = keys

    def symbols(self) -> list[str]:
        """Which were ever heard, in the order of their names."""
        names: Any = self._client.hkeys(self._keys.prices)
        return sorted(name.decode() for name in names)

    def last(self, symbols: Iterable[str]) -> dict[str, tuple[float, int]]:
        """Price and its `time_us` by symbol; a symbol that was never heard is left out."""
        names = list(symbols)
        if not names:
            return {}
        texts: Any = self._client.hmget(self._keys.prices, names)
        told = {name: _price(name, text) for name, text in zip(names, texts, strict=True) if text is not None}
        return {name: price for name, price in told.items() if price is not None}


def _price(symbol: str, text: bytes) -> tuple[float, int] | None:
    """None for what no drain can have written: an account that is valued with it shows a loss that is none."""
    try:
        price, time_us, _ = text.split(b"|")
        heard = float(price), int(time_us)
    except ValueError as error:
        log.error("price is no price", symbol=symbol, text=text, reason=str(error))
        return None
    if 0 < heard[0] < inf:
        return heard
    log.error("price is no price", symbol=symbol, text=text, reason="it is not a positive number")
    return None
