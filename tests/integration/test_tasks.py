"""Each task in this process: real Redis, a real database, and a simulated venue."""

import gc
import json
import logging
import math
import os
import sys
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import structlog
from billiard.einfo import ExceptionInfo
from billiard.exceptions import TimeLimitExceeded
from celery.signals import task_failure
from kombu.exceptions import OperationalError
from sqlalchemy import text
from structlog.testing import capture_logs

from app import indicators, wiring
from app.bus import ResultsAside
from app.celery import farm
from app.domain.market import BarClose, instant_text, microseconds
from app.domain.orders import Order, OrderState, OrderType, Side
from app.steps.ports import Missing
from app.store import migrate, verify
from tasks import (
    _dead_letters,  # noqa: F401 - it listens
    _processes,
    orders,
    risk,
    signals,
    ticks,
    upkeep,
)
from tasks._hand_on import enqueue_drain, hand_on
from tasks._results import Results
from tests.fixtures import _trial_tasks as trial
from tests.fixtures.databases import KINDS
from tests.fixtures.farm import LIVE, configured
from tests.fixtures.memory.builders import a_letter, a_signal, an_exit, an_order, some_bars
from tests.fixtures.venue import ServedVenue, served
from workers.venue import VenueConfig

BTC = "BTC/USDT"


@pytest.fixture
def trading(
    farm_settings: dict[str, str], venue: ServedVenue, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ServedVenue]:
    """The wiring, with a venue whose rules are known and whose BTC costs 100."""
    values = {
        **farm_settings,
        "CDB_EXCHANGE_REST_URL": venue.rest_url,
        "CDB_EXCHANGE_WS_URL": venue.ws_url,
        "CDB_RISK__STALE_MARKET__LIMIT_S": "3600",
    }
    with configured(values, monkeypatch):
        migrate(wiring.database())
        venue.tick(BTC, 100, 1000)
        upkeep.refresh_instruments()
        upkeep.mark_equity()
        now_us = microseconds(wiring.now())
        wiring.redis().hset(wiring.keys().prices, BTC, f"100.0|{now_us}|{now_us}")
        yield venue


def queued(queue: str) -> list[dict[str, Any]]:
    """What waits in a queue, oldest first."""
    texts: Any = wiring.redis().lrange(f"{wiring.settings().redis_prefix}{queue}", 0, -1)
    return [json.loads(text) for text in reversed(texts)]


def names(queue: str) -> list[str]:
    return [message["headers"]["task"] for message in queued(queue)]


def given_a_signal(**changes: Any) -> str:
    at = wiring.now()
    signal = a_signal("SIGNAL", **{"symbol": BTC, "price": 100.0, "bar_end": at, "found_at": at, **changes})
    assert wiring.signals().save(signal)
    return signal.key


def heard(count: int) -> None:
    """A mailbox with ticks of several seconds, all of them covered, and a mark after the last."""
    start_us = microseconds(wiring.now()) // 1_000_000 * 1_000_000 - count * 1_000_000
    rows: list[Any] = [["=", BTC, start_us - 60_000_000]]
    rows += [[BTC, start_us + at * 1_000_000, 100.0 + at, 1.0, "buy", start_us] for at in range(count)]
    rows.append(["@", start_us + count * 1_000_000, start_us])
    wiring.mailboxes().push({wiring.mailboxes().shard(BTC): rows})


def test_a_drain_makes_bars_and_hands_their_closes_on(wired: None) -> None:
    heard(5)

    assert ticks.drain(wiring.mailboxes().shard(BTC)) == 5
    assert names("signals") == ["tasks.signals.find"]
    assert len(wiring.bars().window(BTC, "1s", wiring.now() + timedelta(minutes=1), 10)) == 5


def test_a_drain_rests_at_once_when_another_mailbox_waits_for_its_process(
    wired: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ticks, "LINGER_S", math.inf)
    heard(1)
    enqueue_drain(1)

    assert ticks.drain(wiring.mailboxes().shard(BTC)) == 1
    assert names("ticks") == ["tasks.ticks.drain"], "no other was sent: its time was not up"


def test_a_mailbox_that_was_forgotten_gets_a_drain(wired: None) -> None:
    heard(1)

    assert upkeep.wake() == 1
    assert names("ticks") == ["tasks.ticks.drain"]


