"""The four dashboards; `make dashboards` writes them to deploy/grafana/dashboards, from where Grafana reads them.

Figures of the whole farm are told alike by every worker of a queue (docs/metrics.md): max(), never sum(). The limits
are the defaults: 5 % drawdown of the day, 10 % loss of the day, 30 % exposure.
"""

import json
from pathlib import Path

from deploy.grafana.panels import BAD, GOOD, NEAR, Dashboard, figure, gauge, graph

FOLDER = Path(__file__).parent / "dashboards"

STATES = {1: "ACTIVE", 2: "REDUCING", 3: "HALTED"}
ANY_IS_BAD = {1: BAD}
LOSING = {float("-1e12"): BAD, 0: GOOD}

trading_state = figure(
    "Trading state",
    "ACTIVE enters and exits, REDUCING only exits, HALTED only protective and operator exits. cdb status says why.",
    'max(1 + trading_state{state="REDUCING"} or 1 + 2 * trading_state{state="HALTED"})',
    steps={2: NEAR, 3: BAD},
    names=STATES,
)
drawdown = gauge(
    "Drawdown of the day",
    "Fall from the day's highest equity. At 5 % trading reduces: only exits until the next day (UTC).",
    "max(daily_drawdown_percent)",
    near=4,
    limit=5,
)
loss = gauge(
    "Loss of the day",
    "Fall from the day's opening equity; a gain is negative. At 10 % the breaker halts trading until a person resumes.",
    "max(daily_loss_percent)",
    near=8,
    limit=10,
)
exposure = gauge(
    "Exposure",
    "Positions at their marks and reserved entries, of equity. Beyond 30 % nothing is entered.",
    "max(total_exposure_percent)",
    near=25,
    limit=30,
)
equity = graph(
    "Equity and cash",
    "Cash and positions at their marks, and cash alone, in quote currency.",
    {"equity": "max(equity)", "cash": "max(cash)"},
    "currencyUSD",
)
order_latency = graph(
    "From tick to order",
    "From a tick's reception until the venue has its order, over five minutes. From one second on OrdersSlow tells.",
    {"p50": 'farm:tick_latency_seconds:p50{stage="order"}', "p99": 'farm:tick_latency_seconds:p99{stage="order"}'},
    "s",
    {1: BAD},
)

OVERVIEW = Dashboard(
    "cdb-overview",
    "Claire de Binare: Overview",
    "Whether it trades, what it has, and what is wrong.",
    [
        [
            trading_state,
            figure(
                "Alerts",
                "Rules of Prometheus that fire now; the graph below names them.",
                'count(ALERTS{alertstate="firing"}) or vector(0)',
                steps=ANY_IS_BAD,
            ),
            figure(
                "Services not well",
                "Services that do not answer, or say at /ready that they lack something. cdb doctor tells the cure.",
                'sum(1 - max by (job) (up{job=~"cdb_.+"})) + sum(1 - min by (service) (service_health))',
                steps=ANY_IS_BAD,
            ),
            figure(
                "Dead letters",
                "Tasks that failed for good and wait for a person. cdb failed list",
                'sum(max by (state) (dead_letters{state=~"waiting|failed_again"})) or vector(0)',
                steps=ANY_IS_BAD,
            ),
            figure("Open trades", "Trades that hold something.", "max(trades_open)"),
            figure(
                "Realised profit",
                "Profit of the closed trades after fees, in quote currency.",
                "max(realised_profit)",
                "currencyUSD",
                LOSING,
            ),
        ],
        [drawdown, loss, exposure],
        [
            equity,
            graph(
                "Alerts that fire",
                "By name; empty while nothing is wrong. Each says its cure and names its runbook.",
                {"{{alertname}}": 'count by (alertname) (ALERTS{alertstate="firing"})'},
            ),
        ],
        [
            graph(
                "Ticks and bars",
                "A second, over the last minute.",
                {
                    "ticks received": "sum(rate(ticks_received_total[1m]))",
                    "ticks processed": "sum(rate(ticks_processed_total[1m]))",
                    "bars closed": "sum(rate(bars_closed_total[1m]))",
                },
                "cps",
            ),
            graph(
                "Signals, orders' executions and trades",
                "How many in the last five minutes.",
                {
                    "signals": "sum(max by (type) (increase(signals_total[5m])))",
                    "executions": "max(increase(executions_total[5m]))",
                    "trades": "max(increase(trades_total[5m]))",
                },
            ),
        ],
        [
            order_latency,
            graph(
                "What waits",
                "Messages in queues and rows in mailboxes. They may rise for a moment, and must fall again.",
                {
                    "queue {{queue}}": "max by (queue) (queue_depth)",
                    "mailbox {{shard}}": "max by (shard) (mailbox_depth)",
                },
            ),
        ],
    ],
)

