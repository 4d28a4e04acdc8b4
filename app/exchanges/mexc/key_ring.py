"""The keys that requests are signed with: replaced while the farm runs, once it is told that others are to be used."""

import time
from collections.abc import Callable
from hashlib import sha256
from typing import NamedTuple

import structlog

log = structlog.get_logger()

LOOK_S = 1.0


class ApiKeys(NamedTuple):
    """An access key and its secret."""

    key: str
    secret: str

    @property
    def fingerprint(self) -> str:
        """Tells keys apart, and nothing of them."""
        return sha256(f"{self.key}:{self.secret}".encode()).hexdigest()[:12]

    def __repr__(self) -> str:
        return f"ApiKeys({self.fingerprint})"


class KeyRing:
    """Gives the keys to sign with. Whoever signs looks before, once a second at most, whether others are wanted.

    `wanted(mine)` tells the fingerprint of the keys that are to be used instead of those with the fingerprint `mine`,
    or None if these are right, or nobody knows. `read` reads the keys from where they are kept, None if they cannot be.
    """

    def __init__(self, keys: ApiKeys, wanted: Callable[[str], str | None], read: Callable[[], ApiKeys | None]) -> None:
        self._keys = keys
        self._wanted = wanted
        self._read = read
        self._looked_s = float("-inf")
        self._missed = ""

    def __call__(self) -> ApiKeys:
        if time.monotonic() - self._looked_s >= LOOK_S:
            wanted = self._wanted(self._keys.fingerprint)
            if wanted is not None:
                self._follow(wanted)
            self._looked_s = time.monotonic()
        return self._keys

    def _follow(self, wanted: str) -> None:
        found = self._read()
        if found is not None and found.fingerprint == wanted:
            log.warning("signs with other keys now", before=self._keys.fingerprint, now=wanted)
            self._keys = found
            self._wanted(wanted)  # so that it is known
        elif wanted != self._missed:
            here = None if found is None else found.fingerprint
            log.error("the keys that are wanted are not here, signs with those before", wanted=wanted, here=here)
            self._missed = wanted
