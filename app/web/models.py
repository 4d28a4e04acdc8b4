"""What the API answers with, in the words of the glossary; money is a string of digits, times are UTC."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from app.domain.orders import Leg, Order, OrderState, OrderType, Side
from app.domain.portfolio import Trade, TradeStatus
from app.domain.risk import TradingState
from app.store.stories import Event


class Answer(BaseModel):
    """Never changed once it is made."""

    model_config = ConfigDict(frozen=True)


class AccountSeen(Answer):
    """The account at the last prices; all money in quote currency, all shares of 1."""

    trading_state: TradingState
    reason: str = Field(description="Why the trading state is as it is.")
    by: str = Field(description="Who set it.")
    since: datetime
    equity: Decimal
    cash: Decimal
    day_open: Decimal = Field(description="Equity at the day's opening, 00:00 UTC.")
    day_high: Decimal
    profit_today: Decimal = Field(description="Equity less the day's opening equity.")
    exposure: Decimal = Field(description="Positions at the last price.")
    reserved: Decimal = Field(description="What approved entries may still buy.")
    exposure_share: Decimal = Field(description="Positions and reservations over equity.")
    exposure_limit: Decimal
    drawdown: Decimal = Field(description="Fall from the day's high.")
    drawdown_limit: Decimal
    day_loss: Decimal = Field(description="Fall from the day's opening equity.")
    day_loss_limit: Decimal
    reconciled_at: datetime | None = Field(description="When our books were last found to agree with the venue's.")


class OpenTrade(Answer):
    """A trade that holds something. Distances are shares of the last price: how far it may fall, or has to rise."""

    id: int
    symbol: str
    strategy: str
    opened_at: datetime
    amount: Decimal = Field(description="What is still held, in base currency.")
    entry_price: Decimal | None
    price: Decimal | None = Field(description="The last price; None if none was heard.")
    value: Decimal | None
    unrealised: Decimal | None = Field(description="Profit if it were left at the last price, after fees so far.")
    unrealised_share: Decimal | None = Field(description="The same over what was paid.")
    stop_price: Decimal | None = Field(description="The nearest of stop and trailing stop.")
    stop_distance: Decimal | None
    take_price: Decimal | None
    take_distance: Decimal | None
    unprotected_since: datetime | None


class Totals(Answer):
    """What the database holds, counted every few seconds; money in quote currency."""

    at: datetime
    realised: Decimal = Field(description="Profit of closed trades, after fees.")
    fees: Decimal
    trades_open: int
    trades_closed: int
    trades_won: int
    executions: int
    signals: dict[str, int] = Field(description="By side.")
    refusals: dict[str, int] = Field(description="By rule.")
    orders: dict[str, int] = Field(description="By state.")
    dead_letters: int = Field(description="Those that wait for a person.")
    unprotected: int
    unprotected_s: float
    tick_to_order_p50_ms: float | None
    tick_to_order_p99_ms: float | None


class EventSeen(Answer):
    """Something that was audited."""

    number: int
    at: datetime
    kind: str
    service: str
    data: dict[str, Any]

    @classmethod
    def of(cls, event: Event) -> Self:
        """As an audit tells it."""
        return cls(number=event.number, at=event.at, kind=event.kind, service=event.service, data=dict(event.data))


class QueueSeen(Answer):
    """Messages that no worker has taken yet."""

    name: str
    depth: int


class MailboxSeen(Answer):
    """Ticks that no drain has worked through; `lag_s` is how long ago what was worked through last came in."""

    shard: int
    depth: int
    lag_s: float | None


class ServiceSeen(Answer):
    """A service of this machine; a worker also tells how many tasks are under way and how many it begins.

    `wrong` is what it says is wrong with itself, empty if nothing is, and None if it says nothing of that.
    """

    name: str
    state: Literal["ready", "starting", "down"]
    wrong: str | None
    pid: int | None
    restarts: int
    running: int | None
    begun_per_s: float | None


class TaskSeen(Answer):
    """Tries of a task since its worker started, by what came of them; `per_s` is how many end in a second."""

    task: str
    succeeded: int
    failed: int
    retried: int
    other: int
    per_s: float | None


class FeedSeen(Answer):
    """What the feeds say of themselves."""

    symbols: int
    subscribed: int
    shards: int = Field(1, description="Into how many parts the symbols are divided.")
    feeds: int = Field(1, description="How many feeds hear them.")
    silent: list[int] = Field(default_factory=list, description="Shards that nobody hears.")
    stale: list[str]
    refused: list[str]
    ready: bool
    connections: int
    offset_ms: float | None = Field(description="The venue's clock less ours.")


class FarmSeen(Answer):
    """How this farm is set up."""

    exchange: str
    mode: str
    symbols: list[str]
    intervals: list[str]
    strategies: list[str]
    currency: str
    flower_port: int
    version: str


class Status(Answer):
    """The farm at one moment; what could not be read is None, and `problems` say why."""

    at: datetime
    problems: list[str]
    farm: FarmSeen
    account: AccountSeen | None
    profit: Decimal | None = Field(description="Realised and unrealised, since the farm's beginning.")
    unrealised: Decimal | None
    trades: list[OpenTrade] | None
    totals: Totals | None
    events: list[EventSeen]
    feed: FeedSeen | None
    queues: list[QueueSeen] | None
    mailboxes: list[MailboxSeen] | None
    services: list[ServiceSeen] | None = Field(description="None if no supervisor runs on this machine.")
    tasks: list[TaskSeen]
    counters: dict[str, int] | None = Field(description="What was counted since Redis was new.")
    ticks_per_s: float | None
    pauses: list[str] = Field(description="Hosts of the venue that nobody asks just now, a sentence each.")


class OrderSeen(Answer):
    """An order; amounts in base, prices and reservation in quote currency."""

    client_order_id: str
    exchange_order_id: str | None
    trade_id: int
    symbol: str
    side: Side
    leg: Leg
    type: OrderType
    state: OrderState
    amount: Decimal
    filled: Decimal
    price: Decimal
    reserved: Decimal
    attempts: int
    created_at: datetime
    reason: str | None
    correlation_id: str

    @classmethod
    def of(cls, order: Order) -> Self:
        """As the store has it."""
        return cls.model_validate(order, from_attributes=True)


class TradeSeen(Answer):
    """A trade; amounts in base, prices, notionals, fees and profit in quote currency."""

    id: int
    symbol: str
    strategy: str
    status: TradeStatus
    opened_at: datetime
    closed_at: datetime | None
    size: Decimal
    left: Decimal
    entry_price: Decimal | None
    exit_price: Decimal | None
    bought: Decimal
    sold: Decimal
    fees: Decimal
    realised: Decimal | None = Field(description="Profit after fees; None until it is closed.")
    realised_share: Decimal | None = Field(description="The same over what was paid.")
    stop_price: Decimal | None
    take_price: Decimal | None

    @classmethod
    def of(cls, trade: Trade) -> Self:
        """As the store has it."""
        closed = trade.status is TradeStatus.CLOSED
        told = {name: getattr(trade, name) for name in cls.model_fields if name not in ("realised", "realised_share")}
        realised = trade.realised if closed else None
        share = trade.realised / trade.bought if closed and trade.bought else None
        return cls(**told, realised=realised, realised_share=share)


class OrderPage(Answer):
    """Some orders, and how many there are of that kind (10,000 at most)."""

    rows: list[OrderSeen]
    total: int


class TradePage(Answer):
    """Some trades, and how many there are of that kind (10,000 at most)."""

    rows: list[TradeSeen]
    total: int


class CurvePoint(Answer):
    """A stretch of time: the equity it ended with, the lowest within it, and the largest drawdown (a share)."""

    at: datetime
    equity: Decimal
    lowest: float
    drawdown: float


class Curve(Answer):
    """Equity over time; no more than 600 points."""

    since: datetime
    until: datetime
    step_s: float
    points: list[CurvePoint]


class Candle(Answer):
    """A closed bar. `whole` is False when some of its interval was not heard."""

    end: datetime
    open: float
    high: float
    low: float
    close: float
    volume: float
    ticks: int
    whole: bool


class Indicator(Answer):
    """A figure of the strategy for each bar, None where there is none yet.

    `place` says with what it can be drawn: with the price, as an oscillator from 0 to 100, or by itself.
    """

    strategy: str
    name: str
    place: Literal["price", "oscillator", "other"]
    values: list[float | None]


class Marker(Answer):
    """An execution; `bar_end` is the end of the bar within which it was."""

    at: datetime
    bar_end: datetime
    side: Side
    leg: Leg
    price: Decimal
    amount: Decimal
    client_order_id: str


class Bars(Answer):
    """Closed bars with what the strategies see in them, oldest first."""

    symbol: str
    interval: str
    bars: list[Candle]
    indicators: list[Indicator]
    markers: list[Marker]
    price: float | None = Field(description="The last price that was heard.")
    price_at: datetime | None


class Markets(Answer):
    """What can be looked at."""

    symbols: list[str]
    intervals: list[str]


class LetterSeen(Answer):
    """A dead letter: a task that failed for good."""

    number: int
    state: str
    times: int
    last_at: datetime
    task_id: str
    name: str
    kind: str = Field(description="The error's name.")
    error: str
    at: datetime
    about: str = Field(description="The key that the task was called with.")
    queue: str
    worker: str
    attempts: int
    args: Any
    named: Any = Field(serialization_alias="kwargs")
    chain: Any = Field(description="The links that did not run, the next one last.")
    root_id: str
    parent_id: str
    correlation_id: str
    traceback: str
    message: str
    reruns: int = Field(description="How often it was run again.")
    deadline: datetime | None = Field(description="Until when the end of a re-run is awaited.")
    note: str = Field(description="What was done about it last.")


class LetterPage(Answer):
    """Dead letters, newest first, and how many there are."""

    rows: list[LetterSeen]
    total: int


class RerunSeen(Answer):
    """What became of asking for a re-run, or what would."""

    number: int
    name: str
    about: str
    times: int = Field(description="How often it has failed; tell it with the request, so that two clicks are one run.")
    does: str = Field(description="What the re-run does.")
    doubt: str = Field(description="Why little may come of it; empty if nothing is known that says so.")
    refused: str = Field(description="Why there is none; empty if there is.")
    run: int = Field(description="Which re-run of it this is; 0 if there is none.")


class Reruns(Answer):
    """One for each letter that was asked for."""

    rows: list[RerunSeen]


class DiscardSeen(Answer):
    """What became of discarding a letter."""

    number: int
    refused: str = Field(description="Why it was not; empty if it was.")


class Discards(Answer):
    """One for each letter that was asked for."""

    rows: list[DiscardSeen]


class StateChanged(Answer):
    """What was done. What does not belong to it is None."""

    trading_state: TradingState
    note: str = ""
    withdrawn: int | None = Field(None, description="Entries that were withdrawn.")
    trades_left: int | None = Field(None, description="Open trades; the farm sells them, look again.")
    day_open: Decimal | None = Field(None, description="From which losses count from now on.")
    day_high: Decimal | None = Field(None, description="From which drawdown counts from now on.")


class SessionSeen(Answer):
    """This browser's session."""

    password_needed: bool
    logged_in: bool
    token: str | None = Field(description="For the header X-CSRF-Token of what changes something.")


class Health(Answer):
    """This process answers."""

    pid: int
