"""Cursors: how far the venue's books of a symbol were compared with ours."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.types import Instant


class CursorRow(Base):
    """One kind of look at one symbol; see `Cursor` in app/domain/looks.py."""

    __tablename__ = "cursors"

    symbol: Mapped[str] = mapped_column(String(40), primary_key=True, doc="Whose books are compared.")
    look: Mapped[str] = mapped_column(
        String(10), primary_key=True, doc="orders (those that work), fills, or whole (all that the venue still tells)."
    )
    done_at: Mapped[datetime | None] = mapped_column(Instant, doc="Up to then all was compared.")
    since_start: Mapped[bool] = mapped_column(doc="Whether that was done after the start of the farm.")
    begun_at: Mapped[datetime | None] = mapped_column(Instant, doc="When the look began that ran out of turns.")
    back_to: Mapped[datetime | None] = mapped_column(Instant, doc="What is older than this it has still to ask for.")
