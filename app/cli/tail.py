"""cdb tail: what the farm tells on its topics, as it happens."""

import json
import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console

from app import wiring
from app.bus import SCHEMAS
from app.cli.codes import WRONG
from app.cli.farm import Json, seconds_of

Topics = Annotated[list[str], typer.Argument(metavar="TOPIC...", help=f"Some of {', '.join(SCHEMAS)}; or all.")]
For = Annotated[str | None, typer.Option("--for", help="Stop by itself after so long, such as 90s, 10m or 1h.")]
Schema = Annotated[bool, typer.Option("--schema", help="Print what its messages look like, as JSON schemas.")]
HIDDEN = ("correlation_id",)


def tail(topics: Topics, for_: For = None, schema: Schema = False, as_json: Json = False) -> None:
    """Show what the farm tells on its topics until Ctrl-C, a line each."""
    names = list(SCHEMAS) if topics == ["all"] else topics
    unknown = [name for name in names if name not in SCHEMAS]
    if unknown:
        typer.echo(f"There is no topic {unknown[0]}. There are {', '.join(SCHEMAS)}; `all` is all of them.", err=True)
        raise typer.Exit(WRONG)
    if schema:
        typer.echo(json.dumps({name: SCHEMAS[name] for name in names}, indent=2))
        return
    _show(names, seconds_of(for_), as_json)


def _show(names: list[str], for_s: float | None, as_json: bool) -> None:
    ends_at = None if for_s is None else time.monotonic() + for_s
    console = Console(highlight=False, markup=False, soft_wrap=True)
    heard = wiring.listener(names).messages(lambda: ends_at is not None and time.monotonic() >= ends_at)
    try:
        for topic, text in heard:
            event = json.loads(text)
            console.print(json.dumps({"topic": topic, **event}) if as_json else line(topic, event))
    except KeyboardInterrupt:  # enough
        return


def line(topic: str, event: Mapping[str, Any]) -> str:
    """An event in a line: when, where, by whom, and what."""
    told = "  ".join(f"{name}={_text(value)}" for name, value in event["data"].items() if name not in HIDDEN)
    clock = event["timestamp"][11:23].rstrip("Z")
    return f"{clock:12}  {topic:20}  {event['service']:9}  {told}"


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, dict | list | bool) or value is None else str(value)
