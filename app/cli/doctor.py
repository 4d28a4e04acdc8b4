"""cdb doctor: looks at everything that a farm stands on, and says the cure of what is wrong."""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from importlib.util import find_spec
from typing import Annotated

import typer
from redis.exceptions import RedisError
from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import OperationalError

from app import log, store, wiring
from app.cli import limits
from app.cli.codes import FAILED
from app.cli.reconcile import no_entries, told
from app.domain.backups import BackupError
from app.domain.clock_skew import Skew, measured
from app.domain.errors import Denied, Missing, RateLimited, VenueError
from app.domain.shards import unheard
from app.steps.check_clock import CURE
from app.store import DatabaseError
from workers import embedded_redis
from workers.farm import is_held
from workers.supervisor import CannotStart

Json = Annotated[bool, typer.Option("--json", help="For machines.")]
ENOUGH_BYTES = 1_000_000_000
SHOWN = 5
LATE_BACKUP = timedelta(hours=26)  # one is made each day, and may take a while


@dataclass(frozen=True, slots=True)
class Finding:
    """`ok` is None for what cannot be judged while the farm is not running."""

    what: str
    ok: bool | None
    told: str
    cure: str = ""


def doctor(as_json: Json = False) -> None:
    """Check Redis, database, venue, clock, symbols, keys and disk; exit code 1 if something is wrong."""
    log.configure(level="critical", service="cdb")  # what is wrong is told below, with its cure
    findings = [finding for check in CHECKS for finding in check()]
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings]))
    else:
        Console().print(_table(findings))
    if any(finding.ok is False for finding in findings):
        raise typer.Exit(FAILED)


def _table(findings: list[Finding]) -> Table:
    table = Table("", "what", box=None, padding=(0, 2))
    for heading in ("found", "cure"):
        table.add_column(heading, overflow="fold")
    for one in findings:
        mark = {True: "[green]ok[/]", False: "[red]wrong[/]", None: "[dim]–[/]"}[one.ok]
        table.add_row(mark, one.what, one.told, one.cure)
    return table


def _asleep() -> bool:
    """Whether the embedded servers are simply not started."""
    settings = wiring.settings()
    return settings.embedded_redis and not is_held(settings.data_dir)


def _redis() -> Iterator[Finding]:
    if _asleep():
        try:
            yield Finding("Redis", True, f"starts with the farm: {embedded_redis.binary()}")
        except CannotStart as error:
            yield _split("Redis", str(error))
        return
    try:
        began = time.monotonic()
        wiring.redis().ping()
        yield Finding("Redis", True, f"answers in {(time.monotonic() - began) * 1000:.1f} ms")
    except RedisError as error:
        yield Finding("Redis", False, str(error), "start it, or correct CDB_REDIS_URL")


def _database() -> Iterator[Finding]:
    try:
        database = wiring.database()
        place = database.url.render_as_string(hide_password=True)
        if wiring.settings().embedded_database and _asleep():
            yield Finding("database", True, f"{place}; brought up to date when the farm starts")
            return
        wrong = store.behind(database)
    except DatabaseError as error:
        wrong = str(error)
    yield Finding("database", True, place) if wrong is None else _split("database", wrong)


def _split(what: str, sentences: str) -> Finding:
    """The last sentence is the cure."""
    told, _, cure = sentences.rpartition(". ")
    return Finding(what, False, told, cure)


def _venue() -> Iterator[Finding]:
    settings = wiring.settings()
    if settings.exchange == "simulated" and settings.needs_venue and _asleep():
        yield Finding("venue", None, "the simulated MEXC starts with the farm")
        return
    try:
        market = wiring.market()
        market.time_us()  # opens the connection: a slow question proves little
        skew = measured(market.time_us, wiring.clock())
    except DatabaseError as error:  # the venue's rules are kept there
        yield Finding("venue", None, f"not tried: {error}")
        return
    except RateLimited as error:  # the check of requests has the cure
        yield Finding("venue", None, f"not asked: {error}")
        return
    except VenueError as error:
        yield Finding("venue", False, str(error), _reach(settings))
        return
    yield Finding("venue", True, settings.rest_url)
    skew = skew.after(_known_skew())
    yield Finding("clock", skew.off_since is None, str(skew), "" if skew.off_since is None else CURE)


