"""What the steps need from the world: one protocol for each thing they touch."""

from app.domain.errors import Missing
from app.domain.risk import Check
from app.steps.ports.bus import (
    Announce,
    ClockSkews,
    HandOn,
    LettersAside,
    OutdatedHistories,
    Prices,
    Reruns,
    Resting,
    Windows,
    WindowsAhead,
)
from app.steps.ports.store import (
    Audits,
    Bars,
    Books,
    Decision,
    Instruments,
    KeptLetters,
    Ledger,
    Letters,
    Orders,
    Signals,
    Ticks,
    Trades,
)
from app.steps.ports.venue import Market, Trading, VenueAccount

__all__ = [
    "Announce",
    "Audits",
    "Bars",
    "Books",
    "Check",
    "ClockSkews",
    "Decision",
    "HandOn",
    "Instruments",
    "KeptLetters",
    "Ledger",
    "Letters",
    "LettersAside",
    "Market",
    "Missing",
    "Orders",
    "OutdatedHistories",
    "Prices",
    "Reruns",
    "Resting",
    "Signals",
    "Ticks",
    "Trades",
    "Trading",
    "VenueAccount",
    "Windows",
    "WindowsAhead",
]
