"""What is read of the farm as a whole, from its database and its Redis, by the name that Prometheus knows it by."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

Figures = Mapping[str, Sequence[tuple[Sequence[str], float]]]  # by family: the labels' values, and the figure


class Family(NamedTuple):
    """Who exports it, what it means (with its unit) and its labels; one whose name ends in `_total` only rises."""

    service: str
    meaning: str
    labels: tuple[str, ...] = ()


FAMILIES = {
    # the mission's names, and what belongs to them
    "trades_total": Family("orders", "Trades whose entry has bought something"),
    "trades_successful_total": Family("orders", "Trades that are closed and made a profit after fees"),
    "trades_failed_total": Family("orders", "Trades that are closed and made none"),
    "trades_open": Family("orders", "Trades that hold something"),
    "avg_position_size": Family("orders", "Mean cost of the open trades' entries, in quote currency; 0 without one"),
    "realised_profit": Family("orders", "Profit of the closed trades after fees, in quote currency"),
    "fees_paid": Family("orders", "Fees of all trades, in quote currency"),
    "orders": Family("orders", "Orders by their state", ("state",)),
    "executions_total": Family("orders", "Fills that are booked"),
    "orders_unknown": Family("orders", "Orders of which it is not known whether the venue has them"),
    "orders_unknown_age_seconds": Family("orders", "How long ago the oldest of them was claimed; 0 without one"),
    "daily_drawdown_percent": Family("risk", "Fall from the day's highest equity, in percent of it"),
    "daily_loss_percent": Family("risk", "Fall from the day's opening equity, in percent of it; a gain is negative"),
    "total_exposure_percent": Family("risk", "Positions at their marks and reserved entries, in percent of equity"),
    "equity": Family("risk", "Cash and positions at their marks, in quote currency"),
    "cash": Family("risk", "Cash in quote currency, reserved or not"),
    "trading_state": Family("risk", "1 for the state that trading is in", ("state",)),
    "risk_checks_passed_total": Family("risk", "Checks of signals that a rule let pass", ("check",)),
    "risk_checks_failed_total": Family("risk", "Checks of signals by which a rule refused them", ("check",)),
    "signals_total": Family("signals", "Signals that were found", ("type",)),
    # what waits, and what needs a person
    "dead_letters": Family("upkeep", "Tasks that failed for good, by what became of them", ("state",)),
    "trades_unprotected": Family("upkeep", "Open trades whose stops nobody looks at just now"),
    "unprotected_seconds_total": Family("upkeep", "For how long trades were not protected, all together"),
    "reconciliation_differences": Family("upkeep", "What differs between the venue's books and ours", ("kind",)),
    "reconciliation_age_seconds": Family("upkeep", "Since when our books were not compared with the venue's"),
    "audits_unsealed": Family("upkeep", "Rows of the record that the hash chain does not hold yet"),
    "backup_age_seconds": Family("upkeep", "Since when no backup was begun that is there now"),
    "queue_depth": Family("upkeep", "Messages that no worker has taken", ("queue",)),
    "queue_oldest_seconds": Family("upkeep", "How long the oldest of them has waited; 0 without one", ("queue",)),
    "mailbox_depth": Family("upkeep", "Rows of ticks that no drain has worked through", ("shard",)),
    "mailbox_oldest_seconds": Family("upkeep", "How long the oldest of them has waited; 0 without one", ("shard",)),
    # the servers
    "redis_latency_ms": Family("upkeep", "How long Redis took to answer a PING"),
    "database_latency_ms": Family("upkeep", "How long the database took to answer SELECT 1"),
    "database_connections_active": Family("upkeep", "Connections to the database, of anybody"),
    # who is told
    "alerts_standing": Family("notifier", "What is wrong and was told to people, by what it is about", ("kind",)),
    "alert_deliveries": Family("notifier", "Messages for people, by what became of them", ("channel", "state")),
    # the market
    "websocket_latency_ms": Family("feed", "From a tick's time at the venue to its reception, the mean of a report"),
    "feed_shards_silent": Family("feed", "Shards of the symbols that no feed hears"),
    "symbols_subscribed": Family("feed", "Symbols whose ticks are heard"),
    "symbols_stale": Family("feed", "Symbols of which nothing is heard though they should be"),
    "venue_connections": Family("feed", "Websocket connections that are up"),
    "venue_clock_ahead_ms": Family("feed", "How far the venue's clock is ahead of ours"),
}
AGE = "figures_age_seconds"
AGE_MEANING = "How old the figures are that are read of the whole farm; upkeep reads them every few seconds"


class Told(Collector):
    """The families of some services. `read` tells the figures, and how old they are in seconds or None."""

    def __init__(self, read: Callable[[], tuple[Figures, float | None]], services: Iterable[str]) -> None:
        self._read = read
        self._services = frozenset(services)

    def collect(self) -> Iterable[Metric]:
        """Those that there are figures of."""
        figures, age_s = self._read()
        for name, family in FAMILIES.items():
            if family.service in self._services and name in figures:
                kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
                made = kind(name, family.meaning, labels=family.labels)
                for labels, value in figures[name]:
                    made.add_metric(labels, value)
                yield made
        if age_s is not None:
            yield GaugeMetricFamily(AGE, AGE_MEANING, age_s)
