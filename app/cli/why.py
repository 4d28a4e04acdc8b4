"""Who does something, and why: what commands that change something ask for and audit."""

import getpass
from typing import Annotated

import typer

from app.cli.codes import WRONG

Reason = Annotated[str, typer.Option("--reason", help="Why; it is audited.")]
By = Annotated[str, typer.Option("--by", help="Who; the user of this machine if not told.")]
Yes = Annotated[bool, typer.Option("--yes", help="Ask nothing.")]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]


def said(reason: str) -> str:
    """The reason; wrong usage without one."""
    if reason.strip():
        return reason.strip()
    typer.echo("--reason is empty; say why, it is audited", err=True)
    raise typer.Exit(WRONG)


def who(by: str) -> str:
    """Who it is."""
    return by.strip() or getpass.getuser()
