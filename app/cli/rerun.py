"""cdb failed rerun, discard: a person has failed tasks run again, or needs them no more."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from app import reruns
from app.cli.codes import FAILED, WRONG
from app.cli.why import By, Json, Reason, Yes, said, who
from app.domain.letters import KeptLetter
from app.steps.rerun_letters import Rerun

Numbers = Annotated[
    list[str] | None, typer.Argument(metavar="[ID]…", help="Numbers in `cdb failed list`, or the tasks' ids.")
]
Kind = Annotated[
    str, typer.Option("--all-of", metavar="KIND", help="All that wait of a task (signals.find) or an error (KeyError).")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only tell what it would do, and whether it is worth it.")]


def rerun(
    numbers: Numbers = None,
    all_of: Kind = "",
    dry_run: DryRun = False,
    reason: Reason = "",
    by: By = "",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Run failed tasks again, with the rest of their chains; exit code 1 if one of them is refused.

    A running farm does it, and `cdb failed show ID` tells what became of it. An order is placed once, however often it
    is asked for.
    """
    letters = _chosen(numbers, all_of)
    if dry_run:
        _tell(reruns.plan(letters), "", as_json)
        return
    why, name = said(reason), who(by)
    if not yes:
        planned = reruns.plan(letters)
        typer.echo(_table(planned, "would run"), err=True)
        _confirm(sum(not one.refused for one in planned), "Run {} again?")
    _tell(reruns.rerun(letters, why, name), "runs", as_json)


def discard(
    numbers: Numbers = None,
    all_of: Kind = "",
    reason: Reason = "",
    by: By = "",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Need failed tasks no more: they are kept for a while, but wait no longer. Exit code 1 if one is refused."""
    letters = _chosen(numbers, all_of)
    why, name = said(reason), who(by)
    if not yes:
        _confirm(len(letters), "Discard {}?")
    done = reruns.discard(letters, why, name)
    if as_json:
        typer.echo(msgspec.json.encode([{"number": one.kept.number, "refused": one.refused} for one in done]))
    else:
        for one in done:
            typer.echo(f"{one.kept.number}: {one.refused or 'discarded'}")
    _end(any(one.refused for one in done))


def _chosen(numbers: Sequence[str] | None, all_of: str) -> list[KeptLetter]:
    if bool(numbers) == bool(all_of):
        typer.echo("Name dead letters by ID, or all of a kind by --all-of; `cdb failed list` shows them", err=True)
        raise typer.Exit(WRONG)
    found = reruns.chosen(numbers or (), all_of)
    if all_of and len(found) == reruns.MOST:
        typer.echo(f"These are the {reruns.MOST} oldest; the same command again goes on.", err=True)
    return found


def _confirm(count: int, question: str) -> None:
    if not count:
        typer.echo("Nothing can be run again.", err=True)
        raise typer.Exit(FAILED)
    typer.confirm(question.format(f"{count} dead letter{'' if count == 1 else 's'}"), abort=True, err=True)


def _tell(done: Sequence[Rerun], word: str, as_json: bool) -> None:
    if as_json:
        typer.echo(msgspec.json.encode([plain(one) for one in done]))
    else:
        typer.echo(_table(done, word or "would run"))
    _end(any(one.refused for one in done))


def plain(one: Rerun) -> dict[str, Any]:
    """A re-run, or a plan of one, as JSON shows it."""
    letter = one.kept.letter
    return {
        "number": one.kept.number,
        "task": letter.name,
        "about": letter.about,
        "times": one.kept.times,
        "does": one.plan.does,
        "doubt": one.plan.doubt,
        "refused": one.refused,
        "run": one.run,
    }


def _table(done: Sequence[Rerun], word: str) -> str:
    table = Table("id", "task", "about", "", box=None, padding=(0, 2))
    table.add_column("what it does", overflow="fold")
    for one in done:
        told = one.refused or ", but ".join(part for part in (one.plan.does, one.plan.doubt) if part)
        letter = one.kept.letter
        table.add_row(str(one.kept.number), letter.name, letter.about or "-", "refused" if one.refused else word, told)
    console = Console(highlight=False, markup=False)
    with console.capture() as captured:
        console.print(table)
    return captured.get().rstrip()


def _end(refused: bool) -> None:
    if refused:
        raise typer.Exit(FAILED)