PERFORMANCE = Dashboard(
    "cdb-performance",
    "Claire de Binare: Trading Performance",
    "What trading brings: profit, win rate, return, drawdown, fees.",
    [
        [
            figure(
                "Return (ROI)",
                "Realised profit of what the account would hold without it: what was paid in, and open trades' gains.",
                "farm:roi:percent",
                "percent",
                LOSING,
            ),
            figure(
                "Win rate",
                "Closed trades that made a profit after fees, of all closed ones; nothing before the first.",
                "farm:win_rate:percent",
                "percent",
            ),
            figure(
                "Realised profit",
                "Of the closed trades after fees, in quote currency.",
                "max(realised_profit)",
                "currencyUSD",
                LOSING,
            ),
            figure(
                "Profit of a trade",
                "Mean of the closed trades after fees, in quote currency.",
                "farm:profit_per_trade:mean",
                "currencyUSD",
                LOSING,
            ),
            figure("Fees", "Of all trades, in quote currency.", "max(fees_paid)", "currencyUSD"),
            figure("Closed trades", "With a profit or without.", "farm:trades_closed:total"),
        ],
        [
            equity,
            graph(
                "Drawdown of the day",
                "Fall from the day's highest equity; at 5 % only exits go out; at 10 % of loss the breaker trips.",
                {"drawdown": "max(daily_drawdown_percent)", "loss": "max(daily_loss_percent)"},
                "percent",
                {5: NEAR, 10: BAD},
            ),
        ],
        [
            graph(
                "Realised profit and fees",
                "Since the beginning, in quote currency; the profit is after fees.",
                {"profit": "max(realised_profit)", "fees": "max(fees_paid)"},
                "currencyUSD",
            ),
            graph("Win rate", "Of all closed trades.", {"win rate": "farm:win_rate:percent"}, "percent"),
        ],
        [
            graph(
                "Trades in the last hour",
                "Entered, closed with a profit and without.",
                {
                    "entered": "max(increase(trades_total[1h]))",
                    "won": "max(increase(trades_successful_total[1h]))",
                    "lost": "max(increase(trades_failed_total[1h]))",
                },
            ),
            graph(
                "Open trades' size",
                "Mean cost of the open trades' entries, in quote currency; 0 without one.",
                {"mean": "max(avg_position_size)"},
                "currencyUSD",
            ),
        ],
        [
            graph(
                "Signals in the last five minutes",
                "That strategies found, by type.",
                {"{{type}}": "max by (type) (increase(signals_total[5m]))"},
            ),
            graph("Orders by state", "All that there are.", {"{{state}}": "max by (state) (orders)"}, is_stacked=True),
        ],
    ],
)

