"""A person has failed tasks run again, or discards them: the same by command, by page and by program.

Who and why are audited. Nothing here asks whether it is meant; that is for whoever calls.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app import wiring
from app.domain.errors import Missing
from app.domain.letters import KeptLetter
from app.domain.rerun import standing
from app.steps import rerun_letters as rerunning
from app.steps.ports import Reruns
from app.steps.rerun_letters import SOMEBODY_WAS_FASTER, Desk, Rerun

MOST = 500  # letters at once; asked for again, the rest follows


@dataclass(frozen=True, slots=True)
class Discarded:
    """A letter, and why it was not discarded, if it was not."""

    kept: KeptLetter
    refused: str = ""


def chosen(names: Iterable[str] = (), kind: str = "") -> list[KeptLetter]:
    """Letters by number or task id, each once, and those that wait of a task or a kind of error; Missing if none is."""
    found = {one.number: one for one in map(wiring.letters().get, names)}
    of_kind = wiring.letters().of_a_kind(kind, MOST) if kind else []
    if kind and not of_kind:
        raise Missing(f"No dead letter of {kind} waits. `cdb failed list` shows those that do")
    return list((found | {one.number: one for one in of_kind}).values())


def plan(letters: Sequence[KeptLetter]) -> list[Rerun]:
    """What re-runs of these would do; nothing is changed."""
    return rerunning.plan_reruns(letters, desk=_desk(), reruns=_reruns(), at=wiring.now())


def rerun(letters: Sequence[KeptLetter], reason: str, by: str) -> list[Rerun]:
    """Run them again where nothing speaks against it, as they were looked at."""
    return rerunning.rerun_letters(
        letters, reason=reason, by=by, letters=wiring.letters(), desk=_desk(), reruns=_reruns(), now=wiring.clock()
    )


def discard(letters: Sequence[KeptLetter], reason: str, by: str) -> list[Discarded]:
    """Nobody needs them any more."""
    return [Discarded(one, _discard(one, reason, by)) for one in letters]


def _discard(one: KeptLetter, reason: str, by: str) -> str:
    refused = standing(one)
    if refused or wiring.letters().discard(one.number, one.times, reason=reason, by=by, at=wiring.now()):
        return refused
    return standing(wiring.letters().get(str(one.number))) or SOMEBODY_WAS_FASTER


def _desk() -> Desk:
    from tasks._reruns import rerun_desk

    return rerun_desk()


def _reruns() -> Reruns:
    """Celery's; imported late, because that reads the settings, and what is wrong with them is for others to tell."""
    from tasks._reruns import reruns

    return reruns()
