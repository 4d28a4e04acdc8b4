"""Keeps curves for as long as they would hardly change, so that many pages cost what one does."""

import time
from collections.abc import Callable
from threading import Lock

from app.web.models import Curve

LEAST_S = 4.0


class Curves:
    """By span; of several threads that ask for one at once, one reads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: dict[str, tuple[float, Curve]] = {}

    def __call__(self, span: str, read: Callable[[], Curve]) -> Curve:
        with self._lock:
            until_s, kept = self._kept.get(span, (0.0, None))
            if kept is not None and time.monotonic() < until_s:
                return kept
            curve = read()
            self._kept[span] = time.monotonic() + max(LEAST_S, curve.step_s), curve
            return curve
