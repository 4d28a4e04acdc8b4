"""Writes .env.example and docs/settings.md from the settings themselves."""

from collections.abc import Iterator
from inspect import get_annotations
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from app.settings import Settings
from app.settings.reading import LOCATORS

Section = tuple[str, dict[str, FieldInfo]]


def env_example() -> str:
    """The text of .env.example."""
    lines = [
        "# Copy this to .env and change what you want; what is not set has the default shown.",
        "# The environment goes before .env, .env before the folder of secrets, that before cdb.toml.",
        "",
        "# --- Where settings are read",
        *(line for name, text in LOCATORS.items() for line in (f"# {text}", f"#{name}=")),
    ]
    for title, fields in sections():
        lines += ["", f"# --- {title}"]
        for name, field in fields.items():
            lines += [f"# {field.description}", f"#CDB_{name.upper()}={_example(field)}"]
    return "\n".join(lines) + "\n"


def settings_page() -> str:
    """The text of docs/settings.md."""
    lines = [
        "# Settings",
        "",
        "Written by `python -m app.settings docs`; change `app/settings/fields.py` instead. What comes first wins:",
        "the environment, `.env`, files in the folder of secrets, `cdb.toml`, the default. In `cdb.toml` a name is",
        "written small and without `CDB_`. A name or a value that is not known stops the start, with its cure.",
        "",
        "| where settings are read | |",
        "|---|---|",
        *(f"| `{name}` | {text} |" for name, text in LOCATORS.items()),
    ]
    for title, fields in sections():
        lines += ["", f"## {title}", "", "| name | default | what it is for |", "|---|---|---|"]
        lines += [f"| `CDB_{name.upper()}` | {_told(field)} | {field.description} |" for name, field in fields.items()]
    return "\n".join(lines) + "\n"


def sections() -> Iterator[Section]:
    """Each section's heading and its own fields, in reading order."""
    for section in reversed(Settings.__mro__):
        own = get_annotations(section)
        fields = {name: Settings.model_fields[name] for name in own if name in Settings.model_fields}
        if fields:
            yield str(section.__doc__), fields


def _shown(field: FieldInfo) -> str | None:
    extra: Any = field.json_schema_extra or {}
    shown: str | None = extra.get("shown")
    return shown


def _default(field: FieldInfo) -> str:
    default = field.default
    if default is None or default is PydanticUndefined:
        return ""
    if hasattr(default, "get_secret_value"):
        return str(default.get_secret_value())
    if isinstance(default, bool):
        return str(default).lower()
    return ",".join(default) if isinstance(default, tuple) else str(default)


def _example(field: FieldInfo) -> str:
    shown = _shown(field)
    return f"   (default: {shown})" if shown else _default(field)


def _told(field: FieldInfo) -> str:
    value = _default(field)
    return _shown(field) or (f"`{value}`" if value else "")