RISK = Dashboard(
    "cdb-risk",
    "Claire de Binare: Risk Metrics",
    "Exposure, losses and the breaker against their limits; what is unclear, unprotected or differs.",
    [
        [trading_state, drawdown, loss, exposure],
        [
            graph(
                "Exposure",
                "Positions at their marks and reserved entries, of equity. The limit is 30 %.",
                {"exposure": "max(total_exposure_percent)"},
                "percent",
                {30: BAD},
            ),
            graph(
                "Drawdown and loss of the day",
                "From the day's high, at 5 % trading reduces; from its opening, at 10 % the breaker trips.",
                {"drawdown": "max(daily_drawdown_percent)", "loss": "max(daily_loss_percent)"},
                "percent",
                {5: NEAR, 10: BAD},
            ),
        ],
        [
            graph(
                "Breaker",
                "1 for the state that trading is in.",
                {"{{state}}": "max by (state) (trading_state)"},
                is_stacked=True,
            ),
            graph(
                "Refusals",
                "Checks by which a rule refused a signal in the last five minutes.",
                {"{{check}}": "max by (check) (increase(risk_checks_failed_total[5m])) > 0"},
            ),
            graph(
                "Passed checks",
                "Checks of signals that a rule let pass in the last five minutes.",
                {"{{check}}": "max by (check) (increase(risk_checks_passed_total[5m]))"},
            ),
        ],
        [
            figure(
                "Unclear orders",
                "Of which it is not known whether the venue has them. They are looked for, never sent a second time.",
                "max(orders_unknown)",
                steps={1: NEAR},
            ),
            figure(
                "Oldest unclear order",
                "How long ago it was claimed. From a minute on OrderUnknown tells.",
                "max(orders_unknown_age_seconds)",
                "s",
                {10: NEAR, 60: BAD},
            ),
            figure(
                "Unprotected trades",
                "Open trades whose stops nobody looks at just now.",
                "max(trades_unprotected)",
                steps=ANY_IS_BAD,
            ),
            figure(
                "Unprotected in the last hour",
                "For how long trades were not protected, all together.",
                "max(increase(unprotected_seconds_total[1h]))",
                "s",
                {10: NEAR, 60: BAD},
            ),
            figure(
                "Differences in the books",
                "Between the venue's and ours. cdb reconcile names them.",
                "sum(max by (kind) (reconciliation_differences)) or vector(0)",
                steps=ANY_IS_BAD,
            ),
            figure(
                "Books compared",
                "How long ago. After 120 s no entry is approved.",
                "max(reconciliation_age_seconds)",
                "s",
                {60: NEAR, 120: BAD},
            ),
        ],
        [
            graph(
                "Unclear orders",
                "And how long ago the oldest was claimed, in seconds.",
                {"orders": "max(orders_unknown)", "oldest (s)": "max(orders_unknown_age_seconds)"},
            ),
            graph(
                "Unprotected trades",
                "Open trades whose stops nobody looks at.",
                {"trades": "max(trades_unprotected)"},
                steps=ANY_IS_BAD,
            ),
            graph(
                "Rows that are not sealed",
                "Of the record. Until then a change of them is not seen.",
                {"rows": "max(audits_unsealed)"},
            ),
        ],
    ],
)

