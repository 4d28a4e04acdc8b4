"""Dead letters: tasks that failed for good."""

import json
from typing import Annotated

from fastapi import APIRouter, Path, Query

from app import wiring
from app.domain.letters import UNDONE, KeptLetter, LetterState
from app.web.access import Reader
from app.web.api.asked import PLAIN, Limit
from app.web.models import LetterPage, LetterSeen
from app.web.problems import answers

router = APIRouter(prefix="/dead-letters", tags=["dead letters"])
Name = Annotated[str, Path(min_length=1, max_length=80, pattern=PLAIN, description="Its number, or the task's id.")]

State = Annotated[LetterState | None, Query(description="The first two wait for a person.")]


def seen(kept: KeptLetter) -> LetterSeen:
    """A letter as JSON shows it; what could not be read is shown as it came."""
    letter = kept.letter
    told = {name: getattr(letter, name) for name in LetterSeen.model_fields if hasattr(letter, name)}
    decoded = {"args": _decoded(letter.args), "named": _decoded(letter.kwargs), "chain": _decoded(letter.chain)}
    own = {name: getattr(kept, name) for name in ("number", "state", "times", "last_at", "reruns", "deadline", "note")}
    return LetterSeen(**{**told, **decoded, **own})


def _decoded(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:  # it was too long to be kept whole
        return text


@router.get("", responses=answers(422, 503))
def letters(visitor: Reader, state: State = None, limit: Limit = 50) -> LetterPage:
    """Those that wait for a person, or are in this state, newest first."""
    states, kept = UNDONE if state is None else (state,), wiring.letters()
    return LetterPage(rows=[seen(one) for one in kept.waiting(limit, states)], total=kept.count(states))


@router.get("/{name}", responses=answers(404, 422, 503))
def letter(visitor: Reader, name: Name) -> LetterSeen:
    """All that is known of one."""
    return seen(wiring.letters().get(name))
