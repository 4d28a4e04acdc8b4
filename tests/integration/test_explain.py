"""cdb explain over a real database."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
import structlog
from sqlalchemy import delete

from app import store as rooms
from app import wiring
from app.cli.codes import FAILED, WRONG
from app.domain.market import Tick, microseconds
from app.domain.orders import OrderState
from app.domain.risk import Check
from models import SignalRow
from tests.contracts.stores import StoreUnderTest, sale
from tests.fixtures.memory.builders import BTC, NOON, a_fill, a_signal, an_order, some_bars
from tests.fixtures.typed import Typed


@pytest.fixture
def store(data_dir: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> StoreUnderTest:
    """Every port over the database that the command reads, with an account; no farm, no Redis."""
    monkeypatch.setenv("CDB_DATABASE_URL", sqlite_url)
    return StoreUnderTest.over(rooms, wiring.database()).opened()


@pytest.fixture
def round_trip(store: StoreUnderTest) -> StoreUnderTest:
    """A profit of 9.9, with all that led to it."""
    bars = some_bars(2)
    store.bars.save(bars)
    store.ticks.archive([Tick(BTC, microseconds(NOON) - back, 100.5, 2.0, "buy") for back in range(1, 8)], "test")
    signal = a_signal(bar_fingerprint=bars[-1].fingerprint, window_bars=2, window_since=bars[0].end)
    before, now = {"momentum": -0.5}, {"momentum": 0.25}
    store.signals.save(replace(signal, indicators=now, indicators_before=before))
    with store.ledger.deciding("signal-1", {}, NOON) as decision:
        decision.record([Check("max_exposure", None, {"exposure": "0"}), Check("cooldown", "too soon", {})])
        order = an_order("O-signal-1", trade_id=decision.open_trade("momentum"))
        decision.approve(order)
    with structlog.contextvars.bound_contextvars(task="tasks.orders.submit", task_id="task-1"):
        store.settled(store.sent(order), OrderState.FILLED, a_fill())
    store.settled(store.sent(store.exit(order.trade_id)), OrderState.FILLED, sale(price=Decimal(110)))
    return store


def test_a_person_reads_the_story_from_the_ticks_to_the_profit(round_trip: StoreUnderTest, typed: Typed) -> None:
    ended = typed("explain", "O-signal-1")

    assert (ended.code, ended.err) == (0, "")
    lines = [line.strip() for line in ended.out.splitlines()]
    assert lines[0] == "Order O-signal-1: buy BTC/USDT, entry, filled"
    assert "filled 1 after 1 attempt; the venue's id is venue-1" in lines
    assert lines[7:10] == ["because crossed", "its bar's row: momentum=0.25", "the row before: momentum=-0.5"]
    bounds = "from the one to 2024-11-20 11:59:00.000 to the one to 2024-11-20 12:00:00.000"
    assert f"a window of 2 bars, {bounds}; 2 of them are stored" in lines
    kept = some_bars(1)[0].fingerprint
    assert f"its last bar has the fingerprint {kept} in the signal, and the same as it is stored" in lines
    assert lines.count("2024-11-20 11:59:59.999  buy   2 at 100.5") == 6
    assert "passed   max_exposure      exposure=0" in lines
    assert "refused  cooldown            too soon" in lines
    assert any("order.submitting" in line and "[tasks.orders.submit task-1]" in line for line in lines)
    assert any("of O-exit-1" in line for line in lines)
    fee = "commission 0.05 USDT; the venue's trade fill-1"
    assert f"2024-11-20 12:00:00.000  1 at 100, {fee}" in lines
    assert "bought 1 at 100, sold 1 at 110, 0 left" in lines
    assert "realised 9.9 after fees of 0.1" in lines
    assert "also O-exit-1: sell, stop_loss, filled, filled 1 of 1 at 100" in lines
    assert "\x1b" not in ended.out


def test_an_exit_tells_of_the_level_that_was_hit(round_trip: StoreUnderTest, typed: Typed) -> None:
    ended = typed("explain", "O-exit-1")

    assert "a level that was hit 2024-11-20 12:00:00.000" in ended.out
    assert "no indicators" in ended.out


def test_an_order_of_which_little_is_known_says_so(store: StoreUnderTest, typed: Typed) -> None:
    store.entry()

    ended = typed("explain", "O-signal-1")

    assert "the window was not kept; 0 bars are stored up to the signal's\n" in ended.out
    assert "its last bar has the fingerprint - in the signal, and is not stored\n" in ended.out
    assert "the row before: not kept\n" in ended.out
    assert "filled 0 after 0 attempts; the venue's id is -" in ended.out
    assert "Executions\n  none\n" in ended.out
    assert "Risk checks\n  none was kept\n" in ended.out


def test_a_bar_that_was_changed_since_is_told_with_both_fingerprints(store: StoreUnderTest, typed: Typed) -> None:
    seen = some_bars(1)[0]
    changed = replace(seen, close=101.5)
    store.bars.save([changed])
    store.signals.save(a_signal(bar_fingerprint=seen.fingerprint, window_bars=1, window_since=seen.end))
    store.entry()

    ended = typed("explain", "O-signal-1")

    told = f"the fingerprint {seen.fingerprint} in the signal, BUT {changed.fingerprint} as it is stored"
    assert told in ended.out


def test_a_signal_that_is_gone_hides_nothing_else(round_trip: StoreUnderTest, typed: Typed) -> None:
    with wiring.database().writing() as session:
        session.execute(delete(SignalRow))

    ended = typed("explain", "O-signal-1")

    assert ended.code == 0
    assert "Signal\n  signal-1 is not stored\nMarket\n  nothing was kept\nRisk checks\n" in ended.out
    assert "realised 9.9" in ended.out


def test_machines_read_the_same_as_json(round_trip: StoreUnderTest, typed: Typed) -> None:
    plain = typed("explain", "O-signal-1", "--json").plain

    assert (plain["order"]["client_order_id"], plain["realised"]) == ("O-signal-1", "9.9")
    assert plain["signal"]["indicators"] == {"momentum": 0.25}
    assert (plain["ticks"]["count"], plain["window"]["same"]) == (7, True)
    assert [one["client_order_id"] for one in plain["siblings"]] == ["O-exit-1"]
    assert plain["events"][-1]["kind"] == "order.filled"


def test_an_order_that_is_not_there_is_told_with_the_nearest(round_trip: StoreUnderTest, typed: Typed) -> None:
    ended = typed("explain", "O-singal-1")

    assert (ended.code, ended.out) == (FAILED, "")
    assert "There is no order O-singal-1; did you mean O-signal-1?" in ended.err
    assert "`cdb status`" in ended.err


def test_a_beginning_of_several_is_told_with_the_candidates(store: StoreUnderTest, typed: Typed) -> None:
    store.entry()
    store.entry("signal-2", symbol="ETH/USDT")

    ended = typed("explain", "O-sign")

    assert (ended.code, ended.out) == (FAILED, "")
    assert "O-sign names several orders: O-signal-2, O-signal-1" in ended.err


def test_without_an_order_it_is_wrong_usage(typed: Typed) -> None:
    assert typed("explain").code == WRONG
