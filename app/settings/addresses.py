"""What is secret within an address: its password, and what is too long and wild to be a name."""

import re
from urllib.parse import SplitResult, unquote, urlsplit

LEAST_PASSWORD = 4  # a shorter one is in every other word, and hides nothing from anybody
LEAST_TOKEN = 16
DATABASES = ("sqlite", "postgres", "redis", "unix")


def secret_parts(address: str) -> list[str]:
    """As written and decoded; of a database or a Redis only the password, for its host and path are no secrets."""
    try:
        parts = urlsplit(address)
        found = [*_passwords(parts), *([] if parts.scheme.startswith(DATABASES) else _tokens(address))]
    except ValueError:  # no address at all, which whoever uses it says
        found = _tokens(address)
    return [*found, *(unquote(one) for one in found if unquote(one) != one)]


def _passwords(parts: SplitResult) -> list[str]:
    password = parts.password or ""
    return [password] if len(password) >= LEAST_PASSWORD and password != parts.username else []


def _tokens(address: str) -> list[str]:
    """Pieces as long as tokens are; a host's name has a dot."""
    pieces = re.split(r"[/:@?&=]", address.partition("://")[2])
    return [piece for piece in pieces if len(piece) >= LEAST_TOKEN and "." not in piece]
