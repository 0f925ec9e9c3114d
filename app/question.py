"""Questions that every request asks, put by the database's driver itself.

Such a question is answered in microseconds; what an ORM does around it takes ten times as long.
"""

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Dialect, Engine, Select
from sqlalchemy.engine.interfaces import DBAPICursor

from .db import planned, reading, reading_engine

Process = Callable[[Any], Any] | None


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A question in the words of one database, and how its values go in and come out."""

    text: str
    places: Sequence[str] | None
    takes: Mapping[str, Process]
    gives: Sequence[Process]
    is_planned: bool


class Question:
    """A SELECT of one row or none. PostgreSQL plans it once per connection, under `name`."""

    def __init__(self, statement: Select[Any], *, name: str) -> None:
        self._statement = statement.execution_options(planned_as=name)
        self._name = name
        self._compiled: dict[str, _Compiled] = {}
        self._row = namedtuple("Answer", statement.selected_columns.keys())  # type: ignore[misc]  # noqa: PYI024

    def first(self, values: Mapping[str, Any]) -> Any:
        """The row, as a named tuple, or None."""
        engine = reading_engine()
        if engine is None:
            return reading().connection().execute(self._statement, values).first()
        try:
            return self._ask(engine, values)
        except engine.dialect.loaded_dbapi.Error:
            # Asked again in the ordinary way, what is wrong is told, and a broken connection replaced, as everywhere.
            return reading().connection().execute(self._statement, values).first()

    def _ask(self, engine: Engine, values: Mapping[str, Any]) -> Any:
        known = self._compiled.get(engine.dialect.name) or self._compile(engine.dialect)
        given = {name: take(values[name]) if take else values[name] for name, take in known.takes.items()}
        connection = engine.raw_connection()
        try:
            cursor: DBAPICursor = connection.cursor()
            text = known.text
            if known.is_planned:
                text = planned(self._name, text, given, cursor, connection.info)
            cursor.execute(text, [given[one] for one in known.places] if known.places else given)
            row = cursor.fetchone()
            cursor.close()
        except engine.dialect.loaded_dbapi.Error as error:
            connection.invalidate(error)  # it may be broken: nobody shall be given it again
            raise
        finally:
            connection.close()
        if row is None:
            return None
        return self._row(*(give(one) if give else one for one, give in zip(row, known.gives, strict=True)))

    def _compile(self, dialect: Dialect) -> _Compiled:
        compiled = self._statement.compile(dialect=dialect)
        columns = self._statement.selected_columns
        self._compiled[dialect.name] = _Compiled(
            text=str(compiled),
            places=compiled.positiontup,
            takes={
                name: one.type.dialect_impl(dialect).bind_processor(dialect) for name, one in compiled.binds.items()
            },
            gives=[one.type.dialect_impl(dialect).result_processor(dialect, None) for one in columns],
            is_planned=dialect.name == "postgresql",
        )
        return self._compiled[dialect.name]
