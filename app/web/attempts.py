"""How often one may try to log in: each address waits longer after each failure, and all together have a limit too."""

from collections import OrderedDict, deque
from dataclasses import dataclass

FREE = 5
LONGEST_S = 300.0
FORGOTTEN_S = 900.0
ALL, ALL_WITHIN_S = 60, 60.0
REMEMBERED = 10_000


@dataclass(slots=True)
class _Failures:
    count: int
    last_s: float


class Attempts:
    """Failures by address; times are monotonic, in seconds."""

    def __init__(self) -> None:
        self._of: OrderedDict[str, _Failures] = OrderedDict()
        self._all: deque[float] = deque(maxlen=ALL)

    def wait_s(self, address: str, at_s: float) -> float:
        """How long this address has to wait before it may try again; 0 if it may."""
        crowd = self._all[0] + ALL_WITHIN_S - at_s if len(self._all) == ALL else 0.0
        known = self._of.get(address)
        if known is None or known.count < FREE:
            return max(0.0, crowd)
        pause = min(LONGEST_S, 2.0 ** (known.count - FREE))
        return max(0.0, crowd, known.last_s + pause - at_s)

    def failed(self, address: str, at_s: float) -> None:
        """The password was wrong."""
        known = self._of.pop(address, None)
        if known is None or at_s - known.last_s > FORGOTTEN_S:
            known = _Failures(0, at_s)
        self._of[address] = _Failures(known.count + 1, at_s)
        self._all.append(at_s)
        if len(self._of) > REMEMBERED:
            self._of.popitem(last=False)

    def succeeded(self, address: str) -> None:
        """It was right."""
        self._of.pop(address, None)
