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
    `["!", symbol, time_us]`, `["=", symbol, since_us]`. `size` is how many rows were put in.
    """

    id: str
    packed: bytes
    size: int

    @property
    def rows(self) -> list[Row]:
        """Unpacked anew each time; none when the frame cannot be read.

        Whoever works through many frames holds the rows of one at a time: with those of all of them alive, the
        garbage collector takes a third of a drain's time.
        """
        try:
            return _decoder.decode(self.packed)
        except msgspec.DecodeError:
            return []


def packed(rows: Sequence[Row]) -> bytes:
    """Rows as they travel."""
    return _encoder.encode(rows)


def frame_of(entry_id: bytes, fields: dict[bytes, bytes]) -> Frame:
    """A stream entry as a frame."""
    return Frame(entry_id.decode(), fields.get(b"f", b""), int(fields.get(b"n", 0)))
