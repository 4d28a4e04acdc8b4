"""What MEXC's answers mean: one table from its codes to our errors, for orders and for questions."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus
from typing import TYPE_CHECKING

import ccxt
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from app.domain.errors import Denied, RateLimited, Refused, Restricted, Unavailable, Unknown, VenueError

if TYPE_CHECKING:
    from app.exchanges.mexc.client import Client

WAIT_S = 1.0
KEYS = "check CDB_API_KEY and CDB_API_SECRET: the venue does not take them"
ADDRESS = "add this machine's address to the key's list at the venue, or use a key without such a list"
PERMISSION = "allow the key to read the account and to trade spot, at the venue's page of API keys"
ACCOUNT = "the venue has restricted the account: ask its support"


class Kind(Enum):
    """What is known after an error."""

    NOT_SENT = auto()  # no connection was made
    UNCLEAR = auto()  # the venue may have acted
    LIMITED = auto()  # too many requests, not acted on
    CLOCK = auto()  # signed with a time that the venue does not take, not acted on
    ABSENT = auto()  # the order is not visible
    NOT_CANCELLED = auto()  # there is nothing to cancel
    REFUSED = auto()
    DENIED = auto()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: HTTP status, the venue's code ('' if none), its Retry-After header, and all that it says."""

    status: int
    code: str
    retry_after: str
    words: str = ""

    @property
    def limited(self) -> bool:
        """Whether there were too many requests."""
        return self.status in (418, 429) or CODES.get(self.code) is Kind.LIMITED

    @property
    def asked_wait_s(self) -> float | None:
        """Seconds that the venue wants us to wait; None if it does not say."""
        return float(self.retry_after) if self.retry_after.isdecimal() else None

    @property
    def retry_after_s(self) -> float:
        """Seconds to wait."""
        return WAIT_S if self.asked_wait_s is None else self.asked_wait_s


class ClockOff(Unavailable):
    """The venue did not take the time that the request was signed with."""


class NotVisible(VenueError):
    """The venue says that it knows no such order (yet)."""


class NothingToCancel(VenueError):
    """The venue says that the order cannot be cancelled: it is done, or not there."""


CURES = {
    **dict.fromkeys(("400", "401", "402", "602", "700001", "700002", "10072", "1000", "10001"), KEYS),
    **dict.fromkeys(("406", "700006"), ADDRESS),
    **dict.fromkeys(("403", "511", "701", "702", "703", "704", "700007"), PERMISSION),
    **dict.fromkeys(("60005", "10099", "140002"), ACCOUNT),
}
RESTRICTIONS = {
    **dict.fromkeys(("30018", "30019", "30051"), "market_orders"),
    **dict.fromkeys(("10007", "30000", "30014", "30016", "30020", "30021", "-1121"), "tradable"),
}
# What MEXC documents as a no to an order, and what ccxt has met; any other code may be the one for an id that is there.
REFUSALS = frozenset(
    (
        *("26", "600", "601", "1002", "2003", "2005", "2011", "-1128", "70011", "700004", "700008", "730002"),
        *("10007", "10015", "10095", "10096", "10097", "10098", "10101", "10102", "-1121"),
        *("30000", "30001", "30002", "30003", "30004", "30005", "30010", "30014", "30016", "30018", "30019", "30020"),
        *("30021", "30025", "30027", "30028", "30029", "30032", "30041", "30051", "30087"),
        *("33333", "44444", "88004", "88013", "88015"),
    )
)
# MEXC names no code for a client order id that it has seen: -2010 is that of Binance, whose protocol its own follows,
# 603 its own "Repeated request". So words count as well, those of its Chinese answers too.
DUPLICATES = frozenset(("-2010", "603"))
SAYS_DUPLICATE = re.compile(
    r"duplicat|repeat|already[ _]?(been|exist|used|sent|placed)|has been used|unique|重复|已存在|已使用", re.IGNORECASE
)
CODES = {
    **dict.fromkeys(CURES, Kind.DENIED),
    **dict.fromkeys(("500", "501", "503", "504"), Kind.UNCLEAR),
    **dict.fromkeys(("429", "510"), Kind.LIMITED),
    **dict.fromkeys(("700003", "700005", "10073"), Kind.CLOCK),
    **dict.fromkeys(("30000", "30018", "30019", "30020", "30051", "70011"), Kind.REFUSED),
    "-2013": Kind.ABSENT,
    "-2011": Kind.NOT_CANCELLED,
}
CLEAR_NO = (ccxt.InsufficientFunds, ccxt.InvalidOrder, ccxt.BadSymbol, ccxt.BadRequest)


