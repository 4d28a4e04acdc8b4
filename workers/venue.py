"""The simulated venue as a process: a market, an account and MEXC's protocol on one port."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import structlog
from aiohttp import web

from app.domain.pace import Pace
from app.domain.rate_limit import Limiter
from app.domain.recording import BadRecording
from app.simulator import catalogue
from app.simulator.account import Account, Balance, Change, Fees
from app.simulator.clock import Clock
from app.simulator.control import Control
from app.simulator.desk import Desk
from app.simulator.faults import Faults
from app.simulator.journal import BrokenJournal, Journal
from app.simulator.listen_keys import ListenKeys
from app.simulator.market import Market
from app.simulator.matching import Depth
from app.simulator.mirror import Mirror
from app.simulator.replay import Replay
from app.simulator.rest_private import Private
from app.simulator.rest_public import Public
from app.simulator.scenario import Plan, Scenario
from app.simulator.server import Server, application
from app.simulator.stream import Hub
from app.simulator.synthetic import Synthetic
from app.simulator.venue import Terms, Venue
from workers.venue_mirror import LiveMarket

log = structlog.get_logger()
Ready = Callable[["Address"], None]

STEP_S = 0.01
BACKLOG = 2_000
FRESH_SYMBOLS = 10


class CannotServe(Exception):
    """The venue cannot be started as it was asked to; the message says what to change."""


@dataclass(frozen=True, slots=True)
class VenueConfig:
    """How to run it. Port 0 is any free one; no symbols are the first ten of the catalogue.

    A mirror lists all that the live venue lists, and hears of `symbols`, of what its account holds, and of what is
    ordered. `past_h` is how many hours a synthetic market remembers from before its start; `untradable` are listed, but
    not over the API; a `weight_limit` of 0 is none; with a `state_path` the account survives a restart; a
    `scenario` says which faults strike when.
    """

    host: str = "127.0.0.1"
    port: int = 0
    market: Literal["synthetic", "replay", "mirror", "idle"] = "synthetic"
    symbols: tuple[str, ...] = ()
    untradable: tuple[str, ...] = ()
    seed: int = 1
    ticks_per_s: float = 50.0
    past_h: int = 4
    replay_file: Path | None = None
    replay_strict: bool = False
    api_key: str = "paper"
    api_secret: str = "paper-secret"
    balances: Mapping[str, Decimal] = field(default_factory=lambda: {"USDT": Decimal(10_000)})
    maker_fee: Decimal = Decimal("0.0005")
    taker_fee: Decimal = Decimal("0.0005")
    fee_in: Literal["quote", "base"] = "quote"
    takes_duplicates: bool = False
    spread_ticks: int = 1
    depth_levels: int = 20
    depth_notional: Decimal = Decimal(20_000)
    weight_limit: int = 500
    weight_window_s: float = 10
    mirror_rest_url: str = "https://api.mexc.com"
    mirror_ws_url: str = "wss://wbs-api.mexc.com/ws"
    state_path: Path | None = None
    scenario: Scenario | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """Where it is reached."""

    host: str
    port: int

    @property
    def rest_url(self) -> str:
        """For ccxt's `urls.api.spot`."""
        return f"http://{self.host}:{self.port}"

    @property
    def ws_url(self) -> str:
        """For ccxt's `urls.api.ws.spot`."""
        return f"ws://{self.host}:{self.port}/ws"


def run(config: VenueConfig, on_ready: Ready = lambda address: None, limiter: Limiter | None = None) -> None:
    """Serve until SIGTERM or SIGINT; exits with 2 and a logged reason if it cannot."""

    async def main() -> None:
        stop = asyncio.Event()
        for one in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(one, stop.set)
        await serve(config, stop, on_ready, limiter=limiter)

    try:
        asyncio.run(main())
    except CannotServe as error:
        log.error("venue cannot start", reason=str(error))
        raise SystemExit(2) from error


async def serve(
    config: VenueConfig,
    stop: asyncio.Event,
    on_ready: Ready = lambda address: None,
    real: Callable[[], int] = lambda: time.time_ns() // 1000,
    limiter: Limiter | None = None,
) -> None:
    """Serve until `stop`; `real` tells microseconds since the epoch, `limiter` is a mirror's. Raises CannotServe."""
    clock, live = Clock(real), LiveMarket(config.mirror_rest_url, config.mirror_ws_url, limiter)
    market = await _market(config, clock, live)
    venue = _venue(config, market, clock)
    keys, desk = ListenKeys(config.api_secret), Desk(venue)
    hub = Hub(venue, keys)
    door = Door(config, hub)
    control = Control(venue, hub, keys, door.refuse)
    server = Server(venue, Public(venue), Private(venue, desk, keys), control)
    if isinstance(market, Mirror):
        _hear(config, live, venue)
    try:
        address = await door.open(application(server, hub))
        log.info("venue is open", market=market.kind, symbols=len(market.listings), url=address.rest_url)
        strike = _strikes(Plan(config.scenario), venue, control)
        on_ready(address)
        work = [asyncio.create_task(pump(venue, hub, strike)), asyncio.create_task(stop.wait())]
        if isinstance(market, Mirror):
            work.append(asyncio.create_task(live.follow(market)))
        await _until_one_ends(work)
    finally:
        await door.close()
        venue.journal.close()
        log.info("venue is closed", ticks=venue.printed, orders=venue.accepted)


