"""What is measured of a run."""

from dataclasses import replace

from app.domain.orders import Side
from app.store import Refused
from tests.fixtures.history import LAST_S, START, Past, a_past, at, with_record
from workers.chaos.judge import judge
from workers.chaos.measures import Kill, Stretch, at_risk, milliseconds, percentile


def test_the_percentile_of_nothing_is_none() -> None:
    assert percentile([], 99) is None
    assert percentile([3.0, 1.0, 2.0], 50) == 2.0
    assert percentile([3.0, 1.0, 2.0], 99) == 3.0


def test_a_worker_is_back_when_an_order_went_the_whole_way_anew() -> None:
    kills = [Kill("orders", milliseconds(at(2))), Kill("risk", milliseconds(at(15)))]

    measures = judge(replace(a_past().evidence(), kills=kills)).measures

    assert [one.took_s for one in measures.recoveries] == [8.0, 5.0]
    assert (measures.recovery_p50_s, measures.recovery_p99_s, measures.recovery_max_s) == (5.0, 8.0, 8.0)


def test_an_order_whose_tick_came_before_the_kill_shows_no_recovery() -> None:
    past = Past()
    past.traded("IN1", Side.BUY, "1", 10)

    measures = judge(replace(past.evidence(), kills=[Kill("orders", milliseconds(at(9.9)))])).measures

    assert [one.took_s for one in measures.recoveries] == [None]


def test_a_refusal_shows_that_all_before_the_venue_works_again() -> None:
    refused = (Refused(tick_at=at(1.9), at=at(3)), Refused(tick_at=at(2.1), at=at(5)))
    evidence = with_record(Past().evidence(), refused=refused)
    kills = [Kill(service, milliseconds(at(2))) for service in ("signals", "redis", "orders", "upkeep")]

    measures = judge(replace(evidence, kills=kills)).measures

    assert [one.took_s for one in measures.recoveries] == [3.0, 3.0, None, None]


def test_beat_is_back_when_the_account_is_valued_again() -> None:
    evidence = with_record(a_past().evidence(), marked_at=(at(1), at(4), at(5)))

    measures = judge(replace(evidence, kills=[Kill("beat", milliseconds(at(2)))])).measures

    assert [one.took_s for one in measures.recoveries] == [2.0]


def test_seconds_without_ticks_count_while_something_is_held() -> None:
    seconds = [START + 500 * tick for tick in range(20)]
    held = [Stretch(START + 2000, START + 30_000)]

    assert at_risk(seconds, held, START + 9_600) == []
    assert at_risk([*seconds[:5], START + 8_000], held, START + 10_500) == [5.0, 1.5]
    assert at_risk([*seconds[:5], START + 8_000], [], START + 8_500) == []
    assert at_risk([], held, START + 8_500) == []


def test_positions_are_at_risk_from_their_entry_to_their_exit() -> None:
    evidence = a_past().evidence()
    stalled = [*range(START, START + 5_000, 500), *range(START + 12_000, START + LAST_S * 1000, 500)]

    measures = judge(replace(evidence, progress=stalled)).measures
    assert (measures.unprotected_s, measures.unprotected_longest_s) == (4.5, 4.5)


def test_when_the_feed_is_made_deaf_in_the_end_nobody_needs_to_look() -> None:
    evidence = replace(a_past().evidence(), progress=[*range(START, START + 30_000, 500)])

    assert judge(evidence).measures.unprotected_s > 29
    assert judge(replace(evidence, silent_since=START + 30_000)).measures.unprotected_s == 0
