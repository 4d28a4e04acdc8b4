"""cdb failed: the dead letters, which are tasks that failed for good. What is done about them is in `rerun.py`."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from app import wiring
from app.cli import rerun
from app.cli.why import Json
from app.domain.letters import UNDONE, KeptLetter, LetterState

Number = Annotated[str, typer.Argument(metavar="ID", help="Its number in `cdb failed list`, or the task's id.")]
Limit = Annotated[int, typer.Option(min=1, help="How many, newest first.")]
State = Annotated[
    LetterState | None, typer.Option("--state", help="Those in this state, instead of those that wait for a person.")
]
NOTHING = "No task has failed for good."
NONE_SO = "There is none in that state."
DECODED = ("args", "kwargs", "chain")
HELP = "The dead letters, which are tasks that failed for good: show them, run them again, discard them."

failed = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None)
failed.command()(rerun.rerun)
failed.command()(rerun.discard)


@failed.command("list")
def list_(limit: Limit = 50, state: State = None, as_json: Json = False) -> None:
    """List those that wait for a person, newest first."""
    states = UNDONE if state is None else (state,)
    kept = wiring.letters().waiting(limit, states)
    if as_json:
        typer.echo(msgspec.json.encode([plain(one) for one in kept]))
        return
    Console().print(_table(kept) if kept else NOTHING if state is None else NONE_SO)
    left = wiring.letters().count(states) - len(kept)
    if left > 0:
        typer.echo(f"and {left} older ones; --limit shows more", err=True)


@failed.command()
def show(number: Number, as_json: Json = False) -> None:
    """Show all that is known of one; exit code 1 if there is none."""
    kept = wiring.letters().get(number)
    if as_json:
        typer.echo(msgspec.json.encode(plain(kept)))
        return
    console = Console(highlight=False, markup=False, soft_wrap=True)
    for title, text in _chapters(kept):
        console.print(title, style="bold")
        for line in text.splitlines():
            console.print(f"  {line}")


def plain(kept: KeptLetter) -> dict[str, Any]:
    """A letter as JSON shows it."""
    letter = asdict(kept.letter)
    decoded = {name: json.loads(letter[name]) for name in DECODED}
    return {
        "number": kept.number,
        "state": kept.state,
        "times": kept.times,
        "last_at": kept.last_at,
        "reruns": kept.reruns,
        "deadline": kept.deadline,
        "note": kept.note,
        **letter,
        **decoded,
    }


def _table(kept: list[KeptLetter]) -> Table:
    table = Table("id", "last failed (UTC)", "times", "task", "about", box=None, padding=(0, 2))
    table.add_column("error", overflow="fold")
    for one in kept:
        letter = one.letter
        again = "failed again, " if one.state is LetterState.FAILED_AGAIN else ""
        told = f"{again}{letter.kind}: {letter.error.partition(chr(10))[0]}"
        table.add_row(str(one.number), _at(one.last_at), str(one.times), letter.name, letter.about or "-", told)
    return table


def _chapters(kept: KeptLetter) -> Iterator[tuple[str, str]]:
    letter = kept.letter
    yield f"Dead letter {kept.number}: {letter.name}, {kept.state}", _when(kept)
    if kept.note:
        yield "What was done about it", f"{kept.note}\nruns again: {kept.reruns}"
    yield "Error", f"{letter.kind}: {letter.error}"
    yield "Called with", f"args {letter.args}\nkwargs {letter.kwargs}"
    links = [link.get("task", "?") for link in reversed(json.loads(letter.chain))]
    yield "Links that did not run", "\n".join(links) or "none"
    ids = f"task {letter.task_id}\nroot {letter.root_id or '-'}, parent {letter.parent_id or '-'}"
    yield "Ids", f"{ids}\ncorrelation id {letter.correlation_id or '-'}"
    if letter.message:
        yield "Message as it came", letter.message
    if letter.traceback:
        yield "Traceback", letter.traceback


def _when(kept: KeptLetter) -> str:
    letter = kept.letter
    tries = "1 attempt" if letter.attempts == 1 else f"{letter.attempts} attempts"
    again = f", {kept.times} times until {_at(kept.last_at)}" if kept.times > 1 else ""
    return (
        f"failed {_at(letter.at)} UTC{again}, after {tries}, on queue {letter.queue or '-'} of {letter.worker or '-'}"
    )


def _at(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"
