"""One run of chaos in a farm: trade, be troubled, crash the market, come to rest; then gather what the judge sees."""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from functools import cache

from redis import RedisError
from sqlalchemy.exc import OperationalError

from app import wiring
from app.domain.errors import Unavailable
from app.domain.risk import TradingState
from app.simulator.catalogue import listing
from app.simulator.journal import changes
from app.simulator.synthetic import Synthetic
from app.store import DatabaseError, read_record
from workers.chaos.judge import Evidence
from workers.chaos.measures import milliseconds
from workers.chaos.script import Trouble
from workers.chaos.trouble import Troublemaker
from workers.farm import Farm
from workers.supervisor import CannotStart, Kept

LOOK_S = 0.1
FIRST_TRADE_S = 240.0
PRESENT = timedelta(seconds=1)  # how long a signal waits at most where nothing has piled up
CALM_S = 10.5  # after the last trouble, so that what it killed can be seen to be back
CRASH = Decimal("0.2")  # what is left of each price: with half of the allowed exposure held, the breaker trips
CRASH_S = 10.0
WATCHED_S = 3.0  # after the halt: nobody may enter
QUIET_S = 2.0
REST_S = 180.0
BY = "chaos"
AWAY = (RedisError, OperationalError, DatabaseError, Unavailable)  # it is being troubled

Tell = Callable[[str], None]


class Chaos:
    """One run of a farm, and of what is kept `beside` it; `evidence` is for the judge once the farm has stopped."""

    def __init__(self, script: list[Trouble], seed: int, tell: Tell, beside: Sequence[Kept] = ()) -> None:
        self.is_over = False
        self.tripped = False
        self._script, self._seed, self._tell, self._beside = script, seed, tell, beside
        self._progress: list[int] = []
        self._maker: Troublemaker | None = None
        self._calm_until = self._silent_since = self._ended = 0
        self._rested = False

    async def run(self, farm: Farm) -> None:
        """All of it; CannotStart if the farm does not even begin to trade."""
        watching = asyncio.create_task(self._watch())
        try:
            await self._until(_trades, FIRST_TRADE_S, "no order was executed, or signals still wait")
            await self._trouble(farm)
            await self._halt()
            await self._rest()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        self.is_over = True

    def evidence(self) -> Evidence:
        """What the journal and the database say, after the farm has stopped."""
        settings = wiring.settings()
        return Evidence(
            changes=list(changes(settings.data_dir / "venue.journal")),
            record=read_record(wiring.database()),
            course=course(settings.symbols, settings.venue_seed),
            max_exposure=settings.max_total_exposure,
            recv_window_ms=settings.recv_window_ms,
            calm_until=self._calm_until,
            ended=self._ended,
            crash=CRASH,
            silent_since=self._silent_since,
            rested=self._rested,
            progress=self._progress,
            kills=self._maker.kills if self._maker else (),
        )

    async def _trouble(self, farm: Farm) -> None:
        maker = self._maker = Troublemaker(farm, self._seed, self._beside)
        began = time.monotonic()
        try:
            for trouble in self._script:
                await asyncio.sleep(max(0.0, began + trouble.at_s - time.monotonic()))
                self._tell(f"{trouble.at_s:6.1f} s  {trouble}")
                await maker.make(trouble)
            await asyncio.sleep(CALM_S)
        finally:
            await maker.end()

    async def _halt(self) -> None:
        """The market crashes until the breaker trips; if it does not, since too little is held, a person halts."""
        self._calm_until = _now_ms()
        self._tell("the market crashes")
        control, settings = wiring.venue_control(), wiring.settings()
        price = course(settings.symbols, settings.venue_seed)
        deadline = time.monotonic() + CRASH_S
        while time.monotonic() < deadline and not self.tripped:
            for symbol in settings.symbols:
                low = price(symbol.replace("/", ""), _now_ms()) * CRASH
                await asyncio.to_thread(control.tick, symbol, float(low), 1.0, "sell")
            self.tripped = await self._is(lambda: wiring.reports().summary().trading_state == TradingState.HALTED)
        if not self.tripped:
            reason = "too little was held for the breaker to trip"
            wiring.ledger().set_state(TradingState.HALTED, reason, BY, wiring.now())
        self._tell("the breaker has tripped" if self.tripped else "the breaker has not tripped; halted by hand")
        await asyncio.sleep(WATCHED_S)

    async def _rest(self) -> None:
        """No more ticks; what is under way comes to its end."""
        self._silent_since = _now_ms()
        await asyncio.to_thread(wiring.venue_control().fail, {"fault": "silent_websocket"})
        deadline, quiet_since = time.monotonic() + REST_S, None
        while not self._rested and time.monotonic() < deadline:
            if not await self._is(wiring.reports().at_rest):
                quiet_since = None
            elif quiet_since is None:
                quiet_since = time.monotonic()
            self._rested = quiet_since is not None and time.monotonic() - quiet_since > QUIET_S
            await asyncio.sleep(LOOK_S)
        self._ended = _now_ms()
        self._tell("the farm is at rest" if self._rested else f"the farm is not at rest after {REST_S:g} s")

    async def _watch(self) -> None:
        """When ticks are processed: what stops look at."""
        before = 0
        while True:
            try:
                counted = (await asyncio.to_thread(wiring.counters().all)).get("ticks_processed", 0)
            except AWAY:
                counted = before
            if counted not in (0, before):
                self._progress.append(_now_ms())
            before = counted
            await asyncio.sleep(LOOK_S)

    async def _until(self, found: Callable[[], bool], patience_s: float, otherwise: str) -> None:
        deadline = time.monotonic() + patience_s
        while not await self._is(found):
            if time.monotonic() > deadline:
                raise CannotStart(f"After {patience_s:g} s {otherwise}. See {wiring.settings().data_dir / 'logs'}")
            await asyncio.sleep(LOOK_S)

    async def _is(self, found: Callable[[], bool]) -> bool:
        try:
            return await asyncio.to_thread(found)
        except AWAY:
            return False


@cache
def course(symbols: tuple[str, ...], seed: int) -> Callable[[str, int], Decimal]:
    """What each symbol is worth at a time: the synthetic market is a function of its seed."""
    market = Synthetic([listing(s, rank) for rank, s in enumerate(symbols)], seed=seed, ticks_per_s=0, start_ms=0)
    return market.price


def _trades() -> bool:
    """Whether the farm trades, and is done with the past that its windows were warmed up with."""
    behind = wiring.signals().undecided(wiring.now() - PRESENT, 1)
    return not behind and wiring.reports().summary().executions > 0


def _now_ms() -> int:
    return milliseconds(wiring.now())
