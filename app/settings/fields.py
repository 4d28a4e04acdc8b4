"""Every setting: its type, its default and what it is for; the example file and the table in docs come from here.

Each section extends the one before it, so that a default may depend on what was read above it.
"""

import hashlib
import os
import re
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.domain.market import interval_seconds

CONFIRMATION = "I understand that real money is at stake"
SIMULATED_BASES = ("BTC", "ETH", "SOL", "XRP", "BNB", "DOGE", "ADA", "AVAX", "LINK", "LTC")
SIMULATED_SYMBOLS = tuple(f"{base}/USDT" for base in SIMULATED_BASES)
SYMBOLS = re.compile(r"[A-Z0-9]+/[A-Z0-9]+|ALL|TOP:[1-9][0-9]*")
TIME_OF_DAY = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
SHORTEST_KEY = 16
LONGEST_SOCKET_PATH = 100  # the kernel takes 107 characters, some libraries fewer


def _listed(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _symbols(names: tuple[str, ...]) -> tuple[str, ...]:
    upper = tuple(dict.fromkeys(name.upper() for name in names))
    wrong = [name for name in upper if not SYMBOLS.fullmatch(name)]
    if wrong or not upper:
        raise ValueError(f"{', '.join(wrong) or 'nothing'} is no symbol; write BTC/USDT,ETH/USDT or all or top:50")
    words = [name.lower() for name in upper if "/" not in name]
    if words and len(upper) > 1:
        raise ValueError(f"{words[0]!r} stands alone; it cannot be mixed with other symbols")
    return tuple(words) or upper


def _intervals(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        raise ValueError("at least one interval is needed, such as 1m")
    return tuple(sorted(dict.fromkeys(names), key=interval_seconds))


def _address(*schemes: str) -> AfterValidator:
    """A URL of one of these schemes, with a port that can be one; its password is not in the error."""

    def check(value: str) -> str:
        scheme, separator, _ = value.partition("://")
        if not separator or scheme not in schemes:
            raise ValueError(f"is no address that can be used here; it begins with {' or '.join(schemes)} and ://")
        try:
            _ = urlsplit(value).port
        except ValueError:  # not a number, or too large a one
            raise ValueError("has no port between 0 and 65535 after the colon; write host:port") from None
        return value

    return AfterValidator(check)


def _redis_url(data: dict[str, Any]) -> str:
    if data["redis_port"]:
        return f"redis://127.0.0.1:{data['redis_port']}/0"
    path = data["data_dir"] / "redis.sock"
    if len(str(path)) > LONGEST_SOCKET_PATH:
        digest = hashlib.blake2b(str(data["data_dir"]).encode(), digest_size=6).hexdigest()
        path = Path(tempfile.gettempdir()) / f"cdb-{os.getuid()}-{digest}" / "redis.sock"
    return f"unix://{path}"


def _none(value: Any) -> Any:
    return None if isinstance(value, str) and value.strip().lower() == "none" else value


def _time_of_day(value: str | None) -> str | None:
    if value and not TIME_OF_DAY.fullmatch(value):
        raise ValueError("is no time of the day; write it as 03:30, or none")
    return value


def _named_by_symbol(overrides: dict[str, Any]) -> dict[str, Any]:
    wrong = [name for name in overrides if not SYMBOLS.fullmatch(name) or "/" not in name]
    if wrong:
        raise ValueError(f'{wrong[0]!r} is no symbol; write [symbol."BTC/USDT"]')
    return overrides


Listed = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]
Symbols = Annotated[Listed, AfterValidator(_symbols)]
Intervals = Annotated[Listed, AfterValidator(_intervals)]
Folder = Annotated[Path, AfterValidator(lambda path: Path(os.path.abspath(path.expanduser())))]
HttpUrl = Annotated[str, _address("http", "https")]
WsUrl = Annotated[str, _address("ws", "wss")]
RedisUrl = Annotated[str, _address("redis", "rediss", "unix")]
DatabaseUrl = Annotated[str, _address("sqlite", "postgresql", "postgresql+psycopg", "postgres")]
Share = Annotated[Decimal, Field(gt=0, lt=1)]
Money = Annotated[Decimal, Field(gt=0, allow_inf_nan=False)]
MaybeShare = Annotated[Share | None, BeforeValidator(_none)]
TimeOfDay = Annotated[str | None, AfterValidator(_time_of_day), BeforeValidator(_none)]
MaybeMoney = Annotated[Money | None, BeforeValidator(_none)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Port = Annotated[int, Field(ge=0, le=65535)]
Count = Annotated[int, Field(ge=1)]
Table = dict[str, dict[str, Any]]


def _shown(text: str) -> dict[str, Any]:
    return {"shown": text}


class SymbolSettings(BaseModel):
    """What may differ for one symbol; what is not given is as for all."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = True
    position_share: Share | None = None
    min_position: Money | None = None
    max_position: Money | None = None
    stop_loss: MaybeShare = None
    take_profit: MaybeMoney = None
    trailing_stop: MaybeShare = None


class Exchange(BaseSettings):
    """Where it trades"""

    model_config = SettingsConfigDict(
        env_prefix="CDB_", env_nested_delimiter="__", env_ignore_empty=True, extra="ignore", frozen=True
    )

    exchange: Literal["simulated", "mexc"] = Field(
        "simulated", description="simulated: the MEXC that this project ships. mexc: MEXC's own market"
    )
    mode: Literal["paper", "live"] = Field(
        "paper",
        description="paper: orders go to a simulator, signed with its keys. live: real orders, signed with yours; "
        "needs exchange mexc, both keys and live_confirmed",
    )
    live_confirmed: str = Field("", description=f'for mode live, exactly "{CONFIRMATION}"')
    exchange_rest_url: HttpUrl | None = Field(
        None,
        description="another host that speaks MEXC's REST protocol, such as a proxy or a test venue; one that takes "
        "keys of its own is traded live: exchange mexc, mode live, live_confirmed, its keys and both addresses",
    )
    exchange_ws_url: WsUrl | None = Field(
        None, description="and its websocket, such as ws://host:port/ws; set both, or none"
    )
    api_key: SecretStr = Field(SecretStr(""), description="MEXC's access key; better a file cdb_api_key in secrets_dir")
    api_secret: SecretStr = Field(SecretStr(""), description="its secret; better a file cdb_api_secret in secrets_dir")
    recv_window_ms: int = Field(5000, ge=100, le=60000, description="how late a signed request may arrive, in ms")


class Market(Exchange):
    """What it trades"""

    symbols: Symbols = Field(
        default_factory=lambda data: SIMULATED_SYMBOLS if data["exchange"] == "simulated" else ("top:10",),
        description="symbols with commas between, or all, or top:50 for those with the largest volume",
        json_schema_extra=_shown("ten well-known ones on the simulator, top:10 on MEXC"),
    )
    bar_intervals: Intervals = Field(
        default_factory=lambda data: ("1s",) if data["exchange"] == "simulated" else ("1m",),
        description="which bars are made, with commas between: 1s, 15s, 1m, 1h",
        json_schema_extra=_shown("1s on the simulator, 1m on MEXC"),
    )
    strategies: Listed = Field(
        ("momentum",), description="files in app/strategies, or import paths such as my_module:Strategy", min_length=1
    )
    lateness_ms: int = Field(500, ge=0, le=60000, description="how long a bar waits for late ticks before it closes")
    strategy: Table = Field(default_factory=dict, description="by strategy: CDB_STRATEGY__MOMENTUM__FAST=12")
    symbol: Annotated[dict[str, SymbolSettings], AfterValidator(_named_by_symbol)] = Field(
        default_factory=dict,
        description='what differs for one symbol; in cdb.toml: [symbol."BTC/USDT"] with enabled, position_share, '
        "min_position, max_position, stop_loss, take_profit, trailing_stop",
    )


class Risk(Market):
    """What it may risk"""

    max_daily_drawdown: Share = Field(
        Decimal("0.05"), description="fall from the day's high; beyond it only exits, until the next day (UTC)"
    )
    max_day_loss: Share = Field(
        Decimal("0.10"), description="loss since the day's opening; beyond it trading halts until a person resets it"
    )
    flatten_on_halt: bool = Field(False, description="whether a halt leaves every open trade")
    max_total_exposure: Share = Field(Decimal("0.30"), description="positions and approved entries, over equity")
    position_share: Share = Field(Decimal("0.05"), description="equity that one entry uses")
    min_position: Money = Field(Decimal(10), description="smallest entry, in quote currency")
    max_position: Money = Field(Decimal(1000), description="largest entry, in quote currency")
    stop_loss: MaybeShare = Field(Decimal("0.02"), description="fall from the entry price that leaves; none is none")
    take_profit: MaybeMoney = Field(Decimal("0.04"), description="rise that leaves, as a share; none is none")
    trailing_stop: MaybeShare = Field(None, description="fall from the highest price since the entry that leaves")
    risk: Table = Field(default_factory=dict, description="by rule: CDB_RISK__COOLDOWN__LIMIT_S=300")


class Orders(Risk):
    """How it orders"""

    order_type: Literal["ioc", "limit", "market"] = Field("ioc", description="how an order meets the book")
    slippage: Share = Field(
        Decimal("0.001"), description="how much worse than the last price a limit may be, as a share"
    )
    exit_slippage: Share = Field(
        Decimal("0.05"), description="the same at most for an exit that is tried again, twice as far each time"
    )
    signal_ttl_s: Seconds = Field(30, description="a signal older than this is not worth an order")
    order_timeout_s: Seconds = Field(15, description="an order that is open longer is cancelled")
    claim_lease_s: Seconds = Field(20, description="how long a worker owns an order that it is sending")
    read_lag_s: Seconds = Field(2, description="how long the venue may not show an order that it has taken")
    request_weight: int = Field(
        500, ge=0, description="weight of requests that the venue allows each endpoint in ten seconds; 0: no limit"
    )
    request_share: Annotated[Decimal, Field(gt=0, le=Decimal("0.8"))] = Field(
        Decimal("0.8"), description="how much of it the farm uses; the rest is for what nobody could count"
    )
    request_timeout_s: Seconds = Field(5, description="how long a request to the venue may take")


class Servers(Orders):
    """Where things are kept"""

    data_dir: Folder = Field(
        default_factory=lambda: Path(".cdb").absolute(),
        description="everything that the embedded farm writes",
        json_schema_extra=_shown(".cdb"),
    )
    database_url: DatabaseUrl = Field(
        default_factory=lambda data: f"sqlite:///{data['data_dir'] / 'cdb.sqlite'}",
        description="postgresql://user:password@host/name or sqlite:////path",
        repr=False,
        json_schema_extra=_shown("an SQLite file in data_dir"),
    )
    database_pooled: bool = Field(False, description="whether that is a PgBouncer in transaction mode")
    redis_port: Port = Field(0, description="port of the embedded Redis on 127.0.0.1; 0: a socket in data_dir alone")
    redis_url: RedisUrl = Field(
        default_factory=_redis_url,
        description="redis://:password@host:port/0 or unix:///path",
        repr=False,
        json_schema_extra=_shown("an embedded server"),
    )
    redis_prefix: str = Field("cdb:", pattern=r"^[\w.:-]+$", description="what all keys begin with, one per farm")
    mailbox_cap: Count = Field(500_000, description="ticks that a mailbox holds before it drops some")
    archive: bool = Field(True, description="whether raw ticks are kept (market_data)")
    retention_days: Count = Field(7, description="how long raw ticks are kept")
    letter_days: Count = Field(30, description="how long dead letters are kept")


class Backups(Servers):
    """Backups"""

    backup_dir: Folder = Field(
        default_factory=lambda data: data["data_dir"] / "backups",
        description="where backups are kept, a folder for each; better on another disk",
        json_schema_extra=_shown("backups in data_dir"),
    )
    backup_at: TimeOfDay = Field(
        None, description="when the farm makes one by itself each day, such as 03:30 (UTC); none: never"
    )
    backup_keep_days: Count = Field(30, description="how long they are kept; the newest whole one always is")
    backup_key: SecretStr = Field(
        SecretStr(""),
        description="passphrase that they are encrypted with, 16 characters or more; better a file cdb_backup_key in "
        "secrets_dir, and a copy of it elsewhere: nothing else opens them",
    )

    @field_validator("backup_key")
    @classmethod
    def _is_long(cls, key: SecretStr) -> SecretStr:
        if 0 < len(key.get_secret_value()) < SHORTEST_KEY:
            raise ValueError(f"is shorter than {SHORTEST_KEY} characters; make one: openssl rand -base64 32")
        return key


class Venue(Backups):
    """The simulator"""

    venue_host: str = Field("127.0.0.1", description="where the simulator listens")
    venue_port: Port = Field(8090, description="and its port")
    venue_market: Literal["synthetic", "replay", "mirror", "idle"] = Field(
        default_factory=lambda data: "synthetic" if data["exchange"] == "simulated" else "mirror",
        description="synthetic, replay (of venue_file), mirror (of MEXC's live market), idle",
        json_schema_extra=_shown("synthetic; mirror for paper trading on MEXC's market"),
    )
    venue_seed: int = Field(7, description="the same seed makes the same synthetic market")
    venue_ticks_per_s: float = Field(200, ge=0, description="ticks a second of the synthetic market, all symbols")
    venue_file: Path | None = Field(None, description="recorded trades to replay")
    venue_faults: str = Field(
        "", description="a scenario of faults for the simulator: a TOML file, or a shipped one such as F1"
    )
    venue_balance: Money = Field(Decimal(10000), description="what the simulated account starts with, in USDT")
    venue_takes_duplicates: bool = Field(
        False, description="whether it accepts a client order id again; MEXC does not say what it does"
    )


class Farm(Venue):
    """The farm"""

    shards: int = Field(2, ge=1, le=64, description="mailboxes; each is drained by one task at a time")
    feed_shards: int = Field(
        1,
        ge=1,
        le=64,
        description="parts of the symbols that several feeds share, CDB_SHARDS at most; the same in all",
    )
    workers_ticks: Count = Field(2, description="processes that make bars")
    workers_signals: Count = Field(1, description="processes that look for signals")
    workers_risk: Count = Field(1, description="processes that approve")
    workers_orders: Count = Field(2, description="processes that place and settle orders")
    workers_upkeep: Count = Field(1, description="processes that sweep, archive and mark")
    stuck_s: Seconds = Field(
        60, description="how long a worker may begin and end no task while messages wait, then it is killed"
    )
    wake_s: Seconds = Field(2, description="how often forgotten mailboxes are looked for")
    archive_s: Seconds = Field(1, description="how often raw ticks are archived")
    unprotected_alert_s: Seconds = Field(10, description="how long a position may be unprotected before it is told")
    sweep_s: Seconds = Field(2, description="how often signals and orders that stand still are looked for")
    patience_s: Seconds = Field(6, description="how long one may stand still before it is taken up again")
    mark_s: Seconds = Field(5, description="how often the account is valued")
    seal_s: Seconds = Field(5, description="how often audits are sealed; until then a change of them is not seen")
    warm_s: Seconds = Field(10, description="how often missing bars, old histories and a wrong clock are looked for")
    reconcile_s: Seconds = Field(30, description="how often the venue's books of a symbol are compared with ours")
    reconcile_all_s: Seconds = Field(3600, description="how often over all that the venue still tells")
    reconcile_tolerance: Money = Field(
        Decimal(1), description="how far a balance may differ from ours, in quote currency"
    )
    refresh_s: Seconds = Field(3600, description="how often the venue's rules per symbol are read")
    retain_s: Seconds = Field(3600, description="how often old ticks are dropped")
    flower_host: str = Field(
        "127.0.0.1", min_length=1, description="where Flower listens; anything but loopback needs a password"
    )
    flower_port: Port = Field(5555, description="and its port; 0: no Flower")
    flower_password: SecretStr = Field(
        SecretStr(""),
        description="of the user cdb in Flower, who may also steer workers there; better a file cdb_flower_password",
    )
    metrics_host: str = Field("127.0.0.1", description="where each service serves /metrics")
    port_feed: Port = Field(5001, description="and the feed's port for it; 0: none, as for the next ones")
    port_signals: Port = Field(5002, description="that of the worker on the queue signals")
    port_risk: Port = Field(5003, description="on risk")
    port_orders: Port = Field(5004, description="on orders")
    port_ticks: Port = Field(5005, description="on ticks")
    port_upkeep: Port = Field(5006, description="on upkeep")
    port_notifier: Port = Field(5007, description="that of the notifier, which runs where people are to be told")
    clock: Literal["system", "replay"] = Field("system", description="replay: the farm lives at the pace of a replay")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="how much is logged")
    log_format: Literal["auto", "json", "pretty"] = Field("auto", description="auto: pretty in a terminal, else JSON")
    log_megabytes: Count = Field(10, description="how large a service's log may get before a new one is begun")
    log_files: int = Field(3, ge=0, description="how many old logs of each service are kept")


class Console(Farm):
    """The console"""

    console_host: str = Field(
        "127.0.0.1",
        min_length=1,
        description="where the console listens; anything but loopback needs a password and a token",
    )
    console_port: Port = Field(8000, description="and its port; 0: no console")
    console_password: SecretStr = Field(
        SecretStr(""), description="what people log in with; better a file cdb_console_password in secrets_dir"
    )
    console_token: SecretStr = Field(
        SecretStr(""), description="what programs show; better a file cdb_console_token in secrets_dir"
    )
    console_hosts: Listed = Field(
        (), description="names that it is reached by, with commas between; localhost and IP addresses always are"
    )
    console_https: bool = Field(False, description="whether a proxy serves it over https: cookies go that way alone")
    console_session_s: Seconds = Field(43200, description="how long a person stays logged in")


class Alerts(Console):
    """Alerts"""

    notify_urls: SecretStr = Field(
        SecretStr(""),
        description="where people are told, addresses as Apprise takes them with spaces between: tgram://token/chat, "
        "mailto://user:password@gmail.com, slack://…; better a file cdb_notify_urls in secrets_dir; none: nobody",
    )
    notify_name: str = Field("cdb", min_length=1, max_length=40, description="what the farm calls itself there")
    notify_gap_s: Seconds = Field(30, description="what comes up within so long is one message")
    notify_again_s: Seconds = Field(14400, description="how often one is reminded of what is still wrong")
    notify_unclear_s: Seconds = Field(60, description="how long an order may be unclear before it is told")
    notify_report_at: TimeOfDay = Field(
        "00:05", description="when (UTC) the day before is told of, as hours and minutes; none: never"
    )
