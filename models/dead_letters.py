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

    id: Mapped[int] = mapped_column(Key, primary_key=True, doc="Its number.")
    key: Mapped[str] = mapped_column(
        String(160), unique=True, doc="One row for each: of a task, or of all failures of a kind."
    )
    task_id: Mapped[str] = mapped_column(String(160), index=True, doc="Celery's.")
    name: Mapped[str] = mapped_column(String(160), doc="Of the task.")
    about: Mapped[str] = mapped_column(String(80), doc="Key of the signal or name of the order.")
    args: Mapped[str] = mapped_column(Text, doc="As JSON.")
    kwargs: Mapped[str] = mapped_column(Text, doc="As JSON.")
    chain: Mapped[str] = mapped_column(Text, doc="What was to follow it, as JSON.")
    root_id: Mapped[str] = mapped_column(String(160), doc="The first task of its chain.")
    parent_id: Mapped[str] = mapped_column(String(160), doc="The task that sent it.")
    queue: Mapped[str] = mapped_column(String(80), doc="Where it waited.")
    kind: Mapped[str] = mapped_column(String(160), doc="Class of the error.")
    error: Mapped[str] = mapped_column(Text, doc="Its message, without secrets.")
    traceback: Mapped[str] = mapped_column(Text, doc="Where it came from.")
    message: Mapped[str] = mapped_column(Text, doc="What was received, if it could not be read.")
    worker: Mapped[str] = mapped_column(String(160), doc="Who tried it.")
    attempts: Mapped[int] = mapped_column(doc="How often it was tried before it failed for good.")
    correlation_id: Mapped[str] = mapped_column(
        String(80), index=True, doc="The same in all that followed from one tick."
    )
    repeats: Mapped[bool] = mapped_column(doc="Whether something sends it again by itself.")
    state: Mapped[str] = mapped_column(String(20), doc="waiting, failed_again, rerunning, done or discarded.")
    times: Mapped[int] = mapped_column(doc="How often it failed.")
    timestamp: Mapped[datetime] = mapped_column(Instant, doc="When it failed first.")
    last_at: Mapped[datetime] = mapped_column(Instant, doc="When it failed last.")
    reruns: Mapped[int] = mapped_column(server_default="0", doc="How often it was run again.")
    failed_run: Mapped[int] = mapped_column(server_default="0", doc="The last of those whose failure was counted.")
    deadline: Mapped[datetime | None] = mapped_column(Instant, doc="Until when its re-run is waited for.")
    note: Mapped[str] = mapped_column(Text, server_default="", doc="Who did what to it, and why.")
