"""ccxt without its hundred other exchanges: they take 66 MiB and half a second of CPU in each process that imports it.

`ccxt/__init__.py` imports every exchange; while it does, those that are not MEXC are found here, empty. Whoever wants
one all the same is told so. Import this before `ccxt`; where ccxt was there already, all of it is.
"""

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

PACKAGES = ("ccxt", "ccxt.async_support", "ccxt.pro")
KEPT = {"mexc", "base", "abstract", "async_support", "pro", "protobuf", "static_dependencies"}


class LeftOut(RuntimeError):
    """An exchange of ccxt's that is none here."""


class _Others(MetaPathFinder, Loader):
    """Finds an empty module for each other exchange."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """One for what is neither MEXC's nor every exchange's."""
        package, _, name = fullname.rpartition(".")
        return ModuleSpec(fullname, self) if package in PACKAGES and name not in KEPT else None

    def exec_module(self, module: ModuleType) -> None:
        """With a class of the exchange's name that cannot be used."""
        name = module.__name__.rpartition(".")[2]
        setattr(module, name, type(name, (), {"__init__": _refuse}))


def _refuse(exchange: object, *_: object, **__: object) -> None:
    name = type(exchange).__name__
    raise LeftOut(f"ccxt's {name} is left out in a farm, which trades on MEXC; use it in a process of its own")


@contextmanager
def _without_the_others() -> Iterator[None]:
    others = _Others()
    sys.meta_path.insert(0, others)
    try:
        yield
    finally:
        sys.meta_path.remove(others)


with _without_the_others():
    importlib.import_module("ccxt.pro")
