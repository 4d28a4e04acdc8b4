"""Decide one signal under the account's lock: size it, ask every rule, and approve an order or refuse."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import structlog

from app.domain.market import Instrument, instant
from app.domain.orders import Order, OrderState, OrderType
from app.domain.portfolio import Trade, is_dust
from app.domain.risk import ZERO, Account, Breaker
from app.domain.sizing import Sizing
from app.domain.trading import Intent, Signal, client_order_id
from app.risk import Rule
from app.steps.events import marks, money, order_event
from app.steps.ports import Announce, Check, Decision, Instruments, Ledger, Prices
from app.steps.terms import Terms

log = structlog.get_logger()


def approve_signal(
    signal_key: str,
    *,
    ledger: Ledger,
    instruments: Instruments,
    prices: Prices,
    rules: Sequence[Rule],
    breaker: Breaker,
    sizing: Sizing,
    order_type: OrderType,
    slippage: Decimal,
    exit_slippage: Decimal,
    time_to_live: timedelta,
    announce: Announce,
    at: datetime,
) -> str | None:
    """The client order id of the approved order, the same however often it is asked for; None if refused."""
    with ledger.deciding(signal_key, marks(prices, ledger.held()), at) as decision:
        if decision.order is not None:
            return decision.order.client_order_id
        if decision.refused:
            return None
        tripped = breaker.demand(decision.account)
        if tripped is not None:
            decision.trip(*tripped)
        terms = Terms(order_type, slippage, time_to_live, exit_slippage).after(decision.past_exits)
        order = _decide(decision, instruments, prices, rules, sizing, terms, at)
    if tripped is not None:
        log.error("trading state tightened", state=tripped[0], reason=tripped[1])
        announce("system_health", "risk", {"trading_state": tripped[0], "reason": tripped[1]}, at)
    if order is None:
        return None
    announce("risk_approved_trades", "risk", order_event(order), at)
    return order.client_order_id


def _decide(
    decision: Decision,
    instruments: Instruments,
    prices: Prices,
    rules: Sequence[Rule],
    sizing: Sizing,
    terms: Terms,
    at: datetime,
) -> Order | None:
    leaving = decision.trade if decision.signal.is_exit else None
    hindrance = _hindrance(decision, leaving)
    if hindrance is not None:
        _refuse(decision, [hindrance])
        return None
    instrument = instruments.get(decision.signal.symbol)
    last, age_s = _last(prices, decision.signal, at)
    price = terms.price_for(decision.signal.side, last, instrument)
    amount = (
        sizing.amount(decision.account, price, instrument) if leaving is None else _rest(leaving, price, instrument)
    )
    intent = Intent(decision.signal, instrument, price, amount, at, age_s)
    asked = [rule for rule in rules if rule.guards_exits or not intent.signal.is_exit]
    checks = [_check(rule, intent, decision.account) for rule in asked]
    checks += _own_objections(intent, leaving, terms)
    if any(check.objection for check in checks):
        _refuse(decision, checks, expired=at >= terms.expires_at(intent.signal, at))
        if leaving is not None and intent.amount <= 0:
            decision.close_as_dust()
        return None
    decision.record(checks)
    order = _order(intent, decision.open_trade(intent.signal.strategy) if leaving is None else leaving.id, terms)
    decision.approve(order)
    return order


def _hindrance(decision: Decision, leaving: Trade | None) -> Check | None:
    """What leaves nothing to ask the rules about."""
    if not decision.signal.is_exit:
        return None
    if leaving is None:
        return Check("open_trade", "there is no open trade to leave", {})
    if decision.exit_is_live:
        return Check("live_exit", "an exit of this trade is already under way", {"trade": str(leaving.id)})
    return None


def _refuse(decision: Decision, checks: Sequence[Check], *, expired: bool = False) -> None:
    reasons = [f"{check.rule}: {check.objection}" for check in checks if check.objection]
    decision.record(checks)
    decision.refuse("; ".join(reasons), expired=expired)


def _last(prices: Prices, signal: Signal, at: datetime) -> tuple[Decimal, float | None]:
    """The last price and how many seconds old it is; the signal's own where none is known."""
    heard = prices.last([signal.symbol]).get(signal.symbol)
    if heard is None:
        return money(signal.price), None
    return money(heard[0]), (at - instant(heard[1])).total_seconds()


def _rest(trade: Trade, price: Decimal, instrument: Instrument) -> Decimal:
    """What can be sold of a trade, zero if that is dust; a fee taken in base currency is not in it any more."""
    if is_dust(trade.left, price, instrument):
        return ZERO
    most = trade.left if instrument.max_notional is None else instrument.max_notional / price
    return instrument.floor_amount(min(trade.left, most))


def _check(rule: Rule, intent: Intent, account: Account) -> Check:
    name = type(rule).__module__.rpartition(".")[2]
    return Check(name, rule.objection(intent, account), rule.numbers(intent, account))


def _own_objections(intent: Intent, leaving: Trade | None, terms: Terms) -> Iterator[Check]:
    """What holds whichever rules are on: an order needs an amount, and an entry a fresh bar."""
    if intent.amount <= 0 and leaving is not None:
        left = {"left": f"{leaving.left:f}", "price": f"{intent.price:f}"}
        yield Check("dust", "what is left is less than the venue lets anyone sell", left)
    elif intent.amount <= 0:
        yield Check("amount", "limits, balance, step and minimums leave nothing to buy", {})
    if intent.at >= terms.expires_at(intent.signal, intent.at):
        yield Check("time_to_live", f"its bar closed {intent.age_s:.1f} s ago", {"limit": str(terms.time_to_live)})


def _order(intent: Intent, trade_id: int, terms: Terms) -> Order:
    signal = intent.signal
    return Order(
        client_order_id=client_order_id(signal),
        trade_id=trade_id,
        signal_key=signal.key,
        symbol=intent.symbol,
        side=signal.side,
        leg=signal.leg,
        type=terms.type_for(intent.instrument),
        amount=intent.amount,
        price=intent.price,
        state=OrderState.APPROVED,
        created_at=intent.at,
        expires_at=terms.expires_at(signal, intent.at),
        reserved=ZERO if signal.is_exit else intent.notional,
        correlation_id=signal.correlation_id,
    )
