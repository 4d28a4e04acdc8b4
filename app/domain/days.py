"""A day's account of the farm, as it is told when the day is over."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from app.domain.alerts import Alert, Kind, Severity


@dataclass(frozen=True, slots=True)
class Day:
    """What happened on a day (UTC); money in quote currency, `drawdown` as a share of the day's high.

    `opened` and `closed` are the first and the last equity, None if there was none. Trades are those that were closed.
    """

    date: date
    opened: Decimal | None
    closed: Decimal | None
    drawdown: Decimal
    trades: int
    won: int
    profit: Decimal
    fees: Decimal
    orders: Mapping[str, int] = field(default_factory=dict)
    failed_tasks: int = 0
    unprotected_s: float = 0.0
    trades_open: int = 0
    state: str = ""

    @property
    def has_been(self) -> bool:
        """Whether there was a farm on that day."""
        return self.opened is not None


def report(day: Day, currency: str) -> Alert:
    """A day in a few lines."""
    opened, closed = day.opened or Decimal(0), day.closed or Decimal(0)
    gain = closed - opened
    share = f" ({gain / opened:+.2%})" if opened else ""
    orders = ", ".join(f"{count} {state}" for state, count in sorted(day.orders.items())) or "none"
    lines = [
        f"equity {opened:.2f} → {closed:.2f} {currency}: {gain:+.2f}{share}, drawdown at most {day.drawdown:.2%}",
        f"trades closed {day.trades}, {_won(day)}; profit {day.profit:+.2f}, fees {day.fees:.2f}",
        f"orders {orders}; open trades {day.trades_open}; trading is {day.state or 'not open'}",
    ]
    if day.failed_tasks or day.unprotected_s:
        lines.append(f"failed tasks {day.failed_tasks}; positions not protected for {day.unprotected_s:.0f} s")
    title = f"{day.date}: {gain:+.2f} {currency}{share}"
    return Alert(Kind.REPORT, day.date.isoformat(), Severity.INFO, title, "\n".join(lines))


def _won(day: Day) -> str:
    return f"{day.won} with profit ({day.won / day.trades:.0%})" if day.trades else "none with profit"
