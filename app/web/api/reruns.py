"""Failed tasks are run again, or discarded: one, several, or all of a kind. Who and why are audited, as by command."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from app import reruns
from app.domain.letters import KeptLetter
from app.steps.rerun_letters import Rerun
from app.web.access import Changer, Visitor
from app.web.api.asked import PLAIN
from app.web.api.letters import Name
from app.web.api.why import Text, Why, who
from app.web.models import Discards, DiscardSeen, Reruns, RerunSeen
from app.web.problems import Refusal, answers

router = APIRouter(prefix="/dead-letters", tags=["dead letters"])
Times = Annotated[int, Field(ge=1, lt=10**9, description="How often it had failed when it was looked at.")]


# What the checks below say, for those who read the description.
ONE_WAY: dict[str, Any] = {
    "oneOf": [
        {"required": ["letters"], "properties": {"letters": {"minItems": 1}, "kind": {"maxLength": 0}}},
        {"required": ["kind"], "properties": {"letters": {"maxItems": 0}, "kind": {"minLength": 1}}},
    ]
}
SAYS_WHY: dict[str, Any] = {
    "anyOf": [
        {"required": ["reason"], "properties": {"reason": {"pattern": r"\S"}}},
        {"required": ["dry_run"], "properties": {"dry_run": {"const": True}}},
    ]
}


class Which(BaseModel):
    """A letter as it was looked at: if it has failed again since, nothing is done."""

    model_config = ConfigDict(extra="forbid")

    number: Annotated[int, Field(ge=1, lt=10**17)]
    times: Times | None = None


class Several(BaseModel):
    """Letters by number, or all that wait of a kind."""

    letters: Annotated[list[Which], Field(max_length=reruns.MOST)] = []
    kind: Annotated[
        str,
        StringConstraints(max_length=160, pattern=PLAIN),
        Field(description="A task, such as signals.find, or a kind of error, such as KeyError; the oldest 500."),
    ] = ""

    @model_validator(mode="after")
    def _one_way(self) -> "Several":
        if bool(self.letters) == bool(self.kind):
            raise ValueError("name letters, or a kind of them")
        return self

    def chosen(self) -> list[KeptLetter]:
        """As they are kept, but as often failed as they were seen."""
        found = reruns.chosen([str(one.number) for one in self.letters], self.kind)
        seen = {one.number: one.times for one in self.letters}
        return [_as_seen(one, seen.get(one.number)) for one in found]


class Dry(Why):
    """Who and why; nobody needs a reason to ask what would happen."""

    reason: Annotated[str, Text, Field(max_length=500, description="Why; it is audited.")] = ""
    dry_run: Annotated[bool, Field(description="Only tell what it would do.")] = False

    @model_validator(mode="after")
    def _says_why(self) -> "Dry":
        if not self.reason and not self.dry_run:
            raise ValueError("say why: reason")
        return self


class RerunOne(Dry):
    """One."""

    model_config = ConfigDict(json_schema_extra={"allOf": [SAYS_WHY]})

    times: Times | None = None


class RerunSeveral(Dry, Several):
    """Some, or all of a kind."""

    model_config = ConfigDict(json_schema_extra={"allOf": [SAYS_WHY, ONE_WAY]})


class DiscardOne(Why):
    """One."""

    times: Times | None = None


class DiscardSeveral(Why, Several):
    """Some, or all of a kind."""

    model_config = ConfigDict(json_schema_extra={"allOf": [ONE_WAY]})


@router.post("/rerun", responses=answers(404, 422, 503))
def rerun_several(asked: RerunSeveral, visitor: Changer) -> Reruns:
    """Run these again, each where nothing speaks against it; with `dry_run` only tell what would happen."""
    return Reruns(rows=[_seen(one) for one in _rerun(asked.chosen(), asked, visitor)])


@router.post("/discard", responses=answers(404, 422, 503))
def discard_several(asked: DiscardSeveral, visitor: Changer) -> Discards:
    """Nobody needs these any more; they are kept for a while."""
    return _discarded(asked.chosen(), asked, visitor)


@router.post("/{name}/rerun", responses=answers(404, 409, 422, 503))
def rerun(name: Name, asked: RerunOne, visitor: Changer) -> RerunSeen:
    """Run it again with the rest of its chain; 409 with the reason if that would be wrong."""
    [done] = _rerun([_as_seen(one, asked.times) for one in reruns.chosen([name])], asked, visitor)
    if done.refused and not asked.dry_run:
        raise Refusal(409, f"{done.refused[0].upper()}{done.refused[1:]}.")
    return _seen(done)


@router.post("/{name}/discard", responses=answers(404, 409, 422, 503))
def discard(name: Name, asked: DiscardOne, visitor: Changer) -> DiscardSeen:
    """Nobody needs it any more; 409 if it does not wait."""
    [done] = _discarded([_as_seen(one, asked.times) for one in reruns.chosen([name])], asked, visitor).rows
    if done.refused:
        raise Refusal(409, f"{done.refused[0].upper()}{done.refused[1:]}.")
    return done


def _as_seen(kept: KeptLetter, times: int | None) -> KeptLetter:
    return kept if times is None else replace(kept, times=times)


def _rerun(letters: Sequence[KeptLetter], asked: Dry, visitor: Visitor) -> list[Rerun]:
    return reruns.plan(letters) if asked.dry_run else reruns.rerun(letters, asked.reason, who(asked, visitor))


def _discarded(letters: Sequence[KeptLetter], asked: Why, visitor: Visitor) -> Discards:
    done = reruns.discard(letters, asked.reason, who(asked, visitor))
    return Discards(rows=[DiscardSeen(number=one.kept.number, refused=one.refused) for one in done])


def _seen(one: Rerun) -> RerunSeen:
    letter = one.kept.letter
    return RerunSeen(
        number=one.kept.number,
        name=letter.name,
        about=letter.about,
        times=one.kept.times,
        does=one.plan.does,
        doubt=one.plan.doubt,
        refused=one.refused,
        run=one.run,
    )
