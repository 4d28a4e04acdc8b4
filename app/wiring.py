"""Builds what the farm is made of from its settings, once a process; the only reader of settings and of the clock."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from urllib.parse import urlsplit

import redis as redis_py

from app import bus, decisions, log, metrics, risk, store
from app import strategies as strategy_files
from app.domain.market import BarClose
from app.domain.progress import Watch
from app.domain.protection import Protection
from app.domain.rate_limit import Pause
from app.domain.risk import Breaker
from app.domain.sizing import Sizing
from app.exchanges import mexc, simulated
from app.heartbeats import Heartbeats
from app.paced_clock import PacedClock
from app.settings import Settings, SettingsError
from app.settings.reading import load
from app.steps.choose_symbols import choose_symbols

__all__ = ["CURRENCY", "Settings", "SettingsError"]

CURRENCY = "USDT"  # what the account is kept in
WINDOW_SLACK = 60  # bars that a window keeps beyond what strategies need, for those that come late to it
TELLING_S = 0.2
LIMITER_S = 0.5


@cache
def settings() -> Settings:
    """The settings, read once; SettingsError lists all that is wrong."""
    return load()


def logging(service: str) -> None:
    """Send this process's logs where the settings say."""
    chosen = settings()
    log.configure(level=chosen.log_level, form=chosen.log_format, secrets=chosen.secrets, service=service)


def without_secrets(text: str) -> str:
    """A text that may be kept and shown."""
    return log.Scrub(settings().secrets).text(text)


# The clock


def now() -> datetime:
    """The farm's time: that of the machine, or in a replay that of the replay."""
    return clock()()


