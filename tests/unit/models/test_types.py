"""Money and instants go in and come out the same, or are refused."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some
from sqlalchemy import create_mock_engine
from sqlalchemy.engine import Dialect

from models.types import Instant, Money
from tests.fixtures.memory.builders import NOON

DIALECTS: list[Dialect] = [create_mock_engine(f"{name}://", print).dialect for name in ("sqlite", "postgresql+psycopg")]


def there_and_back(kind: Money | Instant, value: object, dialect: Dialect) -> object:
    return kind.process_result_value(kind.process_bind_param(value, dialect), dialect)  # type: ignore[arg-type]


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda one: one.name)
@given(value=some.decimals(min_value=-(10**19), max_value=10**19, places=18))
def test_money_of_eighteen_places_is_exact(dialect: Dialect, value: Decimal) -> None:
    assert there_and_back(Money(), value, dialect) == value


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda one: one.name)
@pytest.mark.parametrize(("given_", "shown"), [("100", "100"), ("0.50", "0.5"), ("1E+3", "1000"), ("-0", "0")])
def test_money_comes_back_plain(dialect: Dialect, given_: str, shown: str) -> None:
    assert f"{there_and_back(Money(), Decimal(given_), dialect):f}" == shown


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda one: one.name)
def test_more_places_are_rounded_the_same_everywhere(dialect: Dialect) -> None:
    assert there_and_back(Money(), Decimal(2) / 3, dialect) == Decimal("0.666666666666666667")


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda one: one.name)
@pytest.mark.parametrize("value", [0.1, 1, "1", Decimal("NaN"), Decimal("Infinity")])
def test_what_is_no_money_is_refused(dialect: Dialect, value: Decimal) -> None:
    with pytest.raises(ValueError, match="no amount of money"):
        Money().process_bind_param(value, dialect)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda one: one.name)
def test_more_money_than_fits_is_refused_by_both_alike(dialect: Dialect) -> None:
    with pytest.raises(ValueError, match="more than"):
        Money().process_bind_param(Decimal(10) ** 20, dialect)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda one: one.name)
@given(value=some.datetimes(timezones=some.timezones()))
def test_an_instant_is_exact_and_comes_back_in_utc(dialect: Dialect, value: datetime) -> None:
    back = there_and_back(Instant(), value, dialect)

    assert isinstance(back, datetime)
    assert back - value == timedelta(0)
    assert back.tzinfo is UTC


def test_an_instant_of_another_zone_is_the_same_instant() -> None:
    tokyo = datetime(2024, 11, 20, 21, tzinfo=timezone(timedelta(hours=9)))

    assert there_and_back(Instant(), tokyo, DIALECTS[0]) == NOON


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda one: one.name)
def test_a_time_without_a_zone_is_refused(dialect: Dialect) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        Instant().process_bind_param(NOON.replace(tzinfo=None), dialect)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda one: one.name)
@pytest.mark.parametrize("kind", [Money(), Instant()])
def test_nothing_stays_nothing(kind: Money | Instant, dialect: Dialect) -> None:
    assert there_and_back(kind, None, dialect) is None
