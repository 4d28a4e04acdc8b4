"""Risk rules: one file each, found by its name; every rule is asked about every intent that it guards against."""

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, ClassVar, Protocol

from app.domain.parameters import WrongParameter, built, instead
from app.domain.risk import Account
from app.domain.trading import Intent


class Rule(Protocol):
    """What a rule is: a frozen dataclass whose fields are its parameters, with a default each."""

    guards_exits: ClassVar[bool]

    def objection(self, intent: Intent, account: Account) -> str | None:
        """Why this order must not be, in a sentence with its numbers, or None."""
        ...

    def numbers(self, intent: Intent, account: Account) -> dict[str, str]:
        """What it looked at, for the record."""
        ...


def names() -> list[str]:
    """The rules there are, in the order in which they are asked."""
    return sorted(module.name for module in iter_modules(__path__) if not module.name.startswith("_"))


def rules(parameters: Mapping[str, Mapping[str, Any]]) -> list[Rule]:
    """Every rule, with its parameters by its name; WrongParameter names the cure."""
    for name in parameters:
        if name not in names():
            raise WrongParameter(f"there is no risk rule {name!r}{instead(name, names())}")
    return [_rule(name, parameters.get(name, {})) for name in names()]


def _rule(name: str, parameters: Mapping[str, Any]) -> Rule:
    rule: Rule = built(import_module(f"{__name__}.{name}").Rule, f"risk rule {name}", parameters)
    return rule
