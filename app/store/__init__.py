"""The only code that touches the database; what goes in and comes out are the domain's values."""

from app.store.alerts import Alerts, ChannelState, ListedAlert
from app.store.audits import Audits
from app.store.bars import Bars
from app.store.books import Books
from app.store.chain import Verdict, verify
from app.store.contents import contents
from app.store.copies import Copies, copies
from app.store.database import Database
from app.store.days import Days
from app.store.dead_letters import Letters
from app.store.errors import DatabaseError
from app.store.instruments import Instruments
from app.store.ledger import Ledger
from app.store.listings import Listings
from app.store.migrations import behind, migrate
from app.store.orders import Orders
from app.store.partitions import keep_ticks
from app.store.purpose import Purpose
from app.store.record import HeldTrade, Record, Recorded, RecordedOrder, Refused, WishToLeave, read_record
from app.store.reports import Delay, Reports, Summary
from app.store.restored import Standing, begin_anew, standing
from app.store.signals import Signals
from app.store.stories import Stories, Story
from app.store.tallies import Tallies
from app.store.ticks import Ticks
from app.store.trades import Trades
from app.store.troubles import Troubles

__all__ = [
    "Alerts",
    "Audits",
    "Bars",
    "Books",
    "ChannelState",
    "Copies",
    "Database",
    "DatabaseError",
    "Days",
    "Delay",
    "HeldTrade",
    "Instruments",
    "Ledger",
    "Letters",
    "ListedAlert",
    "Listings",
    "Orders",
    "Purpose",
    "Record",
    "Recorded",
    "RecordedOrder",
    "Refused",
    "Reports",
    "Signals",
    "Standing",
    "Stories",
    "Story",
    "Summary",
    "Tallies",
    "Ticks",
    "Trades",
    "Troubles",
    "Verdict",
    "WishToLeave",
    "begin_anew",
    "behind",
    "contents",
    "copies",
    "keep_ticks",
    "migrate",
    "read_record",
    "standing",
    "verify",
]
