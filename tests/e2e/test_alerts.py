"""Each alert of the shipped rules fires when its fault is there, and ends when the fault has.

A real Prometheus asks a whole farm (its processes, a PostgreSQL, a Redis, a venue on loopback) and judges it by the
shipped rules. Only their times are shorter, by FACTOR: `for`, ranges and offsets. What they compare with stays, so what
is to be a minute old is a minute old here too.
"""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from app.store import Audits
from tests.deploy.monitoring import RULES, ran, read, rules
from tests.e2e.troubled import FACTOR, HELD, LOST, Troubled, in_trouble
from tests.fixtures.prometheus import hastened

QUERIES = ("order", "openOrders", "allOrders", "myTrades")


class Fault(NamedTuple):
    """How an alert is provoked, and what ends it."""

    injected: str
    undone: str


LIMITS = "the farm's limits are set higher than the rules', and it buys for more"
TABLE = {
    # limits
    "TradingHalted": Fault("cdb halt", "cdb resume"),
    "TradingReducing": Fault("cdb reduce", "cdb resume"),
    "ExposureOverLimit": Fault(LIMITS, "cdb flatten"),
    "ExposureFarOverLimit": Fault(LIMITS, "cdb flatten"),
    "DrawdownNearLimit": Fault("the market falls by an eighth", "it rises again"),
    "DrawdownUnanswered": Fault("it falls by a quarter, and the farm's own limit is set higher", "it rises again"),
    "DailyLossNearLimit": Fault("it falls by a quarter", "it rises again"),
    "DailyLossUnanswered": Fault("it falls by a third, and the farm's own limit is set higher", "it rises again"),
    # orders and books
    "OrderUnknown": Fault("the venue takes an order, answers nothing, and tells of no order", "it answers again"),
    "OrdersSlow": Fault("each answer of the venue takes a second and a half", "it answers at once"),
    "TradesUnprotected": Fault("SIGSTOP of the worker on ticks while something is held", "SIGCONT"),
    "BooksDiffer": Fault("our cash is changed by hand in the database", "cdb reconcile --adopt-balance"),
    "BooksNotCompared": Fault("a start (upkeep.begin) while the venue does not tell of the account", "it tells again"),
    # the market
    "FeedSilent": Fault("the venue cuts all websockets and lets none in", "it lets them in"),
    "SymbolsStale": Fault("the venue's websocket is there and says nothing", "it speaks again"),
    "WebsocketSlow": Fault("what the venue sends is two seconds under way", "it is there at once"),
    "ClockOff": Fault("the venue's clock is a second and a half ahead when the feed begins", "its clock is right"),
    # services
    "ServiceDown": Fault("SIGSTOP of the worker on upkeep", "SIGCONT"),
    "FiguresOld": Fault("the same, for a minute and a half", "SIGCONT"),
    "ServiceUnhealthy": Fault("as BooksNotCompared: risk approves no entry", "the venue tells of the account again"),
    "NotifierGone": Fault("the notifier ends, and its name has no address", "it is started again"),
    "MemoryHigh": Fault("a notifier that holds 1.2 GiB for nothing", "it is started again without"),
    # what waits
    "QueueStandsStill": Fault("SIGSTOP of the worker on signals, for a minute", "SIGCONT"),
    "MailboxStandsStill": Fault("SIGSTOP of the worker on ticks", "SIGCONT"),
    "DeadLettersWait": Fault("a message for a task that the farm's code does not have", "cdb failed discard"),
    "AuditsUnsealed": Fault("the table of the seal has another name, and there is much to seal", "its name is right"),
    # tasks
    "TasksFail": Fault("the same: upkeep.seal fails each time", "its name is right"),
    "TasksLost": Fault("SIGKILL of the processes that send orders, while they wait for the venue", "they are replaced"),
    # telling
    "DeliveriesWait": Fault("nobody listens where people are told", "somebody does"),
    "DeliveriesGivenUp": Fault("what waited is dated back by two days", "none is given up for an hour"),
    # servers
    "DatabaseDown": Fault("SIGQUIT of PostgreSQL", "it is started"),
    "RedisDown": Fault("SIGKILL of Redis", "it is started, empty"),
    "DatabaseSlow": Fault("each answer of PostgreSQL is 120 ms under way", "it is there at once"),
    "RedisSlow": Fault("each answer of Redis is 60 ms under way", "it is there at once"),
    "DatabaseConnectionsMany": Fault("somebody holds 85 connections", "they are closed"),
}


