"""An order's story, on both databases."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
import structlog

from app import store as rooms
from app.domain.errors import Missing
from app.domain.market import Tick, microseconds
from app.domain.orders import Leg, OrderState
from app.domain.risk import Check
from app.store import Database, Stories
from tests.contracts.stores import LATER, StoreUnderTest, sale
from tests.fixtures.memory.builders import BTC, NOON, a_fill, a_signal, an_order, some_bars

MINUTE_US = 60_000_000


@pytest.fixture
def store(database: Database) -> StoreUnderTest:
    """Every port over one database, with an account."""
    return StoreUnderTest.over(rooms, database).opened()


@pytest.fixture
def stories(database: Database) -> Stories:
    """The stories of the same database."""
    return Stories(database)


def approved(store: StoreUnderTest) -> None:
    """An entry whose signal saw bars, and which two rules let pass."""
    bars = some_bars(7)
    store.bars.save(bars)
    seen = a_signal(
        bar_fingerprint=bars[-1].fingerprint,
        indicators={"momentum": 0.25},
        indicators_before={"momentum": -0.5},
        window_bars=7,
        window_since=bars[0].end,
        window_whole=False,
    )
    store.signals.save(seen)
    with store.ledger.deciding(seen.key, {}, NOON) as decision:
        decision.record([Check("max_exposure", None, {"exposure": "0"}), Check("cooldown", None, {})])
        decision.approve(an_order("O-signal-1", trade_id=decision.open_trade("momentum")))


def test_a_round_trip_is_told_from_the_signal_to_the_profit(store: StoreUnderTest, stories: Stories) -> None:
    approved(store)
    entry = store.orders.get("O-signal-1")
    store.settled(store.sent(entry), OrderState.FILLED, a_fill())
    store.settled(store.sent(store.exit(entry.trade_id)), OrderState.FILLED, sale(price=Decimal(110)))

    story = stories.of("O-signal-1")

    assert story.signal is not None
    assert (story.signal.strategy, story.signal.window_whole) == ("momentum", False)
    assert (story.signal.indicators_before, story.signal.indicators) == ({"momentum": -0.5}, {"momentum": 0.25})
    assert story.ruling is not None
    assert (story.ruling.status, story.ruling.at, story.ruling.reason) == ("approved", NOON, None)
    assert [(one.rule, one.result, one.numbers) for one in story.checks] == [
        ("max_exposure", "passed", {"exposure": "0"}),
        ("cooldown", "passed", {}),
    ]
    assert story.order.state is OrderState.FILLED
    assert [one.commission for one in story.executions] == [Decimal("0.05")]
    assert (story.realised, story.trade.realised) == (Decimal("9.9"), Decimal("9.9"))
    assert [(one.client_order_id, one.leg) for one in story.siblings] == [("O-exit-1", Leg.STOP_LOSS)]
    assert story.correlation_id == "frame-1"


def test_every_transition_is_told_in_its_order_with_the_task_that_did_it(
    store: StoreUnderTest, stories: Stories
) -> None:
    with structlog.contextvars.bound_contextvars(task="tasks.orders.submit", task_id="task-1"):
        store.holding()
    store.holding("two", symbol="ETH/USDT")

    events = stories.of("O-signal-1").events

    assert [event.kind for event in events] == [
        "signal.found",
        "trade.pending",
        "order.approved",
        "signal.approved",
        "order.submitting",
        "trade.open",
        "execution.booked",
        "order.filled",
    ]
    assert [event.number for event in events] == sorted(event.number for event in events)
    assert {(event.task, event.task_id) for event in events} == {("tasks.orders.submit", "task-1")}
    assert events[-1].data["from"] == "submitting"


def test_the_other_orders_of_its_trade_belong_to_the_story(store: StoreUnderTest, stories: Stories) -> None:
    store.exit(store.holding().trade_id)

    told = {event.data.get("client_order_id") for event in stories.of("O-exit-1").events}

    assert told == {None, "O-signal-1", "O-exit-1"}


def test_the_sale_of_its_coins_by_another_trade_is_told_with_both(store: StoreUnderTest, stories: Stories) -> None:
    store.holding("other")
    order = store.sent(store.exit(store.holding().trade_id))
    store.settled(order, OrderState.FILLED, sale(amount=Decimal("1.5")))

    for name in ("O-other", "O-exit-1"):
        [told] = [one for one in stories.of(name).events if one.kind == "trade.sold_by_another"]
        assert (told.data["client_order_id"], told.data["amount"], told.data["left"]) == ("O-exit-1", "0.5", "0.5")
    story = stories.of("O-other")
    assert (story.trade.left, story.trade.sold_amount, len(story.executions)) == (Decimal("0.5"), Decimal("0.5"), 1)


def test_a_late_fill_after_days_is_still_told(store: StoreUnderTest, stories: Stories) -> None:
    sent = store.sent(store.entry())
    store.settled(sent, OrderState.FILLED, a_fill(), at=NOON + timedelta(days=3))

    assert stories.of("O-signal-1").events[-1].kind == "order.filled"


def test_the_window_is_told_with_its_bounds_and_whether_the_signal_saw_the_stored_bar(
    store: StoreUnderTest, stories: Stories
) -> None:
    approved(store)
    store.bars.save(some_bars(1, until=NOON + timedelta(minutes=1)))
    store.bars.save(some_bars(3, until=NOON - timedelta(minutes=7)))

    window = stories.of("O-signal-1").window

    assert window is not None
    assert (window.count, window.since, window.until) == (7, NOON - timedelta(minutes=6), NOON)
    assert (window.stored, window.first) == (7, some_bars(7)[0])
    assert list(window.last) == some_bars(5)
    assert (window.fingerprint, window.same) == (some_bars(1)[0].fingerprint, True)


def test_a_window_of_which_bars_are_gone_says_so(store: StoreUnderTest, stories: Stories) -> None:
    bars = some_bars(7)
    store.bars.save(bars[2:])
    store.signals.save(a_signal(window_bars=7, window_since=bars[0].end))
    store.entry()

    window = stories.of("O-signal-1").window

    assert window is not None
    assert (window.count, window.stored, window.first) == (7, 5, None)


def test_a_signal_that_kept_no_window_has_the_bars_before_it(store: StoreUnderTest, stories: Stories) -> None:
    store.bars.save(some_bars(7))
    store.entry()

    window = stories.of("O-signal-1").window

    assert window is not None
    assert (window.count, window.since, window.stored, window.first) == (0, None, 7, None)
    assert list(window.last) == some_bars(5)


def test_a_stored_bar_that_differs_from_the_one_that_was_seen_is_noticed(
    store: StoreUnderTest, stories: Stories
) -> None:
    changed = replace(some_bars(1)[0], close=101.5)
    store.bars.save([changed])
    store.signals.save(a_signal(bar_fingerprint=some_bars(1)[0].fingerprint))
    store.entry()

    window = stories.of("O-signal-1").window

    assert window is not None
    assert (window.fingerprint, window.same) == (changed.fingerprint, False)


def test_without_bars_nothing_is_claimed_of_them(store: StoreUnderTest, stories: Stories) -> None:
    store.entry()

    window = stories.of("O-signal-1").window

    assert window is not None
    assert (window.stored, window.first, window.last, window.fingerprint, window.same) == (0, None, (), None, None)


def test_what_the_venue_answered_about_an_unclear_order_is_told_among_its_attempts(
    store: StoreUnderTest, stories: Stories
) -> None:
    order = store.orders.doubt(store.sent(store.entry()), "no answer came", LATER)
    store.orders.hear(order, "NotVisible", "the venue shows no such order", LATER)
    store.orders.hear(order, "Unavailable", "ExchangeNotAvailable: 503", LATER)
    store.settled(order, OrderState.FILLED, a_fill())

    events = [event for event in stories.of("O-signal-1").events if event.kind.startswith("order.")]

    assert [(event.kind, event.data.get("answer"), event.data.get("said")) for event in events] == [
        ("order.approved", None, None),
        ("order.submitting", None, None),
        ("order.unknown", None, None),
        ("order.looked_up", "NotVisible", "the venue shows no such order"),
        ("order.looked_up", "Unavailable", "ExchangeNotAvailable: 503"),
        ("order.filled", None, None),
    ]


def test_ticks_are_those_within_the_signals_bar(store: StoreUnderTest, stories: Stories) -> None:
    store.entry()
    end = microseconds(NOON)
    times = [end - MINUTE_US - 1, end - MINUTE_US, *(end - back for back in (6, 5, 4, 3, 2, 1)), end]
    store.ticks.archive([Tick(BTC, time_us, 100.0, 1.0, "buy") for time_us in times], "test")

    ticks = stories.of("O-signal-1").ticks

    assert ticks is not None
    assert ticks.count == 7
    assert ticks.first is not None
    assert ticks.first.at == NOON - timedelta(minutes=1)
    assert [microseconds(tick.at) - end for tick in ticks.last] == [-5, -4, -3, -2, -1]


def test_the_tick_that_hit_a_level_is_told_and_no_bars(store: StoreUnderTest, stories: Stories) -> None:
    store.exit(store.holding().trade_id)
    store.ticks.archive([Tick(BTC, microseconds(NOON), 95.0, 1.0, "sell")], "test")

    story = stories.of("O-exit-1")

    assert story.window is None
    assert story.ticks is not None
    assert [tick.price for tick in story.ticks.last] == [95.0]


def test_a_refused_attempt_is_told_with_its_answer(store: StoreUnderTest, stories: Stories) -> None:
    store.orders.reject(store.sent(store.entry()), "30004 insufficient balance", LATER)

    story = stories.of("O-signal-1")

    assert story.order.reason == "30004 insufficient balance"
    rejected = next(event for event in story.events if event.kind == "order.rejected")
    assert (rejected.data["reason"], rejected.data["attempt"]) == ("30004 insufficient balance", 1)
    assert story.events[-1].kind == "trade.void"


@pytest.mark.parametrize("name", ["O-signal-1", "o-signal", " O-sign ", "venue-1"])
def test_an_order_has_several_names(name: str, store: StoreUnderTest, stories: Stories) -> None:
    store.holding()

    assert stories.of(name).order.client_order_id == "O-signal-1"


def test_a_whole_name_goes_before_a_longer_one_that_begins_like_it(store: StoreUnderTest, stories: Stories) -> None:
    store.entry()
    store.entry("signal-11", symbol="ETH/USDT")

    assert stories.of("O-signal-1").order.client_order_id == "O-signal-1"


def test_a_beginning_of_several_orders_is_told_with_them(store: StoreUnderTest, stories: Stories) -> None:
    store.entry()
    store.entry("signal-2", symbol="ETH/USDT")

    with pytest.raises(Missing, match=r"O-sign names several orders: O-signal-2, O-signal-1\. Write more of it"):
        stories.of("O-sign")


def test_more_candidates_than_can_be_read_are_cut(store: StoreUnderTest, stories: Stories) -> None:
    for number in range(11):
        store.entry(f"signal-{number:02}", symbol=f"C{number}/USDT")

    with pytest.raises(Missing, match=r"O-signal-10, .*, O-signal-01, more\. Write more of it"):
        stories.of("O-signal")


@pytest.mark.parametrize("name", ["O-sig", "", "O_signal", "%%%%%%%%"])
def test_what_is_too_short_or_no_name_names_nothing(name: str, store: StoreUnderTest, stories: Stories) -> None:
    store.entry()

    with pytest.raises(Missing, match="There is no order"):
        stories.of(name)


def test_the_nearest_names_are_told(store: StoreUnderTest, stories: Stories) -> None:
    store.entry()

    with pytest.raises(Missing, match="There is no order O-singal-1; did you mean O-signal-1"):
        stories.of("O-singal-1")


def test_without_a_near_name_the_newest_are_told(store: StoreUnderTest, stories: Stories) -> None:
    store.entry()

    with pytest.raises(Missing, match=r"There is no order XYZXYZ; the newest are O-signal-1\. `cdb status`"):
        stories.of("XYZXYZ")


def test_an_empty_database_has_no_stories(store: StoreUnderTest, stories: Stories) -> None:
    with pytest.raises(Missing, match="There is no order XYZXYZ, and no other yet"):
        stories.of("XYZXYZ")
