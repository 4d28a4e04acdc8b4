"""Queue upkeep: what beat sends, to find what stands still and to keep what is known of the venue fresh."""

from datetime import datetime, timedelta
from itertools import product

from app import measures, wiring
from app.celery import farm
from app.domain.looks import Pace
from app.steps import archive_ticks as archiving
from app.steps import check_clock as clock_checking
from app.steps import check_history as history_checking
from app.steps import flatten as flattening
from app.steps import keep_letter as keeping
from app.steps import mark_equity as marking
from app.steps import open_account as opening
from app.steps import reconcile as reconciling
from app.steps import refresh_instruments as refreshing
from app.steps import rerun_letters as rerunning
from app.steps import seal as sealing
from app.steps import sweep as sweeping
from app.steps import sweep_closes as closes_sweeping
from app.steps import sweep_exits as exits_sweeping
from app.steps import wake as waking
from app.steps import warm_windows as warming
from app.steps import watch_positions as watching
from app.steps import withdraw_entries as withdrawing
from app.steps.history_alarm import Alarm
from app.store import keep_ticks
from tasks._backup import start_backup
from tasks._base import Upkeep
from tasks._hand_on import enqueue_drain, hand_on
from tasks._reruns import rerun_desk
from tasks._results import results
from tasks.orders import settle

asked: set[tuple[str, str]] = set()  # symbol and interval of each window whose past this process was told
quiet: dict[tuple[str, str], datetime] = {}  # and until when a market that does not trade need not be looked at


@farm.task(base=Upkeep)
def wake() -> int:
    """Send a drain to every mailbox that was forgotten; returns how many."""
    return waking.wake(mailboxes=wiring.mailboxes(), enqueue=enqueue_drain)


@farm.task(base=Upkeep)
def archive(shard: int) -> int:
    """Keep a mailbox's raw ticks; returns how many were new."""
    return archiving.archive_ticks(
        shard, mailboxes=wiring.mailboxes(), ticks=wiring.ticks(), source=wiring.settings().exchange
    )


@farm.task(base=Upkeep)
def sweep() -> int:
    """Send on what stands still; returns how much."""
    closes = closes_sweeping.sweep_closes(
        bars=wiring.bars(),
        searched=wiring.searched(),
        hand_on=hand_on(),
        at=wiring.now(),
        patience=wiring.seconds("patience"),
        worth=wiring.seconds("signal_ttl"),
    )
    exits = exits_sweeping.sweep_exits(
        trades=wiring.trades(), signals=wiring.signals(), prices=wiring.prices(), hand_on=hand_on(), at=wiring.now()
    )
    standing = sweeping.sweep(
        orders=wiring.orders(),
        signals=wiring.signals(),
        sent_again=wiring.sent_again(),
        letters=wiring.letters(),
        hand_on=hand_on(),
        at=wiring.now(),
        patience=wiring.seconds("patience"),
    )
    return closes + exits + standing


@farm.task(base=Upkeep)
def keep_letters() -> int:
    """Bring dead letters to the database that it could not take, and see after lost re-runs; returns how many."""
    kept = keeping.keep_aside(letters=wiring.letters(), aside=wiring.letters_aside())
    return kept + rerunning.recall_reruns(letters=wiring.letters(), desk=rerun_desk(), at=wiring.now())


@farm.task(base=Upkeep)
def keep_results() -> int:
    """Bring the results of tasks to the database that wait for it; returns how many."""
    return results().write_waiting()


@farm.task(base=Upkeep)
def withdraw() -> int:
    """Withdraw what a halt came too late for, and leave all trades if a halt is to flatten; returns how many."""
    withdrawn = withdrawing.withdraw_entries(
        ledger=wiring.ledger(), orders=wiring.orders(), trading=wiring.trading(), at=wiring.now()
    )
    return withdrawn + flattening.flatten_while_halted(
        wanted=wiring.settings().flatten_on_halt,
        ledger=wiring.ledger(),
        trades=wiring.trades(),
        signals=wiring.signals(),
        prices=wiring.prices(),
        hand_on=hand_on(),
        at=wiring.now(),
    )


@farm.task(base=Upkeep)
def watch() -> int:
    """Measure for how long open positions are not protected; returns how many are not."""
    return watching.watch_positions(
        trades=wiring.trades(),
        mailboxes=wiring.mailboxes(),
        audits=wiring.audits(),
        announce=wiring.topics(),
        alert_after=wiring.seconds("unprotected_alert"),
        at=wiring.now(),
    )


