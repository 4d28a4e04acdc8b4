"""Who is told what a person should know, and from where that is read."""

from datetime import timedelta
from functools import cache

from app import notify, store
from app.domain.alerts import Patience
from app.risk.not_reconciled import Rule
from app.settings import SettingsError
from app.wiring._database import database
from app.wiring._decisions import rules
from app.wiring._settings import seconds, settings


@cache
def channels() -> list[notify.Channel]:
    """One for each address; SettingsError names one that is none."""
    try:
        return notify.channels(settings().notify_addresses)
    except notify.UnknownAddress as error:
        cure = "https://appriseit.com lists them; separate several by spaces"
        raise SettingsError([f"CDB_NOTIFY_URLS: {error}: {cure}"]) from None


@cache
def alerts() -> store.Alerts:
    """What is to be told, and how far it was."""
    return store.Alerts(database())


@cache
def troubles() -> store.Troubles:
    """What the database knows of it."""
    return store.Troubles(database())


@cache
def days() -> store.Days:
    """What happened on a day."""
    return store.Days(database())


@cache
def patience() -> Patience:
    """From when on something is worth a person's time."""
    limits = [timedelta(seconds=rule.limit_s) for rule in rules() if isinstance(rule, Rule)]
    return Patience(
        unclear=seconds("notify_unclear"),
        unprotected=seconds("unprotected_alert"),
        books=min(limits, default=timedelta(minutes=2)),
    )
