"""The only code that talks to a venue: one package here is one family of venues, found by its name."""

from importlib import import_module
from pathlib import Path
from types import ModuleType


def families() -> list[str]:
    """The venue families that this folder holds."""
    return sorted(path.parent.name for path in Path(__file__).parent.glob("*/__init__.py"))


def family(name: str) -> ModuleType:
    """A family's package, with its `Client`, `Market` and `Trading`; ValueError with the cure for an unknown name."""
    if name not in families():
        raise ValueError(f"there is no venue family {name!r}: choose one of {', '.join(families())}")
    return import_module(f"{__name__}.{name}")
