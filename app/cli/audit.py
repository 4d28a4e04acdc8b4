"""cdb audit: whether what was audited is still what was sealed, and the chain's head, to be noted down elsewhere."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from app import store, wiring
from app.cli.codes import FAILED
from app.domain.market import instant_text
from app.domain.sealing import Head, noted_head
from app.store import Verdict

LAST = 10**18  # databases count a little further
Json = Annotated[bool, typer.Option("--json", help="For machines.")]
From = Annotated[
    int, typer.Option("--from", metavar="SEQ", min=1, max=LAST, help="Look from this row on; trust those before.")
]
Noted = Annotated[
    str | None, typer.Option("--head", metavar="SEQ:HASH", help="A head that was noted: is it in the chain?")
]

audit = typer.Typer(help="The sealed record of what was decided and done.", no_args_is_help=True, rich_markup_mode=None)


@audit.command()
def verify(start: From = 1, head: Noted = None, as_json: Json = False) -> None:
    """Name the first row that was altered, is missing or was added; exit code 1 if there is one."""
    verdict = store.verify(wiring.database(), start, _noted(head, start))
    typer.echo(json.dumps(_plain(verdict)) if as_json else "\n".join(_told(verdict, start)))
    if verdict.broken is not None:
        raise typer.Exit(FAILED)


@audit.command()
def head(as_json: Json = False) -> None:
    """Print the chain's head, to be noted down elsewhere: verify --head looks for it."""
    found = wiring.audits().head()
    typer.echo(json.dumps(asdict(found)) if as_json else str(found))


def _noted(text: str | None, start: int) -> Head | None:
    if text is None:
        return None
    try:
        noted = noted_head(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--head") from None
    if noted.sequence < start - 1:
        told = f"row {noted.sequence} is before those to look at; say --from {noted.sequence + 1} or less"
        raise typer.BadParameter(told, param_hint="--head")
    return noted


def _plain(verdict: Verdict) -> dict[str, object]:
    return {
        "intact": verdict.broken is None,
        "broken": None if verdict.broken is None else asdict(verdict.broken),
        "sealed": verdict.sealed,
        "waiting": verdict.waiting,
        "head": {**asdict(verdict.head), "at": None if verdict.sealed_at is None else instant_text(verdict.sealed_at)},
    }


def _told(verdict: Verdict, start: int) -> list[str]:
    broken, at = verdict.broken, verdict.sealed_at
    if broken is None:
        lines = [f"Intact{f' from sequence {start} on' if start > 1 else ''}: all that is sealed is as it was."]
    else:
        row = "" if broken.id is None else f" (row {broken.id})"
        lines = [f"BROKEN at sequence {broken.sequence}{row}, {broken.kind}: {broken.told}."]
    when = "nothing was sealed yet" if at is None else f"sealed {at:%Y-%m-%d %H:%M:%S} UTC"
    return [*lines, f"{verdict.sealed} sealed, {verdict.waiting} waiting", f"head {verdict.head}", when]