def _known_skew() -> Skew | None:
    """What the farm has measured."""
    try:
        return wiring.skews().read()
    except RedisError:  # it has a finding of its own
        return None


def _reach(settings: wiring.Settings) -> str:
    """How the venue can be reached where it was not."""
    if settings.exchange_rest_url is not None:
        return f"is {settings.rest_url} right? else correct CDB_EXCHANGE_REST_URL"
    if settings.exchange == "mexc":
        return "check this machine's network; where MEXC is reached by another address, set CDB_EXCHANGE_REST_URL"
    return (
        f"the simulated MEXC at {settings.rest_url} is started by cdb up, and cdb venue starts it alone; "
        "if somebody else has its port, set CDB_VENUE_PORT"
    )


def _symbols() -> Iterator[Finding]:
    if wiring.settings().exchange == "simulated" and _asleep():
        return
    try:
        found = wiring.universe()
        some = ", ".join(found.symbols[:SHOWN]) + (" …" if len(found.symbols) > SHOWN else "")
        left_out = "".join(f"; not {symbol}: {reason}" for symbol, reason in found.left_out.items())
        good = bool(found.symbols) and not left_out
        told = f"{len(found.symbols)} can be traded{': ' if some else ''}{some}{left_out}"
        yield Finding("symbols", good, told, "" if good else "correct CDB_SYMBOLS")
    except (VenueError, DatabaseError) as error:
        yield Finding("symbols", None, f"not known: {error}")


def _keys() -> Iterator[Finding]:
    if wiring.settings().needs_venue and _asleep():
        return
    try:
        balance = wiring.trading().balance(wiring.CURRENCY)
        yield Finding("keys", True, f"accepted; {balance:f} {wiring.CURRENCY}")
        yield _withdrawals(wiring.venue_account().may_withdraw())
    except Denied as error:
        yield Finding("keys", False, str(error), error.cure)
    except (VenueError, DatabaseError) as error:
        yield Finding("keys", None, f"not tried: {error}")


def _withdrawals(may: bool | None) -> Finding:
    """What could leave with a stolen key, as far as the venue tells."""
    if may is False:
        return Finding("withdrawals", True, "the venue lets nothing be withdrawn from this account")
    told = "the account may withdraw" if may else "the venue does not say whether the account may withdraw"
    cure = "give the farm a key without the right to withdraw, bound to this machine's address"
    return Finding("withdrawals", None, f"{told}; whether this key may, it never says", cure)


def _requests() -> Iterator[Finding]:
    if _asleep():
        return
    try:
        counters, pauses = wiring.counters().all(), limits.in_force(wiring.pauses())
    except RedisError:  # told by the check of Redis
        return
    cure = limits.CURE if pauses or limits.refused(counters) else ""
    yield Finding("requests", not pauses, "; ".join([limits.felt(counters), *pauses]), cure)


def _histories() -> Iterator[Finding]:
    if _asleep():
        return
    try:
        outdated = list(wiring.outdated().all().values())
    except RedisError:  # it has a finding of its own
        return
    cure = (
        "the warm-up asks the venue for them again and again; if the feed is silent, see its log and restart it, "
        "if the venue's klines are old, wait: entries are refused meanwhile"
    )
    some = ", ".join(f"{one.name} ends at {one.newest:%Y-%m-%d %H:%M:%S} ({one.reason})" for one in outdated[:SHOWN])
    more = f" and {len(outdated) - SHOWN} more" if len(outdated) > SHOWN else ""
    if outdated:
        yield Finding("histories", False, f"outdated: {some}{more}", cure)


