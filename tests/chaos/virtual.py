"""Virtual time: tasks that run in turn, each until its next call to a port; what happens next is decided by a plan."""

import heapq
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

from greenlet import getcurrent, greenlet


class Killed(BaseException):
    """The process is gone: no `except Exception` may hear of it."""


class Baton:
    """Work that runs only while it is given the turn."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = greenlet(work)

    def resume(self) -> bool:
        """Run it until its next pause, or from its beginning; True if it ended."""
        self._work.parent = getcurrent()  # whom the turn comes back to
        self._work.switch()
        return bool(self._work.dead)

    def pause(self) -> None:
        """Called by the work: give the turn back and wait for the next."""
        parent = self._work.parent
        assert parent is not None
        parent.switch()


@dataclass(eq=False)
class Task:
    """One message at work in one process."""

    name: str
    baton: Baton | None
    dead: bool = False
    atomic: int = 0  # inside a transaction nobody else runs
    alone: bool = False  # no other task waits for its turn to end
    skew: timedelta = timedelta(0)  # how far the clock of its machine is ahead


@dataclass
class Timeline:
    """What is due when; two things at the same time come in the order in which they were asked for.

    Nobody sleeps past `until`, where there is one.
    """

    at: datetime
    task: Task | None = None
    until: datetime | None = None
    running: set[Task] = field(default_factory=set)
    _due: list[tuple[datetime, int, Callable[[], None]]] = field(default_factory=list)
    _order: Iterator[int] = field(default_factory=count)

    def __call__(self) -> datetime:
        """What the clock of the machine says on which the task is at work."""
        return self.at + self.skew

    @property
    def skew(self) -> timedelta:
        """How far that clock is ahead of the true time."""
        return timedelta(0) if self.task is None else self.task.skew

    def after(self, delay_s: float, what: Callable[[], None]) -> None:
        """Do it so much later."""
        heapq.heappush(self._due, (self.at + timedelta(seconds=delay_s), next(self._order), what))

    def start(self, name: str, work: Callable[[], None]) -> None:
        """Begin a task now."""
        baton = Baton(work)
        task = Task(name, baton)
        self.running.add(task)
        self._turn(task, baton.resume)

    def at_once(self, name: str, work: Callable[[], None]) -> None:
        """Do all of a task now: it must not sleep."""
        before, self.task = self.task, Task(name, None)
        work()
        self.task = before

    def sleep(self, delay_s: float) -> None:
        """Called by a task: let time pass and others work."""
        task = self.task
        assert task is not None
        baton = task.baton
        assert baton is not None
        wakes_at = self.at + timedelta(seconds=delay_s)
        if task.alone and not self._comes_before(wakes_at):  # most often so, and giving the turn away is dear
            self.at = wakes_at
            return
        self.after(delay_s, lambda: self._turn(task, baton.resume))
        baton.pause()
        if task.dead:
            raise Killed

    def _comes_before(self, moment: datetime) -> bool:
        """Whether anything is due until then."""
        return bool(self._due and self._due[0][0] <= moment) or (self.until is not None and self.until <= moment)

    def step(self) -> bool:
        """Do what is due next; False if nothing is."""
        if not self._due:
            return False
        self.at, _, what = heapq.heappop(self._due)
        what()
        return True

    @contextmanager
    def alone(self) -> Iterator[None]:
        """What the task does in here is one instant for all others."""
        task = self.task
        assert task is not None
        task.atomic += 1
        try:
            yield
        finally:
            task.atomic -= 1

    def end(self) -> None:
        """Leave nobody behind in the middle of its work."""
        self._due.clear()
        for task in list(self.running):
            task.dead = True
            if task.baton is not None:
                self._turn(task, task.baton.resume)

    def _turn(self, task: Task, run: Callable[[], bool]) -> None:
        if task not in self.running:
            return
        before, self.task = self.task, task
        task.alone = before is None
        if run():
            self.running.discard(task)
        self.task = before
