"""How fast a replay goes that goes as fast as the farm follows."""

from dataclasses import dataclass

# Beyond it a signal that is worth 30 s of the market's time has less than 0.3 s to become an order.
FIRST_SPEED, TOP_SPEED = 5.0, 100.0
RISE, FALL = 1.3, 0.7
LAG_ROWS, LAG_MESSAGES, EASE = 2_000, 10, 0.25


@dataclass(slots=True)
class Drive:
    """Faster while nothing waits, slower while it piles up."""

    speed: float = FIRST_SPEED
    load: float = 0.0

    def next(self, rows: int, messages: int) -> float:
        """By rows in the mailboxes and messages of bars, signals and orders: what waits long comes to nothing."""
        before, self.load = self.load, max(rows / LAG_ROWS, messages / LAG_MESSAGES)
        if self.load > max(1.0, before):
            self.speed = max(1.0, self.speed * FALL)
        elif self.load < EASE:
            self.speed = min(TOP_SPEED, self.speed * RISE)
        return self.speed