@farm.task(base=Upkeep)
def mark_equity() -> str:
    """Value the account, which is opened when there is none; returns its equity."""
    opening.open_account(ledger=wiring.ledger(), trading=wiring.trading(), currency=wiring.CURRENCY, at=wiring.now())
    account = marking.mark_equity(
        ledger=wiring.ledger(),
        prices=wiring.prices(),
        breaker=wiring.breaker(),
        announce=wiring.topics(),
        now=wiring.clock(),
    )
    return f"{account.equity:f}"


@farm.task(base=Upkeep)
def reconcile(full: bool = False, begun: str | None = None) -> int:
    """Compare a slice of the venue's books with ours; returns how many things differ.

    `full` wants a whole look at all that was traded, once since it was `begun`.
    """
    found = reconciling.reconcile(
        venue=wiring.venue_account(),
        books=wiring.books(),
        orders=wiring.orders(),
        instruments=wiring.instruments(),
        protection=wiring.protection(),
        prices=wiring.prices(),
        audits=wiring.audits(),
        settle=settle.run,
        levels_changed=wiring.levels_changed(),
        announce=wiring.topics(),
        currency=wiring.CURRENCY,
        symbols=wiring.symbols(),
        tolerance=wiring.settings().reconcile_tolerance,
        pace=Pace(wiring.seconds("reconcile"), wiring.seconds("reconcile_all")),
        now=wiring.clock(),
        full=full,
        begun=None if begun is None else datetime.fromisoformat(begun),
    )
    return len(found)


@farm.task(base=Upkeep)
def begin() -> int:
    """What a start does: books that agreed before it must be found to agree again; returns how many things differ.

    Where more symbols matter than there are turns for, beat's reconciliations go on with the rest.
    """
    wiring.books().forget()
    mark_equity.run()
    return int(reconcile.run())


@farm.task(base=Upkeep)
def warm() -> int:
    """Fill missing bars from the venue; returns how many were new."""
    return warming.warm_windows(
        market=wiring.market(),
        bars=wiring.bars(),
        symbols=wiring.symbols(),
        intervals=wiring.settings().bar_intervals,
        size=wiring.window_size(),
        asked=_asked(),
        window_changed=wiring.windows().forget,
        alarm=Alarm(wiring.outdated(), wiring.audits(), wiring.venue_now()),
        at=wiring.now(),
    )


@farm.task(base=Upkeep)
def check_history() -> int:
    """Find histories that are outdated; returns how many bars came from the venue."""
    return history_checking.check_history(
        market=wiring.market(),
        bars=wiring.bars(),
        alarm=Alarm(wiring.outdated(), wiring.audits(), wiring.venue_now()),
        symbols=wiring.symbols(),
        intervals=wiring.settings().bar_intervals,
        size=wiring.window_size(),
        asked=asked,
        quiet=quiet,
        window_changed=wiring.windows().forget,
    )


@farm.task(base=Upkeep)
def check_clock() -> int:
    """Measure the venue's clock; returns how many milliseconds it is ahead of ours."""
    return clock_checking.check_clock(
        market=wiring.market(),
        skews=wiring.skews(),
        audits=wiring.audits(),
        announce=wiring.topics(),
        now=wiring.clock(),
    )


@farm.task(base=Upkeep)
def refresh_instruments() -> int:
    """Read the venue's rules per symbol; returns how many symbols it lists."""
    return refreshing.refresh_instruments(market=wiring.market(), instruments=wiring.instruments(), at=wiring.now())


@farm.task(base=Upkeep)
def seal() -> int:
    """Seal the audits that wait; returns how many."""
    return sealing.seal(audits=wiring.audits(), at=wiring.now())


@farm.task(base=Upkeep)
def measure() -> int:
    """Read the figures of the whole farm that Prometheus asks for; returns how many kinds."""
    figures = measures.measure()
    wiring.stored_figures().write(figures, wiring.now())
    return len(figures)


@farm.task(base=Upkeep)
def back_up() -> int:
    """Begin a backup, which goes on by itself; returns its process id."""
    return start_backup(wiring.settings().data_dir / "logs")


@farm.task(base=Upkeep)
def retain() -> int:
    """Make room for new raw ticks, drop old ones and old dead letters; returns how many rows or partitions went."""
    letters = wiring.letters().forget(wiring.now() - timedelta(days=wiring.settings().letter_days))
    return letters + keep_ticks(wiring.database(), wiring.now(), wiring.settings().retention_days)


def _asked() -> set[tuple[str, str]]:
    """Also what nobody needs to ask for: before a replay there was nothing, and its bars shall come from its ticks."""
    if wiring.settings().clock == "replay":
        asked.update(product(wiring.symbols(), wiring.settings().bar_intervals))
    return asked
