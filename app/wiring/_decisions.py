"""What decisions are made with."""

from functools import cache

from app import decisions, risk
from app import strategies as strategy_files
from app.domain.protection import Protection
from app.domain.risk import Breaker
from app.domain.sizing import Sizing
from app.wiring._settings import settings

WINDOW_SLACK = 60  # bars that a window keeps beyond what strategies need, for those that come late to it


@cache
def strategies() -> tuple[strategy_files.Strategy, ...]:
    """The strategies, with their parameters; WrongParameter names the cure."""
    return tuple(strategy_files.strategies(settings().strategies, settings().strategy))


@cache
def window_size() -> int:
    """How many bars the longest window has, and some more."""
    return max(strategy.window for strategy in strategies()) + WINDOW_SLACK


@cache
def rules() -> tuple[risk.Rule, ...]:
    """The risk rules, with their parameters; WrongParameter names the cure."""
    return tuple(decisions.rules(settings()))


@cache
def breaker() -> Breaker:
    """The limits that change the trading state."""
    return Breaker(settings().max_daily_drawdown, settings().max_day_loss)


@cache
def sizing() -> Sizing:
    """How large entries are."""
    return decisions.sizing(settings())


@cache
def protection() -> Protection:
    """How trades are protected."""
    return decisions.protection(settings())