@pytest.fixture
def troubled(stopped_postgresql: Path, tmp_path: Path) -> Iterator[Troubled]:
    """A farm that is well."""
    with in_trouble(stopped_postgresql, tmp_path) as one:
        yield one


def test_the_table_names_every_alert_of_the_rules_and_no_other() -> None:
    assert set(TABLE) == set(rules("alert"))


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_hastened_rules_are_valid_and_differ_from_the_shipped_ones_in_their_times_alone(
    path: Path, tmp_path: Path
) -> None:
    quick = tmp_path / path.name
    quick.write_text(hastened(path.read_text(), FACTOR))

    assert "SUCCESS" in ran("prometheus", "promtool", "check", "rules", quick)
    assert timeless(read(quick)) == timeless(read(path))
    assert times(quick.read_text()) != times(path.read_text())


def timeless(found: Any) -> str:
    """Without any time."""
    return re.sub(r"\b\d+(ms|s|m|h|d)\b", "TIME", json.dumps(found, sort_keys=True))


def times(found: str) -> list[str]:
    """Those that are written there."""
    return re.findall(r"\b\d+(?:ms|s|m|h|d)\b", found)


@pytest.mark.chaos
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_each_alert_fires_by_its_fault_and_ends_with_it(troubled: Troubled) -> None:
    orders_are_slow(troubled)
    limits_are_passed(troubled)
    ticks_are_not_looked_at(troubled)
    upkeep_hangs(troubled)
    servers_are_slow(troubled)
    servers_are_gone(troubled)
    troubled.waits_for(lambda: troubled.told.firing() == set(), "the end of all alerts", 90)

    assert troubled.told.broken_rules() == {}
    assert troubled.heard == set(TABLE)


def nobody_is_told(farm: Troubled) -> None:
    with farm.clears("DeliveriesWait", "NotifierGone", "MemoryHigh"):
        farm.channel.close()
        farm.run("reduce", "--reason", "to have something to tell")
        farm.run("resume", "--reason", "it is told")
        farm.hears("DeliveriesWait")
        farm.end_notifier()
        farm.hears("NotifierGone")
        farm.alter("UPDATE deliveries SET timestamp = timestamp - interval '2 days'")
        farm.start_notifier(ballast=1200 << 20)
        farm.hears("DeliveriesGivenUp", "MemoryHigh")
        farm.channel.open()
        farm.end_notifier()
        farm.start_notifier()


def orders_are_slow(farm: Troubled) -> None:
    late = {"fault": "answers_delayed", "ms": 1500, "path": "/api/v3/order", "method": "POST"}
    with farm.clears("OrdersSlow", "TasksLost"), farm.market.waves():
        with farm.failing(late):
            farm.hears("OrdersSlow")
            for child in farm.service("orders").children():
                child.kill()
            farm.hears("TasksLost")
        farm.hears_no_more("OrdersSlow")
    farm.discard_letters()


def limits_are_passed(farm: Troubled) -> None:
    """Ends with what is held."""
    falls = ("DrawdownNearLimit", "DrawdownUnanswered", "DailyLossNearLimit", "DailyLossUnanswered")
    farm.market.move(HELD, "1.01")
    farm.hears("ExposureOverLimit", "ExposureFarOverLimit")
    with farm.clears(*falls):
        farm.market.move(HELD, "0.8838")
        farm.hears("DrawdownNearLimit")
        farm.market.move(HELD, "0.7575")
        farm.hears("DrawdownUnanswered", "DailyLossNearLimit")
        farm.market.move(HELD, "0.66")
        farm.hears("DailyLossUnanswered")
        farm.market.move(HELD, "1.01")


def ticks_are_not_looked_at(farm: Troubled) -> None:
    """For as long as it takes to trouble the books, the record and the trading state; ends with nothing held."""
    with farm.clears("MailboxStandsStill", "TradesUnprotected"), farm.stopped("ticks"):
        books_and_record(farm)
        trading_is_steered(farm)
        farm.hears("MailboxStandsStill", "TradesUnprotected")
    farm.run("flatten", "--reason", "too much is held", "--yes")
    farm.run("resume", "--reason", "nothing is held", "--yes")
    farm.hears_no_more("ExposureOverLimit", "ExposureFarOverLimit", "TradingHalted")


