"""Requests as they come in: their parameters, and whether they are signed as MEXC wants it."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from urllib.parse import parse_qsl

from app.simulator.errors import Refusal, missing

RECV_WINDOW_MS = 5000
LONGEST_WINDOW_MS = 60_000
AHEAD_MS = 1000


@dataclass(frozen=True, slots=True)
class Params:
    """What a request carries, as text."""

    values: Mapping[str, str]

    def get(self, name: str) -> str | None:
        """A parameter, or None if it is missing or empty."""
        return self.values.get(name) or None

    def need(self, name: str) -> str:
        """A parameter that must be there."""
        value = self.get(name)
        if value is None:
            raise missing(name)
        return value

    def whole(self, name: str, default: int) -> int:
        """A whole number."""
        value = self.get(name)
        if value is None:
            return default
        try:
            return int(value)
        except ValueError:
            raise missing(name) from None

    def limit(self, default: int, most: int) -> int:
        """How many rows are asked for."""
        return max(1, min(most, self.whole("limit", default)))

    def decimal(self, name: str) -> Decimal | None:
        """A number, exact."""
        value = self.get(name)
        if value is None:
            return None
        try:
            number = Decimal(value)
        except InvalidOperation:
            raise missing(name) from None
        if not number.is_finite():
            raise missing(name)
        return number


def params_of(query: str, body: str) -> Params:
    """Parameters of the query string, then those of the body that it does not have."""
    sent = dict(parse_qsl(body, keep_blank_values=True))
    return Params({**sent, **dict(parse_qsl(query, keep_blank_values=True))})


def signature_of(secret: str, query: str, body: str) -> str:
    """HMAC SHA256 in lower hexadecimal over query and body as sent, without the signature itself."""
    return hmac.new(secret.encode(), (_unsigned(query) + _unsigned(body)).encode(), sha256).hexdigest()


def verify(api_key: str | None, query: str, body: str, params: Params, keys: tuple[str, str], now_ms: int) -> None:
    """Raise MEXC's refusal unless the request is signed by `keys` and in time."""
    key, secret = keys
    if not api_key:
        raise Refusal(400, "api key required")
    if api_key != key:
        raise Refusal(10072, "Api key info invalid")
    timestamp = params.whole("timestamp", 0)
    if not timestamp:
        raise missing("timestamp")
    if not hmac.compare_digest(params.need("signature").encode(), signature_of(secret, query, body).encode()):
        raise Refusal(700002, "Signature for this request is not valid.")
    window_ms = params.whole("recvWindow", RECV_WINDOW_MS)
    if window_ms > LONGEST_WINDOW_MS:
        raise Refusal(700005, "recvWindow must less than 60000")
    if not (timestamp < now_ms + AHEAD_MS and now_ms - timestamp <= window_ms):
        raise Refusal(700003, "Timestamp for this request is outside of the recvWindow.")


def _unsigned(part: str) -> str:
    return "&".join(pair for pair in part.split("&") if not pair.startswith("signature="))
