"""ccxt's MEXC client, made to sign with the farm's clock and to remember what the venue answered."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from http import HTTPStatus
from typing import Any

import ccxt
import structlog

from app.domain.errors import RateLimited, Restricted
from app.domain.market import instant, microseconds
from app.domain.orders import Stamp
from app.domain.rate_limit import Limiter, Priority
from app.exchanges.mexc.errors import Answer
from app.exchanges.mexc.key_ring import ApiKeys
from app.exchanges.mexc.weights import weight_of

log = structlog.get_logger()

FRESH_MS = 60_000  # clocks drift slowly
Records = Mapping[str, Mapping[str, Any]]


class Client(ccxt.mexc):  # type: ignore[misc]
    """One per process, never shared between threads; the first request opens its connection.

    `now` is the farm's clock, `markets` gives ccxt's records by symbol as last stored (without them they are
    asked for). `keys` is called whenever something is signed. `limiter` shares the venue with the rest of the farm;
    without one, `throttle` is ccxt's own rate limiter, which knows of this client's requests only. ccxt's own retries
    stay off: they post an order again.
    """

    def __init__(
        self,
        *,
        rest_url: str,
        now: Callable[[], datetime],
        keys: Callable[[], ApiKeys] | None = None,
        timeout_s: float = 5,
        recv_window_ms: int = 5000,
        throttle: bool = True,
        markets: Callable[[], Records] = dict,
        limiter: Limiter | None = None,
    ) -> None:
        host = rest_url.rstrip("/")
        self._keys = keys
        self.answer: Answer | None = None
        self._now = now
        self._stored_markets = markets
        self._limiter = limiter
        self._priority = Priority.DATA
        self._patience_s: float | None = None
        self._turns: dict[str, int] = {}
        self._ids: dict[str, str] = {}
        self._offset_ms: int | None = None
        self._measured_ms = 0
        self._signed_ms: int | None = None
        super().__init__(
            {
                "timeout": round(timeout_s * 1000),
                "enableRateLimit": throttle and limiter is None,
                "has": {"fetchCurrencies": False},
                "options": {"defaultType": "spot", "recvWindow": recv_window_ms},
                "urls": {"api": {"spot": {"public": host, "private": host}}},
            }
        )
        self.session.max_redirects = 0  # one that is followed may post an order again, and takes the key elsewhere

    def nonce(self) -> int:
        """Milliseconds by the venue's clock that the next private request is signed with: its stamp's, or now."""
        return self.venue_ms() if self._signed_ms is None else self._signed_ms

    def stamp(self, at: datetime) -> Stamp:
        """What a request that is claimed at this instant of ours is signed with."""
        signed_ms = microseconds(at) // 1000 + (self._offset_ms or 0)
        window_ms = int(self.options["recvWindow"])
        return Stamp(instant(signed_ms * 1000), instant((signed_ms + window_ms) * 1000))

    def now_ms(self) -> int:
        """The farm's clock in milliseconds."""
        return microseconds(self._now()) // 1000

    def venue_ms(self) -> int:
        """The venue's clock in milliseconds, as far as it was measured."""
        return self.now_ms() + (self._offset_ms or 0)

    @contextmanager
    def signing(self, at: datetime) -> Iterator[None]:
        """Sign what is sent within with this instant of the venue's clock."""
        self._signed_ms = microseconds(at) // 1000
        try:
            yield
        finally:
            self._signed_ms = None

    @contextmanager
    def asking(self, priority: Priority, patience_s: float | None = None) -> Iterator[None]:
        """What is asked within has this priority, else it is data; it waits as long as the priority or this says."""
        before = self._priority, self._patience_s
        self._priority, self._patience_s = priority, patience_s
        try:
            yield
        finally:
            self._priority, self._patience_s = before

    def await_turn(self, method: str, path: str) -> None:
        """Have a turn for the next request of this kind that is signed; RateLimited if that takes too long."""
        self._turns.clear()
        if self._limiter is not None:
            endpoint, weight = f"{method} {path}", weight_of(method, path, {})
            self._limiter.acquire(endpoint, weight, self._priority)
            self._turns[endpoint] = weight

    def fetch2(self, path: str, api: Any = "public", method: str = "GET", params: Any = None, *more: Any) -> Any:
        """Every request goes through here: with the turn that was awaited, or when it gets one."""
        params = params or {}
        if self._limiter is not None:
            self._take_turn(self._limiter, f"{method} {path}", weight_of(method, path, params))
        self.answer, began = None, time.perf_counter()
        try:
            return super().fetch2(path, api, method, params, *more)
        finally:
            self._tell(method, path, params.get("symbol"), time.perf_counter() - began)

    def _tell(self, method: str, path: str, symbol: str | None, took_s: float) -> None:
        """What was asked and how it was answered, and nothing that was signed; questions only to who wants details."""
        status = "no answer" if self.answer is None else self.answer.status
        tell = log.debug if method == "GET" else log.info
        tell("venue asked", request=f"{method} {path}", symbol=symbol, status=status, took_ms=round(1000 * took_s, 1))

    def synchronise(self) -> None:
        """Measure how far the venue's clock is ahead of the farm's at least, unless that is known, and of late.

        A measurement of long ago will do when there is none to be had just now.
        It is reckoned from when the answer was here. From the middle of a slow question it could be too much, and
        what is signed in the future is refused, or taken for longer than we wait until an order counts as absent.
        """
        if self._offset_ms is None:
            self._measure()
        elif self.now_ms() - self._measured_ms >= FRESH_MS:
            with suppress(ccxt.BaseError, RateLimited):
                self._measure()
            self._measured_ms = self.now_ms()  # whoever got no answer asks again when it is due the next time

    def _measure(self) -> None:
        server = int(self.spotPublicGetTime()["serverTime"])
        self._measured_ms = self.now_ms()
        self._offset_ms = server - self._measured_ms

    def forget_offset(self) -> None:
        """Measure it again before the next private request."""
        self._offset_ms = None

    def id_of(self, symbol: str) -> str:
        """The venue's name of a symbol; Restricted if it has none."""
        if symbol not in self._ids:
            records = self._stored_markets() or self.load_markets()
            self._ids = {name: str(record["id"]) for name, record in records.items()}
        if symbol not in self._ids:
            raise Restricted(f"the venue does not list {symbol}", "-1121", "tradable")
        return self._ids[symbol]

    def fetch_swap_markets(self, params: Mapping[str, Any] | None = None) -> list[Any]:
        """None: this farm trades spot only, and load_markets would ask for them each time."""
        return []

    def _take_turn(self, limiter: Limiter, endpoint: str, weight: int) -> None:
        if self._signed_ms is None:
            return limiter.acquire(endpoint, weight, self._priority, self._patience_s)
        owed = max(0, weight - self._turns.pop(endpoint, 0))
        return limiter.acquire(endpoint, owed, self._priority, patience_s=0)  # its signature grows old: now or never

    def sign(self, *request: Any, **named: Any) -> Any:
        """Forget the last answer before anything can go wrong with the next request; sign with today's keys."""
        self.answer = None
        if self._keys is not None:
            self.apiKey, self.secret = self._keys()
        return super().sign(*request, **named)

    def handle_errors(
        self,
        code: int,
        reason: str,
        url: str,
        method: str,
        headers: Mapping[str, str],
        body: str,
        response: Any,
        *sent: Any,
    ) -> Any:
        """Remember what was answered, then let ccxt raise what it makes of it."""
        said = response if isinstance(response, dict) else {}
        self.answer = Answer(code, str(said.get("code", "")), str(headers.get("Retry-After", "")), str(said))
        if self.answer.limited and self._limiter is not None:
            self._limiter.pause(self.answer.asked_wait_s, code)
        if response is None and code < HTTPStatus.BAD_REQUEST:
            raise ccxt.BadResponse(f"not JSON: {body[:100]}")
        return super().handle_errors(code, reason, url, method, headers, body, response, *sent)