def books_and_record(farm: Troubled) -> None:
    with farm.clears("DatabaseConnectionsMany", "AuditsUnsealed", "TasksFail", "DeadLettersWait"):
        with ExitStack() as faults:
            for _ in range(85):
                faults.enter_context(farm.postgresql.connect())
            faults.enter_context(sealing_broken(farm))
            farm.cdb.celery("call", "tasks.upkeep.of_another_version")
            with farm.clears("BooksDiffer"):
                farm.alter("UPDATE account SET cash = cash + 500")
                farm.hears("BooksDiffer")
                farm.run("reconcile", "--adopt-balance", "--reason", "the venue is right", "--yes")
            silent = {"fault": "internal_error", "path": "/api/v3/account"}
            with farm.clears("BooksNotCompared", "ServiceUnhealthy"), farm.failing(silent):
                farm.cdb.celery("call", "tasks.upkeep.begin")
                farm.hears("BooksNotCompared", "ServiceUnhealthy")
            farm.hears("DatabaseConnectionsMany", "AuditsUnsealed", "TasksFail", "DeadLettersWait")
        farm.discard_letters()


@contextmanager
def sealing_broken(farm: Troubled) -> Iterator[None]:
    """As by a migration that went half its way."""
    farm.alter("ALTER TABLE audit_head RENAME TO audit_head_of_old")
    for _ in range(60):
        Audits(farm.database).write("trial", "test", {}, datetime.now(UTC))
    try:
        yield
    finally:
        farm.alter("ALTER TABLE audit_head_of_old RENAME TO audit_head")


def trading_is_steered(farm: Troubled) -> None:
    with farm.clears("TradingReducing"):
        farm.run("reduce", "--reason", "to be told of it")
        farm.hears("TradingReducing")
        farm.run("resume", "--reason", "it was told")
    with farm.clears("TradingHalted"):
        farm.run("halt", "--reason", "to be told of it")
        farm.hears("TradingHalted")
        farm.run("resume", "--reason", "it was told", "--yes")


def upkeep_hangs(farm: Troubled) -> None:
    """For a minute and a half, in which others have their troubles too."""
    with farm.clears("ServiceDown", "FiguresOld", "QueueStandsStill", "OrderUnknown"), ExitStack() as waiting:
        nothing = [{"fault": "internal_error", "path": f"/api/v3/{one}", "method": "GET"} for one in QUERIES]
        waiting.enter_context(farm.failing(*nothing))
        farm.venue.fail("create_reply_dropped", times=1)
        farm.market.move([LOST], "1.005")
        farm.waits_for(lambda: farm.count_orders("unknown") > 0, "an unclear order")
        waiting.enter_context(farm.stopped("signals"))
        with farm.stopped("upkeep"):
            farm.hears("ServiceDown")
            the_feed_has_its_troubles(farm)
            farm.hears("FiguresOld", patience_s=100)
        farm.hears("QueueStandsStill", "OrderUnknown", patience_s=90)  # once upkeep is through what came too late


def the_feed_has_its_troubles(farm: Troubled) -> None:
    with farm.clears("SymbolsStale"), farm.failing({"fault": "silent_websocket"}):
        nobody_is_told(farm)
        farm.hears("SymbolsStale", patience_s=60)
    with farm.clears("FeedSilent"), farm.failing({"fault": "websockets_refused"}):
        farm.venue.fail("dropped_websocket")
        farm.hears("FeedSilent")
    with farm.clears("WebsocketSlow"), farm.wires["websocket"].slow(2):
        farm.hears("WebsocketSlow")
    with farm.clears("ClockOff"):
        with farm.failing({"fault": "clock_skew", "ms": 1500}):
            farm.feed().kill()
            farm.hears("ClockOff")
        farm.feed().kill()


def servers_are_slow(farm: Troubled) -> None:
    for wire, alert, delay_s in (("database", "DatabaseSlow", 0.12), ("redis", "RedisSlow", 0.06)):
        with farm.clears(alert), farm.wires[wire].slow(delay_s):
            farm.hears(alert)


def servers_are_gone(farm: Troubled) -> None:
    with farm.clears("DatabaseDown"):
        farm.postgresql.stop()
        farm.hears("DatabaseDown")
        farm.postgresql.start()
    with farm.clears("RedisDown"), farm.redis.gone():
        farm.hears("RedisDown")
