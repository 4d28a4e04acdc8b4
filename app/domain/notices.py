"""How alerts are told: each for itself, or all that came up together in one message."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from app.domain.alerts import Alert, Severity


class Part(StrEnum):
    """Why an alert is told: it began, lasts, is over, or was over as soon as it had happened."""

    RAISED = "raised"
    LASTS = "lasts"
    OVER = "over"
    HAPPENED = "happened"


@dataclass(frozen=True, slots=True)
class Notice:
    """A part of an alert on its way to a channel, for the `attempts`th time; `at` is when there was reason to tell."""

    number: int
    alert: Alert
    part: Part
    at: datetime
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class Message:
    """What a channel brings to a person."""

    title: str
    body: str
    severity: Severity


def composed(notices: Sequence[Notice], farm: str, most: int = 20) -> Message:
    """One message of all of them, oldest first; those beyond `most` are counted. Not for none."""
    told = list(map(_told, notices[:most]))
    first, *others = told
    if others:
        left = len(notices) - len(told)
        body = [f"- {one.title} ({at:%H:%M:%S} UTC){_indented(one.text)}" for one, at in told]
        more = [f"- and {left} more: cdb notify list"] if left else []
        worst = max((one.severity for one, _ in told), key=list(Severity).index)
        return Message(f"[{farm}] {len(notices)} messages: {first[0].title}", "\n".join([*body, *more]), worst)
    alert, at = first
    body_of_one = "\n".join(filter(None, [alert.text, f"{at:%Y-%m-%d %H:%M:%S} UTC"]))
    return Message(f"[{farm}] {alert.title}", body_of_one, alert.severity)


def _told(notice: Notice) -> tuple[Alert, datetime]:
    alert = notice.alert
    if notice.part is Part.OVER:
        return replace(alert, title=f"Over: {alert.title}", text="", severity=Severity.INFO), notice.at
    if notice.part is Part.LASTS:
        return replace(alert, title=f"Still: {alert.title}"), notice.at
    return alert, notice.at


def _indented(text: str) -> str:
    return "".join(f"\n  {line}" for line in text.splitlines())
