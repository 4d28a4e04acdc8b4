"""Mistakes that crash points must find, each with its scene; most are in steps that no order waits for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from app.bus.frames import Frame
from app.domain.errors import Unavailable
from app.domain.market import EPOCH, BarClose
from app.domain.orders import AT_VENUE, TERMINAL, Leg, Order, Report, Side
from app.domain.risk import Account
from app.domain.trading import Intent
from app.risk import trading_state
from app.steps.archive_ticks import archive_ticks
from app.steps.drain import drain
from app.steps.flatten import flatten
from app.steps.mark_equity import mark_equity
from app.steps.open_account import open_account
from app.steps.reconcile import reconcile
from app.steps.sweep_closes import sweep_closes
from app.steps.warm_windows import warm_windows
from app.steps.withdraw_entries import withdraw_entries
from tests.chaos.planted import (
    Instead,
    decides_otherwise,
    forgets_prices,
    forgets_read_lag,
    forgets_that_clocks_differ,
    leaves_once,
    proves_by_its_own_clock,
    takes_a_known_name_for_a_refusal,
    trusts_not_found,
)

STATE = trading_state.Rule()


def books_what_is_strange(
    *,
    books: Any,
    venue: Any,
    orders: Any,
    instruments: Any,
    protection: Any,
    now: Callable[[], datetime],
    **ports: Any,
) -> Any:
    """A reconciliation for which every fill in a symbol that we trade is ours."""
    for symbol in books.read(now()).traded:
        fills = venue.fills(symbol, EPOCH).fills
        ours = [orders.get(one.client_order_id) for one in books.matching((), fills).orders]
        for one in fills:
            for order in ours:
                if not one.client_order_id and order.state in TERMINAL:
                    report = Report(order.exchange_order_id, order.state, order.filled, (one.fill,))
                    instrument = instruments.get(symbol)
                    orders.settle(order, report, instrument=instrument, protection=protection, at=now())
    more = {"orders": orders, "instruments": instruments, "protection": protection}
    return reconcile(books=books, venue=venue, now=now, **more, **ports)


def agrees_first(*, books: Any, now: Callable[[], datetime], **ports: Any) -> Any:
    """A reconciliation that says when it was, and then compares."""
    books.keep(books.read(now()).differences, now())
    return reconcile(books=books, now=now, **ports)


def keeps_before_it_tells(*, audits: Any, **ports: Any) -> Any:
    """A reconciliation whose findings count as told before they are."""
    later: list[tuple[Any, ...]] = []
    found = reconcile(audits=Instead(audits, write=lambda *told: later.append(told)), **ports)
    for told in later:
        audits.write(*told)
    return found


def sells_by_itself(
    *, trades: Any, trading: Any, books: Any, orders: Any, venue: Any, at: datetime, **_: Any
) -> list[str]:
    """A flatten that is too urgent for the books, so that whoever repeats it sells again."""
    fills = [one for symbol in books.read(at).traded for one in venue.fills(symbol, EPOCH).fills]
    every = [orders.get(known.client_order_id) for known in books.matching((), fills).orders]
    entries = {order.trade_id: order for order in every if order.leg is Leg.ENTRY}
    for level in trades.levels():
        name, entry = f"now-{level.trade_id}-{at:%S}", entries[level.trade_id]
        order = replace(entry, client_order_id=name, side=Side.SELL, leg=Leg.OPERATOR_EXIT, amount=entry.filled)
        trading.submit(order, signed_at=at)
    return []


def halts_afterwards(*, ledger: Any, breaker: Any, now: Any, **ports: Any) -> Any:
    """A mark that keeps the loss in one transaction and halts in the next."""
    apart = Instead(ledger, mark=lambda marks, at, breaker: ledger.mark(marks, at))
    account = mark_equity(ledger=apart, breaker=breaker, now=now, **ports)
    demand = breaker.demand(account)
    if demand is not None:
        ledger.set_state(*demand, "breaker", now())
    return account


def forgets_the_newest(*, bars: Any, **ports: Any) -> int:
    """A sweep of closes that always leaves the last one for the next time."""

    def closes(*args: Any) -> list[BarClose]:
        return list(bars.closes(*args))[:-1]

    return sweep_closes(bars=Instead(bars, closes=closes), **ports)


def calls_handed_on_searched(*, searched: Any, **ports: Any) -> int:
    """A sweep of closes that trusts its own message."""

    def quiet(closes: Sequence[BarClose], at: datetime, until: datetime) -> None:
        searched.quiet(closes, at, until + timedelta(hours=1))

    return sweep_closes(searched=Instead(searched, quiet=quiet), **ports)


def overlooks_what_rests(*, ledger: Any, orders: Any, **ports: Any) -> int:
    """A withdrawal that thinks of orders only as long as they are ours alone."""

    def live_entries() -> list[Order]:
        return [order for order in orders.live_entries() if order.state not in AT_VENUE]

    return withdraw_entries(ledger=ledger, orders=Instead(orders, live_entries=live_entries), **ports)


def takes_silence_for_nothing(*, ledger: Any, trading: Any, currency: str, at: datetime) -> bool:
    """An opening for which a venue that does not answer has no money."""

    def balance(currency: str) -> Decimal:
        try:
            return Decimal(trading.balance(currency))
        except Unavailable:
            return Decimal(0)

    return open_account(ledger=ledger, trading=Instead(trading, balance=balance), currency=currency, at=at)


def takes_reading_for_work(shard: int, *, mailboxes: Any, **ports: Any) -> int:
    """A drain that has worked through a frame as soon as it has read it."""

    def lease(shard: int) -> Any:
        held = mailboxes.lease(shard)
        if held is None:
            return None

        def read(wait_ms: int) -> list[Frame]:
            frames: list[Frame] = held.read(wait_ms)
            held.commit(frames, {}, {}, {}, {})
            return frames

        return Instead(held, read=read, commit=lambda frames, *rest: held.commit([], *rest))

    return drain(shard, mailboxes=Instead(mailboxes, lease=lease), **ports)


def never_wakes(**_: Any) -> int:
    """A wake that trusts that each drain's message arrives."""
    return 0


