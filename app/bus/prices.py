"""The last price of each symbol, as the drains have heard it."""

from collections.abc import Iterable
from typing import Any

import redis

from app.bus.keys import Keys


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
        return {name: _price(text) for name, text in zip(names, texts, strict=True) if text is not None}


def _price(text: bytes) -> tuple[float, int]:
    price, time_us, _ = text.split(b"|")
    return float(price), int(time_us)
