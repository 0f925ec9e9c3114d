"""Questions that every request asks, put by the database's driver itself.

Such a question is answered in microseconds; what an ORM does around it takes ten times as long.
"""

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection, Dialect, Engine, Select
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.sql.dml import ReturningInsert, ReturningUpdate

from jobs import Cause, put

from .db import planned, reading, reading_engine

Process = Callable[[Any], Any] | None


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A question in the words of one database, and how its values go in."""

    text: str
    places: Sequence[str] | None
    fixed: Mapping[str, Any]
    takes: Mapping[str, Process]
    is_planned: bool

    def given(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values as the driver takes them."""
        return {**self.fixed, **{one: take(values[one]) if take else values[one] for one, take in self.takes.items()}}


class Question:
    """A statement that gives one row or none: a SELECT, or an INSERT or UPDATE that returns what it wrote.

    PostgreSQL plans it once per connection, under `name`. An INSERT names the `columns` it is given.
    """

    def __init__(
        self,
        statement: Select[Any] | ReturningInsert[Any] | ReturningUpdate[Any],
        *,
        name: str,
        columns: Sequence[str] | None = None,
    ) -> None:
        self._statement = statement.execution_options(planned_as=name)
        self._name, self._columns = name, columns
        self._compiled: dict[str, _Compiled] = {}
        self._gives: dict[str, Sequence[Process]] = {}
        names = [str(name) for name in statement.exported_columns.keys()]  # noqa: SIM118 -- columns iterate as such
        self._row = namedtuple("Answer", names)  # type: ignore[misc]  # noqa: PYI024

    def first(self, values: Mapping[str, Any]) -> Any:
        """The row, as a named tuple, or None. While a transaction is open, in it."""
        engine = reading_engine()
        if engine is None:
            return self._within(reading().connection(), values)
        try:
            return self._ask(engine, values)
        except engine.dialect.loaded_dbapi.Error:
            # Asked again in the ordinary way, what is wrong is told, and a broken connection replaced, as everywhere.
            return reading().connection().execute(self._statement, values).first()

    def as_cause(self, dialect: Dialect, values: Mapping[str, Any]) -> Cause:
        """The same, for a row that is made together with the job about it; the row's `id` is what it gives."""
        known = self._known(dialect)
        return Cause(self._name, known.text, known.given(values))

    def _within(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        known = self._known(connection.dialect)
        given = known.given(values)
        if known.is_planned:
            text = planned(self._name, known.text, given, partial(put, connection), connection.info)
        else:
            text = known.text
        told = put(connection, text, [given[one] for one in known.places] if known.places else given)
        return self._read(connection.dialect, told.rows[0] if told.rows else None, told.columns)

    def _ask(self, engine: Engine, values: Mapping[str, Any]) -> Any:
        known = self._known(engine.dialect)
        given = known.given(values)
        connection = engine.raw_connection()
        try:
            cursor: DBAPICursor = connection.cursor()
            text = known.text
            if known.is_planned:
                text = planned(self._name, text, given, cursor.execute, connection.info)
            cursor.execute(text, [given[one] for one in known.places] if known.places else given)
            found = self._read(engine.dialect, cursor.fetchone(), cursor.description)
            cursor.close()
        except engine.dialect.loaded_dbapi.Error as error:
            connection.invalidate(error)  # it may be broken: nobody shall be given it again
            raise
        finally:
            connection.close()
        return found

    def _read(self, dialect: Dialect, row: Sequence[Any] | None, columns: Sequence[Any] | None) -> Any:
        if row is None or columns is None:
            return None
        gives = self._gives.get(dialect.name) or self._given_by(dialect, columns)
        return self._row(*[give(one) if give else one for one, give in zip(row, gives, strict=True)])

    def _given_by(self, dialect: Dialect, columns: Sequence[Any]) -> Sequence[Process]:
        self._gives[dialect.name] = [
            one.type.dialect_impl(dialect).result_processor(dialect, told[1])
            for one, told in zip(self._statement.exported_columns, columns, strict=True)
        ]
        return self._gives[dialect.name]

    def _known(self, dialect: Dialect) -> _Compiled:
        return self._compiled.get(dialect.name) or self._compile(dialect)

    def _compile(self, dialect: Dialect) -> _Compiled:
        compiled = self._statement.compile(dialect=dialect, column_keys=self._columns)
        fixed = {name: one.value for one, name in compiled.bind_names.items() if not one.required}
        self._compiled[dialect.name] = _Compiled(
            text=str(compiled),
            places=compiled.positiontup,
            fixed=fixed,
            takes={
                name: one.type.dialect_impl(dialect).bind_processor(dialect)
                for one, name in compiled.bind_names.items()
                if name not in fixed
            },
            is_planned=dialect.name == "postgresql",
        )
        return self._compiled[dialect.name]
