"""Parameters from settings, as text or numbers, turned into a strategy's or a rule's fields, or a clear refusal."""

from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from math import isfinite
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

Built = TypeVar("Built")
NO = {"", "none"}
TRUTH = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
CALLED = {
    int: "a whole number",
    float: "a number",
    Decimal: "a number",
    bool: "true or false",
    str: "text",
    NoneType: "none",
}


class WrongParameter(ValueError):
    """A name or a parameter is not what it has to be; the message says what would be."""


def built(kind: type[Built], where: str, parameters: Mapping[str, Any]) -> Built:
    """A dataclass from its parameters, given as text, numbers or what they have to be.

    `where` names it in messages, such as `strategy momentum`. Raises WrongParameter, naming the cure.
    """
    types = get_type_hints(kind)
    known = [field.name for field in fields(kind) if field.init]  # type: ignore[arg-type]
    for name in parameters:
        if name not in known:
            raise WrongParameter(f"{where} has no parameter {name!r}{instead(name, known)}")
    values = {name: _fitting(types[name], f"{where}: {name}", value) for name, value in parameters.items()}
    try:
        return kind(**values)
    except ValueError as error:
        raise WrongParameter(f"{where}: {error}") from error


def instead(name: str, known: list[str]) -> str:
    """The end of a sentence about an unknown name: the nearest known one, or all of them."""
    near = get_close_matches(name, known, n=1)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; there is {', '.join(sorted(known))}" if known else "; there is none"


def _fitting(wanted: Any, where: str, value: Any) -> Any:
    for choice in _choices(wanted):
        fits, fitting = _fit(choice, value)
        if fits:
            return fitting
    raise WrongParameter(f"{where} must be {_called(wanted)}, not {value!r}")


def _choices(wanted: Any) -> tuple[Any, ...]:
    return get_args(wanted) if get_origin(wanted) in (Union, UnionType) else (wanted,)


def _called(wanted: Any) -> str:
    if get_origin(wanted) is Literal:
        return " or ".join(map(repr, get_args(wanted)))
    return " or ".join(CALLED.get(choice, str(choice)) for choice in _choices(wanted))


def _fit(wanted: Any, value: Any) -> tuple[bool, Any]:
    """Whether a value can be what is wanted, and what it then is."""
    if get_origin(wanted) is Literal:
        return value in get_args(wanted), value
    if wanted is NoneType:
        return value is None or str(value).strip().lower() in NO, None
    if wanted is bool:
        truth = TRUTH.get(str(value).strip().lower())
        return truth is not None, truth
    if wanted in (int, float, Decimal):
        return _number(wanted, value)
    return isinstance(value, wanted), value


def _number(wanted: Any, value: Any) -> tuple[bool, Any]:
    if isinstance(value, bool):
        return False, None
    try:
        number = wanted(str(value).strip())
    except (ValueError, InvalidOperation):
        return False, None
    return isfinite(number), number
