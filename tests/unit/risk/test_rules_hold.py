"""What the rules together promise, whatever the account and the order: reckoned in fractions beside them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.orders import Leg, Side
from app.domain.risk import Account, TradingState
from app.domain.trading import Intent
from app.risk import Rule, names, rules
from tests.fixtures.memory.builders import BTC, NOON, a_signal, an_instrument

RULES = dict(zip(names(), rules({}), strict=True))
EXPOSURE, DRAWDOWN, LOSS = Fraction(30, 100), Fraction(5, 100), Fraction(10, 100)
ENTRY = a_signal(found_at=NOON)
PROTECTIVE = st.sampled_from([Leg.STOP_LOSS, Leg.TAKE_PROFIT, Leg.TRAILING_STOP])

money = st.decimals("0", "100000", places=8)
above_zero = st.decimals("0.00000001", "100000", places=8)
spans = st.integers(-300, 300).map(lambda seconds: timedelta(seconds=seconds))
accounts = st.builds(
    Account,
    state=st.sampled_from(TradingState),
    cash=st.decimals("-1000", "100000", places=8),
    equity=st.decimals("-1000", "100000", places=8),
    day_open=money,
    day_high=above_zero,
    exposure=money,
    reserved=money,
    busy=st.frozensets(st.sampled_from([BTC, "ETH/USDT"])),
    left_at=st.dictionaries(st.just(BTC), spans.map(lambda span: NOON - span)),
    reconciled_at=st.none() | spans.map(lambda span: NOON - span),
)
intents = st.builds(
    Intent,
    signal=st.builds(lambda late, whole: replace(ENTRY, bar_end=NOON - late, window_whole=whole), spans, st.booleans()),
    instrument=st.builds(lambda tradable: an_instrument(tradable=tradable), st.booleans()),
    price=above_zero,
    amount=money,
    at=st.just(NOON),
    market_age_s=st.none() | st.floats(0, 100),
)


def passes(intent: Intent, account: Account) -> bool:
    return all(rule.objection(intent, account) is None for rule in RULES.values())


def fallen(height: Decimal, equity: Decimal) -> Fraction:
    """How far equity is below a height, as a share of it."""
    return 1 - Fraction(equity) / Fraction(height) if height > 0 else Fraction(0)


def within_the_limits(intent: Intent, account: Account) -> bool:
    """What the page of the rules says in words."""
    notional = Fraction(intent.price) * Fraction(intent.amount)
    left_at = account.left_at.get(BTC)
    return (
        account.state is TradingState.ACTIVE
        and account.equity > 0
        and Fraction(account.exposure) + Fraction(account.reserved) + notional <= EXPOSURE * Fraction(account.equity)
        and fallen(account.day_high, account.equity) < DRAWDOWN
        and fallen(account.day_open, account.equity) < LOSS
        and 10 <= notional <= 1000
        and BTC not in account.busy
        and (left_at is None or NOON - left_at >= timedelta(seconds=60))
        and account.reconciled_at is not None
        and NOON - account.reconciled_at <= timedelta(seconds=120)
        and intent.instrument.tradable
        and intent.market_age_s is not None
        and intent.market_age_s <= 30
        and NOON - intent.signal.bar_end <= timedelta(seconds=10)
        and intent.signal.window_whole
    )


def mostly(*good: Any, bad: Sequence[Any]) -> st.SearchStrategy[Any]:
    """One of the good ones, or in one case of eight a bad one: so often it is the only one."""
    return st.sampled_from([*(good * 7 * len(bad)), *(list(bad) * len(good))])


def shares(good: str, bad: str) -> st.SearchStrategy[Decimal]:
    return mostly(*map(Decimal, good.split()), bad=[Decimal(one) for one in bad.split()])


def ago(good: Sequence[float], bad: Sequence[float]) -> st.SearchStrategy[datetime]:
    return mostly(*good, bad=bad).map(lambda seconds: NOON - timedelta(seconds=seconds))


near_accounts = st.builds(
    lambda equity, fall, loss, held, reserved, **more: Account(
        cash=equity,
        equity=equity,
        day_high=equity / (1 - fall),
        day_open=equity / (1 - loss),
        exposure=equity * held,
        reserved=equity * reserved,
        **more,
    ),
    equity=st.sampled_from([Decimal(100), Decimal("4321.09"), Decimal(99_999)]),
    fall=shares("-0.2 0 0.0499999", "0.0500001 0.09 0.5"),
    loss=shares("-0.2 0 0.0999999", "0.1000001 0.5"),
    held=shares("0 0.1", "0.3000001 0.9"),
    reserved=shares("0 0.1", "0.3000001 0.9"),
    state=mostly(TradingState.ACTIVE, bad=[TradingState.REDUCING, TradingState.HALTED]),
    busy=mostly(frozenset(), frozenset({"ETH/USDT"}), bad=[frozenset({BTC})]),
    left_at=st.one_of(st.just({}), st.just({"ETH/USDT": NOON}), ago((60, 9999), (0, 59.9)).map(lambda at: {BTC: at})),
    reconciled_at=st.one_of(ago((0, 120), (120.1, 9999)), mostly(NOON, bad=[None])),
)
near_intents = st.builds(
    lambda price, notional, age_s, tradable, bar_end, whole: Intent(
        replace(ENTRY, bar_end=bar_end, window_whole=whole),
        an_instrument(tradable=tradable),
        price,
        notional / price,
        NOON,
        age_s,
    ),
    price=st.sampled_from([Decimal("0.001"), Decimal(1), Decimal(100)]),
    notional=shares("10 15 20", "0 9.99 1000.01"),
    age_s=mostly(0.0, 30.0, bad=[30.1, None]),
    tradable=mostly(True, bad=[False]),
    bar_end=ago((0, 10), (10.1, 9999)),
    whole=mostly(True, bad=[False]),
)
near = st.tuples(near_intents, near_accounts)


@settings(max_examples=1500, derandomize=True, database=None)
@given(near | st.tuples(intents, accounts))
def test_an_entry_passes_all_rules_when_and_only_when_it_is_within_all_limits(asked: tuple[Intent, Account]) -> None:
    intent, account = asked
    assert passes(intent, account) == within_the_limits(intent, account)


@settings(max_examples=400, derandomize=True, database=None)
@given(near, money)
def test_what_is_refused_is_refused_with_less_to_lose_too(asked: tuple[Intent, Account], less: Decimal) -> None:
    intent, account = asked
    worse = (
        replace(account, exposure=account.exposure + less),
        replace(account, reserved=account.reserved + less),
        replace(account, equity=account.equity - less),
        replace(account, day_high=account.day_high + less),
        replace(account, day_open=account.day_open + less),
    )

    assert passes(intent, account) or not any(passes(intent, one) for one in worse)


@given(intents, accounts, PROTECTIVE, above_zero)
def test_a_protective_exit_is_refused_by_no_rule(intent: Intent, account: Account, leg: Leg, amount: Decimal) -> None:
    out = replace(intent, signal=replace(intent.signal, side=Side.SELL, leg=leg, trade_id=1), amount=amount)
    asked: list[Rule] = [rule for rule in RULES.values() if rule.guards_exits]

    assert [rule.objection(out, account) for rule in asked] == [None] * len(asked)
