"""Moments as the ledger stores and compares them: always the database's clock, always UTC."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, Double
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment; stored in UTC, and read back aware from SQLite too."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive moments and turn the rest into UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the moment back aware, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class db_now(FunctionElement[datetime]):  # noqa: N801 -- reads as the SQL function it is
    """The database's clock at this very statement, optionally some seconds later: `db_now(30)`."""

    type = UtcDateTime()
    inherit_cache = True
    name = "db_now"


@compiles(db_now, "sqlite")
def _on_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    shift = "".join(f", ({compiler.process(clause, **options)}) || ' seconds'" for clause in element.clauses)
    return f"strftime('%Y-%m-%d %H:%M:%f000', 'now'{shift})"


@compiles(db_now, "postgresql")
def _on_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    shift = "".join(f" + make_interval(secs => {compiler.process(clause, **options)})" for clause in element.clauses)
    # What may change from row to row is compared with every row; a subquery is asked once, and looked up in an index.
    # The default of a column may not be one.
    asked_once = "" if compiler.statement is None else "SELECT "
    return f"({asked_once}clock_timestamp(){shift})"


class seconds_since(FunctionElement[float]):  # noqa: N801 -- reads as the SQL function it is
    """How many seconds have passed since a stored moment, by the database's clock at this very statement."""

    type = Double()
    inherit_cache = True
    name = "seconds_since"


@compiles(seconds_since, "sqlite")
def _since_on_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return f"((julianday('now') - julianday({compiler.process(element.clauses, **options)})) * 86400.0)"


@compiles(seconds_since, "postgresql")
def _since_on_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    since = compiler.process(element.clauses, **options)
    return f"CAST(extract(epoch FROM clock_timestamp() - {since}) AS double precision)"
