"""Keep a dead letter: in the database, while that is away aside, and if all is away in the log."""

from dataclasses import asdict

import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from app.domain.letters import DeadLetter
from app.steps.ports import Letters, LettersAside
from app.store import DatabaseError

log = structlog.get_logger()

AT_ONCE = 100


def keep_letter(letter: DeadLetter, *, letters: Letters, aside: LettersAside) -> None:
    """Wherever it can be kept now; `keep_aside` brings it to the database later."""
    try:
        if letters.keep(letter):
            log.info("dead letter kept", letter=letter.name, about=letter.about, kind=letter.kind)
    except (DatabaseError, SQLAlchemyError) as error:
        _put_aside(letter, aside, str(error))


def keep_aside(*, letters: Letters, aside: LettersAside) -> int:
    """Bring to the database what was put aside, oldest first; how many, and the database's error if it is away."""
    kept = 0
    while some := aside.oldest(AT_ONCE):
        for letter in some:
            letters.keep(letter)
        aside.drop(some)
        kept += len(some)
    return kept


def _put_aside(letter: DeadLetter, aside: LettersAside, reason: str) -> None:
    try:
        kept_all = aside.put(letter)
    except RedisError as error:
        log.error("dead letter is nowhere but in this line", letter=asdict(letter), database=reason, redis=str(error))
        return
    log.warning("dead letter waits for the database", letter=letter.name, about=letter.about, reason=reason)
    if not kept_all:
        log.error("dead letters were dropped, too many wait for the database")
