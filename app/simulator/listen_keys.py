"""Keys that open the private stream for an hour at a time."""

from hashlib import sha256

from app.simulator.errors import Refusal

LIFE_US = 3_600_000_000
MOST_KEYS = 60
CONNECTIONS_A_KEY = 5


class ListenKeys:
    """Times are the real clock's, in microseconds."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._until: dict[str, int] = {}
        self._made = 0

    def create(self, now_us: int) -> str:
        """A new key."""
        if len(self.valid(now_us)) >= MOST_KEYS:
            raise Refusal(700008, "The number of listen keys has reached the limit")
        self._made += 1
        key = sha256(f"{self._secret}|{now_us}|{self._made}".encode()).hexdigest()
        self._until[key] = now_us + LIFE_US
        return key

    def valid(self, now_us: int) -> list[str]:
        """Keys that open the stream; the others are forgotten."""
        self._until = {key: until for key, until in self._until.items() if until > now_us}
        return list(self._until)

    def opens(self, key: str | None, now_us: int) -> bool:
        """Whether what was opened with it is still told anything."""
        return key is not None and self._until.get(key, 0) > now_us

    def extend(self, key: str, now_us: int) -> str:
        """An hour from now."""
        if key not in self.valid(now_us):
            raise Refusal(-1125, "This listenKey does not exist.")
        self._until[key] = now_us + LIFE_US
        return key

    def end(self, key: str) -> str:
        """It opens nothing from now on."""
        self._until.pop(key, None)
        return key

    def end_all(self) -> None:
        """None opens anything from now on."""
        self._until.clear()
