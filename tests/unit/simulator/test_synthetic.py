"""A market out of a seed."""

import math
from collections import Counter
from itertools import pairwise

import pytest

from app.simulator import catalogue
from app.simulator.synthetic import Synthetic
from app.simulator.waves import BLOCK, CYCLE_MS, Cycle, Wave

START_MS = 1_763_800_000_000
MINUTE_MS = 60_000


def market(count: int = 3, seed: int = 7, rate: float = 60, start_ms: int = START_MS) -> Synthetic:
    listings = [catalogue.listing(symbol, rank) for rank, symbol in enumerate(catalogue.symbols(count))]
    return Synthetic(listings, seed=seed, ticks_per_s=rate, start_ms=start_ms, past_h=1)


def test_the_same_seed_gives_the_same_past_and_present_whenever_it_starts() -> None:
    first, later = market(), market(start_ms=START_MS + 10_000)
    live = [one for step in range(0, 10_000, 7) for one in first.due(START_MS + step)]
    past = sorted(
        (one for name in later.listings for one in later.past(name, START_MS, START_MS + 9_997)),
        key=lambda one: (one.time_ms, one.symbol, one.trade_id),
    )
    assert sorted(live, key=lambda one: (one.time_ms, one.symbol, one.trade_id)) == past
    assert len(live) > 300


def test_prints_come_in_order_once_and_on_the_grid_of_their_symbol() -> None:
    source = market()
    prints = [one for step in range(0, 5_000, 11) for one in source.due(START_MS + step)]
    assert all(one.time_ms <= two.time_ms for one, two in pairwise(prints))
    assert len({(one.symbol, one.trade_id) for one in prints}) == len(prints)
    for one in prints:
        listing = source.listings[one.symbol]
        assert one.price % listing.tick == 0
        assert one.quantity % listing.step == 0
        assert one.quantity > 0


def test_a_stall_loses_nothing() -> None:
    steady, stalled = market(), market()
    every = [one for step in range(0, 8_000, 10) for one in steady.due(START_MS + step)]
    assert list(stalled.due(START_MS + 7_990)) == every


def test_another_seed_gives_another_market() -> None:
    assert list(market(seed=1).due(START_MS + 2000)) != list(market(seed=2).due(START_MS + 2000))


def test_it_prints_about_as_often_as_asked() -> None:
    source = market(10, rate=100)
    count = sum(len(list(source.past(name, START_MS - 10 * MINUTE_MS, START_MS))) for name in source.listings)
    assert count / 600 == pytest.approx(100, rel=0.1)


def test_it_remembers_nothing_from_before_its_birth() -> None:
    source = market()
    assert not list(source.past("BTCUSDT", source.begins_ms - MINUTE_MS, source.begins_ms))
    assert list(source.past("BTCUSDT", source.begins_ms - MINUTE_MS, source.begins_ms + MINUTE_MS))


def test_an_idle_market_has_prices_but_no_prints() -> None:
    source = market(rate=0)
    assert source.kind == "idle"
    assert not source.due(START_MS + 60_000)
    assert not list(source.past("BTCUSDT", START_MS - MINUTE_MS, START_MS))
    assert float(source.price("BTCUSDT", START_MS)) == pytest.approx(64_250, rel=0.2)


def test_a_price_moves_without_jumps_from_block_to_block() -> None:
    wave = Wave(7, "BTCUSDT")
    start = START_MS - START_MS % (CYCLE_MS * BLOCK)
    heights = []
    for at in range(start, start + 2 * BLOCK * CYCLE_MS, 500):
        cycle, share = wave.cycle(at)
        heights.append(cycle.height(share))
    assert max(abs(two - one) for one, two in pairwise(heights)) < 0.03
    assert max(map(abs, heights)) < 0.2


def test_all_kinds_of_cycle_occur_and_only_bursts_are_busy() -> None:
    wave = Wave(7, "ETHUSDT")
    cycles = [wave.cycle(START_MS + number * CYCLE_MS)[0] for number in range(6 * BLOCK)]
    assert set(Counter(cycle.kind for cycle in cycles)) == {"rise", "fall", "flat", "spike", "crash"}
    rise = next(cycle for cycle in cycles if cycle.kind == "rise")
    flat = next(cycle for cycle in cycles if cycle.kind == "flat")
    assert rise.activity(rise.at + 0.01) > rise.activity(rise.at + 0.25) > rise.activity(0)
    assert flat.activity(flat.at + 0.01) == flat.activity(0)


def test_a_crash_falls_at_once_and_comes_back_in_part() -> None:
    crash = Cycle("crash", 0.0, -0.01, 0.4, -0.02)
    assert crash.height(0.43) < crash.height(0.39) - 0.01
    assert crash.height(0.95) == pytest.approx(-0.01)
    assert math.isclose(crash.height(0.0), 0.0)


def test_the_catalogue_lists_two_thousand_symbols_with_rules_that_fit_their_prices() -> None:
    symbols = catalogue.symbols(2000)
    assert len(set(symbols)) == 2000
    assert symbols[:3] == ("BTC/USDT", "ETH/USDT", "SOL/USDT")
    for rank, symbol in enumerate(symbols):
        listing = catalogue.listing(symbol, rank)
        assert listing.opening % listing.tick == 0
        assert listing.opening / listing.tick > 100


@pytest.mark.parametrize("count", [0, 2001])
def test_a_catalogue_has_its_limits(count: int) -> None:
    with pytest.raises(ValueError, match="1 to 2000"):
        catalogue.symbols(count)


def test_a_name_that_is_no_symbol_is_refused() -> None:
    with pytest.raises(ValueError, match="BTC/USDT"):
        catalogue.listing("BTCUSDT", 0)
