"""The risk state: what the account looks like to a rule, and which trading state its losses demand."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

ZERO = Decimal(0)


class TradingState(StrEnum):
    """ACTIVE enters and exits, REDUCING only exits, HALTED only those that no strategy begins."""

    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    HALTED = "HALTED"


SEVERITY = {TradingState.ACTIVE: 0, TradingState.REDUCING: 1, TradingState.HALTED: 2}


@dataclass(frozen=True, slots=True)
class Check:
    """One rule's answer and the numbers it saw."""

    rule: str
    objection: str | None
    numbers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Account:
    """The account under its lock; all money in quote currency.

    `exposure` is positions at mark, `reserved` what approved entries may still buy; `busy` are the symbols
    with an open trade or a live entry, `left_at` when a symbol's last trade was left, `reconciled_at` when the
    venue's books were last found to agree with ours since the farm's start. `old_marks` are the held symbols that
    trade and whose price is not known now, by the age of the last that was: then equity is what it was, not what it is.
    """

    state: TradingState
    cash: Decimal
    equity: Decimal
    day_open: Decimal
    day_high: Decimal
    exposure: Decimal = ZERO
    reserved: Decimal = ZERO
    busy: frozenset[str] = frozenset()
    left_at: Mapping[str, datetime] = field(default_factory=dict)
    reconciled_at: datetime | None = None
    old_marks: Mapping[str, timedelta] = field(default_factory=dict)

    @property
    def drawdown(self) -> Decimal:
        """Fall from the day's high, as a share of it."""
        return _loss(self.day_high, self.equity)

    @property
    def day_loss(self) -> Decimal:
        """Fall from the day's opening equity, as a share of it."""
        return _loss(self.day_open, self.equity)

    @property
    def exposure_share(self) -> Decimal:
        """Positions and reservations over equity; 1 when there is no equity."""
        if self.equity <= 0:
            return Decimal(1)
        return (self.exposure + self.reserved) / self.equity

    @property
    def free(self) -> Decimal:
        """Quote currency that no approved entry has a claim on."""
        return self.cash - self.reserved


def _loss(reference: Decimal, equity: Decimal) -> Decimal:
    if reference <= 0:
        return ZERO
    return max(ZERO, (reference - equity) / reference)


@dataclass(frozen=True, slots=True)
class Breaker:
    """The two limits that change the trading state by themselves, as shares."""

    max_drawdown: Decimal = Decimal("0.05")
    max_day_loss: Decimal = Decimal("0.10")

    def __post_init__(self) -> None:
        for name, share in (("max_drawdown", self.max_drawdown), ("max_day_loss", self.max_day_loss)):
            if not 0 < share < 1:
                raise ValueError(f"{name} {share} is not a share between 0 and 1")

    def demand(self, account: Account) -> tuple[TradingState, str] | None:
        """The stricter state that the account's losses demand and why, or None; nothing while prices are not known."""
        if account.old_marks:
            return None
        for state, loss, limit, what in (
            (TradingState.HALTED, account.day_loss, self.max_day_loss, "loss since the day's opening"),
            (TradingState.REDUCING, account.drawdown, self.max_drawdown, "drawdown from the day's high"),
        ):
            if loss >= limit and SEVERITY[state] > SEVERITY[account.state]:
                return state, f"{what} {loss:.2%} reached the limit {limit:.2%}"
        return None

    def rebased(self, account: Account, *, tripped: bool) -> tuple[Decimal, Decimal]:
        """The day's opening equity and high after a reset: what would trip again at once begins at today's equity.

        `tripped` says that the breaker, not a person, made the account's state as strict as it is.
        """
        opening = account.day_loss >= self.max_day_loss or (tripped and account.state is TradingState.HALTED)
        high = opening or tripped or account.drawdown >= self.max_drawdown
        return account.equity if opening else account.day_open, account.equity if high else account.day_high
