"""The judge finds a planted fault of each kind, and nothing in a clean history."""

from dataclasses import replace
from decimal import Decimal

import pytest

from app.domain.orders import OrderState, Side
from tests.fixtures.history import LAST_S, START, Past, a_past, at, with_record
from workers.chaos.judge import Evidence, judge
from workers.chaos.measures import Kill, milliseconds

D = Decimal


def kinds(evidence: Evidence) -> list[str]:
    return sorted({finding.kind for finding in judge(evidence).findings})


def test_a_clean_history_is_clean() -> None:
    verdict = judge(a_past().evidence())

    assert verdict.passed
    assert (verdict.measures.accepted, verdict.measures.fills) == (3, 3)
    assert D("0.199") < verdict.measures.exposure_high < D("0.201")


def test_a_farm_that_never_traded_is_clean() -> None:
    assert judge(Past().evidence()).passed


def test_an_order_that_the_venue_accepted_twice_is_found() -> None:
    past = Past()
    past.traded("IN1", Side.BUY, "1", 1)
    past.accepted("IN1", Side.BUY, "1", 2)

    assert kinds(past.evidence()) == ["duplicate"]


def test_two_orders_of_one_intent_are_found() -> None:
    past = a_past()
    past.orders[2] = replace(past.orders[2], signal_key=past.orders[0].signal_key)

    assert kinds(past.evidence()) == ["duplicate"]


@pytest.mark.parametrize("state", [OrderState.APPROVED, OrderState.UNKNOWN])
def test_an_order_that_was_approved_and_never_sent_is_found(state: OrderState) -> None:
    past = a_past()
    past.approved("IN3", Side.BUY, "1", 30)
    past.orders[-1] = replace(past.orders[-1], state=state)

    assert kinds(past.evidence()) == ["lost"]


def test_an_order_that_expired_before_it_was_sent_is_not_lost() -> None:
    past = a_past()
    past.approved("IN3", Side.BUY, "1", 30)
    past.orders[-1] = replace(past.orders[-1], state=OrderState.EXPIRED, filled=D(0))

    assert judge(past.evidence()).passed


def test_an_order_that_nobody_here_knows_is_found() -> None:
    past = a_past()
    past.accepted("STRANGE", Side.BUY, "1", 30)
    evidence = past.evidence()

    assert "orphan" in kinds(evidence)


def test_an_order_that_ended_at_the_venue_and_lives_here_is_found() -> None:
    past = a_past()
    past.orders[0] = replace(past.orders[0], state=OrderState.OPEN)

    assert kinds(past.evidence()) == ["unsettled"]


def test_an_order_that_ended_here_and_works_at_the_venue_is_found() -> None:
    past = a_past()
    evidence = past.evidence()
    for change in past.changes[1:2]:
        change.orders = {name: replace(one, status=type(one.status).NEW) for name, one in change.orders.items()}

    assert "unsettled" in kinds(evidence)


def test_a_fill_that_was_not_booked_is_found() -> None:
    evidence = a_past().evidence()

    assert kinds(with_record(evidence, executions=evidence.record.executions[1:])) == ["unbooked_fill"]


def test_a_fill_that_was_booked_twice_is_found() -> None:
    evidence = a_past().evidence()
    executions = evidence.record.executions

    assert kinds(with_record(evidence, executions=(*executions, executions[0]))) == ["doubled_fill"]


def test_a_fill_that_the_venue_never_told_is_found() -> None:
    evidence = a_past().evidence()
    invented = replace(evidence.record.executions[0], venue_trade_id="42X1")

    assert kinds(with_record(evidence, executions=(*evidence.record.executions, invented))) == ["invented_fill"]


def test_a_fill_that_was_booked_with_another_price_is_found() -> None:
    evidence = a_past().evidence()
    first, *others = evidence.record.executions

    assert kinds(with_record(evidence, executions=(replace(first, price=D("100.01")), *others))) == ["wrong_fill"]


