"""Dead letters: tasks that failed for good."""

from datetime import datetime

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.types import Instant, Key


class DeadLetterRow(Base):
    """A failed task, or all failures of one kind of a task that something sends again by itself.

    `args`, `kwargs` and `chain` are JSON kept as text: a binary form would refuse what some messages hold. `reruns`
    counts how often it was sent again, `failed_run` is the last of them whose failure was counted.
    """

    __tablename__ = "dead_letters"
    __table_args__ = (Index(None, "state", "last_at"), Index(None, "about", "name"))

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    key: Mapped[str] = mapped_column(String(160), unique=True)
    task_id: Mapped[str] = mapped_column(String(160), index=True)
    name: Mapped[str] = mapped_column(String(160))
    about: Mapped[str] = mapped_column(String(80))
    args: Mapped[str] = mapped_column(Text)
    kwargs: Mapped[str] = mapped_column(Text)
    chain: Mapped[str] = mapped_column(Text)
    root_id: Mapped[str] = mapped_column(String(160))
    parent_id: Mapped[str] = mapped_column(String(160))
    queue: Mapped[str] = mapped_column(String(80))
    kind: Mapped[str] = mapped_column(String(160))
    error: Mapped[str] = mapped_column(Text)
    traceback: Mapped[str] = mapped_column(Text)
    message: Mapped[str] = mapped_column(Text)
    worker: Mapped[str] = mapped_column(String(160))
    attempts: Mapped[int]
    correlation_id: Mapped[str] = mapped_column(String(80), index=True)
    repeats: Mapped[bool]
    state: Mapped[str] = mapped_column(String(20))
    times: Mapped[int]
    timestamp: Mapped[datetime] = mapped_column(Instant)
    last_at: Mapped[datetime] = mapped_column(Instant)
    reruns: Mapped[int] = mapped_column(server_default="0")
    failed_run: Mapped[int] = mapped_column(server_default="0")
    deadline: Mapped[datetime | None] = mapped_column(Instant)
    note: Mapped[str] = mapped_column(Text, server_default="")
