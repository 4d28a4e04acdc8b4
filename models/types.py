"""Column types that keep money exact and time aware on both databases."""

from datetime import datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Integer, Numeric, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator, TypeEngine

from app.domain.market import instant, microseconds

PLACES = Decimal("1e-18")
MOST = Decimal("1e20")
WIDE = Context(prec=60, rounding=ROUND_HALF_EVEN)

Key = BigInteger().with_variant(Integer, "sqlite")
Json = JSON().with_variant(JSONB, "postgresql")


class Money(TypeDecorator[Decimal]):
    """A Decimal with up to 18 places: NUMERIC(38, 18) on PostgreSQL, text on SQLite, which has no decimals."""

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Text on SQLite."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(60))
        return dialect.type_descriptor(Numeric(38, 18))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """To 18 places, so that both databases keep the same."""
        if value is None:
            return None
        if not isinstance(value, Decimal) or not value.is_finite():
            raise ValueError(f"{value!r} is no amount of money; pass a finite Decimal")
        exact = value.quantize(PLACES, context=WIDE)
        if abs(exact) >= MOST:
            raise ValueError(f"{value} is more than the database keeps, which is less than {MOST}")
        return f"{exact:f}" if dialect.name == "sqlite" else exact

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """Without the zeros that fill the places."""
        if value is None:
            return None
        text = f"{Decimal(value):f}"  # arithmetic would round to the 28 digits that Python's decimals begin with
        return Decimal(text.rstrip("0").rstrip(".") if "." in text else text) or Decimal(0)


class Instant(TypeDecorator[datetime]):
    """Aware UTC, exact to the microsecond: timestamptz on PostgreSQL, integer microseconds on SQLite."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """An integer on SQLite."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(BigInteger())
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Naive times are refused: nobody knows when they are."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone; pass aware UTC")
        return microseconds(value) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Always UTC, whatever zone the server's session is in."""
        if value is None:
            return None
        return instant(value) if dialect.name == "sqlite" else instant(microseconds(value))
