"""Each message is as its topic's schema says, is shown as it comes, and no listener holds up the farm."""

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema_rs
import pytest
import redis

from app.bus import SCHEMAS, Keys, Topics
from app.cli.codes import WRONG
from app.domain.reconciliation import Difference
from app.domain.risk import Account, TradingState
from app.steps import mark_equity
from app.steps.events import order_event, signal_event
from tests.fixtures._patience import PATIENCE_S
from tests.fixtures.commands import until
from tests.fixtures.memory.builders import NOON, a_signal, an_order
from tests.fixtures.typed import Typed


@pytest.fixture
def told(
    data_dir: Path, redis_url: str, redis_client: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., None]]:
    """Tells a topic of the farm something, as soon as somebody hears it."""
    monkeypatch.setenv("CDB_REDIS_URL", redis_url)
    threads: list[threading.Thread] = []

    def tell(topic: str, data: Mapping[str, Any]) -> None:
        until(lambda: listeners(redis_client, topic) > 0, "a listener")
        Topics(redis_client, Keys())(topic, "risk", data, NOON)

    def begin(*what: Any) -> None:
        threads.append(threading.Thread(target=tell, args=what))
        threads[-1].start()

    yield begin
    for thread in threads:
        thread.join()


def listeners(client: "redis.Redis", topic: str) -> int:
    found: Any = client.pubsub_numsub(Keys().topic(topic))
    return int(found[0][1])


LONG_ENOUGH = "10s"  # for a thread to notice that somebody listens
ACCOUNT = Account(TradingState.ACTIVE, Decimal(9), Decimal(10), Decimal(10), Decimal(10))
TOLD: dict[str, tuple[Mapping[str, Any], ...]] = {
    "market_data": ({"prices": {"BTC/USDT": 97_000.5}},),
    "trading_signals": (signal_event(a_signal()),),
    "risk_approved_trades": (order_event(an_order()),),
    "execution_events": (order_event(an_order(filled=Decimal("0.5"))),),
    "system_health": (
        mark_equity._health(ACCOUNT, "ACTIVE"),
        {"trading_state": "HALTED", "reason": "loss"},
        {"service": "risk", "healthy": False, "reason": "redis: Redis does not answer"},
        {"service": "risk", "healthy": True, "reason": None},
        asdict(Difference("order", "BTC/USDT X", "works at the venue and is not of this farm")),
        {"event": "position.unprotected", "trade_id": 1, "symbol": "BTC/USDT", "seconds": 12.5},
        {"alarm": "clock", "skew_ms": 1200},
    ),
}


@pytest.mark.parametrize("topic", SCHEMAS)
def test_a_message_is_as_its_schema_says(topic: str, redis_client: "redis.Redis", keys: Keys) -> None:
    judge = jsonschema_rs.validator_for(SCHEMAS[topic])
    client: Any = redis_client
    heard = client.pubsub(ignore_subscribe_messages=True)
    heard.subscribe(keys.topic(topic))
    heard.get_message(timeout=PATIENCE_S)

    for data in TOLD[topic]:
        Topics(redis_client, keys)(topic, "somebody", data, NOON)
        message: Any = heard.get_message(timeout=PATIENCE_S)
        event = json.loads(message["data"])
        assert [error.message for error in judge.iter_errors(event)] == []
        assert not judge.is_valid({**event, "data": {"another": 1}})
    heard.close()


def test_tail_shows_each_message_in_a_line(told: Callable[..., None], typed: Typed) -> None:
    told("system_health", {"trading_state": "HALTED", "reason": "loss"})

    ended = typed("tail", "system_health", "--for", LONG_ENOUGH)

    assert ended.code == 0
    assert ended.out.split() == ["12:00:00", "system_health", "risk", "trading_state=HALTED", "reason=loss"]


def test_tail_of_all_topics_speaks_to_machines_too(told: Callable[..., None], typed: Typed) -> None:
    told("risk_approved_trades", order_event(an_order()))

    ended = typed("tail", "all", "--json", "--for", LONG_ENOUGH)

    (event,) = [json.loads(line) for line in ended.out.splitlines()]
    assert (event["topic"], event["data"]["client_order_id"]) == ("risk_approved_trades", "ORDER1")


def test_tail_prints_the_schemas(typed: Typed) -> None:
    assert json.loads(typed("tail", "market_data", "--schema").out) == {"market_data": SCHEMAS["market_data"]}


def test_an_unknown_topic_is_told_with_those_that_there_are(typed: Typed) -> None:
    ended = typed("tail", "market")

    assert ended.code == WRONG
    assert "There is no topic market. There are market_data, " in ended.err


def test_a_subscriber_who_never_reads_is_cut_off_and_nobody_waits_for_him(
    redis_url: str, redis_client: "redis.Redis"
) -> None:
    prices = {"prices": {"X" * 10_000: 1.0}}
    with socket.socket(socket.AF_UNIX) as slow:
        slow.connect(urlsplit(redis_url).path)
        slow.sendall(f"SUBSCRIBE {Keys().topic('market_data')}\r\n".encode())
        until(lambda: listeners(redis_client, "market_data") == 1, "the subscription")
        topics = Topics(redis_client, Keys())
        for _ in range(6000):
            topics("market_data", "feed", prices, NOON)

        until(lambda: listeners(redis_client, "market_data") == 0, "his end")
    assert topics.lost == 0