def test_an_exit_after_a_refusal_sells_what_is_free_at_the_venue(trading: ServedVenue) -> None:
    given_a_signal()
    entry = wiring.orders().get(orders.settle(orders.place(risk.approve("SIGNAL"))))
    half = wiring.instruments().get(BTC).floor_amount(entry.filled / 2)
    wiring.trading().submit(
        an_order("BY-HAND", side=Side.SELL, type=OrderType.LIMIT, amount=half, price=Decimal(150)),
        signed_at=wiring.now(),
    )

    def left(key: str) -> Order:
        wiring.signals().save(
            an_exit(key, trade_id=entry.trade_id, price=100.0, bar_end=wiring.now(), found_at=wiring.now())
        )
        name = risk.approve(key)
        orders.place(name)
        return wiring.orders().get(name)

    assert left("EXIT-1").state is OrderState.REJECTED
    sold = left("EXIT-2")
    assert (sold.state, sold.amount) == (OrderState.OPEN, entry.filled - half)


def test_raw_ticks_are_archived_once(wired: None) -> None:
    heard(3)
    shard = wiring.mailboxes().shard(BTC)

    assert upkeep.archive(shard) == 3
    assert upkeep.archive(shard) == 0


def test_a_closed_bar_is_searched(wired: None) -> None:
    bars = some_bars(3, "1s")
    wiring.bars().save(bars)

    assert signals.find([list(bars[-1].key)], "frame-1", 0) == 0


@pytest.mark.parametrize("farm_kind", KINDS, indirect=True)
def test_a_signal_becomes_an_order_an_execution_and_a_trade(trading: ServedVenue) -> None:
    client_order_id = risk.approve(given_a_signal())

    assert client_order_id is not None
    assert orders.place(client_order_id) == client_order_id
    assert names("orders") == ["tasks.orders.settle"]
    assert orders.settle(client_order_id) == client_order_id
    order = wiring.orders().get(client_order_id)
    assert (order.state, order.filled) == (OrderState.FILLED, order.amount)
    assert [level.symbol for level in wiring.trades().levels()] == [BTC]


def test_a_key_that_names_nothing_is_told(trading: ServedVenue) -> None:
    for task in (risk.approve, orders.place, orders.settle):
        with pytest.raises(Missing):
            task("NOBODY")


def test_while_trading_goes_on_nothing_is_withdrawn(trading: ServedVenue) -> None:
    assert upkeep.withdraw() == 0


def test_what_stands_still_is_swept(trading: ServedVenue) -> None:
    given_a_signal(found_at=wiring.now() - timedelta(minutes=1))

    assert upkeep.sweep() == 1
    assert names("risk") == ["tasks.risk.approve"]


def test_without_a_position_there_is_nothing_to_protect(trading: ServedVenue) -> None:
    assert upkeep.watch() == 0


def test_the_account_is_opened_with_the_venues_cash(trading: ServedVenue) -> None:
    assert Decimal(upkeep.mark_equity()) == 100_000


def test_the_past_is_filled_from_the_venue(trading: ServedVenue) -> None:
    upkeep.asked.clear()

    assert upkeep.warm() >= 0
    assert upkeep.asked == {(BTC, "1s"), ("ETH/USDT", "1s")}