def keeps_before_it_stores(shard: int, *, mailboxes: Any, **ports: Any) -> int:
    """An archiver that says it has ticks before the database has them."""

    def archive(shard: int) -> Any:
        place = mailboxes.archive(shard)

        def read(frames: int) -> list[Frame]:
            taken: list[Frame] = place.read(frames)
            return taken if place.keep(taken, 0) else []

        return Instead(place, read=read, keep=lambda frames, stored: True)

    return archive_ticks(shard, mailboxes=Instead(mailboxes, archive=archive), **ports)


def believes_an_empty_list(*, market: Any, instruments: Any, at: datetime) -> int:
    """A refresh that replaces the rules by none, if the venue says so."""
    found, records = market.instruments()
    instruments.save(found, records, at)
    return len(found)


def overlooks_gaps(*, bars: Any, **ports: Any) -> int:
    """A warm-up that asks for the past once, and for no hole in it."""
    return warm_windows(bars=Instead(bars, gaps=lambda *_, **__: []), **ports)


def trusts_ticks(**_: Any) -> int:
    """A sweep of exits that trusts that the next tick asks again."""
    return 0


def lets_a_halt_stop_exits(ports: dict[str, Any]) -> dict[str, Any]:
    """A halt that also stops what was to be left before it."""

    @dataclass(frozen=True)
    class Strict:
        """Asked as the rule is, about an exit that begins."""

        guards_exits: ClassVar[bool] = True

        def objection(self, intent: Intent, account: Account) -> str | None:
            return STATE.objection(replace(intent, goes_on=False), account)

        def numbers(self, intent: Intent, account: Account) -> dict[str, str]:
            return {}

    return {"rules": [Strict() if isinstance(rule, trading_state.Rule) else rule for rule in ports["rules"]]}


def hears_of_what_is_held_only(ports: dict[str, Any]) -> dict[str, Any]:
    """An approval that forgets a wish to leave what is still being bought."""

    def spoil(decision: Any) -> None:
        leave = decision.leave
        decision.leave = lambda: leave() if decision.trade else None

    return decides_otherwise(ports, spoil)


