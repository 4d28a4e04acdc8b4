"""The settings, and what every process does with them first."""

from datetime import timedelta
from functools import cache

from app import log
from app.settings import Settings
from app.settings.reading import load

CURRENCY = "USDT"  # what the account is kept in


@cache
def settings() -> Settings:
    """The settings, read once; SettingsError lists all that is wrong."""
    return load()


def logging(service: str) -> None:
    """Send this process's logs where the settings say."""
    chosen = settings()
    log.configure(level=chosen.log_level, form=chosen.log_format, secrets=chosen.secrets, service=service)


def without_secrets(text: str) -> str:
    """A text that may be kept and shown."""
    return log.Scrub(settings().secrets).text(text)


def seconds(name: str) -> timedelta:
    """A setting that is a time in seconds."""
    return timedelta(seconds=getattr(settings(), f"{name}_s"))