@cache
def clock() -> Callable[[], datetime]:
    """Tells the farm's time."""
    if settings().clock == "system":
        return lambda: datetime.now(UTC)
    return PacedClock(stored_pace().read, lambda: time.time_ns() // 1000)


def venue_now() -> datetime:
    """The venue's time, as far as the feed has measured it."""
    status = feed_status().read()
    return now() + timedelta(milliseconds=status["offset_ms"] if status else 0)


# Redis


@cache
def redis() -> "redis_py.Redis":
    """This process's connection to Redis."""
    return bus.connect(settings().redis_url)


@cache
def keys() -> bus.Keys:
    """The names of the farm's keys."""
    return bus.Keys(settings().redis_prefix)


@cache
def mailboxes() -> bus.Mailboxes:
    """The mailboxes of all shards."""
    limits = bus.Limits(cap=settings().mailbox_cap, archiving=settings().archive)
    return bus.Mailboxes(redis(), keys(), settings().shards, limits)


@cache
def windows() -> bus.Windows:
    """The last bars that strategies see."""
    return bus.Windows(redis(), keys(), bars(), keep=window_size())


@cache
def searched() -> bus.Resting[BarClose]:
    """Which closed bars need no search."""
    return bus.searched(redis(), keys())


@cache
def sent_again() -> bus.Resting[str]:
    """Which signals the sweep leaves alone."""
    return bus.sent_again(redis(), keys())


@cache
def outdated() -> bus.OutdatedHistories:
    """Which symbols' histories are outdated."""
    return bus.OutdatedHistories(redis(), keys())


@cache
def prices() -> bus.Prices:
    """The last price of each symbol."""
    return bus.Prices(redis(), keys())


@cache
def topics() -> bus.Topics:
    """Tells whoever listens."""
    return bus.Topics(bus.connect(settings().redis_url, timeout_s=TELLING_S, retries=0), keys())


@cache
def counters() -> bus.Counters:
    """What was counted."""
    return bus.Counters(redis(), keys())


@cache
def letters_aside() -> bus.LettersAside:
    """Dead letters that the database could not take."""
    return bus.LettersAside(redis(), keys())


@cache
def levels_changed() -> bus.LevelsChanged:
    """Tells the drains that a trade's levels are others."""
    return bus.LevelsChanged(redis(), keys())


@cache
def feed_status() -> bus.FeedStatus:
    """What the feed says of itself."""
    return bus.FeedStatus(redis(), keys())


@cache
def presence() -> bus.Presence:
    """Which workers are at work."""
    return bus.Presence(redis(), keys())


@cache
def queues() -> bus.Queues:
    """The broker's queues."""
    return bus.Queues(redis(), settings().redis_prefix)


@cache
def stored_pace() -> bus.StoredPace:
    """A replay's pace."""
    return bus.StoredPace(redis(), keys())


# The database


@cache
def database() -> store.Database:
    """The database."""
    return store.Database(settings().database_url)


@cache
def bars() -> store.Bars:
    """Closed bars."""
    return store.Bars(database())


@cache
def ticks() -> store.Ticks:
    """Raw ticks."""
    return store.Ticks(database())


@cache
def signals() -> store.Signals:
    """Signals."""
    return store.Signals(database())


@cache
def instruments() -> store.Instruments:
    """The venue's rules per symbol."""
    return store.Instruments(database())


@cache
def ledger() -> store.Ledger:
    """The account."""
    return store.Ledger(database())


@cache
def orders() -> store.Orders:
    """Orders and their executions."""
    return store.Orders(database())


@cache
def trades() -> store.Trades:
    """Trades."""
    return store.Trades(database())


@cache
def letters() -> store.Letters:
    """Dead letters."""
    return store.Letters(database())


@cache
def audits() -> store.Audits:
    """The record of what was done."""
    return store.Audits(database())


@cache
def books() -> store.Books:
    """Our books, to be compared with the venue's."""
    return store.Books(database())


@cache
def reports() -> store.Reports:
    """Figures for people."""
    return store.Reports(database())


@cache
def stories() -> store.Stories:
    """The whole story of an order."""
    return store.Stories(database())


# The venue


@cache
def market() -> mexc.Market:
    """The venue's public side."""
    return mexc.Market(_client(settings().rest_url))


@cache
def trading() -> mexc.Trading:
    """The venue's private side, where orders go."""
    key, secret = settings().trading_keys
    return mexc.Trading(_client(settings().trading_url, key, secret))


@cache
def venue_account() -> mexc.Account:
    """The venue's books."""
    key, secret = settings().trading_keys
    return mexc.Account(_client(settings().trading_url, key, secret))


@cache
def venue_control() -> simulated.Control:
    """What only the simulated venue can be asked."""
    return simulated.Control(settings().venue_url)


@cache
def limiter(rest_url: str) -> bus.Limiter:
    """Shares the venue at this address between all processes of the farm."""
    client = bus.connect(settings().redis_url, timeout_s=LIMITER_S, retries=0)
    budget, processes = decisions.request_budget(settings())
    return bus.Limiter(client, keys(), urlsplit(rest_url).netloc, budget, processes=processes)


def pauses() -> dict[str, Pause]:
    """The pauses in force, by the host that wanted them."""
    limiters = [limiter(url) for url in sorted({settings().rest_url, settings().trading_url})]
    found = {one.host: one.paused() for one in limiters}
    return {host: pause for host, pause in found.items() if pause is not None}


def _client(rest_url: str, api_key: str = "", api_secret: str = "") -> mexc.Client:
    chosen = settings()
    return mexc.Client(
        rest_url=rest_url,
        api_key=api_key,
        api_secret=api_secret,
        now=clock(),
        timeout_s=chosen.request_timeout_s,
        recv_window_ms=chosen.recv_window_ms,
        markets=instruments().markets,
        limiter=limiter(rest_url),
    )


@cache
def symbols() -> tuple[str, ...]:
    """The symbols to trade; SettingsError if none of those that are wanted can be."""
    chosen = settings()
    found = choose_symbols(
        chosen.symbols,
        market=market(),
        instruments=instruments(),
        currency=CURRENCY,
        switched_off=[symbol for symbol, override in chosen.symbol.items() if not override.enabled],
        at=now(),
    )
    if not found:
        raise SettingsError([f"CDB_SYMBOLS={','.join(chosen.symbols)}: none of them can be traded; name others"])
    return found


# Decisions


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


def seconds(name: str) -> timedelta:
    """A setting that is a time in seconds."""
    return timedelta(seconds=getattr(settings(), f"{name}_s"))


# Processes


@cache
def heartbeats() -> Heartbeats:
    """What the workers of this machine tell of themselves."""
    return Heartbeats(settings().data_dir / "heartbeats")


def new_watch() -> Watch:
    """To look at one worker with."""
    return Watch(settings().stuck_s)


def metric_files(service: str) -> metrics.Files:
    """Where a service counts, emptied: for its parent, at its start."""
    return metrics.Files(settings().data_dir / "metrics", service)


def metrics_endpoint(service: str, *collectors: metrics.Collector) -> metrics.Endpoint:
    """Where Prometheus asks the feed, or the worker on a queue; one without a port of its own is asked nowhere."""
    port = getattr(settings(), f"port_{service}", 0)
    cure = f"if this is another farm, give it ports of its own: CDB_PORT_{service.upper()}; 0 is none"
    return metrics.Endpoint(settings().metrics_host, port, *collectors, cure=cure)


def totals() -> metrics.Totals:
    """What the farm counts in Redis."""

    def read() -> dict[str, int]:
        try:
            return counters().all()
        except redis_py.RedisError:  # it is away
            return {}

    return metrics.Totals(read)


def after_fork() -> None:
    """What a child of this process must not share with it is made anew."""
    if database.cache_info().currsize:
        database().after_fork()
    reset()


def reset() -> None:
    """Forget everything that was built, settings too."""
    for made in list(globals().values()):
        if hasattr(made, "cache_clear"):
            made.cache_clear()
