"""What only a simulated venue can be told: play, run faster, print this, fail like that. Nothing of it is signed."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from app.simulator.errors import Refusal, bad_symbol
from app.simulator.faults import Fault
from app.simulator.listen_keys import ListenKeys
from app.simulator.market import Print
from app.simulator.replay import Replay
from app.simulator.stream import Hub
from app.simulator.venue import Venue

Answer = Mapping[str, object]
FASTEST = 10_000.0


class Control:
    """Each method answers one of the paths under /sim. `refuse` closes the door for so many seconds."""

    def __init__(self, venue: Venue, hub: Hub, keys: ListenKeys, refuse: Callable[[float], Awaitable[None]]) -> None:
        self._venue, self._hub, self._keys, self._refuse = venue, hub, keys, refuse
        self._refusing: set[asyncio.Task[None]] = set()
        self._injected = 0

    async def status(self, wanted: Mapping[str, Any]) -> Answer:
        """How far the market is."""
        venue, market = self._venue, self._venue.market
        replay = market if isinstance(market, Replay) else None
        return {
            "pid": os.getpid(),
            "market": market.kind,
            "seed": market.seed,
            "symbols": [one.symbol for one in market.listings.values()],
            "ticks_sent": venue.printed,
            "ticks_total": replay.total if replay else None,
            "playing": replay.playing if replay else True,
            "done": self._is_over,
            "bad_rows": replay.bad_rows if replay else 0,
            "time_us": venue.clock.now_us(),
            "sent_until_ms": self._hub.sent_until(replay.given_until(venue.clock.now_ms())) if replay else None,
            "pace": self._pace(),
            "orders": venue.accepted,
            "limited": {str(status): count for status, count in venue.limited.items()},
            "connections": len(self._hub.clients),
        }

    async def play(self, wanted: Mapping[str, Any]) -> Answer:
        """Start a replay at a speed; its clock may jump to just before the first print. Answers the pace."""
        market = self._venue.market
        if not isinstance(market, Replay):
            raise Refusal(400, f"a {market.kind} market is always playing; only a replay can be started")
        speed = _speed(wanted)
        if market.playing:
            self._venue.clock.run(speed)
        else:
            self._venue.clock.jump(market.play(self._venue.clock.now_us()), speed)
        return self._pace()

    async def pace(self, wanted: Mapping[str, Any]) -> Answer:
        """Another speed from now on, without a jump."""
        self._venue.clock.run(_speed(wanted))
        return self._pace()

    async def keys(self, wanted: Mapping[str, Any]) -> Answer:
        """Only these are accepted from now on, as if the account's owner had replaced those before."""
        key, secret = str(wanted.get("api_key") or ""), str(wanted.get("api_secret") or "")
        if not key or not secret:
            raise Refusal(400, "send api_key and api_secret")
        self._venue.terms = replace(self._venue.terms, api_key=key, api_secret=secret)
        return {"api_key": key}

    async def skip(self, wanted: Mapping[str, Any]) -> Answer:
        """The clock of a replay that is over goes on to `to_us` at once; nothing would have happened until then.

        Whatever was signed before is late afterwards: ask when nothing is under way. Answers the pace.
        """
        if not self._is_over:
            raise Refusal(400, "only the clock of a replay that is over can skip a time")
        clock = self._venue.clock
        clock.jump(int(_positive(wanted, "to_us")), clock.pace.speed)
        return self._pace()

    async def tick(self, wanted: Mapping[str, Any]) -> Answer:
        """One print, now."""
        name = str(wanted.get("symbol", "")).replace("/", "")
        if name not in self._venue.market.listings:
            raise bad_symbol()
        side = str(wanted.get("side", "buy"))
        if side not in ("buy", "sell"):
            raise Refusal(400, f"side must be buy or sell, not {side!r}")
        self._injected += 1
        now_us = self._venue.clock.now_us()
        trade_id = f"{now_us}{self._injected % 100:02d}"
        one = Print(name, now_us // 1000, _positive(wanted, "price"), _positive(wanted, "quantity"), side, trade_id)
        self._venue.take(one)
        self._hub.flush()
        return {"time_us": now_us, "trade_id": trade_id}

    async def faults(self, wanted: Mapping[str, Any]) -> Answer:
        """What is switched on."""
        return {"faults": self._venue.faults.shown()}

    async def fail(self, wanted: Mapping[str, Any]) -> Answer:
        """Switch one fault on, or a list of them under `faults`."""
        several = wanted.get("faults", [wanted])
        if not (isinstance(several, list) and all(isinstance(one, dict) for one in several)):
            raise Refusal(400, 'send {"fault": name, …} or {"faults": [{"fault": name, …}, …]}')
        for one in several:
            self.switch_on(one)
        return await self.faults(wanted)

    def switch_on(self, wanted: Mapping[str, Any]) -> None:
        """Switch one fault on."""
        self._strike_at_once(self._venue.faults.switch_on(wanted, self._venue.clock.real()), wanted)

    async def heal(self, wanted: Mapping[str, Any]) -> Answer:
        """Switch all faults off."""
        self._venue.faults.clear()
        return await self.faults(wanted)

    def _strike_at_once(self, fault: Fault, wanted: Mapping[str, Any]) -> None:
        """Some faults are events, not states."""
        if fault.name == "dropped_websocket":
            fault.times = 0
            self._hub.drop_all()
        elif fault.name == "listen_key_expired":
            fault.times = 0
            self._keys.end_all()
        elif fault.name == "connections_refused":
            fault.times = 0
            closing = asyncio.ensure_future(self._refuse(float(wanted.get("for_s", 5))))
            self._refusing.add(closing)
            closing.add_done_callback(self._refusing.discard)

    @property
    def _is_over(self) -> bool:
        """Whether a replay was played to its end, and everybody has it all."""
        market = self._venue.market
        return isinstance(market, Replay) and market.done and self._hub.quiet

    def _pace(self) -> dict[str, object]:
        pace: dict[str, object] = msgspec.to_builtins(self._venue.clock.pace)
        return pace


def wanted_of(body: bytes) -> Mapping[str, Any]:
    """The object that a request to /sim carries; none is an empty one."""
    try:
        wanted = msgspec.json.decode(body) if body.strip() else {}
    except msgspec.DecodeError as error:
        raise Refusal(400, f"this is no JSON: {error}") from error
    if not isinstance(wanted, dict):
        raise Refusal(400, "send a JSON object")
    return wanted


def _speed(wanted: Mapping[str, Any]) -> float:
    speed = float(_positive({"speed": 1, **wanted}, "speed"))
    if speed > FASTEST:
        raise Refusal(400, f"speed must not be above {FASTEST:g}")
    return speed


def _positive(wanted: Mapping[str, Any], name: str) -> Decimal:
    try:
        value = Decimal(str(wanted.get(name)))
    except InvalidOperation:
        value = Decimal(0)
    if not (value.is_finite() and value > 0):
        raise Refusal(400, f"{name} must be a positive number, not {wanted.get(name)!r}")
    return value
