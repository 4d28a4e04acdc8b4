"""The account as a rule sees it, and the state that its losses demand."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.risk import SEVERITY, Account, Breaker, TradingState

EVEN = Decimal(1000)
FLAT = Account(TradingState.ACTIVE, cash=EVEN, equity=EVEN, day_open=EVEN, day_high=EVEN)
money = st.decimals("-1000", "5000", places=2)
accounts = st.builds(
    lambda state, equity, day_open, day_high: Account(state, Decimal(1000), equity, day_open, day_high),
    st.sampled_from(TradingState),
    money,
    money,
    money,
)


def test_losses_are_shares_of_the_days_high_and_opening() -> None:
    account = replace(FLAT, equity=Decimal(950), day_high=Decimal(1000), day_open=Decimal(1900))

    assert account.drawdown == Decimal("0.05")
    assert account.day_loss == Decimal("0.5")


def test_a_gain_is_no_loss_and_nothing_cannot_be_lost() -> None:
    assert replace(FLAT, equity=Decimal(2000)).drawdown == 0
    assert replace(FLAT, day_high=Decimal(0), equity=Decimal(-5)).drawdown == 0


def test_exposure_counts_positions_and_reservations() -> None:
    account = replace(FLAT, exposure=Decimal(200), reserved=Decimal(100))

    assert account.exposure_share == Decimal("0.3")
    assert account.free == Decimal(900)


def test_without_equity_all_is_exposed() -> None:
    assert replace(FLAT, equity=Decimal(0)).exposure_share == 1


def test_a_calm_day_demands_nothing() -> None:
    assert Breaker().demand(FLAT) is None


def test_a_drawdown_demands_reducing() -> None:
    demanded = Breaker().demand(replace(FLAT, equity=Decimal(950)))

    assert demanded == (TradingState.REDUCING, "drawdown from the day's high 5.00% reached the limit 5.00%")


def test_a_lost_day_demands_a_halt() -> None:
    demanded = Breaker().demand(replace(FLAT, equity=Decimal(900)))

    assert demanded == (TradingState.HALTED, "loss since the day's opening 10.00% reached the limit 10.00%")


def test_of_losses_at_old_prices_nothing_is_demanded() -> None:
    lost = replace(FLAT, equity=Decimal(500), old_marks={"BTC/USDT": timedelta(minutes=6)})

    assert Breaker().demand(lost) is None
    assert Breaker().demand(replace(lost, old_marks={})) is not None


@given(accounts)
def test_the_breaker_only_ever_tightens(account: Account) -> None:
    demanded = Breaker().demand(account)

    if demanded is not None:
        assert SEVERITY[demanded[0]] > SEVERITY[account.state]


@pytest.mark.parametrize("share", ["0", "1", "-0.1", "5"])
@pytest.mark.parametrize("name", ["max_drawdown", "max_day_loss"])
def test_a_limit_that_is_no_share_is_refused(name: str, share: str) -> None:
    with pytest.raises(ValueError, match=f"{name} {share} is not a share"):
        Breaker(**{name: Decimal(share)})


@pytest.mark.parametrize(
    ("state", "equity", "tripped", "marks"),
    [
        ("HALTED", 900, True, (900, 900)),
        ("HALTED", 960, True, (960, 960)),  # it has recovered a little since, but might fall again at once
        ("REDUCING", 940, True, (1000, 940)),
        ("HALTED", 980, False, (1000, 1000)),
        ("HALTED", 940, False, (1000, 940)),
        ("HALTED", 900, False, (900, 900)),
    ],
)
def test_a_reset_re_bases_what_would_trip_again_at_once(
    state: str, equity: int, tripped: bool, marks: tuple[int, int]
) -> None:
    account = replace(FLAT, state=TradingState(state), equity=Decimal(equity))

    assert Breaker().rebased(account, tripped=tripped) == tuple(map(Decimal, marks))
