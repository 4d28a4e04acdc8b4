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

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, doc="Always 1.")
    sequence: Mapped[int] = mapped_column(BigInteger, doc="The last that was given.")
    hash: Mapped[str] = mapped_column(String(64), doc="Of the last sealed row, in hexadecimal.")
    timestamp: Mapped[datetime] = mapped_column(Instant, doc="When it was sealed.")
