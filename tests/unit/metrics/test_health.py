"""A pulse that is not beaten is no life."""

import time

import pytest

from app.metrics import Health, Pulse


def test_a_loop_that_stands_still_is_told_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = time.monotonic()
    monkeypatch.setattr("app.metrics.health.time.monotonic", lambda: now_s)
    pulse = Pulse(10.0)
    now_s += 60
    assert pulse.objection() is None, "it has not begun"

    pulse.beat()
    now_s += 9.9
    assert pulse.objection() is None
    now_s += 2
    assert pulse.objection() == "its loop has stood still for 12 s"
    pulse.beat()
    assert pulse.objection() is None


def test_who_says_nothing_else_is_well_as_long_as_he_answers() -> None:
    assert Health("feed").health() == (True, {"service": "feed", "healthy": True, "reason": None})
    assert Health("feed").ready()[0]
