"""ccxt's asynchronous MEXC client: waits for the farm's turn, and tells the farm when the venue wants a pause."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import ccxt.pro

from app.domain.rate_limit import Limiter, Priority
from app.exchanges.mexc.errors import Answer
from app.exchanges.mexc.key_ring import ApiKeys
from app.exchanges.mexc.weights import weight_of

TIMEOUT_S = 10
PATIENCE_S = 60.0  # whoever asks has a shorter one, for all of its questions


class AsyncClient(ccxt.pro.mexc):  # type: ignore[misc]
    """Without a `limiter` nothing holds its requests back."""

    def __init__(
        self,
        rest_url: str,
        ws_url: str = "",
        limiter: Limiter | None = None,
        keys: Callable[[], ApiKeys] | None = None,
    ) -> None:
        host = rest_url.rstrip("/")
        self._limiter = limiter
        self._keys = keys
        self._turn = asyncio.Lock()  # one waits at the limiter, the others behind it
        super().__init__(
            {
                "timeout": TIMEOUT_S * 1000,
                "enableRateLimit": False,
                "has": {"fetchCurrencies": False},
                "options": {"defaultType": "spot", "recvWindow": 5000},
                "urls": {"api": {"spot": {"public": host, "private": host}, "ws": {"spot": ws_url}}},
            }
        )

    async def fetch_swap_markets(self, params: Mapping[str, Any] | None = None) -> list[Any]:
        """None: this farm trades spot only."""
        return []

    def sign(self, *request: Any, **named: Any) -> Any:
        """With today's keys."""
        if self._keys is not None:
            self.apiKey, self.secret = self._keys()
        return super().sign(*request, **named)

    async def fetch2(self, path: str, api: Any = "public", method: str = "GET", params: Any = None, *more: Any) -> Any:
        """Every request goes through here, when it gets its turn."""
        params = params or {}
        if self._limiter is not None:
            endpoint, weight = f"{method} {path}", weight_of(method, path, params)
            async with self._turn:
                await self._limiter.wait(endpoint, weight, Priority.DATA, PATIENCE_S)
        return await super().fetch2(path, api, method, params, *more)

    def handle_errors(self, code: int, reason: str, url: str, method: str, headers: Any, body: str, *rest: Any) -> Any:
        """Tell the farm when the venue wants a pause, then let ccxt raise what it makes of the answer."""
        said = rest[0] if rest and isinstance(rest[0], dict) else {}
        answer = Answer(code, str(said.get("code", "")), str(headers.get("Retry-After", "")))
        if answer.limited and self._limiter is not None:
            self._limiter.pause(answer.asked_wait_s, code)
        return super().handle_errors(code, reason, url, method, headers, body, *rest)