def _feeds() -> Iterator[Finding]:
    """Of several shards; one that is silent alone is seen by what it leads to."""
    if _asleep():
        return
    feeds = wiring.feed_status()
    try:
        told, division = feeds.read(), feeds.division()
    except RedisError:  # it has a finding of its own
        return
    here = wiring.settings().feed_shards
    if division != here:
        cure = f"set CDB_FEED_SHARDS={division} here, or end all feeds and start them with {here}"
        yield Finding("feeds", False, f"they have {division} shards, and CDB_FEED_SHARDS={here} here", cure)
    elif here > 1 and told is not None:
        silent = told["silent"]
        cure = "start a feed: cdb feed; if there is one, its log says why it does not hear them" if silent else ""
        yield Finding("feeds", not silent, unheard(silent, here) if silent else f"all {here} shards are heard", cure)


def _private() -> Iterator[Finding]:
    if _asleep():
        return
    try:
        told = wiring.feed_status().read()
    except RedisError:  # it has a finding of its own
        return
    if told is not None and told.get("private") == "down":
        cure = "orders are settled by the poll meanwhile, later; the feed's log says why it is down"
        yield Finding("private stream", False, "down: nobody hears at once what becomes of orders", cure)


def _books() -> Iterator[Finding]:
    if _asleep():
        return
    try:
        books = wiring.books().read(wiring.now())
    except Missing:  # nothing was traded yet
        return
    except (DatabaseError, OperationalError) as error:
        yield Finding("books", None, f"not known: {error}")
        return
    blocked = no_entries(books, wiring.now())
    if blocked:
        yield Finding("books", False, "; ".join(filter(None, [blocked, told(books.differences)])), "cdb reconcile")
        return
    differ = told(books.differences)
    cure = "look at the account at the venue; cdb reconcile shows all, and --adopt-balance takes its cash over"
    yield Finding("books", not differ, differ or "agree with the venue's", cure if differ else "")


def _disk() -> Iterator[Finding]:
    folder = wiring.settings().data_dir
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(existing, os.W_OK):
        yield Finding("disk", False, f"{existing} cannot be written", "make it writable, or set CDB_DATA_DIR")
        return
    free = shutil.disk_usage(existing).free
    cure = "make room, or set CDB_DATA_DIR to another disk, or lower CDB_RETENTION_DAYS"
    yield Finding(
        "disk", free > ENOUGH_BYTES, f"{free / 1e9:.1f} GB free at {existing}", "" if free > ENOUGH_BYTES else cure
    )


def _libraries() -> Iterator[Finding]:
    there = find_spec("google.protobuf") is not None
    yield Finding(
        "protobuf",
        there,
        "there" if there else "missing: MEXC's websocket would hang silently",
        "" if there else "make setup",
    )


def _backups() -> Iterator[Finding]:
    settings = wiring.settings()
    if not settings.backup_at:
        return
    log_file = settings.data_dir / "logs" / "backup.log"
    try:
        kept = wiring.shelf().all()
    except BackupError as error:
        yield _split("backups", str(error))
        return
    if not kept:
        tried = log_file.exists()
        told = "none was made" if tried else f"none yet; the farm makes one at {settings.backup_at} UTC"
        yield Finding("backups", False if tried else None, told, f"see {log_file}; cdb backup" if tried else "")
        return
    newest = kept[-1]
    late = wiring.now() - newest.begun_at > LATE_BACKUP
    told = f"{len(kept)} in {settings.backup_dir}, the newest is {newest.name}"
    yield Finding("backups", not late, told, f"it is too old: see {log_file}; cdb backup" if late else "")


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    _redis,
    _database,
    _venue,
    _symbols,
    _keys,
    _requests,
    _histories,
    _feeds,
    _private,
    _books,
    _disk,
    _backups,
    _libraries,
)
