"""The notifier: looks for what a person should be told, and brings it; nothing of the farm waits for it."""

import signal
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event, Thread
from types import FrameType

import structlog

from app import measures, wiring
from app.alerts import DATABASE_AWAY, Lookout
from app.domain.alerts import Alert
from app.domain.notices import Message, Notice, Part, composed
from app.metrics import Health, Pulse, Told
from app.notify import Channel, NotDelivered

log = structlog.get_logger()

LOOK_S = 5.0
TURN_S = 1.0
STILL_S = 120.0
LEASE = timedelta(minutes=2)  # longer than a message takes; whoever dies while it sends may have sent it
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=10), timedelta(minutes=10)
WORTH = timedelta(days=1)  # what could not be brought for so long is brought no more
KEPT = timedelta(days=30)
FORGET_S = 3600.0


def pause(attempts: int) -> timedelta:
    """After so many attempts: 10 s, then twice as long each time, up to ten minutes."""
    doublings = min(attempts - 1, 20)
    return min(LONGEST_PAUSE, FIRST_PAUSE * (1 << doublings))


@dataclass
class Sender:
    """Brings what waits for one channel, each `gap` one message at most; a channel that hangs holds up no other."""

    channel: Channel
    gap: timedelta
    now: Callable[[], datetime]
    clean: Callable[[str], str]
    farm: str
    _direct: "deque[Alert]" = field(default_factory=lambda: deque(maxlen=10))
    _last: datetime | None = None
    _pause_until: datetime | None = None
    _failures: int = 0

    def tell(self, alert: Alert) -> None:
        """Bring it though the database cannot keep it; lost if the channel does not take it either."""
        self._direct.append(alert)

    def turn(self) -> None:
        """Send, if there is something and it is time."""
        at = self.now()
        while self._direct:
            self._bring(composed([Notice(0, self._direct.popleft(), Part.HAPPENED, at)], self.farm))
        if self._is_early(at):
            return
        notices = wiring.alerts().claim(self.channel.name, at, LEASE)
        if not notices:
            return
        error = self._bring(composed(notices, self.farm))
        if error is None:
            wiring.alerts().deliver(notices, self.now())
            self._last, self._failures, self._pause_until = at, 0, None
            return
        self._failures += 1
        self._pause_until = self.now() + pause(self._failures)
        wiring.alerts().defer(notices, error, self._pause_until)

    def _is_early(self, at: datetime) -> bool:
        too_soon = self._last is not None and at - self._last < self.gap
        return too_soon or (self._pause_until is not None and at < self._pause_until)

    def _bring(self, message: Message) -> str | None:
        """Why it could not be brought, or nothing."""
        clean = Message(self.clean(message.title), self.clean(message.body), message.severity)
        try:
            self.channel.send(clean)
        except NotDelivered as error:
            reason = self.clean(str(error))
            log.warning("alert not delivered", channel=self.channel.name, reason=reason, title=clean.title)
            return reason
        log.info("alert delivered", channel=self.channel.name, title=clean.title)
        return None


class Notifier:
    """A thread for each channel, and one that looks; `run` ends when it is told to."""

    def __init__(self, senders: list[Sender], beat: Callable[[], None] = lambda: None) -> None:
        self._senders = senders
        self._beat = beat
        self._stop = Event()
        self._forgotten_s = -FORGET_S

    def stop(self) -> None:
        """Let what is under way come to its end, for half a minute at most."""
        self._stop.set()

    def run(self) -> None:
        """Until `stop`."""
        threads = [Thread(target=self._send, args=(one,), name=one.channel.name, daemon=True) for one in self._senders]
        for thread in threads:
            thread.start()
        lookout = Lookout(self._tell)
        while not self._stop.is_set():
            self._beat()
            lookout.look(wiring.now())
            self._tidy()
            self._stop.wait(LOOK_S)
        for thread in threads:
            thread.join(10)

    def _tell(self, alert: Alert) -> None:
        for sender in self._senders:
            sender.tell(alert)

    def _send(self, sender: Sender) -> None:
        while not self._stop.is_set():
            try:
                sender.turn()
            except DATABASE_AWAY as error:  # the lookout tells of it
                log.info("nothing can be sent", channel=sender.channel.name, reason=str(error).splitlines()[0])
            self._stop.wait(TURN_S)

    def _tidy(self) -> None:
        if time.monotonic() - self._forgotten_s < FORGET_S:
            return
        at = wiring.now()
        try:
            given_up = wiring.alerts().give_up(at - WORTH)
            wiring.alerts().forget(at - KEPT)
        except DATABASE_AWAY as error:  # then in an hour
            log.info("old alerts cannot be dropped", reason=str(error).splitlines()[0])
            given_up = 0
        self._forgotten_s = time.monotonic()
        if given_up:
            log.error("alerts could not be delivered for a day", count=given_up)


def senders() -> list[Sender]:
    """One for each channel."""
    settings, gap = wiring.settings(), wiring.seconds("notify_gap")
    farm = f"{settings.notify_name}, {settings.mode}"
    return [Sender(one, gap, wiring.now, wiring.without_secrets, farm) for one in wiring.channels()]


def main() -> None:
    """The notifier of this farm."""
    wiring.logging("notifier")
    wrong = wiring.another_purpose()
    if wrong:
        raise wiring.SettingsError([wrong])
    pulse = Pulse(STILL_S)
    notifier = Notifier(senders(), pulse.beat)
    health = Health("notifier", pulse.objection)
    figures = Told(lambda: (measures.told(), None), ["notifier"])
    endpoint = wiring.metrics_endpoint("notifier", figures, health=health)

    def stop(signum: int, frame: FrameType | None) -> None:
        notifier.stop()

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, stop)
    endpoint.begin()
    try:
        notifier.run()
    finally:
        endpoint.end()
