"""A person has tasks run again, as if every approval and every sending so far had failed for good."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from app.domain.letters import DeadLetter, KeptLetter
from app.steps.ports import Reruns
from tests.chaos.books import Store

QUEUE_S = 0.1


class Resent(Reruns):
    """The port `Reruns`: `send` puts the task `again` into the queue."""

    def __init__(self, store: Store, send: Callable[..., None], now: Callable[[], datetime]) -> None:
        self._store, self._send, self._now = store, send, now

    def obstacle(self, letter: DeadLetter) -> str:
        return ""

    def send(self, letter: DeadLetter, run: int) -> None:
        self._send("again", QUEUE_S, letter.task_id, run)

    def failed(self) -> list[KeptLetter]:
        """The letters of all that may have failed."""
        letters = self._store.ports["letters"]
        return [self._kept(letters, one) for one in self._tasks()]

    def _kept(self, letters: Any, one: DeadLetter) -> KeptLetter:
        letters.keep(one)
        kept: KeptLetter = letters.get(one.task_id)
        return kept

    def _tasks(self) -> Iterator[DeadLetter]:
        books = self._store.books()
        for key in (*books.undecided, *(order.signal_key for order in books.orders.values())):
            yield self._letter("tasks.risk.approve", key)
        for name in books.orders:
            yield self._letter("tasks.orders.place", name)
            yield self._letter("tasks.orders.settle", name)

    def _letter(self, name: str, key: str) -> DeadLetter:
        return DeadLetter(f"{name}-{key}", name, "ValueError", "told so", self._now(), args=json.dumps([key]))
