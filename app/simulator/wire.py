"""MEXC's pushes as protobuf, written by hand: ccxt's own classes cost an import of all of ccxt.

Numbers of fields are those of MEXC's published schema (PushDataV3ApiWrapper.proto and the messages in it).
"""

from collections.abc import Iterable
from decimal import Decimal

from app.domain.orders import Side
from app.simulator.account import AccountTrade, Balance, Status, VenueOrder
from app.simulator.market import Print, text
from app.simulator.matching import ZERO, Kind, Level

ORDERS, DEALS, ACCOUNT, KLINE, LIMIT_DEPTHS = 304, 306, 307, 308, 303
AGGRE_DEPTHS, AGGRE_DEALS, AGGRE_BOOK_TICKER = 313, 314, 315
CHANNEL, SYMBOL, CREATE_TIME, SEND_TIME = 1, 3, 5, 6
SIDES = {"buy": 1, "sell": 2}
ORDER_TYPES = {Kind.LIMIT: 1, Kind.MAKER: 2, Kind.IOC: 3, Kind.FOK: 4, Kind.MARKET: 5}
STATUSES = {
    Status.NEW: 1,
    Status.FILLED: 2,
    Status.PARTIALLY_FILLED: 3,
    Status.CANCELED: 4,
    Status.PARTIALLY_CANCELED: 5,
}


def varint(number: int) -> bytes:
    """A whole number, seven bits a byte, lowest first."""
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)


def number(field: int, value: int) -> bytes:
    """A whole number that is not negative; zero is left out, as proto3 does."""
    return varint(field << 3) + varint(value) if value else b""


def words(field: int, value: str) -> bytes:
    """Text; none is left out."""
    return block(field, value.encode()) if value else b""


def block(field: int, value: bytes) -> bytes:
    """Bytes with their length in front: a message within a message."""
    return varint(field << 3 | 2) + varint(len(value)) + value


def amount(field: int, value: Decimal) -> bytes:
    """A number, written as text."""
    return words(field, text(value))


def frame(channel: str, symbol: str, send_ms: int, body_field: int, body: bytes, create_ms: int = 0) -> bytes:
    """One push: the wrapper around a message."""
    return b"".join(
        (
            words(CHANNEL, channel),
            words(SYMBOL, symbol),
            number(CREATE_TIME, create_ms),
            number(SEND_TIME, send_ms),
            block(body_field, body),
        )
    )


def deal(one: Print) -> bytes:
    """One print within `deals`; price and quantity as they are, with their zeros."""
    item = b"".join(
        (
            words(1, f"{one.price:f}"),
            words(2, f"{one.quantity:f}"),
            number(3, SIDES[one.side]),
            number(4, one.time_ms),
            words(5, one.trade_id),
        )
    )
    return block(1, item)


def deals(items: Iterable[bytes], event: str) -> bytes:
    """Prints of one symbol, each already written by `deal`."""
    return b"".join(items) + words(2, event)


def book_ticker(bid: Level, ask: Level, version: int) -> bytes:
    """The best bid and ask."""
    return b"".join(
        (
            amount(1, bid.price),
            amount(2, bid.quantity),
            amount(3, ask.price),
            amount(4, ask.quantity),
            words(5, str(version)),
        )
    )


def depths(asks: Iterable[Level], bids: Iterable[Level], event: str, since: int, until: int) -> bytes:
    """Levels that changed between two versions of the book; a quantity of 0 takes one away."""
    return _levels(asks, bids) + words(3, event) + words(4, str(since)) + words(5, str(until))


def limit_depths(asks: Iterable[Level], bids: Iterable[Level], event: str, version: int) -> bytes:
    """The best levels as they are."""
    return _levels(asks, bids) + words(3, event) + words(4, str(version))


def _levels(asks: Iterable[Level], bids: Iterable[Level]) -> bytes:
    return b"".join(
        block(field, amount(1, level.price) + amount(2, level.quantity))
        for field, side in ((1, asks), (2, bids))
        for level in side
    )


def kline(interval: str, start_s: int, end_s: int, figures: tuple[Decimal, ...]) -> bytes:
    """A forming bar; figures are open, close, high, low, volume and turnover."""
    written = [amount(field, figure) for field, figure in enumerate(figures, start=3)]
    return b"".join((words(1, interval), number(2, start_s), *written, number(9, end_s)))


def order(one: VenueOrder, last_deal: Decimal | None) -> bytes:
    """An order as it is now."""
    average = one.executed_quote / one.executed if one.executed else ZERO
    total = one.budget or one.price * one.quantity
    return b"".join(
        (
            words(1, one.id),
            words(2, one.client_id),
            amount(3, one.price),
            amount(4, one.quantity),
            amount(5, total),
            amount(6, average),
            number(7, ORDER_TYPES[one.kind]),
            number(8, SIDES[one.side]),
            number(9, int(one.kind is Kind.MAKER)),
            amount(10, max(ZERO, total - one.executed_quote)),
            amount(11, one.left),
            b"" if last_deal is None else amount(12, last_deal),
            amount(13, one.executed),
            amount(14, one.executed_quote),
            number(15, STATUSES[one.status]),
            number(16, one.created_ms),
        )
    )


def account_trade(one: AccountTrade) -> bytes:
    """A fill of the account's."""
    return b"".join(
        (
            amount(1, one.price),
            amount(2, one.quantity),
            amount(3, one.quote),
            number(4, 1 if one.side is Side.BUY else 2),
            number(5, int(one.maker)),
            words(7, one.id),
            words(8, one.client_id),
            words(9, one.order_id),
            amount(10, one.fee),
            words(11, one.fee_asset),
            number(12, one.time_ms),
        )
    )


def balance(asset: str, now: Balance, before: Balance, reason: str, time_ms: int) -> bytes:
    """What there is of an asset, and how it changed."""
    return b"".join(
        (
            words(1, asset),
            words(2, asset.lower()),
            amount(3, now.free),
            amount(4, now.free - before.free),
            amount(5, now.locked),
            amount(6, now.locked - before.locked),
            words(7, reason),
            number(8, time_ms),
        )
    )
