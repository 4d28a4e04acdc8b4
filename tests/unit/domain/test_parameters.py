"""Parameters from settings: text becomes what a field has to be, and what cannot be is refused with the cure."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, Optional

import pytest

from app.domain.parameters import WrongParameter, built, instead


@dataclass(frozen=True, slots=True)
class Thing:
    length: int = 5
    level: float = 1.5
    limit: Decimal = Decimal("0.05")
    quick: bool = False
    kind: Literal["ema", "sma"] = "ema"
    name: str = "plain"
    most: Decimal | None = None
    least: Optional[float] = None  # noqa: UP045

    def __post_init__(self) -> None:
        if self.length < 0:
            raise ValueError("length must not be negative")


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("length", "12", 12),
        ("length", 12, 12),
        ("level", "2", 2.0),
        ("level", 2, 2.0),
        ("limit", "0.07", Decimal("0.07")),
        ("limit", 0.07, Decimal("0.07")),
        ("quick", "yes", True),
        ("quick", False, False),
        ("kind", "sma", "sma"),
        ("name", "other", "other"),
        ("most", "none", None),
        ("most", None, None),
        ("most", "3", Decimal(3)),
        ("least", "0.5", 0.5),
    ],
)
def test_text_and_numbers_become_what_the_field_is(name: str, given: Any, value: Any) -> None:
    built_value = getattr(built(Thing, "thing", {name: given}), name)

    assert built_value == value
    assert type(built_value) is type(value)


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("length", "1.5", "thing: length must be a whole number, not '1.5'"),
        ("length", True, "must be a whole number, not True"),
        ("level", "fast", "must be a number, not 'fast'"),
        ("level", "nan", "must be a number, not 'nan'"),
        ("limit", "inf", "must be a number, not 'inf'"),
        ("limit", "1,5", "must be a number, not '1,5'"),
        ("quick", "maybe", "must be true or false, not 'maybe'"),
        ("kind", "wma", "must be 'ema' or 'sma', not 'wma'"),
        ("name", 7, "must be text, not 7"),
        ("most", "much", "must be a number or none, not 'much'"),
    ],
)
def test_what_cannot_be_is_refused_with_what_could(name: str, given: Any, said: str) -> None:
    with pytest.raises(WrongParameter) as refused:
        built(Thing, "thing", {name: given})

    assert said in str(refused.value)


def test_an_unknown_parameter_names_the_nearest() -> None:
    with pytest.raises(WrongParameter, match=r"thing has no parameter 'lenght'; did you mean 'length'\?"):
        built(Thing, "thing", {"lenght": 3})


def test_what_the_thing_itself_refuses_says_whose_parameter_it_was() -> None:
    with pytest.raises(WrongParameter, match="thing: length must not be negative"):
        built(Thing, "thing", {"length": -1})


def test_a_name_like_no_other_gets_the_list() -> None:
    assert instead("xyz", ["momentum", "breakout"]) == "; there is breakout, momentum"
    assert instead("xyz", []) == "; there is none"
