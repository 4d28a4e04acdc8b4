"""Weights, faults, listen keys and signatures without a server."""

import pytest

from app.simulator.errors import Refusal
from app.simulator.faults import KNOWN, Faults
from app.simulator.listen_keys import LIFE_US, MOST_KEYS, ListenKeys
from app.simulator.signing import params_of, signature_of
from app.simulator.weights import Weights


def test_weights_are_counted_per_caller_endpoint_and_window() -> None:
    weights = Weights(limit=10, window_s=10, patience=1, ban_s=60)
    weights.count("me", "GET /a", 10, 0)
    weights.count("me", "GET /b", 10, 0)
    weights.count("you", "GET /a", 10, 0)
    with pytest.raises(Refusal) as refused:
        weights.count("me", "GET /a", 1, 4_000_000)
    assert (refused.value.status, refused.value.retry_after_s) == (429, 6)
    weights.count("me", "GET /a", 10, 10_000_000)


def test_who_does_not_listen_is_banned_for_a_while() -> None:
    weights = Weights(limit=1, window_s=10, patience=1, ban_s=60)
    weights.count("me", "GET /a", 1, 0)
    for _ in range(2):
        with pytest.raises(Refusal):
            weights.count("me", "GET /a", 1, 0)
    with pytest.raises(Refusal) as refused:
        weights.count("me", "GET /b", 1, 20_000_000)
    assert (refused.value.status, refused.value.retry_after_s) == (418, 40)
    weights.count("me", "GET /b", 1, 61_000_000)


def test_a_fault_strikes_so_often_so_long_and_only_there() -> None:
    faults = Faults()
    faults.switch_on({"fault": "read_lag", "ms": 5, "times": 1}, 0)
    faults.switch_on({"fault": "no_fills", "for_s": 1, "symbol": "BTCUSDT"}, 0)
    assert faults.strike("no_fills", 10, symbol="ETHUSDT") is None
    assert faults.strike("no_fills", 10, symbol="BTCUSDT") is not None
    assert faults.strike("no_fills", 1_000_000, symbol="BTCUSDT") is None
    assert faults.strike("read_lag", 10) is not None
    assert faults.strike("read_lag", 10) is None
    assert faults.shown() == [{"fault": "no_fills", "times": None, "symbol": "BTCUSDT"}]
    faults.clear()
    assert not faults


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_every_fault_can_be_switched_on(name: str) -> None:
    faults = Faults()
    faults.switch_on({"fault": name, **dict.fromkeys(KNOWN[name], 1)}, 0)
    assert faults.look(name, 0) is not None


def test_a_number_must_be_one() -> None:
    with pytest.raises(Refusal, match="times must be a number"):
        Faults().switch_on({"fault": "no_fills", "times": "NaN"}, 0)


def test_a_listen_key_lives_an_hour_unless_it_is_extended() -> None:
    keys = ListenKeys("secret")
    key = keys.create(0)
    keys.extend(key, LIFE_US - 1)
    assert keys.valid(2 * LIFE_US - 2) == [key]
    assert keys.valid(2 * LIFE_US - 1) == []
    with pytest.raises(Refusal):
        keys.extend(key, 2 * LIFE_US)


def test_there_are_sixty_listen_keys_at_most() -> None:
    keys = ListenKeys("secret")
    for _ in range(MOST_KEYS):
        keys.create(0)
    with pytest.raises(Refusal):
        keys.create(0)
    keys.end_all()
    assert keys.valid(0) == []


def test_a_signature_is_mexcs_own_example() -> None:
    query = "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=11&recvWindow=5000&timestamp=1644489390087"
    wanted = "fd3e4e8543c5188531eb7279d68ae7d26a573d0fc5ab0d18eb692451654d837a"
    assert signature_of("45d0b3c26f2644f19bfb98b07741b2f5", query, "") == wanted
    assert signature_of("45d0b3c26f2644f19bfb98b07741b2f5", "", f"{query}&signature=x") == wanted


def test_the_query_string_goes_before_the_body() -> None:
    params = params_of("a=1&b=", "a=2&c=3")
    assert (params.get("a"), params.get("b"), params.get("c")) == ("1", None, "3")
    assert params.whole("a", 9) == 1
    assert params.limit(500, 1000) == 500
    with pytest.raises(Refusal, match="'a'"):
        params_of("a=x", "").whole("a", 0)
    with pytest.raises(Refusal, match="'a'"):
        params_of("a=NaN", "").decimal("a")
