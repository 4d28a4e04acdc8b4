"""The lean reading of MEXC's trade frames: what ccxt would make of them at a fraction of its cost.

ccxt turns each frame into dictionaries and each trade into thirty fields; the feed wants four of them.
`tests/unit/exchanges/test_frames.py` holds both readings against each other.
"""

import math
from typing import Any

from ccxt.protobuf.mexc.PushDataV3ApiWrapper_pb2 import PushDataV3ApiWrapper

from app.domain.continuity import Print

BUY = 1


def deals(frame: bytes) -> tuple[str, list[Print]] | None:
    """The venue's id of the symbol and its prints, or None if the frame tells of something else.

    A figure that is no number becomes NaN, so that whoever checks ticks sees it. Raises DecodeError for bytes
    that are no frame.
    """
    push: Any = PushDataV3ApiWrapper.FromString(frame)
    if not push.HasField("publicAggreDeals"):
        return None
    return push.symbol, [
        Print(deal.time, _number(deal.price), _number(deal.quantity), "buy" if deal.tradeType == BUY else "sell")
        for deal in push.publicAggreDeals.deals
    ]


def sent_ms(frame: bytes) -> int:
    """When the venue sent it, by its own clock; 0 if it does not tell."""
    push: Any = PushDataV3ApiWrapper.FromString(frame)
    return int(push.sendTime)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:  # empty or no number
        return math.nan
