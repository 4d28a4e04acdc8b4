"""A frame: the ticks and marks that the feed puts into a mailbox in one go, as JSON rows."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

_decoder = msgspec.json.Decoder(list[Any])
_encoder = msgspec.json.Encoder()

Row = Sequence[Any]


class Frame(NamedTuple):
    """One entry of a mailbox.

    `id` is the entry's name and becomes the correlation id of what it causes. A row is a tick
    `[symbol, time_us, price, quantity, side, received_us]` or a mark: `["@", venue_time_us, received_us]`,
    `["!", symbol, time_us]`, `["=", symbol, since_us]`. `size` is how many rows were put in; `rows` is empty
    when the frame cannot be read.
    """

    id: str
    rows: list[Row]
    size: int


def packed(rows: Sequence[Row]) -> bytes:
    """Rows as they travel."""
    return _encoder.encode(rows)


def unpacked(entry_id: bytes, fields: dict[bytes, bytes]) -> Frame:
    """A stream entry as a frame; one that cannot be read has no rows."""
    size = int(fields.get(b"n", 0))
    try:
        rows = _decoder.decode(fields.get(b"f", b""))
    except msgspec.DecodeError:
        rows = []
    return Frame(entry_id.decode(), rows, size)
