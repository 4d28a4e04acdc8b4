"""Dead letters: tasks that failed for good, with what is needed to send them again."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

CRASHED = frozenset({"WorkerLostError", "TimeLimitExceeded"})  # kinds of error after which the task's process is gone
CLIPPED = " … "


class LetterState(StrEnum):
    """What has become of a dead letter: the first two wait for a person, the last two are its ends."""

    WAITING = "waiting"
    FAILED_AGAIN = "failed_again"
    RERUNNING = "rerunning"
    DONE = "done"
    DISCARDED = "discarded"


UNDONE = (LetterState.WAITING, LetterState.FAILED_AGAIN)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A failed task; `kind` is its error's name and `at` when it failed.

    `args`, `kwargs` and `chain` are JSON as it came. `chain` are the links that did not run, the next one last.
    `about` is the key that the task was called with, `message` what came, if it could not be read. `repeats` says
    that something sends the same task again by itself, so that all its failures of one kind are one letter. `run` is
    which re-run of its letter has failed, 0 if it was none.
    """

    task_id: str
    name: str
    kind: str
    error: str
    at: datetime
    args: str = "[]"
    kwargs: str = "{}"
    chain: str = "[]"
    about: str = ""
    root_id: str = ""
    parent_id: str = ""
    queue: str = ""
    worker: str = ""
    correlation_id: str = ""
    traceback: str = ""
    message: str = ""
    attempts: int = 1
    repeats: bool = False
    run: int = 0

    @property
    def key(self) -> str:
        """What makes it the same letter: the task's id, or of one that repeats what it is and how it failed."""
        if not self.repeats:
            return self.task_id
        return sha256("|".join((self.name, self.args, self.kwargs, self.kind)).encode()).hexdigest()

    @property
    def step(self) -> str:
        """The last word of the task's name."""
        return self.name.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class KeptLetter:
    """A letter as it is kept: its number, how often it failed and when last, and what was done about it.

    `reruns` counts how often it was sent again, `deadline` is until when an end of the last of them is awaited, and
    `note` what happened to it last.
    """

    number: int
    state: LetterState
    times: int
    last_at: datetime
    letter: DeadLetter
    reruns: int = 0
    deadline: datetime | None = None
    note: str = ""


def storable(text: str, most: int) -> str:
    """A text of at most `most` characters, without its middle if it was longer, that every database takes."""
    safe = text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
    if len(safe) <= most:
        return safe
    half = (most - len(CLIPPED)) // 2
    return safe[:half] + CLIPPED + safe[-half:]
