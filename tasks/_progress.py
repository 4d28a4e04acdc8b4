"""A worker tells that it makes progress, and ends itself when it makes none; whoever keeps it starts it anew."""

import ctypes
import faulthandler
import os
import sys
import time
from collections.abc import Callable
from threading import Thread
from typing import Any

import psutil
import structlog
from celery import bootsteps
from celery.signals import task_rejected, task_revoked, task_unknown, worker_shutting_down
from celery.worker import state

from app import wiring
from app.celery import farm
from app.domain.progress import Beat
from app.metrics import Pulse

log = structlog.get_logger()

BEAT_S = 0.5
ALONE_S = 60.0  # longer than any task may take
STILL_S = 60.0  # of an event loop that a probe calls ill; a Redis that hangs holds it for 15 s at a time
PR_GET_PDEATHSIG = 2
pulse = Pulse(STILL_S)
thrown_away = 0


@task_revoked.connect
@task_rejected.connect
@task_unknown.connect
def count(**_: Any) -> None:
    """A message that no child will see was taken off its queue all the same."""
    global thrown_away
    thrown_away += 1


def end(reason: str) -> None:
    """At once and with all children: what is stuck hears no signal, and cleans nothing up."""
    try:
        log.error("worker makes no progress, ending it", reason=reason)
        faulthandler.dump_traceback(file=sys.stderr)
    finally:  # nobody may be left to read either
        for child in psutil.Process().children(recursive=True):
            child.kill()
        os._exit(os.EX_SOFTWARE)


def _ends_with_keeper() -> bool:
    """Whether the kernel tells this process to end when whoever began it does; one begun by hand may live on."""
    told = ctypes.c_int()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_GET_PDEATHSIG, ctypes.byref(told))
    return told.value != 0


class Progress(bootsteps.StartStopStep):
    """Tells from the event loop, and looks from a thread of its own: a loop that stands still cannot see it."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, ending: Callable[[str], None] = end, **options: Any) -> None:
        super().__init__(worker, **options)
        self._worker = worker
        self._ending = ending
        self._turn = 0
        self._told = True
        self._keeper = os.getppid()
        self._kept = _ends_with_keeper()
        self._stopped = False
        worker_shutting_down.connect(self.leave)

    def start(self, worker: Any) -> None:
        """Begin to look; the pool's children are there already."""
        Thread(target=self.attend, name="progress", daemon=True).start()

    def register_with_event_loop(self, worker: Any, hub: Any) -> None:
        """Begin to tell, each time that the loop begins."""
        hub.call_repeatedly(BEAT_S, self.tell)

    def leave(self, **_: Any) -> None:
        """It begins nothing any more, from the moment that it is told to stop.

        Called by the handler of a signal, which the next signal may interrupt: an Event that is being set would then
        wait for itself, and for ever.
        """
        self._stopped = True
        wiring.heartbeats().leave(os.getpid())

    def stop(self, worker: Any) -> None:
        """However it came to that."""
        self.leave()

    def terminate(self, worker: Any) -> None:
        """The same, in a hurry."""
        self.stop(worker)

    def beat(self) -> Beat:
        """As it is now."""
        begun = state.all_total_count[0] + thrown_away
        return Beat(self._turn, begun, len(state.active_requests), tuple(self._worker.app.amqp.queues.consume_from))

    def tell(self) -> None:
        """The loop has turned; a full disk is told once."""
        self._turn += 1
        pulse.beat()
        if self._stopped:  # the loop turns on while tasks are finished
            return
        try:
            wiring.heartbeats().write(os.getpid(), self.beat())
            self._told = True
        except OSError as error:
            if self._told:
                log.warning("worker cannot tell of its progress", reason=str(error))
            self._told = False

    def attend(self) -> None:
        """From its start to its end."""
        self.look()
        self.see_off()

    def look(self) -> None:
        """Until it stops, is stuck, or should stop since its keeper is gone: two signals at once hang in Celery."""
        watch = wiring.new_watch()
        while self._goes_on():
            beat = self.beat()
            reason = watch.look(beat, wiring.queues().waiting(beat.queues), time.monotonic())
            if reason is not None:
                self._ending(reason)
                return

    def _goes_on(self) -> bool:
        time.sleep(BEAT_S)
        return not self._stopped and not (self._kept and self._is_alone())

    def see_off(self) -> None:
        """A stop that takes too long is cut short by whoever keeps the worker; if that one was killed, from here:
        with its Redis gone Celery would wait for ever.
        """
        while not self._is_alone():
            time.sleep(BEAT_S)
        time.sleep(ALONE_S)
        self._ending(f"whoever kept it is gone, and it did not stop within {ALONE_S:g} s")

    def _is_alone(self) -> bool:
        return os.getppid() != self._keeper


farm.steps["worker"].add(Progress)
