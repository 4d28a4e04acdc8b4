"""What only our own simulated venue can be asked: how far it is, to play a recording, to go faster or on."""

from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import msgspec

from app.domain.errors import Refused, Unavailable
from app.domain.pace import Pace

TIMEOUT_S = 5.0


class Control:
    """The paths under /sim. Raises Unavailable when nothing answers, Refused when it answers with an error."""

    def __init__(self, url: str) -> None:
        self._url = url

    def status(self) -> dict[str, Any]:
        """`{pid, market, ticks_sent, ticks_total, done, bad_rows, time_us, pace, orders, …}`."""
        return self._ask("GET", "status")

    def pace(self) -> Pace:
        """How its clock runs."""
        return _pace(self.status()["pace"])

    def sent_until_us(self) -> int | None:
        """Until when every tick of its recording was sent, in its own time; None while some wait to be sent."""
        until_ms: int | None = self.status()["sent_until_ms"]
        return None if until_ms is None else until_ms * 1000

    def play(self, speed: float) -> Pace:
        """Start its recording; the clock may jump to just before the first tick."""
        return _pace(self._ask("POST", "play", {"speed": speed}))

    def run(self, speed: float) -> Pace:
        """Go on at another speed, without a jump."""
        return _pace(self._ask("POST", "pace", {"speed": speed}))

    def skip(self, to_us: int) -> Pace:
        """The clock of a recording that is over goes on to a time at once."""
        return _pace(self._ask("POST", "skip", {"to_us": to_us}))

    def tick(self, symbol: str, price: float, quantity: float, side: str = "buy") -> None:
        """Print one tick now."""
        self._ask("POST", "tick", {"symbol": symbol, "price": str(price), "quantity": str(quantity), "side": side})

    def fail(self, *faults: Mapping[str, Any]) -> None:
        """Switch faults on: `{"fault": name, …}` each."""
        self._ask("POST", "faults", {"faults": faults})

    def heal(self) -> None:
        """Switch all faults off."""
        self._ask("DELETE", "faults")

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        data = None if body is None else msgspec.json.encode(body)
        request = Request(f"{self._url}/sim/{path}", data, {"Content-Type": "application/json"}, method=method)
        try:
            with urlopen(request, timeout=TIMEOUT_S) as answer:
                return msgspec.json.decode(answer.read(), type=dict[str, Any])
        except HTTPError as error:
            raise Refused(error.read().decode(errors="replace"), str(error.code)) from error
        except (OSError, HTTPException, msgspec.DecodeError) as error:  # nobody, or somebody else
            raise Unavailable(f"the simulated venue at {self._url} does not answer: {error}") from error


def _pace(values: Mapping[str, Any]) -> Pace:
    return msgspec.convert(values, Pace)
