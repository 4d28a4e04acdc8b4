"""Whether a worker makes progress: judged from what it tells of itself and from what waits for it."""

from dataclasses import dataclass

AWAY_S = 10.0
LONGEST_S = 75.0  # the hard time limit of tasks, and time for the killing


@dataclass(frozen=True, slots=True)
class Beat:
    """What a worker tells of itself, again and again.

    `turn` rises while its event loop turns, `begun` with each task that a child of it takes up (or that is thrown
    away), `running` is how many are at work, `queues` is what it consumes.
    """

    turn: int
    begun: int
    running: int
    queues: tuple[str, ...]


class Watch:
    """Looks at one worker again and again; times are monotonic, in seconds.

    A worker that lets messages wait for `stuck_s` is stuck when its loop has stood still, or no task has begun or
    ended, as long. Tasks at work may take `longest_s`, after which they are killed, before they count as stuck too.
    """

    def __init__(self, stuck_s: float, longest_s: float = LONGEST_S) -> None:
        self._stuck_s = stuck_s
        self._longest_s = longest_s
        self._looked_s = self._waiting_s = self._turned_s = self._moved_s = float("-inf")
        self._beat: Beat | None = None

    def look(self, beat: Beat | None, waiting: int | None, at_s: float) -> str | None:
        """Why it is stuck, or None; `waiting` messages are in its queues, None if nobody could tell."""
        if at_s - self._looked_s > AWAY_S:  # who was away himself, as on a machine that slept, begins anew
            self._beat = None
        self._looked_s = at_s
        self._compare(beat, at_s)
        if beat is None or not waiting:
            self._waiting_s = at_s
            return None
        return self._objection(beat, waiting, at_s)

    def _compare(self, beat: Beat | None, at_s: float) -> None:
        before, self._beat = self._beat, beat
        if beat is None or before is None:
            self._waiting_s = self._turned_s = self._moved_s = at_s
            return
        if beat.turn != before.turn:
            self._turned_s = at_s
        if (beat.begun, beat.running) != (before.begun, before.running):
            self._moved_s = at_s

    def _objection(self, beat: Beat, waiting: int, at_s: float) -> str | None:
        wait = f"while {waiting} messages waited" if waiting > 1 else "while a message waited"
        if at_s - max(self._waiting_s, self._turned_s) >= self._stuck_s:
            return f"its event loop stood still for {at_s - self._turned_s:.0f} s {wait}"
        patience_s = max(self._stuck_s, self._longest_s) if beat.running else self._stuck_s
        if at_s - max(self._waiting_s, self._moved_s) >= patience_s:
            return f"it began and ended no task for {at_s - self._moved_s:.0f} s {wait}"
        return None
