"""cdb explain: the whole story of an order."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

from app import wiring
from app.domain.market import Bar
from app.domain.orders import Order
from app.domain.trading import Signal
from app.store import Story
from app.store.stories import ArchivedTick, Event, RuleChecked, WindowSeen

Name = Annotated[
    str,
    typer.Argument(
        metavar="ORDER", help="Its client order id, the first six or more characters of it, or the venue's id."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]
TOLD_ELSEWHERE = ("client_order_id", "signal_key", "trade_id", "correlation_id", "symbol")


def explain(order: Name, as_json: Json = False) -> None:
    """Tell an order's story: ticks, signal, risk checks, attempts and answers, executions, profit; 1 if unknown."""
    story = wiring.stories().of(order)
    if as_json:
        typer.echo(msgspec.json.encode(story))
        return
    console = Console(highlight=False, markup=False, soft_wrap=True)
    for title, lines in _chapters(story):
        console.print(title, style="bold")
        for line in lines:
            console.print(f"  {line}")


def _chapters(story: Story) -> Iterator[tuple[str, Iterable[str]]]:
    order = story.order
    yield f"Order {order.client_order_id}: {order.side} {order.symbol}, {order.leg}, {order.state}", _order(story)
    yield "Signal", _signal(story)
    yield "Market", list(_market(story)) or ["nothing was kept"]
    yield "Risk checks", [_check(check) for check in story.checks] or ["none was kept"]
    yield "What happened", [_event(event, order) for event in story.events] or ["nothing was kept"]
    yield "Executions", list(_executions(story)) or ["none"]
    yield f"Trade {story.trade.id}", _trade(story)


def _order(story: Story) -> Iterator[str]:
    order = story.order
    yield f"{order.amount:f} at {order.price:f}, {order.type}; reserves {order.reserved:f} while it lives"
    yield f"filled {order.filled:f} after {_attempts(order)}; the venue's id is {order.exchange_order_id or '-'}"
    yield f"approved {_at(order.created_at)}, taken by the venue {_at(story.submitted_at)}"
    yield f"reason {order.reason or '-'}; correlation id {story.correlation_id or '-'}"


def _attempts(order: Order) -> str:
    return "1 attempt" if order.attempts == 1 else f"{order.attempts} attempts"


def _signal(story: Story) -> Iterator[str]:
    signal, ruling = story.signal, story.ruling
    if signal is None or ruling is None:
        yield f"{story.order.signal_key} is not stored"
        return
    yield f"{signal.strategy} {signal.version}: {signal.side} at {signal.price}, strength {signal.strength:.3f}"
    yield f"because {signal.reason}"
    yield f"its bar's row: {_pairs(signal.indicators) or 'no indicators'}"
    yield f"the row before: {_pairs(signal.indicators_before) or 'not kept'}"
    yield f"{_basis(story)}; found {_at(signal.found_at)}"
    because = f": {ruling.reason}" if ruling.reason else ""
    yield f"{ruling.status} {_at(ruling.at)}{because}; key {signal.key}"


def _basis(story: Story) -> str:
    """What the signal looked at."""
    assert story.signal is not None
    if not story.signal.interval:
        return f"a level that was hit {_at(story.signal.bar_end)}"
    window = "whole" if story.signal.window_whole else "with a gap"
    bar = f"the {story.signal.interval} bar to {_at(story.signal.bar_end)}"
    return f"{bar}, fingerprint {story.signal.bar_fingerprint or '-'}, its window {window}"


def _market(story: Story) -> Iterator[str]:
    if story.window is not None:
        yield from _window(story.window, story.signal)
    ticks = story.ticks
    if ticks is not None:
        yield f"{ticks.count} ticks archived from {_at(ticks.since)} to {_at(ticks.until)}"
        first = (ticks.first,) if ticks.first and ticks.first not in ticks.last else ()
        yield from (f"  {_tick(tick)}" for tick in (*first, *ticks.last))


def _window(window: WindowSeen, signal: Signal | None) -> Iterator[str]:
    """What was decided on, and whether it is what is stored."""
    if window.since is None:
        yield f"the window was not kept; {window.stored} bars are stored up to the signal's"
    else:
        bounds = f"from the one to {_at(window.since)} to the one to {_at(window.until)}"
        yield f"a window of {window.count} bars, {bounds}; {window.stored} of them are stored"
    kept = signal.bar_fingerprint if signal and signal.bar_fingerprint else "-"
    yield f"its last bar has the fingerprint {kept} in the signal, {_stored(window)}"
    first = (window.first,) if window.first and window.first not in window.last else ()
    yield from (f"  {_bar(bar)}" for bar in (*first, *window.last))


def _stored(window: WindowSeen) -> str:
    if window.fingerprint is None:
        return "and is not stored"
    if window.same:
        return "and the same as it is stored"
    return f"{'and' if window.same is None else 'BUT'} {window.fingerprint} as it is stored"


def _bar(bar: Bar) -> str:
    figures = f"open {bar.open} high {bar.high} low {bar.low} close {bar.close} volume {_figure(bar.volume)}"
    return f"{_at(bar.end)}  {figures}  {bar.ticks} ticks{'' if bar.whole else ', not whole'}"


def _tick(tick: ArchivedTick) -> str:
    return f"{_at(tick.at)}  {tick.side:<4}  {_figure(tick.quantity)} at {tick.price}"


def _check(check: RuleChecked) -> str:
    objection = f"  {check.reason}" if check.reason else ""
    return f"{check.result:<7}  {check.rule:<16}  {_pairs(check.numbers)}{objection}".rstrip()


def _event(event: Event, order: Order) -> str:
    """Whose it is when it is not this order's, what it says, and the task that did it."""
    other = event.data.get("client_order_id", order.client_order_id)
    whose = "" if other == order.client_order_id else f"of {other}  "
    said = _pairs({name: value for name, value in event.data.items() if name not in TOLD_ELSEWHERE})
    task = f"  [{event.task or 'task'} {event.task_id}]" if event.task_id else ""
    return f"{event.number:>6}  {_at(event.at)}  {event.kind:<18}  {whose}{said}{task}".rstrip()


def _executions(story: Story) -> Iterator[str]:
    for one in story.executions:
        fee = f"commission {one.commission:f} {one.commission_asset}"
        yield f"{_at(one.at)}  {one.amount:f} at {one.price:f}, {fee}; the venue's trade {one.venue_trade_id}"


def _trade(story: Story) -> Iterator[str]:
    trade = story.trade
    yield f"{trade.strategy}, {trade.status}; approved {_at(trade.opened_at)}, closed {_at(trade.closed_at)}"
    sold = f"sold {trade.sold_amount:f} at {_price(trade.exit_price)}"
    yield f"bought {trade.bought_amount:f} at {_price(trade.entry_price)}, {sold}, {trade.left:f} left"
    yield f"realised {story.realised:f} after fees of {trade.fees:f}"
    yield from (_sibling(other) for other in story.siblings)


def _sibling(order: Order) -> str:
    filled = f"filled {order.filled:f} of {order.amount:f}"
    return f"also {order.client_order_id}: {order.side}, {order.leg}, {order.state}, {filled} at {order.price:f}"


def _pairs(values: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={_figure(value) if isinstance(value, float) else value}" for name, value in values.items())


def _figure(value: float) -> str:
    """Without the noise of its last digits; `--json` has all of them."""
    return f"{value:.8g}"


def _price(price: Decimal | None) -> str:
    return "-" if price is None else f"{price:f}"


def _at(at: datetime | None) -> str:
    """UTC, to the millisecond."""
    return "-" if at is None else f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d}"
