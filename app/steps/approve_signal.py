"""Decide one signal under the account's lock: size it, ask every rule, and approve an order or refuse."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

import structlog

from app.domain.errors import VenueError
from app.domain.leaving import is_heard
from app.domain.market import Instrument, instant, instant_text
from app.domain.orders import Order, OrderState, OrderType
from app.domain.portfolio import Trade, is_dust
from app.domain.reconciliation import Difference
from app.domain.risk import ZERO, Account, Breaker, TradingState
from app.domain.sizing import Sizing
from app.domain.trading import Intent, Signal, client_order_id
from app.risk import Rule
from app.steps.events import last_marks, money, order_event
from app.steps.ports import Announce, Check, Decision, Instruments, Ledger, Prices, Signals
from app.steps.terms import Terms

log = structlog.get_logger()

NO_BOUND = Decimal("Infinity")  # nobody asked what is free, or there was no answer


def approve_signal(
    signal_key: str,
    *,
    signals: Signals,
    ledger: Ledger,
    free: Callable[[str], Decimal],
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
    now: Callable[[], datetime],
) -> str | None:
    """The client order id of the approved order, the same however often it is asked for; None if refused.

    An entry that is too old is refused before the account is locked and valued: were it as dear as any other, a queue
    that has fallen behind would stay behind. After an exit that the venue has refused, the next one of that trade
    sells what is `free` there at most; after one that may have sold more than was told, it leaves alone what other
    trades of the symbol hold. A wish to leave that is heard stays with its trade until that is left, whatever
    becomes of this order.
    """
    terms = Terms(order_type, slippage, time_to_live, exit_slippage)
    if _is_too_old(signals.get(signal_key), signals, terms, now()):
        return None
    valued = last_marks(prices, ledger.held())
    at = now()  # and no earlier: who stood still since then would take what he has heard for older than it is
    desk = _Desk(instruments, prices, rules, breaker, sizing, terms, at)
    with ledger.deciding(signal_key, valued, at) as decision:
        short = _may_be_short(decision)
        verdict = _Verdict() if short else desk.decide(decision, NO_BOUND)
    if short:
        most = _free(free, decision.signal)  # without the lock: the venue may take its time
        with ledger.deciding(signal_key, valued, at) as decision:
            verdict = desk.decide(decision, most)
    verdict.tell(announce, at)
    return None if verdict.order is None else verdict.order.client_order_id


def _is_too_old(signal: Signal, signals: Signals, terms: Terms, at: datetime) -> bool:
    """Whether it is refused for its age, now or before; never an exit, nor what has become an order in time."""
    if at < terms.expires_at(signal, at):
        return False
    age_s, limit_s = (at - signal.bar_end).total_seconds(), terms.time_to_live.total_seconds()
    objection = f"the signal is {age_s:.1f} s old, and its time to live is {limit_s:g} s"
    check = Check("stale_signal", objection, {"age_s": f"{age_s:.3f}", "limit_s": f"{limit_s:g}"})
    return signals.expire(signal.key, check, at)


def _may_be_short(decision: Decision) -> bool:
    """Whether the venue may have less of the coin than the trade holds, or has it locked."""
    decided = decision.order is not None or decision.refused
    doubtful = decision.exit_was_refused or decision.of_others > 0
    return doubtful and not decided and not decision.exit_is_live


def _free(free: Callable[[str], Decimal], signal: Signal) -> Decimal:
    """What is free of the coin to sell; without an answer the exit is tried as it was before."""
    try:
        return free(signal.symbol.partition("/")[0])
    except VenueError as error:
        log.warning("no answer about what is free", symbol=signal.symbol, reason=str(error))
        return NO_BOUND


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What was decided, and what there is to tell of it."""

    order: Order | None = None
    is_new: bool = False
    tripped: tuple[TradingState, str] | None = None
    difference: Difference | None = None

    def tell(self, announce: Announce, at: datetime) -> None:
        if self.tripped is not None:
            state, reason = self.tripped
            log.error("trading state tightened", state=state, reason=reason)
            announce("system_health", "risk", {"trading_state": state, "reason": reason}, at)
        if self.difference is not None:
            log.warning("the venue's books differ from ours", **asdict(self.difference))
            announce("system_health", "risk", asdict(self.difference), at)
        if self.order is not None and self.is_new:
            announce("risk_approved_trades", "risk", order_event(self.order), at)


