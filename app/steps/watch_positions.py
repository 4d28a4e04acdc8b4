"""Measure for how long open positions are not protected, and tell a person when it is too long."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from app.domain.unprotected import Held, Spell
from app.steps.ports import Announce, Audits, Trades

log = structlog.get_logger()


class Mailboxes(Protocol):
    """Where ticks wait for whoever holds them against the levels."""

    def shard(self, symbol: str) -> int:
        """The mailbox of a symbol."""
        ...

    def worked_through(self) -> Mapping[int, float]:
        """Seconds since what a drain worked through last came in, by shard; not known is left out."""
        ...


def watch_positions(
    *, trades: Trades, mailboxes: Mailboxes, audits: Audits, announce: Announce, alert_after: timedelta, at: datetime
) -> int:
    """How many open positions are not protected; whoever is so for longer than `alert_after` is told, once."""
    ages = mailboxes.worked_through()
    spells: dict[int, Spell] = {}
    exposed = 0
    for held in trades.watched():
        age_s = ages.get(mailboxes.shard(held.symbol))
        spell = _spell(held, None if age_s is None else at - timedelta(seconds=age_s), at)
        exposed += spell.since is not None
        if spell.since is not None and not spell.told and spell.length_s(at) > alert_after.total_seconds():
            spell = Spell(spell.since, spell.past_s, told=True)
            log.error("position is not protected", **_about(held, spell, at))
            _tell(held, "position.unprotected", spell, audits, announce, at)
        if held.spell.told and spell.since is None:
            log.warning("position is protected again", **_about(held, held.spell, at))
            _tell(held, "position.protected", held.spell, audits, announce, at)
        if spell != held.spell:
            spells[held.trade_id] = spell
    if spells:
        trades.keep_spells(spells)
    return exposed


def _spell(held: Held, looked_at: datetime | None, at: datetime) -> Spell:
    if held.closed_at is not None:
        return held.spell.seen(None, held.closed_at)
    return held.spell.seen(held.exposed_since(looked_at, at), at)


def _about(held: Held, spell: Spell, at: datetime) -> dict[str, object]:
    return {"trade_id": held.trade_id, "symbol": held.symbol, "seconds": round(spell.length_s(at), 1)}


def _tell(held: Held, event: str, spell: Spell, audits: Audits, announce: Announce, at: datetime) -> None:
    about = _about(held, spell, at)
    audits.write(event, "upkeep", about, at)
    announce("system_health", "upkeep", {"event": event, **about}, at)
