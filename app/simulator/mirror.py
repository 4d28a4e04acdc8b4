"""A market that somebody else follows and pushes in: paper on the live one."""

from collections.abc import Iterable, Sequence

from app.simulator.market import Listing, Print


class Mirror:
    """Gives what was pushed since the last time."""

    kind = "mirror"
    seed: int | None = None

    def __init__(self, listings: Sequence[Listing], *, start_ms: int) -> None:
        self.listings = {one.name: one for one in listings}
        self.begins_ms = self.start_ms = start_ms
        self._pushed: list[Print] = []

    def push(self, one: Print) -> None:
        """Take in a print of the live market."""
        self._pushed.append(one)

    def due(self, now_ms: int) -> Sequence[Print]:
        """All of it, whatever its time."""
        pushed, self._pushed = self._pushed, []
        return pushed

    def past(self, name: str, since_ms: int, until_ms: int) -> Iterable[Print]:
        """What was before is the live market's to tell."""
        return ()