def test_cash_that_is_off_by_its_last_digit_is_found() -> None:
    evidence = a_past().evidence()

    assert kinds(with_record(evidence, cash=evidence.record.cash + D("0.000000000000000001"))) == ["cash"]


@pytest.mark.parametrize("held", [{"ETH/USDT": D("40.000001")}, {}])
def test_a_position_that_is_off_is_found(held: dict[str, Decimal]) -> None:
    assert kinds(with_record(a_past().evidence(), held=held)) == ["position"]


def test_exposure_over_the_limit_is_found_when_one_entry_too_many_was_accepted() -> None:
    past = a_past()
    past.traded("IN3", Side.BUY, "15", 30, trade=3)

    verdict = judge(past.evidence())

    assert [finding.kind for finding in verdict.findings] == ["exposure"]
    assert verdict.measures.exposure_high > D("0.34")


def test_a_market_that_rises_afterwards_breaks_no_limit() -> None:
    past = a_past()
    past.traded("IN3", Side.BUY, "9", 30, trade=3)
    risen = milliseconds(at(31))
    dear = {"BTCUSDT": D(120), "ETHUSDT": D(60)}
    evidence = past.evidence()
    course = evidence.course

    assert judge(replace(evidence, course=lambda s, ms: dear[s] if ms > risen else course(s, ms))).passed


def test_an_entry_that_was_approved_after_the_breaker_is_found() -> None:
    past = a_past()
    past.tripped(25)
    past.traded("IN3", Side.BUY, "1", 26, trade=3)

    assert kinds(past.evidence()) == ["entry_after_breaker"]


def test_an_entry_that_was_sent_long_after_the_breaker_is_found_though_approved_before() -> None:
    past = a_past()
    past.approved("IN3", Side.BUY, "1", 25, trade=3)
    past.tripped(26)
    past.accepted("IN3", Side.BUY, "1", 32)

    assert kinds(past.evidence()) == ["entry_after_breaker"]


def test_an_entry_that_was_claimed_after_the_breaker_is_found_however_soon() -> None:
    past = a_past()
    past.approved("IN3", Side.BUY, "1", 25, trade=3)
    past.event("order.submitting", 25, client_order_id="IN3")
    past.tripped(26)
    past.event("order.approved", 26.1, client_order_id="IN3")
    past.event("order.submitting", 26.2, client_order_id="IN3")
    past.accepted("IN3", Side.BUY, "1", 27)

    (finding,) = judge(past.evidence()).findings

    assert finding.what == "IN3 was sent 1.0 s after HALTED"


def test_a_request_that_was_under_way_when_the_breaker_tripped_may_arrive() -> None:
    past = a_past()
    past.approved("IN3", Side.BUY, "1", 25, trade=3)
    past.tripped(26)
    past.accepted("IN3", Side.BUY, "1", 27)

    assert judge(past.evidence()).passed


def test_exits_go_on_after_the_breaker() -> None:
    past = a_past()
    past.tripped(25)
    past.traded("OUT2", Side.SELL, "40", 40, trade=2, symbol="ETH/USDT")

    assert judge(past.evidence()).passed


def test_entries_after_a_person_resumed_are_allowed() -> None:
    past = a_past()
    past.tripped(25)
    past.event("trading_state", 30, **{"from": "HALTED", "to": "ACTIVE"})
    past.traded("IN3", Side.BUY, "1", 40, trade=3)

    assert judge(past.evidence()).passed


def test_two_exits_that_live_at_once_are_found() -> None:
    past = Past()
    past.traded("IN1", Side.BUY, "5", 1)
    past.approved("OUT1", Side.SELL, "2", 10)
    past.accepted("OUT1", Side.SELL, "2", 10, lasts_s=5)
    past.approved("OUT2", Side.SELL, "3", 12)
    past.accepted("OUT2", Side.SELL, "3", 12, lasts_s=5)

    assert kinds(past.evidence()) == ["two_exits"]


