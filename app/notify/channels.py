"""Channels: Telegram, mail, Slack, a web hook and a hundred more, each by its address."""

import logging
from collections import Counter
from collections.abc import Sequence

import apprise

from app.domain.alerts import Severity
from app.domain.notices import Message

LONGEST_S = 30.0  # for one message: four seconds are for each part of an answer, and a page may have many
TYPES = {
    Severity.INFO: apprise.NotifyType.INFO,
    Severity.WARNING: apprise.NotifyType.WARNING,
    Severity.CRITICAL: apprise.NotifyType.FAILURE,
}
ASSET = apprise.AppriseAsset(app_id="cdb", app_desc="Claire de Binare", app_url="", async_mode=False)

logging.getLogger("apprise").propagate = False  # it tells whole addresses; what matters is in each outcome


class UnknownAddress(ValueError):
    """An address that Apprise cannot make anything of; it is not in the words."""


class NotDelivered(Exception):
    """Why a message was not brought, as far as the service tells."""


class Channel:
    """One address. `name` shows where it leads, without what is secret."""

    def __init__(self, name: str, service: apprise.NotifyBase, longest_s: float = LONGEST_S) -> None:
        self.name = name
        self._service = service
        self._longest_s = longest_s

    def send(self, message: Message) -> None:
        """Bring a message, or NotDelivered; never takes longer than `longest_s`, whatever the other side does."""
        box = apprise.Apprise(asset=ASSET)
        box.add(self._service)
        outcome = box.notify(  # which catches whatever its plugins stumble over
            title=message.title,
            body=message.body,
            notify_type=TYPES[message.severity],
            body_format=apprise.NotifyFormat.TEXT,
            timeout=self._longest_s,
            log_level=logging.WARNING,
        )
        if not outcome:
            said = [entry.message.strip().rstrip(".") for entry in outcome.logs()]
            raise NotDelivered("; ".join(dict.fromkeys(said)) or "the service did not take it")


def channels(addresses: Sequence[str]) -> list[Channel]:
    """A channel for each address; UnknownAddress says which of them is none."""
    services = [_service(number, address) for number, address in enumerate(addresses, 1)]
    seen: Counter[str] = Counter()
    return [Channel(_name(service, seen), service) for service in services]


def _service(number: int, address: str) -> apprise.NotifyBase:
    service = apprise.Apprise.instantiate(address, asset=ASSET, suppress_exceptions=True)
    if not isinstance(service, apprise.NotifyBase):
        scheme = address.partition("://")[0] if "://" in address else "?"
        raise UnknownAddress(f"number {number} ({scheme}://…) is no address that Apprise knows")
    return service


def _name(service: apprise.NotifyBase, seen: "Counter[str]") -> str:
    """Two that look alike get numbers."""
    told: str = service.url(privacy=True)  # type: ignore[no-untyped-call]
    shown = told.partition("?")[0].rstrip("/")[:180]
    seen[shown] += 1
    return shown if seen[shown] == 1 else f"{shown} ({seen[shown]})"
