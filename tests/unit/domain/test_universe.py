"""Which symbols a farm trades."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from app.domain.market import Instrument
from app.domain.universe import Universe, universe
from tests.fixtures.memory.builders import an_instrument

LISTED = [
    an_instrument("BTC/USDT"),
    an_instrument("ETH/USDT"),
    an_instrument("SOL/USDT"),
    replace(an_instrument("OFF/USDT"), tradable=False),
    replace(an_instrument("ETH/BTC"), base="ETH", quote="BTC"),
]


def of(
    *wanted: str,
    listed: list[Instrument] = LISTED,
    switched_off: tuple[str, ...] = (),
    held: tuple[str, ...] = (),
) -> Universe:
    def volumes() -> Mapping[str, Decimal]:
        return {"BTC/USDT": Decimal(1), "ETH/USDT": Decimal(3), "OFF/USDT": Decimal(9)}

    return universe(wanted, listed, currency="USDT", switched_off=switched_off, held=held, volumes=volumes)


def test_named_symbols_come_in_their_order() -> None:
    assert of("SOL/USDT", "BTC/USDT") == Universe(("SOL/USDT", "BTC/USDT"), {})


def test_all_is_what_can_be_traded_in_the_accounts_currency() -> None:
    assert of("all").symbols == ("BTC/USDT", "ETH/USDT", "SOL/USDT")


def test_top_is_by_volume_of_what_can_be_traded() -> None:
    assert of("top:2").symbols == ("ETH/USDT", "BTC/USDT")


def test_a_symbol_that_is_switched_off_is_left_out_silently() -> None:
    assert of("SOL/USDT", "BTC/USDT", switched_off=("SOL/USDT",)) == Universe(("BTC/USDT",), {})
    assert "SOL/USDT" not in of("all", switched_off=("SOL/USDT",)).symbols


def test_what_cannot_be_traded_is_left_out_with_the_reason() -> None:
    found = of("BTC/USDT", "BTCC/USDT", "OFF/USDT", "ETH/BTC", "123456/Q")

    assert found.symbols == ("BTC/USDT",)
    assert found.left_out == {
        "BTCC/USDT": "the venue does not list it; did you mean BTC/USDT?",
        "OFF/USDT": "the venue does not let it be traded over its API",
        "ETH/BTC": "it is not quoted in USDT, which the account is kept in",
        "123456/Q": "the venue does not list it",
    }


def test_what_is_held_is_among_them_once_although_it_is_not_wanted_any_more() -> None:
    assert of("top:1", held=("SOL/USDT", "ETH/USDT")).symbols == ("ETH/USDT", "SOL/USDT")
    assert of("BTC/USDT", switched_off=("BTC/USDT",), held=("BTC/USDT",)).symbols == ("BTC/USDT",)
    assert of("BTC/USDT", held=("OFF/USDT",)).symbols == ("BTC/USDT", "OFF/USDT"), "it may be tradable again"
    assert of("BTC/USDT", held=("GONE/USDT",)) == Universe(("BTC/USDT",), {})
