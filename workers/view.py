"""What a person sees of a running farm: a live view in a terminal, plain lines elsewhere, a table at the end."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from app.domain.orders import Order
from app.figures import Figures
from app.store import Summary
from workers.supervisor import Kept

COLOURS = {
    "ready": "green",
    "starting": "yellow",
    "down": "red",
    "ACTIVE": "green",
    "REDUCING": "yellow",
    "HALTED": "red",
}


class Rate:
    """Ticks a second between two looks."""

    def __init__(self) -> None:
        self._before: tuple[float, int] | None = None

    def __call__(self, at_s: float, total: int) -> float:
        """`at_s` is the moment in seconds, `total` the ticks so far."""
        before, self._before = self._before, (at_s, total)
        if before is None or at_s <= before[0]:
            return 0.0
        return max(0.0, (total - before[1]) / (at_s - before[0]))


def money(value: Decimal | None, sign: str = "") -> str:
    """`10,003.21`, or a dash."""
    return "–" if value is None else f"{value:{sign},.2f}"


def line(figures: Figures, ticks_per_s: float) -> str:
    """A farm in one plain line."""
    summary, orders = figures.summary, figures.summary.orders
    return (
        f"{figures.at:%H:%M:%S} {summary.trading_state or 'opening'} | equity {money(summary.equity)} "
        f"({money(figures.profit, '+')} today) | {ticks_per_s:.0f} ticks/s | bars {figures.bars} | "
        f"signals {sum(summary.signals.values())} | orders {sum(orders.values())} ({orders.get('filled', 0)} filled) | "
        f"executions {summary.executions} | waiting {figures.waiting}"
    )


def screen(
    figures: Figures, ticks_per_s: float, kept: Sequence[Kept], orders: Iterable[Order], addresses: Mapping[str, str]
) -> RenderableType:
    """The live view."""
    return Group(
        Panel(_numbers(figures, ticks_per_s), title="Claire de Binare", box=box.ROUNDED),
        *_reason(figures.summary),
        _services(kept, figures),
        _last_orders(orders),
        Text("  ".join(f"{name}: {url}" for name, url in addresses.items()) + "  Ctrl-C stops", style="dim"),
    )


def _numbers(figures: Figures, ticks_per_s: float) -> Table:
    summary = figures.summary
    table = Table.grid(padding=(0, 3))
    state = summary.trading_state or "opening"
    table.add_row(
        Text(state, style=COLOURS.get(state, "yellow")),
        f"equity {money(summary.equity)} USDT",
        f"today {money(figures.profit, '+')}",
        f"realised {money(summary.realised, '+')}",
        f"fees {money(summary.fees)}",
    )
    table.add_row(
        f"{ticks_per_s:.0f} ticks/s",
        f"bars {figures.bars}",
        f"signals {sum(summary.signals.values())}",
        f"orders {sum(summary.orders.values())}",
        f"executions {summary.executions}",
    )
    return table


def _reason(summary: Summary) -> list[Text]:
    if summary.trading_state in (None, "ACTIVE") or not summary.state_reason:
        return []
    return [Text(f" {summary.trading_state}: {summary.state_reason}", style="yellow")]


def _services(kept: Sequence[Kept], figures: Figures) -> Table:
    table = Table(box=box.SIMPLE, header_style="dim")
    for heading in ("service", "state", "process", "restarts", "waiting"):
        table.add_column(heading)
    for one in kept:
        name = one.service.name
        depth = figures.queues.get(name)
        if name == "ticks":
            depth = sum(figures.mailboxes.values())
        state = Text(one.state, style=COLOURS[one.state])
        table.add_row(name, state, str(one.pid or "–"), str(one.restarts), "" if depth is None else str(depth))
    return table


def _last_orders(orders: Iterable[Order]) -> Table:
    table = Table(box=box.SIMPLE, header_style="dim", title="last orders", title_justify="left", title_style="dim")
    for heading in ("time", "symbol", "side", "leg", "amount", "limit", "state"):
        table.add_column(heading)
    for order in orders:
        when = f"{order.created_at:%H:%M:%S}"
        table.add_row(when, order.symbol, order.side, order.leg, f"{order.amount:f}", f"{order.price:f}", order.state)
    return table


def summary_table(summary: Summary, title: str, extra: Mapping[str, str] | None = None) -> Table:
    """What came of it, at the end; `extra` comes first, and in the place of a row of the same name."""
    table = Table(title=title, box=box.SIMPLE_HEAD, show_header=False, title_justify="left")
    first = extra or {}
    for name, value in {**first, **summary_rows(summary), **first}.items():
        table.add_row(name, value)
    return table


def summary_rows(summary: Summary) -> dict[str, str]:
    """The rows of that table."""
    delay = summary.delay
    return {
        "signals": f"{sum(summary.signals.values())}{_listed(summary.signals)}",
        "refusals": f"{sum(summary.refusals.values())}{_listed(summary.refusals)}",
        "orders": f"{sum(summary.orders.values())}{_listed(summary.orders)}",
        "executions": str(summary.executions),
        "trades": f"{summary.trades_closed} closed ({summary.trades_won} won), {summary.trades_open} open",
        "not protected": f"{summary.unprotected} trades now; {summary.unprotected_s:.1f} s in all",
        "profit and loss": f"{money(summary.realised, '+')} USDT realised",
        "fees": f"{money(summary.fees)} USDT",
        "equity": f"{money(summary.equity)} USDT",
        "tick → order": "–" if delay is None else f"median {delay.p50_ms:.0f} ms, worst {delay.worst_ms:.0f} ms",
    }


def _listed(counts: Mapping[str, int]) -> str:
    if not counts:
        return ""
    return " (" + ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) + ")"
