"""What the console's API answers, over a real database and a real Redis."""

import os
from datetime import timedelta
from decimal import Decimal
from socket import gethostname
from typing import Any

import httpx
import msgspec
import pytest
from redis.exceptions import RedisError

from app import store as rooms
from app import trading_state, wiring
from app.domain.market import microseconds
from app.domain.orders import OrderState
from app.domain.progress import Beat
from app.domain.risk import TradingState
from app.roll import Enrolled
from app.store import DatabaseError
from app.web import charts, flattening
from app.web.flattening import Flattening
from app.wiring import Console
from tasks import orders as order_tasks
from tests.contracts.stores import StoreUnderTest, sale
from tests.fixtures._half_heard import half_heard
from tests.fixtures.console import TOKEN, Visit, with_session
from tests.fixtures.databases import KINDS
from tests.fixtures.fakes import MemoryHandOn
from tests.fixtures.farm import AtOnce, approved
from tests.fixtures.memory.builders import BTC, NOON, a_letter, some_bars
from tests.fixtures.venue import ServedVenue

WHY = {"reason": "looking", "by": "ann"}
PAGES = ["/", "/market", "/orders", "/trades", "/farm", "/dead-letters", "/orders/X", "/dead-letters/1"]


@pytest.fixture
def store(wired: None) -> StoreUnderTest:
    """The farm's database, with an account."""
    return StoreUnderTest.over(rooms, wiring.database()).opened()


@pytest.fixture
def round_trip(store: StoreUnderTest) -> StoreUnderTest:
    """BTC bought at 100 and sold at 110."""
    bought = store.holding()
    store.settled(store.sent(store.exit(bought.trade_id)), OrderState.FILLED, sale(price=Decimal(110)))
    return store


