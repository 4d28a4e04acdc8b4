"""The end of the chain of sealed audits: one row, whose lock lets one sealer work at a time."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.types import Instant

THE_HEAD = 1


class AuditHeadRow(Base):
    """The last sequence that was given, its hash, and when."""

    __tablename__ = "audit_head"
    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sequence: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[str] = mapped_column(String(64))
    timestamp: Mapped[datetime] = mapped_column(Instant)
