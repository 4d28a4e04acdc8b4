"""Of several processes of one service, one does the work; this one does it while it leads, and else stands by."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from app.bus import BusError

log = structlog.get_logger()

LEASE_MS = 4_000
HOLD_S = 1.0
LOOK_S = 0.5


class Leadership(Protocol):
    """The lead of a service."""

    service: str

    def hold(self) -> str | None:
        """Take it or go on with it; else who has it."""
        ...

    def resign(self) -> None:
        """Let another have it."""
        ...


class Deposed(Exception):
    """Another process leads now."""


async def lead(leads: Leadership, work: Callable[[], Awaitable[None]]) -> None:
    """Do `work` once this process leads; Deposed when it does no longer, and is to begin anew with nothing remembered.

    Redis that does not answer takes the lead from nobody: who leads without it can reach nothing with what it does.
    """
    await _won(leads)
    working, losing = asyncio.ensure_future(work()), asyncio.create_task(_lost(leads))
    try:
        await asyncio.wait({working, losing}, return_when=asyncio.FIRST_COMPLETED)
        await (working if working.done() else losing)
    finally:
        working.cancel()
        losing.cancel()
        await asyncio.gather(working, losing, return_exceptions=True)
        await _resign(leads)


async def _won(leads: Leadership) -> None:
    told = ""
    while True:
        try:
            holder = await asyncio.to_thread(leads.hold)
        except BusError as error:
            holder = f"nobody knows: {error}"
        if holder is None:
            log.info("leads", service=leads.service)
            return
        if holder != told:
            log.info("stands by", service=leads.service, leader=holder)
            told = holder
        await asyncio.sleep(LOOK_S)


async def _lost(leads: Leadership) -> None:
    while True:
        await asyncio.sleep(HOLD_S)
        try:
            holder = await asyncio.to_thread(leads.hold)
        except BusError as error:
            log.warning("lead cannot be held", service=leads.service, reason=str(error))
            continue
        if holder is not None:
            raise Deposed(f"another {leads.service} leads now: {holder}")


async def _resign(leads: Leadership) -> None:
    try:
        await asyncio.to_thread(leads.resign)
    except BusError as error:  # it runs out
        log.info("lead not given back", service=leads.service, reason=str(error))
