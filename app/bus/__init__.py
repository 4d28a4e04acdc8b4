"""The only code that touches Redis: mailboxes, windows, prices, counters, topics."""

from app.bus.archive import Archive
from app.bus.connection import BusError, connect, plain_url
from app.bus.counters import Counters, LevelsChanged
from app.bus.feed_shards import FeedShards, Part, Turn
from app.bus.feed_status import FeedStatus
from app.bus.figures import StoredFigures
from app.bus.forget import forget
from app.bus.frames import Frame
from app.bus.healths import Healths, ServiceHealth
from app.bus.keys import Keys
from app.bus.leadership import Leadership
from app.bus.lease import Lease, Stale
from app.bus.letters import LettersAside
from app.bus.limiter import Limiter
from app.bus.mailbox import Limits, Mailboxes, Pushed
from app.bus.outdated import OutdatedHistories
from app.bus.presence import Presence
from app.bus.prices import Prices
from app.bus.purpose import Purpose
from app.bus.queues import SENT, Queues
from app.bus.resting import Resting, searched, sent_again
from app.bus.results import ResultsAside, TaskResult
from app.bus.schemas import SCHEMAS
from app.bus.skews import ClockSkews
from app.bus.stored_pace import StoredPace
from app.bus.topics import Listener, Topics
from app.bus.wanted_keys import Used, WantedKeys
from app.bus.windows import Windows

__all__ = [
    "SCHEMAS",
    "SENT",
    "Archive",
    "BusError",
    "ClockSkews",
    "Counters",
    "FeedShards",
    "FeedStatus",
    "Frame",
    "Healths",
    "Keys",
    "Leadership",
    "Lease",
    "LettersAside",
    "LevelsChanged",
    "Limiter",
    "Limits",
    "Listener",
    "Mailboxes",
    "OutdatedHistories",
    "Part",
    "Presence",
    "Prices",
    "Purpose",
    "Pushed",
    "Queues",
    "Resting",
    "ResultsAside",
    "ServiceHealth",
    "Stale",
    "StoredFigures",
    "StoredPace",
    "TaskResult",
    "Topics",
    "Turn",
    "Used",
    "WantedKeys",
    "Windows",
    "connect",
    "forget",
    "plain_url",
    "searched",
    "sent_again",
]