def test_a_trade_that_sold_more_than_it_bought_is_found() -> None:
    past = Past()
    past.traded("IN1", Side.BUY, "5", 1)
    past.traded("IN2", Side.BUY, "5", 2, trade=2)
    past.traded("OUT1", Side.SELL, "6", 10)

    assert kinds(past.evidence()) == ["oversold"]


def test_a_farm_that_does_not_come_to_rest_is_found() -> None:
    evidence = a_past().evidence()

    assert kinds(replace(evidence, rested=False)) == ["unrest"]
    assert kinds(with_record(evidence, undecided=1)) == ["unrest"]


def test_a_slow_recovery_is_found() -> None:
    evidence = replace(a_past().evidence(), kills=[Kill("risk", milliseconds(at(2)))])

    assert judge(evidence).passed
    assert kinds(replace(evidence, recovery_limit_s=7.0)) == ["slow_recovery"]


def test_a_service_that_never_comes_back_is_found() -> None:
    evidence = replace(a_past().evidence(), kills=[Kill("risk", milliseconds(at(25)))])

    assert kinds(evidence) == ["no_recovery"]


def test_a_kill_just_before_the_end_proves_nothing() -> None:
    assert judge(replace(a_past().evidence(), kills=[Kill("risk", milliseconds(at(LAST_S - 5)))])).passed


def test_a_trade_that_was_to_be_left_and_is_still_held_is_found() -> None:
    past = Past()
    past.traded("IN1", Side.BUY, "5", 1)
    past.traded("OUT1", Side.SELL, "3", 10)

    (finding,) = judge(past.evidence()).findings

    assert (finding.kind, finding.what) == ("left_holding", "trade 1 holds 2 BTC, which was to be left")


def test_a_wish_that_never_became_an_order_is_found_by_what_the_trade_keeps_of_it() -> None:
    evidence = a_past().evidence()
    (held,) = evidence.record.trades

    assert kinds(with_record(evidence, trades=(replace(held, is_leaving=True),))) == ["left_holding"]


def test_a_stop_that_the_market_fell_through_and_that_was_never_sold_is_found() -> None:
    past = a_past()
    past.stops[2] = D(49)
    evidence = replace(past.evidence(), crash=D("0.2"))

    (finding,) = judge(evidence).findings

    assert finding.what == "trade 2 holds 40 ETH, and the market fell through its stop of 49"
    assert judge(replace(evidence, crash=D("0.99"))).passed, "49.5 is above it"


def test_a_trade_that_was_opened_just_before_the_crash_or_in_it_may_have_missed_it() -> None:
    past = a_past()
    past.stops[2] = D(49)

    assert judge(replace(past.evidence(), crash=D("0.2"), calm_until=milliseconds(at(25)))).passed


def test_a_strategys_wish_to_leave_that_nobody_did_is_found() -> None:
    past = Past()
    past.traded("IN1", Side.BUY, "5", 10)
    past.wished(20, refused_s=21)
    past.tripped(30)

    (finding,) = judge(past.evidence()).findings

    assert finding.what == "trade 1 holds 5 BTC, and eager wished to leave it at 2024-11-20 12:00:20+00:00"


def test_wishes_that_are_older_or_of_others_or_that_a_halt_did_not_hear_leave_no_trade() -> None:
    past = Past()
    past.traded("IN1", Side.BUY, "5", 10)
    past.wished(9, refused_s=11)
    past.wished(20, strategy="another")
    past.wished(20, symbol="ETH/USDT")
    past.tripped(30)
    past.wished(29, refused_s=31)

    assert judge(past.evidence()).passed


def test_stops_that_nobody_looked_at_for_very_long_are_found() -> None:
    blind = replace(a_past().evidence(), progress=[*range(START, START + 25_000, 500), START + 58_000])

    assert kinds(blind) == ["unprotected"]
    assert judge(replace(blind, recovery_limit_s=12.0)).passed
