"""The pages of docs/reference, made from the code; `python -m reference` writes them."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Column
from typer.main import get_command

from app.bus.schemas import SCHEMAS
from app.cli.main import cdb
from app.metrics import FAMILIES
from app.web.application import application
from app.wiring import Console
from models import Base
from reference import api
from reference.text import line

FOLDER = Path("docs/reference")
HEAD = "Written by `make reference`; change the code instead."


def commands_page() -> str:
    """Every command of `cdb`, with what it takes."""
    return _page("Commands", *_command("cdb", get_command(cdb)))


def tables_page() -> str:
    """Every table of the database, with its columns."""
    meanings = {mapper.local_table: mapper.class_.__doc__ for mapper in Base.registry.mappers}
    lines: list[str] = []
    for table in sorted(Base.metadata.tables.values(), key=lambda table: table.name):
        lines += ["", f"## {table.name}", "", line(meanings[table]), ""]
        lines += ["| column | type | | meaning |", "|---|---|---|---|"]
        lines += [f"| `{one.name}` | {one.type} | {_column(one)} | {one.doc} |" for one in table.columns]
    return _page("Tables", *lines)


def messages_page() -> str:
    """The JSON schema of each topic's messages."""
    lines: list[str] = ["", "Who tells them, and how to listen: [topics](../topics.md)."]
    for topic, schema in SCHEMAS.items():
        text = json.dumps(schema, indent=2)
        lines += ["", f"## {topic}", "", f"{schema['description'].capitalize()}.", "", "```json", text, "```"]
    return _page("Messages", *lines)


def metrics_page() -> str:
    """Each metric of the farm as a whole."""
    lines = ["", "What each service tells of itself besides, and where: [metrics](../metrics.md).", ""]
    lines += ["| name | labels | told by | meaning |", "|---|---|---|---|"]
    for name, family in FAMILIES.items():
        labels = ", ".join(f"`{label}`" for label in family.labels)
        lines.append(f"| `{name}` | {labels} | {family.service} | {line(family.meaning)} |")
    return _page("Metrics of the whole farm", *lines)


def api_page() -> str:
    """Every request that the console answers, with what goes in and comes out."""
    return _page("REST API", *api.told(application(Console()).openapi()))


PAGES: dict[str, Callable[[], str]] = {
    "api.md": api_page,
    "commands.md": commands_page,
    "messages.md": messages_page,
    "metrics.md": metrics_page,
    "tables.md": tables_page,
}


def _page(title: str, *lines: str) -> str:
    return "\n".join([f"# {title}", "", HEAD, *lines]) + "\n"


def _command(name: str, command: Any) -> Iterator[str]:
    yield from ("", f"## {name}", "", line(command.help))
    shown = [param for param in command.params if not getattr(param, "hidden", False)]
    if shown:
        yield from ("", "| takes | if not given | |", "|---|---|---|")
    for param in shown:
        option = param.param_type_name == "option"
        names = ", ".join(f"`{name}`" for name in param.opts) if option else f"`{param.name.upper()}`"
        yield f"| {names} | {_left_out(param)} | {line(param.help)} |"
    for part, child in sorted(getattr(command, "commands", {}).items()):
        if not child.hidden:
            yield from _command(f"{name} {part}", child)


def _left_out(param: Any) -> str:
    """What a command takes where nothing is said; a flag is off."""
    if param.required:
        return "required"
    return "" if param.default in (None, "", False) else f"`{param.default}`"


def _column(column: Column[Any]) -> str:
    told = {"primary key": column.primary_key, "unique": column.unique, "may be empty": column.nullable}
    facts = [fact for fact, holds in told.items() if holds]
    return ", ".join([*facts, *sorted(f"of `{key.target_fullname}`" for key in column.foreign_keys)])


def write(folder: Path = FOLDER) -> None:
    """Write all pages anew."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (folder / name).write_text(page())
