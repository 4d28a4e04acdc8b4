"""What is wrong with the settings, in words that say how to put it right."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import SecretStr, ValidationError

WRONG = {
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "decimal_parsing": "must be a number",
    "decimal_type": "must be a number",
    "finite_number": "must be a finite number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "extra_forbidden": "there is no such setting for a symbol",
}


class SettingsError(Exception):
    """The settings are wrong; each of `problems` is one sentence with its cure."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = list(problems)
        count = len(self.problems)
        head = "A setting is wrong:" if count == 1 else f"{count} settings are wrong:"
        super().__init__("\n  ".join([head, *self.problems]))


def unknown(name: str, known: Iterable[str], where: str) -> str:
    """A name that is no setting, and the nearest that is one."""
    near = get_close_matches(name, list(known), n=1)
    cure = f"did you mean {near[0]}?" if near else "all of them are in .env.example"
    return f"{name} ({where}): there is no such setting; {cure}"


def problems(error: ValidationError, fields: Mapping[str, Any], origins: Mapping[str, str]) -> list[str]:
    """Each error of a validation as one sentence.

    `fields` are pydantic's by name, `origins` says where a setting was read.
    """
    # A default that could not be reckoned follows from another error, which is told already.
    told = [detail for detail in error.errors() if detail["type"] != "default_factory_not_called"]
    return [_problem(detail, fields, origins) for detail in told]


def _problem(detail: Any, fields: Mapping[str, Any], origins: Mapping[str, str]) -> str:
    what = WRONG.get(detail["type"]) or _said(str(detail["msg"]))
    if not detail["loc"]:
        return what
    name = str(detail["loc"][0])
    field = fields[name]
    value = "" if field.annotation is SecretStr or not field.repr else f"={detail['input']}"
    path = "".join(f"[{part}]" for part in detail["loc"][1:])
    where = origins.get(name, "default")
    return f"CDB_{name.upper()}{path}{value} ({where}): {what}. It is for: {field.description}."


def _said(message: str) -> str:
    return message.removeprefix("Value error, ").replace("Input should be", "must be")
