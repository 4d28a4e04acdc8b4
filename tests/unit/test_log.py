"""Logs: one line per event, the correlation id on it, and no secret anywhere."""

import json
import logging
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
import structlog

from app import log


@pytest.fixture
def written() -> Iterator[StringIO]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    stream = StringIO()
    log.configure(level="info", form="json", secrets=["hush-hush"], stream=stream, service="orders")
    yield stream
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(stream: StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_line_with_the_correlation_id(written: StringIO) -> None:
    structlog.contextvars.bind_contextvars(correlation_id="f-1")
    structlog.get_logger().info("order refused", client_order_id="ABC", symbol="BTC/USDT")

    [line] = lines(written)
    assert line["event"] == "order refused"
    assert (line["client_order_id"], line["symbol"], line["correlation_id"]) == ("ABC", "BTC/USDT", "f-1")
    assert (line["service"], line["level"]) == ("orders", "info")
    assert line["timestamp"].endswith("Z")


def test_the_standard_library_logs_the_same_way(written: StringIO) -> None:
    logging.getLogger("celery.worker").warning("lost %s", "connection")

    assert lines(written)[0]["event"] == "lost connection"


def test_what_is_below_the_level_is_not_written(written: StringIO) -> None:
    structlog.get_logger().debug("noise")

    assert lines(written) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"api_key": "abc123"},
        {"signature": "abc123"},
        {"headers": {"X-MEXC-APIKEY": "abc123"}},
        {"url": "https://host/api/v3/order?symbol=BTCUSDT&signature=abc123&timestamp=1"},
        {"url": "postgresql://user:abc123@host/name"},
        {"said": ["hush-hush", "password=abc123"]},
        {"said": {"of": "it was hush-hush"}},
        {"error": ValueError("secret: 'abc123'")},
    ],
)
def test_a_secret_is_never_written(written: StringIO, fields: dict[str, Any]) -> None:
    structlog.get_logger().info("called", **fields)

    assert "abc123" not in written.getvalue()
    assert "hush-hush" not in written.getvalue()
    assert log.HIDDEN in written.getvalue()


def test_a_key_that_is_no_secret_is_written(written: StringIO) -> None:
    structlog.get_logger().info("approved", signal_key="K1", symbol="BTC/USDT", attempts=2, exact=None, fine=True)

    [line] = lines(written)
    assert (line["signal_key"], line["attempts"], line["exact"], line["fine"]) == ("K1", 2, None, True)


def test_a_traceback_is_scrubbed_too(written: StringIO) -> None:
    try:
        raise ValueError("listenKey=abc123 of hush-hush")
    except ValueError:
        structlog.get_logger().exception("task failed")

    [line] = lines(written)
    assert "ValueError" in line["exception"]
    assert "abc123" not in written.getvalue()
    assert "hush-hush" not in written.getvalue()


def test_a_terminal_gets_words_and_no_json() -> None:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    stream = StringIO()
    log.configure(form="pretty", stream=stream)
    structlog.get_logger().info("farm is up")
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()

    assert "farm is up" in stream.getvalue()
    assert not stream.getvalue().startswith("{")