def _hear(config: VenueConfig, live: LiveMarket, venue: Venue) -> None:
    """What the farm trades is followed from the start, and so is what it still holds or has working from before.

    Anything else is listed, so that no question about it fails, and followed from its first order on. Until its first
    print nobody knows what it is worth now, and that order finds nobody to trade with.
    """
    account, listings = venue.account, venue.market.listings
    working = [name for name, orders in account.working.items() if orders]
    traded = [name for name in account.trades if name in listings]
    held = [name for name in traded if account.balance(listings[name].base) != Balance()]
    first = {*live.names(config.symbols), *working, *held}
    venue.unheard = listings.keys() - first
    live.want(sorted(first))

    def ordered(change: Change, reason: str) -> None:
        live.want(order.symbol for order in change.orders.values())

    venue.on_change.append(ordered)


def _strikes(plan: Plan, venue: Venue, control: Control) -> Callable[[], None]:
    """Switches on what is due of a scenario: now, whenever it is called, and once an order was taken and answered."""
    began_us, loop = venue.clock.real(), asyncio.get_running_loop()

    def strike() -> None:
        for wanted in plan.due((venue.clock.real() - began_us) / 1_000_000, venue.accepted):
            log.warning("fault strikes", **wanted)
            control.switch_on(wanted)

    def answered_first(change: Change, reason: str) -> None:
        loop.call_soon(strike)

    venue.on_change.append(answered_first)
    strike()
    return strike


async def pump(venue: Venue, hub: Hub, strike: Callable[[], None]) -> None:
    """Let the market print and push; a replay waits for slow clients, since each of its ticks counts."""
    patient = isinstance(venue.market, Replay)
    while True:
        strike()
        if not (patient and hub.backlog > BACKLOG):
            venue.step()
        hub.flush()
        await asyncio.sleep(STEP_S)


class Door:
    """The open port; it can be shut for a while, as if nobody were there."""

    def __init__(self, config: VenueConfig, hub: Hub) -> None:
        self._host, self._port, self._hub = config.host, config.port, hub
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None

    async def open(self, app: web.Application) -> Address:
        """Listen."""
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await self._listen(self._runner)
        return Address(self._host, self._port)

    async def refuse(self, for_s: float) -> None:
        """Cut every connection and take none for a while."""
        if self._runner is None or self._site is None:
            return
        await self._site.stop()
        self._cut()
        await asyncio.sleep(for_s)
        await self._listen(self._runner)

    async def close(self) -> None:
        """Stop listening, for good."""
        self._hub.drop_all()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _listen(self, runner: web.AppRunner) -> None:
        self._site = web.TCPSite(runner, self._host, self._port, reuse_address=True)
        try:
            await self._site.start()
        except OSError as error:
            cure = "choose another port, or end what listens there"
            raise CannotServe(f"{self._host}:{self._port} cannot be listened on ({error.strerror}); {cure}") from error
        self._port = int(runner.addresses[0][1])

    def _cut(self) -> None:
        self._hub.drop_all()
        server = self._runner.server if self._runner else None
        for connection in server.connections if server else ():
            connection.force_close()


async def _market(config: VenueConfig, clock: Clock, live: LiveMarket) -> Market:
    if config.market == "replay":
        return await _replay(config, clock)
    if config.market == "mirror":
        return await _mirror(config, clock, live)
    symbols = config.symbols or catalogue.symbols(FRESH_SYMBOLS)
    try:
        listings = [
            catalogue.listing(symbol, rank, tradable=symbol not in config.untradable)
            for rank, symbol in enumerate(symbols)
        ]
    except ValueError as error:
        raise CannotServe(str(error)) from error
    rate = 0.0 if config.market == "idle" else config.ticks_per_s
    return Synthetic(listings, seed=config.seed, ticks_per_s=rate, start_ms=clock.now_ms(), past_h=config.past_h)


async def _mirror(config: VenueConfig, clock: Clock, live: LiveMarket) -> Mirror:
    try:
        listings = await live.listings()
    except ConnectionError as error:
        cure = "check the address and the network, or choose another market"
        raise CannotServe(f"{config.mirror_rest_url} cannot be mirrored ({error}); {cure}") from error
    return Mirror(listings, start_ms=clock.now_ms())


async def _replay(config: VenueConfig, clock: Clock) -> Replay:
    if config.replay_file is None:
        raise CannotServe("a replay needs a file; name one")
    try:
        market = Replay(config.replay_file, strict=config.replay_strict)
    except BadRecording as error:
        raise CannotServe(str(error)) from error
    clock.pace = Pace(clock.real(), market.launch_us)
    return market


def _venue(config: VenueConfig, market: Market, clock: Clock) -> Venue:
    fees = Fees(config.maker_fee, config.taker_fee, in_base=config.fee_in == "base")
    terms = Terms(
        api_key=config.api_key,
        api_secret=config.api_secret,
        fees=fees,
        depth=Depth(config.spread_ticks, config.depth_levels, config.depth_notional),
        takes_duplicates=config.takes_duplicates,
        weight_limit=config.weight_limit,
        weight_window_s=config.weight_window_s,
    )
    account, journal = Account(config.balances, fees), Journal(config.state_path)
    try:
        journal.load(account, clock.now_ms())
    except (BrokenJournal, OSError) as error:
        raise CannotServe(f"the account's journal cannot be used: {error}") from error
    venue = Venue(market, account, journal, clock, terms, Faults())
    if isinstance(market, Synthetic):
        venue.last = {name: market.price(name, clock.now_ms()) for name in market.listings}
    return venue


async def _until_one_ends(work: Sequence[asyncio.Task[Any]]) -> None:
    done, pending = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    for task in done:
        task.result()
