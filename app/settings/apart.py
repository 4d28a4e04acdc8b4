"""The settings of a farm apart, such as a replay's: its own, and nothing else, wherever that was given."""

import json
import os
from collections.abc import Iterable, Mapping
from inspect import get_annotations
from typing import Any

from app.settings import Settings
from app.settings.fields import Farm, Market, Orders, Risk
from app.settings.reading import FOR_TESTS, LOCATORS, NOTHING, PREFIX

CELERYS = "CELERY_"  # what Celery takes for a broker, whatever its configuration says
DECIDING = (
    *(name for section in (Market, Risk, Orders, Farm) for name in get_annotations(section)),
    *("recv_window_ms", "mailbox_cap", "archive", "retention_days", "letter_days"),
    *("venue_balance", "venue_takes_duplicates"),
)


def live_apart(own: Mapping[str, str], *, typed: Iterable[str] = (), like: Settings | None = None) -> None:
    """Leave only these settings to this process and to those that it starts: no file is read any more.

    Of the environment, which somebody may have typed for this one command, `typed` stays; what goes before both is
    `own`. How another farm decides is taken over from `like`, but not where it trades or keeps things.
    """
    given = {name.upper(): value for name, value in os.environ.items()}
    for name in [name for name in os.environ if _is_ours(name.upper())]:
        del os.environ[name]
    os.environ.update(_deciding(like) if like else {})
    os.environ.update({name: given[name] for name in typed if given.get(name)})
    os.environ.update({**dict.fromkeys(LOCATORS, NOTHING), **own})


def _is_ours(name: str) -> bool:
    return name.startswith((PREFIX, CELERYS)) and not name.startswith(FOR_TESTS)


def _deciding(settings: Settings) -> dict[str, str]:
    chosen = settings.model_dump(mode="json", include=set(DECIDING), exclude_unset=True)
    return {f"{PREFIX}{name.upper()}": _written(value) for name, value in chosen.items()}


def _written(value: Any) -> str:
    """As it is written in the environment."""
    if value is None:
        return "none"
    if isinstance(value, list):
        return ",".join(value)
    return value if isinstance(value, str) else json.dumps(value)