INFRASTRUCTURE = Dashboard(
    "cdb-infrastructure",
    "Claire de Binare: Infrastructure",
    "Services, queues, workers, what they take of the machine, servers and the market's connection.",
    [
        [
            graph(
                "Services that answer",
                "Prometheus reaches them: 1 for each of their containers.",
                {"{{job}}": 'sum by (job) (up{job=~"cdb_.+"})'},
            ),
            graph(
                "Health",
                "1 if a service makes progress and has all that it needs, as /ready says.",
                {"{{service}}": "min by (service) (service_health)"},
            ),
            graph(
                "Age of the figures",
                "Upkeep reads those of the whole farm every five seconds. From 90 s on FiguresOld tells.",
                {"age": "max(figures_age_seconds)"},
                "s",
                {90: BAD},
            ),
        ],
        [
            graph(
                "Queues",
                "Messages that no worker has taken.",
                {"{{queue}}": "max by (queue) (queue_depth)"},
            ),
            graph(
                "Oldest message",
                "How long it has waited. A minute is a queue that stands still.",
                {"{{queue}}": "max by (queue) (queue_oldest_seconds)"},
                "s",
                {60: BAD},
            ),
            graph(
                "Mailboxes",
                "Rows of ticks that no drain has worked through, by shard.",
                {"{{shard}}": "max by (shard) (mailbox_depth)"},
            ),
            graph(
                "Oldest tick",
                "How long it has waited. From 15 s on MailboxStandsStill tells.",
                {"{{shard}}": "max by (shard) (mailbox_oldest_seconds)"},
                "s",
                {15: BAD},
            ),
        ],
        [
            graph(
                "Tasks",
                "Tries that ended, a second, of all workers.",
                {"{{task}}": "sum by (task) (farm:tasks:rate5m)"},
                "ops",
            ),
            graph(
                "Tasks by outcome",
                "A second; lost is a try whose process is gone.",
                {"{{outcome}}": "sum by (outcome) (farm:tasks:rate5m)"},
                "ops",
            ),
            graph(
                "Tasks that fail",
                "Of the tries that ended. From 5 % on TasksFail tells.",
                {"{{task}}": "farm:tasks_failed:ratio5m"},
                "percentunit",
                {0.05: BAD},
            ),
        ],
        [
            graph("Tasks' duration", "p99 over five minutes.", {"{{task}}": "farm:task_duration_seconds:p99"}, "s"),
            graph("Tasks under way", "Just now, of all workers.", {"{{task}}": "sum by (task) (tasks_running)"}),
            graph(
                "The way of a tick",
                "p99 over five minutes, from reception until the bar is looked at, a signal found, approved, sent.",
                {"{{stage}}": "farm:tick_latency_seconds:p99"},
                "s",
                {1: BAD},
            ),
        ],
        [
            graph(
                "Memory",
                "Resident, of all processes of a service; pages that they share count in each.",
                {"{{service}}": "sum by (service) (service_memory_bytes)"},
                "bytes",
                is_stacked=True,
            ),
            graph(
                "Memory of a process",
                "The mean of a service's. From 1 GiB on MemoryHigh tells.",
                {"{{service}}": "max by (service) (service_memory_bytes / service_processes)"},
                "bytes",
                {1 << 30: BAD},
            ),
            graph(
                "CPU",
                "Cores that a service uses.",
                {"{{service}}": "sum by (service) (rate(service_cpu_seconds_total[1m]))"},
                is_stacked=True,
            ),
            graph(
                "Processes",
                "Of a service, the worker's own and those that it has forked.",
                {"{{service}}": "sum by (service) (service_processes)"},
            ),
        ],
        [
            graph(
                "Database and Redis",
                "How long they took to answer SELECT 1 and PING.",
                {"database": "max(database_latency_ms)", "Redis": "max(redis_latency_ms)"},
                "ms",
                {50: NEAR, 100: BAD},
            ),
            graph(
                "Database connections",
                "Of anybody. PostgreSQL allows 100 unless told otherwise.",
                {"connections": "max(database_connections_active)"},
                steps={80: BAD},
            ),
            graph(
                "Websocket",
                "From a tick's time at the venue to its reception, and how far the venue's clock is ahead of ours.",
                {"latency": "max(websocket_latency_ms)", "clock": "max(venue_clock_ahead_ms)"},
                "ms",
                {1000: BAD},
            ),
            graph(
                "Symbols and connections",
                "Symbols whose ticks are heard, those that are not though they should be, websockets that are up, and "
                "shards that no feed hears.",
                {
                    "heard": "max(symbols_subscribed)",
                    "stale": "max(symbols_stale)",
                    "connections": "max(venue_connections)",
                    "silent shards": "max(feed_shards_silent)",
                },
            ),
        ],
        [
            graph(
                "Ticks that were not as they should be",
                "A second, of each kind; one that never occurred is not there.",
                {
                    "bad": "sum(rate(ticks_bad_total[1m]))",
                    "conflated": "sum(rate(ticks_conflated_total[1m]))",
                    "broken frames": "sum(rate(frames_broken_total[1m]))",
                    "doubled": "sum(rate(ticks_doubled_total[1m]))",
                    "late": "sum(rate(ticks_late_total[1m]))",
                    "lost by the archive": "sum(rate(ticks_archive_lost_total[1m]))",
                },
                "cps",
            ),
            graph(
                "Requests to the venue",
                "In five minutes: those that waited for a turn, and answers by which it limited us (429, 418).",
                {
                    "waited": "sum(increase(requests_waited_total[5m]))",
                    "answered {{status}}": "sum by (status) (increase(venue_answers_total[5m]))",
                },
            ),
            graph(
                "Dead letters", "Tasks that failed for good, by state.", {"{{state}}": "max by (state) (dead_letters)"}
            ),
            graph(
                "Messages for people",
                "What the notifier has brought, and could not bring, by channel.",
                {"{{channel}}: {{state}}": "max by (channel, state) (alert_deliveries)"},
            ),
        ],
    ],
)

BOARDS = (OVERVIEW, PERFORMANCE, RISK, INFRASTRUCTURE)


def written() -> dict[Path, str]:
    """What each dashboard's file should hold."""
    return {
        FOLDER / f"{board.uid.removeprefix('cdb-')}.json": json.dumps(board.json(), indent=2, ensure_ascii=False) + "\n"
        for board in BOARDS
    }


if __name__ == "__main__":
    for path, text in written().items():
        path.write_text(text)