def enters_on_old_wishes(ports: dict[str, Any]) -> dict[str, Any]:
    """An approval that enters though the strategy has wished to leave since."""

    def spoil(decision: Any) -> None:
        decision.out_since = None

    return decides_otherwise(ports, spoil)


def flattens_what_is_held_only(*, trades: Any, **ports: Any) -> list[str]:
    """A flatten that forgets what is still being bought."""
    return flatten(trades=Instead(trades, entering=list), **ports)


def forgets_peaks(shard: int, *, mailboxes: Any, **ports: Any) -> int:
    """A drain that commits its work without the highs that it has seen."""

    def lease(shard: int) -> Any:
        held = mailboxes.lease(shard)
        return held and Instead(held, commit=lambda *work: held.commit(*work[:-1], {}))

    return drain(shard, mailboxes=Instead(mailboxes, lease=lease), **ports)


CHANCE = ""  # no scene: what finds it is drawn
TWO_DEATHS = {"a sweep of closes that calls searched what it hands on": ("find_signals", "find_signals")}
PLANTED: dict[str, tuple[str, dict[str, Any]]] = {
    "a settle that trusts not-found at once": ("slow", {"settle_order": trusts_not_found}),
    "a settle that forgets the read lag": ("slow", {"settle_order": forgets_read_lag}),
    "a settle that forgets that clocks differ": ("skewed", {"settle_order": forgets_that_clocks_differ}),
    "a settle that proves an absence by its own clock": ("beyond", {"settle_order": proves_by_its_own_clock}),
    "a place that takes a known name for a refusal": ("restored", {"place_order": takes_a_known_name_for_a_refusal}),
    "a ledger that halts for prices that are lost": ("flushed", {"ports": forgets_prices}),
    "a ledger that marks a high of prices that are lost": ("sunk", {"ports": forgets_prices}),
    "a reconciliation that books a strange fill": ("strangers", {"reconcile": books_what_is_strange}),
    "a reconciliation that agrees before it compares": ("strangers", {"reconcile": agrees_first}),
    "a reconciliation that keeps before it tells": ("strangers", {"reconcile": keeps_before_it_tells}),
    "a flatten that sells by itself": ("flattened", {"flatten": sells_by_itself}),
    "a mark that halts in another transaction": ("crash", {"mark_equity": halts_afterwards}),
    "a sweep of closes that forgets the newest": ("left", {"sweep_closes": forgets_the_newest}),
    "a sweep of closes that calls searched what it hands on": ("entry", {"sweep_closes": calls_handed_on_searched}),
    "a withdrawal that overlooks what rests": ("flattened", {"withdraw_entries": overlooks_what_rests}),
    "an opening that takes silence for nothing": (CHANCE, {"open_account": takes_silence_for_nothing}),
    "a drain that takes reading for work": ("round-trip", {"drain": takes_reading_for_work}),
    "a wake that trusts messages": ("entry", {"wake": never_wakes}),
    "an archiver that keeps before it stores": ("gap", {"archive_ticks": keeps_before_it_stores}),
    "a refresh that believes an empty list": (CHANCE, {"refresh_instruments": believes_an_empty_list}),
    "a warm-up that overlooks gaps": ("gap", {"warm_windows": overlooks_gaps}),
    "a sweep of exits that trusts ticks": ("unsold", {"sweep_exits": trusts_ticks}),
    "an operator's exit that is asked for once": ("in-vain", {"sweep_exits": trusts_ticks}),
    "a strategy's exit that is asked for once": ("unsold", {"ports": leaves_once}),
    "a halt that stops what is being left": ("unsold", {"ports": lets_a_halt_stop_exits}),
    "a wish that comes too soon": ("too-soon", {"ports": hears_of_what_is_held_only}),
    "an entry on an old wish": ("left", {"ports": enters_on_old_wishes}),
    "a flatten that forgets what is being bought": ("in-vain", {"flatten": flattens_what_is_held_only}),
    "a drain that forgets peaks": ("round-trip", {"drain": forgets_peaks}),
}