@dataclass(frozen=True, slots=True)
class _Desk:
    instruments: Instruments
    prices: Prices
    rules: Sequence[Rule]
    breaker: Breaker
    sizing: Sizing
    terms: Terms
    at: datetime

    def decide(self, decision: Decision, free: Decimal) -> _Verdict:
        """Approve or refuse; an exit sells at most what is `free`, in base currency, and not of other trades."""
        if decision.order is not None or decision.refused:
            return _Verdict(decision.order)
        tripped = self.breaker.demand(decision.account)
        if tripped is not None:
            decision.trip(*tripped)
        most = max(ZERO, free - decision.of_others)
        return replace(self._decide(decision, most, self.terms.after(decision.past_exits)), tripped=tripped)

    def _decide(self, decision: Decision, free: Decimal, terms: Terms) -> _Verdict:
        leaving = decision.trade if decision.signal.is_exit else None
        if decision.signal.is_exit and is_heard(decision.signal, decision.account.state):
            decision.leave()
        hindrance = _hindrance(decision, leaving)
        if hindrance is not None:
            _refuse(decision, [hindrance])
            return _Verdict()
        instrument = self.instruments.get(decision.signal.symbol)
        last, age_s = _last(self.prices, decision.signal, self.at)
        price = terms.price_for(decision.signal.side, last, instrument)
        amount = (
            self.sizing.amount(decision.account, price, instrument)
            if leaving is None
            else _rest(leaving, price, instrument, free)
        )
        goes_on = leaving is not None and leaving.leaving_key is not None
        intent = Intent(decision.signal, instrument, price, amount, self.at, age_s, goes_on)
        asked = [rule for rule in self.rules if rule.guards_exits or not intent.signal.is_exit]
        checks = [_check(rule, intent, decision.account) for rule in asked]
        checks += _own_objections(intent, leaving, free)
        if any(check.objection for check in checks):
            _refuse(decision, checks)
            return _Verdict(difference=None if leaving is None else _unsold(decision, leaving, intent, free))
        trade_id = decision.open_trade(intent.signal.strategy) if leaving is None else leaving.id
        decision.record(checks)
        order = _order(intent, trade_id, terms)
        decision.approve(order)
        return _Verdict(order, is_new=True)


def _unsold(decision: Decision, leaving: Trade, intent: Intent, free: Decimal) -> Difference | None:
    """What becomes of a trade that could not be left: dust ends it; what the venue lacks is told once.

    While the venue may still tell of a sale, nothing is known to differ.
    """
    if intent.amount > 0:
        return None
    if is_dust(leaving.left, intent.price, intent.instrument):
        decision.close_as_dust()
        return None
    if decision.has_waited or decision.of_others:
        return None
    held = f"{free:f} free at the venue, {leaving.left:f} in trade {leaving.id} here"
    difference = Difference("balance", intent.instrument.base, held)
    decision.differs(difference)
    return difference


def _hindrance(decision: Decision, leaving: Trade | None) -> Check | None:
    """What leaves nothing to ask the rules about."""
    if decision.out_since is not None:
        since = instant_text(decision.out_since)
        return Check("newer_wish", f"on the newer bar of {since} its strategy wished to leave", {"since": since})
    if leaving is None:
        return decision.nothing_to_leave
    if decision.exit_is_live:
        return Check("live_exit", "an exit of this trade is already under way", {"trade": str(leaving.id)})
    return None


def _refuse(decision: Decision, checks: Sequence[Check]) -> None:
    reasons = [f"{check.rule}: {check.objection}" for check in checks if check.objection]
    decision.record(checks)
    decision.refuse("; ".join(reasons))


def _last(prices: Prices, signal: Signal, at: datetime) -> tuple[Decimal, float | None]:
    """The last price and how many seconds old it is; the signal's own where none is known."""
    heard = prices.last([signal.symbol]).get(signal.symbol)
    if heard is None:
        return money(signal.price), None
    return money(heard[0]), (at - instant(heard[1])).total_seconds()


def _rest(trade: Trade, price: Decimal, instrument: Instrument, free: Decimal) -> Decimal:
    """What can be sold of a trade, zero if that is dust; a fee taken in base currency is not in it any more."""
    there = min(trade.left, free)
    if is_dust(there, price, instrument):
        return ZERO
    most = there if instrument.max_notional is None else instrument.max_notional / price
    return instrument.floor_amount(min(there, most))


def _check(rule: Rule, intent: Intent, account: Account) -> Check:
    name = type(rule).__module__.rpartition(".")[2]
    return Check(name, rule.objection(intent, account), rule.numbers(intent, account))


def _own_objections(intent: Intent, leaving: Trade | None, free: Decimal) -> Iterator[Check]:
    """What holds whichever rules are on: an order needs an amount."""
    if intent.amount <= 0 and leaving is not None:
        left = {"left": f"{leaving.left:f}", "price": f"{intent.price:f}"}
        if is_dust(leaving.left, intent.price, intent.instrument):
            yield Check("dust", "what is left is less than the venue lets anyone sell", left)
        else:
            there = {**left, "free": f"{free:f}"}
            yield Check("free_balance", "what is free at the venue is less than it lets anyone sell", there)
    elif intent.amount <= 0:
        yield Check("amount", "limits, balance, step and minimums leave nothing to buy", {})


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