def kind_of(error: ccxt.BaseError, answer: Answer | None) -> Kind:
    """What one of ccxt's errors says about the request."""
    if answer is None:
        return _unanswered(error)
    if answer.code in CODES:
        return CODES[answer.code]
    if answer.status in (418, 429):
        return Kind.LIMITED
    if answer.status >= 500 or not answer.code:
        return Kind.UNCLEAR
    if isinstance(error, ccxt.AuthenticationError):
        return Kind.DENIED
    if isinstance(error, CLEAR_NO) or answer.status >= 400:
        return Kind.REFUSED
    return Kind.UNCLEAR


def kind_of_create(error: ccxt.BaseError, answer: Answer | None) -> Kind:
    """The same of a new order, of which only a no that can mean nothing else is one.

    A 5xx is unclear whatever its body says, as MEXC documents; so is a code that nobody has documented as a no to an
    order, and whatever speaks of an id that is there: that order works, or has worked.
    """
    kind = kind_of(error, answer)
    if answer is None or kind not in (Kind.LIMITED, Kind.CLOCK, Kind.REFUSED, Kind.DENIED):
        return kind
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.code in DUPLICATES:
        return Kind.UNCLEAR
    if kind in (Kind.REFUSED, Kind.DENIED) and SAYS_DUPLICATE.search(answer.words):
        return Kind.UNCLEAR
    return Kind.UNCLEAR if kind is Kind.REFUSED and answer.code not in REFUSALS else kind


def _unanswered(error: ccxt.BaseError) -> Kind:
    if isinstance(error, ccxt.AuthenticationError):
        return Kind.DENIED  # raised by ccxt itself: there are no keys to sign with
    cause = error.__cause__
    reason = getattr(cause.args[0], "reason", None) if cause is not None and cause.args else None
    return Kind.NOT_SENT if isinstance(reason, NewConnectionError | ConnectTimeoutError) else Kind.UNCLEAR


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a request is for decides how its errors are read, and which of ours they are."""

    kind_of: Callable[[ccxt.BaseError, Answer | None], Kind]
    errors: Mapping[Kind, type[VenueError]]


PLACING = Purpose(
    kind_of_create,
    {
        Kind.NOT_SENT: Unavailable,
        Kind.UNCLEAR: Unknown,
        Kind.CLOCK: ClockOff,
        Kind.ABSENT: Unknown,
        Kind.NOT_CANCELLED: Unknown,
    },
)
ASKING = Purpose(
    kind_of,
    {
        Kind.NOT_SENT: Unavailable,
        Kind.UNCLEAR: Unavailable,
        Kind.CLOCK: ClockOff,
        Kind.ABSENT: NotVisible,
        Kind.NOT_CANCELLED: NothingToCancel,
    },
)


@contextmanager
def translated(client: "Client", purpose: Purpose) -> Iterator[None]:
    """Turn ccxt's errors into ours: `PLACING` for a new order, `ASKING` for questions and for a cancel."""
    try:
        yield
    except ccxt.BaseError as error:
        raise _ours(error, client, purpose) from error


def _ours(error: ccxt.BaseError, client: "Client", purpose: Purpose) -> VenueError:
    kind, answer, text = purpose.kind_of(error, client.answer), client.answer, f"{type(error).__name__}: {error}"[:500]
    if kind is Kind.CLOCK:
        client.forget_offset()
    if kind is Kind.LIMITED:
        return RateLimited(text, answer.retry_after_s if answer else WAIT_S)
    if kind is Kind.DENIED:
        return Denied(text, CURES.get(answer.code if answer else "", KEYS))
    if kind is Kind.REFUSED:
        code = answer.code if answer else ""
        return Restricted(text, code, RESTRICTIONS[code]) if code in RESTRICTIONS else Refused(text, code)
    return purpose.errors[kind](text)