def test_a_replay_has_no_past_to_be_filled(farm_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    upkeep.asked.clear()
    with served(VenueConfig(symbols=(BTC, "ETH/USDT"), ticks_per_s=30, seed=5, past_h=1)) as venue:
        own = {"CDB_EXCHANGE_REST_URL": venue.rest_url, "CDB_EXCHANGE_WS_URL": venue.ws_url, "CDB_CLOCK": "replay"}
        with configured({**farm_settings, **own}, monkeypatch):
            migrate(wiring.database())
            assert upkeep.warm() == 0

            upkeep.asked.clear()
            monkeypatch.setenv("CDB_CLOCK", "system")
            wiring.reset()
            assert upkeep.warm() > 0


def test_histories_are_checked_by_the_venues_clock(trading: ServedVenue) -> None:
    upkeep.asked.clear()
    upkeep.quiet.clear()
    upkeep.warm()
    wiring.feed_status().write({"ready": True, "offset_ms": 3_600_000})

    assert upkeep.check_history() == 0
    assert all(at > wiring.now() + timedelta(hours=1) for at in upkeep.quiet.values())
    assert wiring.outdated().all() == {}


def test_old_ticks_are_dropped(wired: None) -> None:
    assert upkeep.retain() == 0


@pytest.mark.parametrize("farm_kind", KINDS, indirect=True)
def test_audits_that_wait_are_sealed_by_their_task(wired: None) -> None:
    given_a_signal()
    wiring.audits().write("farm.looked", "farm", {}, wiring.now())

    assert upkeep.seal() == 2
    assert upkeep.seal() == 0
    assert (verify(wiring.database()).broken, wiring.audits().head().sequence) == (None, 2)


def test_retention_keeps_every_audit(wired: None) -> None:
    wiring.audits().write("farm.looked", "farm", {}, wiring.now() - timedelta(days=10_000))
    upkeep.retain()

    assert upkeep.seal() == 1


def test_old_dead_letters_are_dropped(wired: None) -> None:
    wiring.letters().keep(a_letter("old", at=wiring.now() - timedelta(days=31)))
    wiring.letters().keep(a_letter("new", at=wiring.now() - timedelta(days=29)))

    assert upkeep.retain() == 1
    assert [one.letter.task_id for one in wiring.letters().waiting(9)] == ["new"]


def test_dead_letters_that_were_put_aside_are_brought_to_the_database(wired: None) -> None:
    wiring.letters_aside().put(a_letter())

    assert upkeep.keep_letters() == 1
    assert upkeep.keep_letters() == 0
    assert wiring.letters().get("task-1").letter == a_letter()


@pytest.mark.parametrize("farm_kind", KINDS, indirect=True)
def test_a_signal_that_crashes_each_time_is_left_alone_until_a_person_has_dealt_with_it(wired: None) -> None:
    wiring.ledger().open_account(Decimal(100), wiring.now())
    given_a_signal(found_at=wiring.now() - timedelta(minutes=1))
    for number in range(3):
        wiring.letters().keep(
            a_letter(f"task-{number}", name="tasks.risk.approve", about="SIGNAL", kind="WorkerLostError")
        )

    assert upkeep.sweep() == 0
    assert names("risk") == []


def test_a_hard_time_limit_is_no_letter_until_its_request_is_told_too(wired: None) -> None:
    try:
        raise TimeLimitExceeded(2)
    except TimeLimitExceeded as error:
        failure = {"task_id": "id-1", "exception": error, "args": ["A"], "kwargs": {}, "einfo": ExceptionInfo()}

    task_failure.send(trial.hand, **failure)
    assert wiring.letters().count() == 0
    trial.hand.push_request(id="id-1", retries=10**12)
    task_failure.send(trial.hand, **failure)
    trial.hand.pop_request()
    assert wiring.letters().get("id-1").letter.kind == "TimeLimitExceeded"


def test_a_result_that_cannot_be_stored_is_told_and_no_more(wired: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ResultsAside, "put", lambda *_: False)
    results: Any = Results(app=farm, url="sqlite:////nowhere/at/all.sqlite")
    with capture_logs() as logs:
        assert results.store_result("id-1", "KEY", "SUCCESS") == "KEY"

    assert [(line["event"], line["task_id"]) for line in logs] == [("result is not stored", "id-1")]


@pytest.mark.parametrize(("reason", "stored"), [("expired", []), ("revoked", ["id-1"])])
def test_a_beat_that_came_too_late_leaves_no_result_and_what_somebody_revoked_does(
    wired: None, reason: str, stored: list[str]
) -> None:
    farm.backend.mark_as_revoked("id-1", reason)
    upkeep.keep_results()

    with wiring.database().reading() as session:
        assert list(session.scalars(text("SELECT task_id FROM celery_taskmeta"))) == stored


def test_a_signal_is_sent_as_a_chain_that_carries_its_correlation_id(wired: None) -> None:
    hand_on().signal("KEY", "f-1")

    [message] = queued("risk")
    assert message["headers"]["cdb_correlation_id"] == "f-1"
    args, _, embedded = json.loads(_body(message))
    assert args == ["KEY"]
    [link] = embedded["chain"]
    assert link["task"] == "tasks.orders.place"
    assert link["options"]["headers"] == {"cdb_correlation_id": "f-1"}


def test_orders_are_handed_on_by_their_keys(wired: None) -> None:
    hand_on().order("ORDER", "f-1")
    hand_on().settle("ORDER", "", 0.2)

    assert names("orders") == ["tasks.orders.place", "tasks.orders.settle"]
    assert [message["headers"].get("cdb_correlation_id") for message in queued("orders")] == ["f-1", None]
    assert queued("orders")[1]["headers"]["eta"]


def test_without_a_broker_closes_raise_and_keys_wait_for_the_sweep(
    farm_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with configured({**farm_settings, "CDB_REDIS_URL": "unix:///tmp/cdb-nobody.sock"}, monkeypatch):
        with capture_logs() as logs:
            hand_on().signal("KEY", "f-1")
        with pytest.raises(OperationalError):
            hand_on().closes([BarClose(BTC, "1s", instant_text(wiring.now()))], "f-1", 0)
        with pytest.raises(OperationalError):
            enqueue_drain(0)

    assert [line["event"] for line in logs] == ["hand-on failed, the sweep will do it"]


def test_a_step_without_a_key_ends_its_chain_as_a_success(wired: None) -> None:
    trial.keep.push_request(chain=["the next link"])

    assert trial.keep("K") is None
    assert trial.keep.request.chain is None
    trial.keep.pop_request()


def test_a_step_with_a_key_goes_on(wired: None) -> None:
    rest: Any = ["the next link"]
    trial.hand.push_request(chain=rest)

    assert trial.hand("K") == "K"
    assert trial.hand.request.chain == rest
    trial.hand.pop_request()


def test_a_task_puts_itself_and_its_correlation_id_on_log_lines(wired: None) -> None:
    headers: Any
    no_error: Any = None
    for headers in ({"cdb_correlation_id": "f-1"}, None):
        trial.hand.push_request(headers=headers)
        trial.hand.before_start("id-1", (), {})
        bound = structlog.contextvars.get_contextvars()
        trial.hand.after_return("SUCCESS", None, "id-1", (), {}, no_error)
        trial.hand.pop_request()

        assert (bound["task"], bound["task_id"]) == ("tasks.orders.trial_hand", "id-1")
        assert bound.get("correlation_id") == (headers or {}).get("cdb_correlation_id")
        assert structlog.contextvars.get_contextvars() == {}


def test_a_world_that_is_away_for_good_ends_in_one_sentence(wired: None) -> None:
    with capture_logs() as logs:
        result = trial.away.apply(args=("K", 99))

    assert result.state == "FAILURE"
    assert [line["event"] for line in logs] == ["task is tried again"] * 6 + ["task gave up", "dead letter kept"]
    assert [one.letter.attempts for one in wiring.letters().waiting(9)] == [7]


def test_keys_that_the_venue_does_not_take_are_told_with_the_cure(
    farm_settings: dict[str, str], venue: ServedVenue, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = {"CDB_EXCHANGE_REST_URL": venue.rest_url, "CDB_EXCHANGE_WS_URL": venue.ws_url}
    wrong = {"CDB_API_KEY": "nobody", "CDB_API_SECRET": "knows"}
    with configured({**farm_settings, **LIVE, **there, **wrong}, monkeypatch):
        migrate(wiring.database())
        with capture_logs() as logs:
            result = upkeep.mark_equity.apply()

    assert result.state == "FAILURE"
    (denied,) = [line for line in logs if line["event"] != "venue asked"]
    assert denied["event"] == "venue denies access"
    assert "CDB_API_KEY" in denied["cure"]


def test_a_bug_is_left_to_celery_to_tell(wired: None) -> None:
    with capture_logs() as logs:
        result = trial.away.apply(args=("K", "no number"))

    assert result.state == "FAILURE"
    assert "task gave up" not in [line["event"] for line in logs]


def test_a_worker_refuses_a_database_without_tables(
    farm_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with configured(farm_settings, monkeypatch), pytest.raises(SystemExit, match="cdb migrate"):
        _processes.refuse_what_is_wrong()


@pytest.mark.parametrize(("first", "then"), [("paper", "live"), ("live", "paper")])
def test_a_worker_refuses_a_database_and_keys_of_the_other_mode(
    farm_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch, first: str, then: str, tmp_path: Path
) -> None:
    modes = {"paper": {}, "live": {**LIVE, "CDB_API_KEY": "key", "CDB_API_SECRET": "secret"}}
    elsewhere = {"CDB_DATABASE_URL": f"sqlite:///{tmp_path}/another.sqlite"}
    with configured({**farm_settings, **modes[first]}, monkeypatch):
        migrate(wiring.database())
        _processes.refuse_what_is_wrong()
        gc.unfreeze()
        _processes.refuse_what_is_wrong()
        gc.unfreeze()
    with (
        configured({**farm_settings, **modes[then]}, monkeypatch),
        pytest.raises(
            SystemExit, match=f"The database is that of a farm in mode {first}; in mode {then} its positions"
        ),
    ):
        _processes.refuse_what_is_wrong()
    with configured({**farm_settings, **modes[then], **elsewhere}, monkeypatch):
        migrate(wiring.database())
        with pytest.raises(SystemExit, match=r"in Redis are those of a farm in mode .*: CDB_REDIS_PREFIX"):
            _processes.refuse_what_is_wrong()


def test_a_worker_starts_while_redis_is_away(farm_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    with configured({**farm_settings, "CDB_REDIS_URL": "redis://127.0.0.1:1/0"}, monkeypatch):
        migrate(wiring.database())
        with capture_logs() as logs:
            _processes.refuse_what_is_wrong()
        gc.unfreeze()

    assert "purpose of the keys not known" in [line["event"] for line in logs]


def test_a_worker_refuses_a_database_that_does_not_answer(
    farm_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = {**farm_settings, "CDB_DATABASE_URL": "postgresql://u@/cdb?host=/tmp/cdb-nobody"}
    with configured(nobody, monkeypatch), pytest.raises(SystemExit, match="does not answer"):
        _processes.refuse_what_is_wrong()


def test_a_worker_refuses_a_rule_that_each_signal_would_stumble_over(
    farm_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with configured({**farm_settings, "CDB_RISK__COOLDOWN__SECONDS": "9"}, monkeypatch):
        migrate(wiring.database())
        with pytest.raises(SystemExit, match="cooldown has no parameter 'seconds'; there is limit_s"):
            _processes.refuse_what_is_wrong()


def test_a_worker_refuses_to_search_with_figures_that_are_not_those_of_ta(
    farm_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indicators, "rsi", lambda prices, length: prices)
    with configured(farm_settings, monkeypatch):
        migrate(wiring.database())
        with pytest.raises(SystemExit, match=r"rsi: not what the library ta gives .* requirements\.txt"):
            _processes.refuse_what_is_wrong()


@pytest.mark.parametrize("loaded", [True, False])
def test_a_child_makes_a_client_of_the_venue_if_its_parent_has_loaded_it(
    wired: None, monkeypatch: pytest.MonkeyPatch, loaded: bool
) -> None:
    import_module(_processes.VENUE)
    if not loaded:
        monkeypatch.delitem(sys.modules, _processes.VENUE)

    _processes.share_nothing_with_the_parent()

    assert wiring.trading.cache_info().currsize == loaded


def test_a_worker_loads_what_the_tasks_of_its_queues_use() -> None:
    venue, frames = _processes.VENUE, _processes.FRAMES

    assert _processes.needed(["orders"]) == [venue]
    assert _processes.needed(["risk", "reports"]) == []
    assert _processes.needed(["ticks", "orders"]) == [venue, frames]


def test_a_worker_prepares_what_its_children_share(wired: None) -> None:
    before = wiring.database()
    _processes.refuse_what_is_wrong()
    gc.unfreeze()

    parents = wiring.database()
    assert parents is not before
    _processes.share_nothing_with_the_parent()
    assert wiring.database() is not parents


def test_beat_begins_with_what_is_rare(wired: None) -> None:
    farm.loader.import_default_modules()
    _processes.begin_with_what_is_rare()

    assert names("upkeep") == ["tasks.upkeep.begin", "tasks.upkeep.refresh_instruments", "tasks.upkeep.retain"]


def test_a_worker_is_present_while_it_consumes(wired: None) -> None:
    _processes.arrive()
    was_here = wiring.presence().is_here(os.getpid())
    _processes.leave()

    assert was_here
    assert not wiring.presence().is_here(os.getpid())


def test_a_worker_leaves_quietly_when_redis_has_gone(
    farm_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = {**farm_settings, "CDB_REDIS_URL": "unix:///tmp/cdb-nobody.sock"}
    with configured(gone, monkeypatch), capture_logs() as logs:
        _processes.leave()

    assert [line["event"] for line in logs] == ["farewell not heard"]


def test_celery_logs_as_the_farm_does(wired: None) -> None:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    _processes.log_as_the_farm_does()
    chatty = [logging.getLogger(name).level for name in _processes.CHATTY]
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()

    assert chatty == [logging.WARNING, logging.WARNING]


def _body(message: dict[str, Any]) -> bytes:
    from base64 import b64decode

    return b64decode(message["body"])
