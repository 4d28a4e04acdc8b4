"""Sessions of browsers: signed, so that nothing has to be kept; each has a token that other web pages cannot know."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass

SALT = b"claire-de-binare console"
WORK = {"n": 2**14, "r": 8, "p": 1}  # about 50 ms and 16 MB, once a process


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that has logged in, or one that nobody has asked for a password; `until` is in Unix seconds."""

    name: str
    until: int
    logged_in: bool


def signing_key(password: str) -> bytes:
    """From the password, so that a restart logs nobody out and a new password everybody; without one, by chance."""
    if not password:
        return secrets.token_bytes(32)
    return hashlib.scrypt(password.encode(), salt=SALT, dklen=32, **WORK)


def same(given: str, expected: str) -> bool:
    """Whether two secrets are equal, in a time that tells nothing of them."""
    one, other = (hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in (given, expected))
    return hmac.compare_digest(one, other)


class Sessions:
    """Makes and reads what the cookie holds. Times are Unix seconds."""

    def __init__(self, key: bytes, life_s: float) -> None:
        self._key = key
        self._life_s = life_s
        self._ended: dict[str, int] = {}

    def begin(self, at_s: float, *, logged_in: bool) -> str:
        """The cookie of a new session."""
        told = f"{secrets.token_urlsafe(18)}.{int(at_s + self._life_s)}.{int(logged_in)}"
        return f"{told}.{self._signed('session', told)}"

    def read(self, cookie: str, at_s: float) -> Session | None:
        """The session of a cookie; None if it is none of ours, is over, or was ended."""
        told, _, signature = cookie.rpartition(".")
        if not told or not same(signature, self._signed("session", told)):
            return None
        name, until, logged_in = told.split(".")
        if int(until) <= at_s or name in self._ended:
            return None
        return Session(name, int(until), logged_in == "1")

    def end(self, session: Session, at_s: float) -> None:
        """Nobody gets in with it any more, as long as this process remembers."""
        self._ended = {name: until for name, until in self._ended.items() if until > at_s}
        self._ended[session.name] = session.until

    def token(self, session: Session) -> str:
        """What a request that changes something has to show."""
        return self._signed("token", session.name)

    def _signed(self, purpose: str, text: str) -> str:
        return hmac.new(self._key, f"{purpose}:{text}".encode(), hashlib.sha256).hexdigest()
