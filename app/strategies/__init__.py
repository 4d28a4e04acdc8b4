"""Strategies: one file each, found by its name, or anyone's own by `module:Class`."""

from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from app.domain.parameters import WrongParameter, built, instead
from app.domain.trading import Wish

if TYPE_CHECKING:
    from pandas import DataFrame

PARTS = ("version", "window", "warm_up", "indicators", "decide")


class Strategy(Protocol):
    """What a strategy is: a frozen dataclass whose fields are its parameters, with a default each."""

    version: ClassVar[str]

    @property
    def window(self) -> int:
        """How many bars it has to see to decide as it would over all of history."""
        ...

    @property
    def warm_up(self) -> int:
        """How many bars there must be before it can decide anything."""
        ...

    def indicators(self, bars: "DataFrame") -> "DataFrame":
        """A row of figures for each bar; no row may depend on a later bar.

        `bars` has the columns open, high, low, close, volume; its index is each bar's end.
        """
        ...

    def decide(self, now: Mapping[str, float], before: Mapping[str, float]) -> Wish | None:
        """A wish from the newest row of `indicators` and the one before it."""
        ...


def names() -> list[str]:
    """The strategies that ship with the farm."""
    return sorted(module.name for module in iter_modules(__path__) if not module.name.startswith("_"))


def strategy(name_or_path: str, parameters: Mapping[str, Any]) -> Strategy:
    """A strategy by its file name or `module:Class`, with its parameters; WrongParameter names the cure."""
    made: Strategy = built(_found(name_or_path), f"strategy {name_or_path}", parameters)
    return made


def strategies(wanted: Sequence[str], parameters: Mapping[str, Mapping[str, Any]]) -> list[Strategy]:
    """The wanted strategies, in their order; `parameters` is by name, that of `my_module:Class` is `my_module`."""
    paths = {called(path): path for path in wanted}
    if len(paths) < len(wanted):
        raise WrongParameter(f"of {', '.join(wanted)} two have the same name; name each once")
    known = sorted({*names(), *paths})
    for name in parameters:
        if name not in known:
            raise WrongParameter(f"there are parameters for a strategy {name!r}{instead(name, known)}")
    return [strategy(path, parameters.get(name, {})) for name, path in paths.items()]


def called(name_or_path: str) -> str:
    """The name of a strategy: that of its file."""
    return name_or_path.partition(":")[0].rpartition(".")[2]


def _found(name_or_path: str) -> type[Any]:
    module, colon, class_name = name_or_path.partition(":")
    if not colon:
        if module not in names():
            others = instead(module, names())
            others += "" if others.endswith("?") else "."
            raise WrongParameter(f"there is no strategy {module!r}{others} Write my_module:Class for one of your own.")
        module, class_name = f"{__name__}.{module}", "Strategy"
    return _sound(_loaded(module, class_name), name_or_path)


def _loaded(module: str, class_name: str) -> Any:
    if not _exists(module):
        raise WrongParameter(f"there is no module {module!r}; start from its folder, or put that on PYTHONPATH")
    found = getattr(import_module(module), class_name, None)
    if found is None:
        raise WrongParameter(f"module {module} has no {class_name!r}")
    return found


def _exists(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ModuleNotFoundError, ValueError):  # a parent is missing, or the name is empty
        return False


def _sound(found: Any, name_or_path: str) -> type[Any]:
    if not (isinstance(found, type) and is_dataclass(found)):
        raise WrongParameter(f"{name_or_path} is no dataclass; write @dataclass(frozen=True) above the class")
    missing = [part for part in PARTS if not hasattr(found, part)]
    if missing:
        raise WrongParameter(f"{name_or_path} lacks {', '.join(missing)}; docs/add-a-strategy.md shows all parts")
    return found
