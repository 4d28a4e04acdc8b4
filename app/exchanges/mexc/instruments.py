"""MEXC's record of a symbol, read as an instrument: its names for steps and minimums are misleading."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from app.domain.market import Instrument

DEFAULT_FEE = Decimal("0.0005")


def instrument(symbol: str, record: Mapping[str, Any]) -> Instrument:
    """The rules of one symbol, exact, from ccxt's record and the venue's own one in its `info`.

    `baseSizePrecision` is the least quantity, `quoteAmountPrecision` the least amount of quote currency;
    the steps are the precisions of the two assets.
    """
    info = record["info"]
    amount_step = Decimal(1).scaleb(-int(info["baseAssetPrecision"]))
    return Instrument(
        symbol=symbol,
        base=str(record["base"]),
        quote=str(record["quote"]),
        tradable=bool(record["active"]),
        price_step=Decimal(1).scaleb(-int(info.get("quoteAssetPrecision", info.get("quotePrecision")))),
        amount_step=amount_step,
        min_amount=max(_number(info.get("baseSizePrecision")), amount_step),
        min_notional=_number(info.get("quoteAmountPrecision")),
        max_notional=_number(info.get("maxQuoteAmount")) or None,
        taker_fee=DEFAULT_FEE if info.get("takerCommission") in (None, "") else _number(info["takerCommission"]),
        market_orders="MARKET" in info.get("orderTypes", ()),
    )


def _number(text: Any) -> Decimal:
    return Decimal(str(text or 0))
