"""MEXC's public side over REST: rules, volumes, past prints and bars, and its clock."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import structlog

from app.domain.market import Bar, Instrument, Tick, instant, interval_seconds, microseconds
from app.exchanges.mexc.client import Client
from app.exchanges.mexc.errors import ASKING, translated
from app.exchanges.mexc.history import bars_of, dated, kline
from app.exchanges.mexc.instruments import instrument

log = structlog.get_logger()

KLINES = {"1m": "1m", "5m": "5m", "15m": "15m", "30m": "30m", "1h": "60m", "60m": "60m", "4h": "4h", "1d": "1d"}
KLINE_PAGE = 500
PRINT_PAGE = 1000
PRINT_SPAN_MS = 3_600_000


class Market:
    """Past and present of every symbol; errors are those of `app.domain.errors`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def instruments(self) -> tuple[list[Instrument], dict[str, dict[str, Any]]]:
        """Every spot symbol's rules, and ccxt's records of them; one that makes no sense is left out and logged."""
        with translated(self._client, ASKING):
            records = self._client.load_markets(True)
        found: dict[str, Instrument] = {}
        for symbol, record in records.items():
            try:
                found[symbol] = instrument(symbol, record)
            except (ValueError, ArithmeticError, KeyError, TypeError) as error:
                log.warning("symbol left out", symbol=symbol, error=repr(error))
        return list(found.values()), {symbol: dict(records[symbol]) for symbol in found}

    def volumes(self) -> dict[str, Decimal]:
        """Traded volume of the last day by symbol, in quote currency."""
        with translated(self._client, ASKING):
            names = {self._client.id_of(symbol): symbol for symbol in self._symbols()}
            rows = self._client.spotPublicGetTicker24hr()
        return {names[row["symbol"]]: _turnover(row) for row in rows if row["symbol"] in names}

    def bars(self, symbol: str, interval: str, since: datetime, until: datetime) -> list[Bar]:
        """Closed bars within [since, until], oldest first; those of klines do not know their ticks (0)."""
        with translated(self._client, ASKING):
            until = min(until, instant(self._client.venue_ms() * 1000))
        if interval not in KLINES:
            return bars_of(self.prints(symbol, microseconds(since), microseconds(until)), interval, since, until)
        rows = (row for page in self._kline_pages(symbol, interval, since, until) for row in page)
        bars = {bar.end: bar for row in rows if (bar := kline(symbol, interval, row)) is not None}
        span = interval_seconds(interval)
        return [bars[end] for end in sorted(bars) if end <= until and (end - since).total_seconds() >= span]

    def prints(self, symbol: str, since_us: int, until_us: int) -> list[Tick]:
        """Past ticks with since <= time < until, oldest first, each at a microsecond of its own."""
        rows: list[Mapping[str, Any]] = []
        for start in range(since_us // 1000, -(-until_us // 1000), PRINT_SPAN_MS):
            rows += self._print_rows(symbol, start, min(start + PRINT_SPAN_MS, -(-until_us // 1000)) - 1)
        return [tick for tick in dated(symbol, rows) if since_us <= tick.time_us < until_us]

    def time_us(self) -> int:
        """The venue's clock."""
        with translated(self._client, ASKING):
            return int(self._client.spotPublicGetTime()["serverTime"]) * 1000

    def _symbols(self) -> Sequence[str]:
        return list(self._client.load_markets())

    def _kline_pages(
        self, symbol: str, interval: str, since: datetime, until: datetime
    ) -> Iterator[Sequence[Sequence[Any]]]:
        step_ms = interval_seconds(interval) * 1000
        first, last = microseconds(since) // 1000, microseconds(until) // 1000
        for start in range(first - first % step_ms, last, step_ms * KLINE_PAGE):
            request = {
                "symbol": self._client.id_of(symbol),
                "interval": KLINES[interval],
                "startTime": start,
                "endTime": min(start + step_ms * KLINE_PAGE, last),
                "limit": KLINE_PAGE,
            }
            with translated(self._client, ASKING):
                yield self._client.spotPublicGetKlines(request)

    def _print_rows(self, symbol: str, start_ms: int, end_ms: int) -> list[Mapping[str, Any]]:
        """All prints of [start, end]; a full page is halved, so that its order and its limit do not matter."""
        request = {
            "symbol": self._client.id_of(symbol),
            "startTime": start_ms,
            "endTime": end_ms,
            "limit": PRINT_PAGE,
        }
        with translated(self._client, ASKING):
            rows: list[Mapping[str, Any]] = self._client.spotPublicGetAggTrades(request)
        if len(rows) < PRINT_PAGE or start_ms >= end_ms:
            return rows
        middle = (start_ms + end_ms) // 2
        return self._print_rows(symbol, start_ms, middle) + self._print_rows(symbol, middle + 1, end_ms)


def _turnover(row: Mapping[str, Any]) -> Decimal:
    quote = row.get("quoteVolume")
    if quote:
        return Decimal(str(quote))
    return Decimal(str(row.get("volume") or 0)) * Decimal(str(row.get("lastPrice") or 0))
