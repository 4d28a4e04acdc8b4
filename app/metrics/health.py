"""Whether a service is alive, and whether it could do its work now: what `/health` and `/ready` tell."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Objection = Callable[[], str | None]  # why not, or None


class Pulse:
    """Beaten by what turns in a process, again and again; read from another thread of it."""

    def __init__(self, longest_s: float) -> None:
        self._longest_s = longest_s
        self._beat_s: float | None = None

    def beat(self) -> None:
        """It has turned."""
        self._beat_s = time.monotonic()

    def objection(self) -> str | None:
        """Why it is not well; what has not begun to turn, or never does, is."""
        if self._beat_s is None:
            return None
        still_s = time.monotonic() - self._beat_s
        return None if still_s < self._longest_s else f"its loop has stood still for {still_s:.0f} s"


def steady() -> None:
    """Well as long as it answers."""


@dataclass(frozen=True, slots=True)
class Health:
    """What to ask of a service: whether it is `alive`, and by name what it needs for its work."""

    service: str
    alive: Objection = steady
    needs: Mapping[str, Objection] = field(default_factory=dict)

    def health(self) -> tuple[bool, dict[str, Any]]:
        """Whether it makes progress, and what to tell of that."""
        reason = self.alive()
        return reason is None, {"service": self.service, "healthy": reason is None, "reason": reason}

    def ready(self) -> tuple[bool, dict[str, Any]]:
        """Whether it makes progress and has all that it needs, and what to tell of each."""
        reasons = {"progress": self.alive(), **{name: objection() for name, objection in self.needs.items()}}
        is_ready = not any(reasons.values())
        checks = {name: {"ok": reason is None, "reason": reason} for name, reason in reasons.items()}
        return is_ready, {"service": self.service, "ready": is_ready, "checks": checks}

    def told(self) -> dict[str, Any]:
        """The same in one sentence."""
        is_ready, told = self.ready()
        wrong = [f"{name}: {check['reason']}" for name, check in told["checks"].items() if not check["ok"]]
        return {"service": self.service, "healthy": is_ready, "reason": "; ".join(wrong) or None}
