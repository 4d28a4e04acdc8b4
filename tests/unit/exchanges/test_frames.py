"""The lean reading of trade frames, held against what ccxt makes of the same bytes."""

import math

import ccxt.pro
import pytest
from ccxt.protobuf.mexc.PushDataV3ApiWrapper_pb2 import PushDataV3ApiWrapper
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from app.domain.continuity import Print
from app.exchanges.mexc.frames import deals

figures = st.decimals("0.00000001", "99999999", places=8, allow_nan=False).map(str)
told = st.lists(st.tuples(figures, figures, st.sampled_from([1, 2]), st.integers(1, 2**42)), min_size=1, max_size=8)


def a_frame(trades: list[tuple[str, str, int, int]]) -> bytes:
    push = PushDataV3ApiWrapper(channel="spot@public.aggre.deals.v3.api.pb@100ms@BTCUSDT", symbol="BTCUSDT")
    for price, quantity, kind, ms in trades:
        push.publicAggreDeals.deals.add(price=price, quantity=quantity, tradeType=kind, time=ms)
    return bytes(push.SerializeToString())


@given(told)
def test_the_lean_reading_says_what_ccxt_says(trades: list[tuple[str, str, int, int]]) -> None:
    frame = a_frame(trades)
    slow = ccxt.pro.mexc()
    parsed = [slow.parse_ws_trade(deal) for deal in slow.decode_proto_msg(frame)["publicAggreDeals"]["deals"]]

    found = deals(frame)

    assert found == (
        "BTCUSDT",
        [Print(one["timestamp"], one["price"], one["amount"], one["side"]) for one in parsed],
    )


def test_a_figure_that_is_none_is_left_for_whoever_checks_ticks() -> None:
    found = deals(a_frame([("abc", "", 1, 5)]))

    assert found is not None
    assert math.isnan(found[1][0].price)
    assert math.isnan(found[1][0].quantity)


def test_a_frame_about_something_else_is_none_of_ours() -> None:
    push = PushDataV3ApiWrapper(channel="spot@public.aggre.bookTicker.v3.api.pb@100ms@BTCUSDT", symbol="BTCUSDT")
    push.publicAggreBookTicker.bidPrice = "1"

    assert deals(push.SerializeToString()) is None


def test_bytes_that_are_no_frame_are_refused() -> None:
    with pytest.raises(DecodeError):
        deals(b"\xff\xff\xff")
