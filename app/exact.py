"""Decimals that every database keeps to the last digit."""

from decimal import Decimal

from sqlalchemy import BigInteger, Dialect, Numeric
from sqlalchemy.types import TypeDecorator, TypeEngine


class Exact(TypeDecorator[Decimal]):
    """A number with `places` decimals: NUMERIC on PostgreSQL; on SQLite, which has only floats, a count of them.

    Sums, comparisons and order hold in SQL on both; do not mix it with plain numbers in an SQL expression.
    """

    impl = Numeric
    cache_ok = True

    def __init__(self, precision: int, places: int) -> None:
        super().__init__(precision, places)
        self.precision = precision
        self.places = places

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Decimal]:
        """How this database keeps it."""
        kept = BigInteger() if dialect.name == "sqlite" else Numeric(self.precision, self.places)
        return dialect.type_descriptor(kept)  # type: ignore[arg-type]

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Decimal | int | None:
        """Refuse what would lose a digit."""
        if value is None:
            return None
        scaled = Decimal(value).scaleb(self.places)
        if scaled != int(scaled):
            raise ValueError(f"{value} has more than {self.places} decimals")
        return int(scaled) if dialect.name == "sqlite" else Decimal(value)

    def process_result_value(self, value: Decimal | int | None, dialect: Dialect) -> Decimal | None:
        """The number as it was stored, all its places shown."""
        if value is None:
            return None
        if dialect.name == "sqlite":
            return Decimal(int(value)).scaleb(-self.places)
        return Decimal(value)