async def got(browser: httpx.AsyncClient, path: str) -> Any:
    answer = await browser.get(f"/api/v1{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def heard(symbol: str, price: float) -> None:
    now_us = microseconds(wiring.now())
    wiring.redis().hset(wiring.keys().prices, symbol, f"{price}|{now_us}|{now_us}")


# --- status


@pytest.mark.parametrize("farm_kind", KINDS, indirect=True)
async def test_before_the_account_opens_the_status_says_so(visit: Visit) -> None:
    seen = await got(visit(), "/status")

    assert seen["problems"] == ["The account is not open yet; the farm opens it when the venue has told its balance."]
    assert (seen["account"], seen["trades"], seen["services"]) == (None, [], None)
    assert {queue["name"] for queue in seen["queues"]} == {"ticks", "signals", "risk", "orders", "upkeep"}


async def test_the_status_values_open_trades_at_the_last_price(visit: Visit, store: StoreUnderTest) -> None:
    store.holding()
    heard(BTC, 103.0)

    seen = await got(visit(), "/status")

    [trade] = seen["trades"]
    assert (trade["symbol"], trade["value"], trade["unrealised"]) == (BTC, "103.0", "2.95")
    assert (seen["account"]["equity"], seen["account"]["exposure"]) == ("10002.95", "103.0")
    assert (seen["profit"], seen["unrealised"]) == ("2.95", "2.95")
    assert seen["account"]["exposure_limit"] == "0.30"
    assert seen["totals"]["orders"] == {"filled": 1}
    assert "order.filled" in [event["kind"] for event in seen["events"]]
    assert seen["problems"] == []


async def test_services_workers_feed_and_pauses_are_told(
    visit: Visit, store: StoreUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.roll.LATE_S", 600.0)
    wiring.roll().write([Enrolled("orders", "ready", 4711, 2)], wiring.now().timestamp())
    wiring.heartbeats().write(4711, Beat(turn=1, begun=7, running=1, queues=("orders",)))
    told = {"at": "", "symbols": 2, "subscribed": 2, "stale": [], "refused": [], "unknown": 0, "connections": 1}
    wiring.feed_status().write({**told, "ready": True, "offset_ms": None})
    wiring.counters().add(ticks_processed=5)
    wiring.healths().write("orders", gethostname(), {"reason": "redis: it hangs"}, wiring.now())
    wiring.healths().write("orders", "another machine", {"reason": "that one's"}, wiring.now())

    seen = await got(visit(), "/status")

    [service] = seen["services"]
    assert (service["state"], service["restarts"], service["running"]) == ("ready", 2, 1)
    assert service["wrong"] == "redis: it hangs"
    assert (seen["feed"]["ready"], seen["counters"], seen["pauses"]) == (True, {"ticks_processed": 5}, [])
    assert (seen["feed"]["shards"], seen["feed"]["silent"]) == (1, [])


async def test_shards_of_the_feed_that_nobody_hears_are_told(
    visit: Visit, store: StoreUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    half_heard(monkeypatch)

    feed = (await got(visit(), "/status"))["feed"]

    assert (feed["shards"], feed["feeds"], feed["silent"], feed["ready"]) == (2, 1, [1], False)


async def test_events_are_read_once_and_new_ones_come_first(visit: Visit, store: StoreUnderTest) -> None:
    browser = visit()
    before = (await got(browser, "/status"))["events"]
    store.ledger.set_state(TradingState.HALTED, "news", "ann", NOON)
    after = before
    while len(after) == len(before):  # until the second in which the last answer counts is over
        after = (await got(browser, "/status"))["events"]

    assert [after[0]["kind"], *[event["number"] for event in after[1:]]] == [
        "trading_state",
        *[event["number"] for event in before],
    ]


# --- history, orders, trades


async def test_the_curve_is_told_for_every_span(visit: Visit, store: StoreUnderTest) -> None:
    store.ledger.mark({}, wiring.now() - timedelta(minutes=2))
    browser = visit()

    for span in ("1h", "24h", "all"):
        curve = await got(browser, f"/equity?span={span}")
        assert [point["equity"] for point in curve["points"]] == ["10000"]


async def test_an_empty_curve_is_no_error(visit: Visit) -> None:
    assert (await got(visit(), "/equity?span=7d"))["points"] == []


async def test_orders_and_trades_are_listed_filtered_and_counted(visit: Visit, round_trip: StoreUnderTest) -> None:
    browser = visit()

    orders = await got(browser, "/orders?side=sell")
    trades = await got(browser, "/trades?status=closed&sort=realised")

    assert ([order["client_order_id"] for order in orders["rows"]], orders["total"]) == (["O-exit-1"], 1)
    [trade] = trades["rows"]
    assert (trade["realised"], trade["realised_share"]) == ("9.9", "0.099")


async def test_a_trade_that_is_open_has_no_profit_yet(visit: Visit, store: StoreUnderTest) -> None:
    store.holding()

    [trade] = (await got(visit(), "/trades"))["rows"]

    assert (trade["realised"], trade["realised_share"]) == (None, None)


@pytest.mark.parametrize(("path", "first"), [("/orders.csv", "client_order_id,"), ("/trades.csv", "id,symbol,")])
async def test_lists_are_exported_with_a_line_of_names(
    visit: Visit, round_trip: StoreUnderTest, path: str, first: str
) -> None:
    answer = await visit().get(f"/api/v1{path}")

    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    assert answer.text.startswith(first)
    assert "9.9" in answer.text or "O-exit-1" in answer.text


async def test_the_story_is_what_the_command_tells(visit: Visit, round_trip: StoreUnderTest) -> None:
    told = msgspec.json.decode(msgspec.json.encode(wiring.stories().of("O-signal-1")))

    assert await got(visit(), "/orders/O-signal-1") == told


async def test_an_order_that_is_not_there_is_404_with_the_nearest(visit: Visit, round_trip: StoreUnderTest) -> None:
    answer = await visit().get("/api/v1/orders/O-singal-1")

    assert answer.status_code == 404
    assert "did you mean O-signal-1?" in answer.json()["error"]


@pytest.mark.parametrize(
    "query",
    [
        "/orders?state=nonsense",
        "/orders?limit=0",
        "/orders?since=2024-11-20T12:00:00",
        "/orders?since=0.5",
        "/orders?symbol=a%00b",
        "/trades?sort=x",
    ],
)
async def test_what_cannot_be_asked_is_422_in_our_shape(visit: Visit, query: str) -> None:
    answer = await visit().get(f"/api/v1{query}")

    assert answer.status_code == 422
    assert set(answer.json()) == {"error", "cure"}


# --- the market


async def test_bars_come_with_indicators_and_markers(visit: Visit, round_trip: StoreUnderTest) -> None:
    round_trip.bars.save(some_bars(400, "1s", NOON + timedelta(seconds=1)))
    heard(BTC, 101.5)

    seen = await got(visit(), f"/bars?symbol={BTC}&interval=1s&limit=50")

    assert len(seen["bars"]) == 50
    places = {one["name"]: one["place"] for one in seen["indicators"]}
    assert (places["fast"], places["rsi"], places["volume_ratio"]) == ("price", "oscillator", "other")
    assert {len(one["values"]) for one in seen["indicators"]} == {50}
    assert [(one["side"], one["leg"]) for one in seen["markers"]] == [("buy", "entry"), ("sell", "stop_loss")]
    assert seen["price"] == 101.5


async def test_a_chart_goes_on_with_a_new_bar_and_is_reckoned_every_two_seconds_at_most(
    visit: Visit, store: StoreUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = visit()
    monkeypatch.setattr(charts, "FRESH_S", 600.0)
    store.bars.save(some_bars(5, "1s"))
    assert len((await got(browser, f"/bars?symbol={BTC}"))["bars"]) == 5
    assert len((await got(browser, f"/bars?symbol={BTC}"))["bars"]) == 5

    store.bars.save(some_bars(1, "1s", NOON + timedelta(seconds=1)))

    assert len((await got(browser, f"/bars?symbol={BTC}"))["bars"]) == 5
    monkeypatch.setattr(charts, "FRESH_S", 0.0)
    assert len((await got(browser, f"/bars?symbol={BTC}"))["bars"]) == 6


async def test_older_bars_can_be_asked_for(visit: Visit, store: StoreUnderTest) -> None:
    store.bars.save(some_bars(10, "1s"))

    seen = await got(visit(), f"/bars?symbol={BTC}&before=2024-11-20T11:59:55Z&limit=3")

    assert seen["bars"][-1]["end"] == "2024-11-20T11:59:55Z"


async def test_of_an_unknown_symbol_there_is_nothing_and_an_unknown_interval_is_refused(
    visit: Visit, store: StoreUnderTest
) -> None:
    seen = await got(visit(), "/bars?symbol=NO/USDT")
    refused = await visit().get("/api/v1/bars?symbol=NO/USDT&interval=7m")

    assert (seen["bars"], seen["indicators"], seen["markers"], seen["price"]) == ([], [], [], None)
    assert (refused.status_code, refused.json()["cure"]) == (404, "Ask for 1s.")


async def test_symbols_that_were_heard_can_be_looked_at(visit: Visit, store: StoreUnderTest) -> None:
    heard("ETH/USDT", 1.0)
    heard(BTC, 1.0)

    assert await got(visit(), "/markets") == {"symbols": [BTC, "ETH/USDT"], "intervals": ["1s"]}


# --- dead letters


async def test_letters_are_listed_and_shown(visit: Visit, store: StoreUnderTest) -> None:
    wiring.letters().keep(a_letter(chain='[{"task": "tasks.orders.next"}]', traceback="Traceback"))
    browser = visit()

    listed = await got(browser, "/dead-letters")
    shown = await got(browser, "/dead-letters/task-1")

    assert (listed["total"], listed["rows"]) == (1, [shown])
    assert (shown["args"], shown["kwargs"], shown["chain"]) == (["O-1"], {}, [{"task": "tasks.orders.next"}])
    assert (await browser.get("/api/v1/dead-letters/9")).status_code == 404


async def test_what_was_clipped_is_shown_as_it_is(visit: Visit, store: StoreUnderTest) -> None:
    wiring.letters().keep(a_letter(args='["too long … to be whole'))

    assert (await got(visit(), "/dead-letters/1"))["args"] == '["too long … to be whole'


# --- the trading state


async def test_a_person_halts_reduces_and_resumes_and_it_is_audited(visit: Visit, store: StoreUnderTest) -> None:
    browser = await with_session(visit())

    halted = await browser.post("/api/v1/trading/halt", json=WHY)
    stricter = await browser.post("/api/v1/trading/reduce", json=WHY)
    resumed = await browser.post("/api/v1/trading/resume", json=WHY)
    again = await browser.post("/api/v1/trading/resume", json=WHY)
    reduced = await browser.post("/api/v1/trading/reduce", json=WHY)

    assert (halted.status_code, halted.json()["trading_state"]) == (200, "HALTED")
    assert (stricter.status_code, stricter.json()["cure"]) == (409, "Resume first.")
    assert (resumed.json()["trading_state"], resumed.json()["day_open"]) == ("ACTIVE", "10000")
    assert "nothing was changed" in again.json()["note"]
    assert reduced.json()["trading_state"] == "REDUCING"
    standing = wiring.listings().standing({}, wiring.now())
    assert (standing.reason, standing.by) == ("looking", "ann in the console")


async def test_a_program_is_named_as_one(visit: Visit, store: StoreUnderTest) -> None:
    program = visit(Console(token=TOKEN), Authorization=f"Bearer {TOKEN}")

    assert (await program.post("/api/v1/trading/halt", json={"reason": "news"})).status_code == 200
    assert wiring.listings().standing({}, wiring.now()).by == "a program by API"


@pytest.mark.parametrize("body", [{}, {"reason": " "}, {"reason": "x", "by": "n" * 41}, {"reason": "x", "more": 1}, []])
async def test_without_a_reason_nothing_is_done(visit: Visit, store: StoreUnderTest, body: object) -> None:
    browser = await with_session(visit())

    assert (await browser.post("/api/v1/trading/halt", json=body)).status_code == 422
    assert wiring.listings().standing({}, wiring.now()).account.state is TradingState.ACTIVE


async def test_before_the_account_opens_there_is_nothing_to_halt(visit: Visit) -> None:
    browser = await with_session(visit())

    answer = await browser.post("/api/v1/trading/halt", json=WHY)

    assert (answer.status_code, answer.json()["cure"]) == (409, "Wait until the farm has opened it.")


@pytest.fixture
def holding(begun: ServedVenue, monkeypatch: pytest.MonkeyPatch) -> ServedVenue:
    """A farm with an open trade, and workers that are quick."""
    monkeypatch.setattr("app.trading_state.hand_on", AtOnce)
    monkeypatch.setattr(flattening, "LOOK_AGAIN_S", 0.01)
    name = approved()
    assert name is not None
    order_tasks.place(name)
    order_tasks.settle(name)
    return begun


def test_flatten_goes_on_until_nothing_is_held(holding: ServedVenue, monkeypatch: pytest.MonkeyPatch) -> None:
    trading_state.halt("flatten: enough", "ann")
    tries = iter([MemoryHandOn, MemoryHandOn])
    monkeypatch.setattr("app.trading_state.hand_on", lambda: next(tries, AtOnce)())

    Flattening().go_on("enough")

    assert wiring.reports().open_trades() == 0


async def test_a_flatten_from_a_page_halts_sells_and_is_audited(visit_begun: Visit, holding: ServedVenue) -> None:
    browser = await with_session(visit_begun())

    answer = await browser.post("/api/v1/trading/flatten", json=WHY)

    assert (answer.status_code, answer.json()["trading_state"], answer.json()["trades_left"]) == (202, "HALTED", 0)
    assert wiring.listings().standing({}, wiring.now()).reason == "flatten: looking"


async def test_what_is_not_sold_at_once_is_asked_for_again_after_the_answer(
    visit_begun: Visit, holding: ServedVenue, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = iter([MemoryHandOn, MemoryHandOn])
    monkeypatch.setattr("app.trading_state.hand_on", lambda: next(tries, AtOnce)())
    browser = await with_session(visit_begun())

    answer = await browser.post("/api/v1/trading/flatten", json=WHY)

    assert answer.json()["trades_left"] == 1
    assert wiring.reports().open_trades() == 0, "this transport returns when all that comes after the answer is done"


def test_a_flatten_waits_for_servers_that_are_away(holding: ServedVenue, monkeypatch: pytest.MonkeyPatch) -> None:
    trading_state.halt("flatten: enough", "ann")
    away = iter([DatabaseError("It is away", "Wait"), DatabaseError("It is away", "Wait")])
    is_halted, leave_trades = trading_state.is_halted, trading_state.leave_trades

    def halted() -> bool:
        for error in away:
            raise error
        return is_halted()

    lost = iter([RedisError("away")])

    def leave(reason: str) -> int:
        for error in lost:
            raise error
        return leave_trades(reason)

    monkeypatch.setattr(trading_state, "is_halted", halted)
    monkeypatch.setattr(trading_state, "leave_trades", leave)

    Flattening().go_on("enough")

    assert wiring.reports().open_trades() == 0


def test_flatten_sells_no_more_when_somebody_resumes(holding: ServedVenue) -> None:
    Flattening().go_on("enough")

    assert wiring.reports().open_trades() == 1


def test_one_flatten_at_a_time(holding: ServedVenue) -> None:
    trading_state.halt("flatten: enough", "ann")
    at_work = Flattening()
    with at_work._at_work:
        at_work.go_on("enough")

    assert wiring.reports().open_trades() == 1


# --- pages, health, description


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_is_there_with_one_heading_and_its_landmarks(visit: Visit, path: str) -> None:
    page = await visit().get(path)

    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert page.text.count("<h1") == 1
    assert all(mark in page.text for mark in ('<html lang="en">', "<main", "<nav", "<header", "<footer", "<title>"))


async def test_health_names_the_process_and_asks_nobody(visit: Visit) -> None:
    assert (await visit().get("/health")).json() == {"pid": os.getpid()}


async def test_every_route_is_described_with_its_errors(visit: Visit) -> None:
    described = (await visit().get("/api/v1/openapi.json")).json()

    for path, methods in described["paths"].items():
        for method, told in methods.items():
            assert told.get("description"), f"{method} {path}"
            assert "401" in told["responses"], f"{method} {path}"


async def test_what_is_not_there_is_404_in_our_shape(visit: Visit) -> None:
    answer = await visit().get("/api/v1/nothing")

    assert (answer.status_code, set(answer.json())) == (404, {"error", "cure"})


async def test_a_method_that_there_is_none_of_is_told_with_those_that_there_are(visit: Visit) -> None:
    answer = await visit().put("/api/v1/session")

    assert (answer.status_code, answer.headers["allow"]) == (405, "DELETE, GET, POST")


@pytest.mark.parametrize("body", [b"\xff", b"{", b'{"reason": 1'])
async def test_a_body_that_is_no_json_is_422(visit: Visit, store: StoreUnderTest, body: bytes) -> None:
    browser = await with_session(visit())

    answer = await browser.post("/api/v1/trading/halt", content=body, headers={"Content-Type": "application/json"})

    assert (answer.status_code, set(answer.json())) == (422, {"error", "cure"})
