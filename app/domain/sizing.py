"""How much to buy: a share of equity, as far as limits, balance, step and minimums allow."""

from dataclasses import dataclass
from decimal import Decimal

from app.domain.market import Instrument
from app.domain.risk import ZERO, Account


@dataclass(frozen=True, slots=True)
class Sizing:
    """How large an entry is: a share of equity, within quote-currency bounds and the exposure limit."""

    share: Decimal = Decimal("0.05")
    min_notional: Decimal = Decimal(10)
    max_notional: Decimal = Decimal(1000)
    max_exposure: Decimal = Decimal("0.30")

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1 or not 0 < self.max_exposure <= 1:
            raise ValueError(f"shares must be within (0, 1], got {self.share} and {self.max_exposure}")
        if not 0 < self.min_notional <= self.max_notional:
            raise ValueError(f"0 < min <= max does not hold for {self.min_notional} and {self.max_notional}")

    def amount(self, account: Account, price: Decimal, instrument: Instrument) -> Decimal:
        """The amount to buy, floored to the step; zero where limits, balance or minimums leave no room."""
        room = account.equity * self.max_exposure - account.exposure - account.reserved
        wish = min(account.equity * self.share, self.max_notional)
        affordable = account.free / (1 + instrument.taker_fee)
        most = min(wish, room, affordable, instrument.max_notional or wish)
        if most <= 0:
            return ZERO
        amount = most // (price * instrument.amount_step) * instrument.amount_step  # exact: `/` could round up
        too_little = amount * price < max(self.min_notional, instrument.min_notional)
        return ZERO if too_little or amount < instrument.min_amount else amount
