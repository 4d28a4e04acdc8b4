"""Cursors: how far the venue's books of a symbol were compared with ours."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.types import Instant


class CursorRow(Base):
    """One kind of look at one symbol; see `Cursor` in app/domain/looks.py."""

    __tablename__ = "cursors"

    symbol: Mapped[str] = mapped_column(String(40), primary_key=True)
    look: Mapped[str] = mapped_column(String(10), primary_key=True)
    done_at: Mapped[datetime | None] = mapped_column(Instant)
    since_start: Mapped[bool]
    begun_at: Mapped[datetime | None] = mapped_column(Instant)
    back_to: Mapped[datetime | None] = mapped_column(Instant)
