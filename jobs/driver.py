"""Statements that every request and every job passes through, put by the database's driver itself.

The statement takes microseconds; what SQLAlchemy does around it takes ten times as long.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

Values = Mapping[str, Any] | Sequence[Any]
WAITS_FOR_NO_DISK = "SET LOCAL synchronous_commit TO off"


class Told(NamedTuple):
    """What came of a statement: how many rows it touched, those it gave, and what their columns are."""

    touched: int
    rows: Sequence[Any]
    columns: Sequence[Any] | None


def put(connection: Connection, statement: str, values: Values | None = None) -> Told:
    """Run it in the connection's transaction, which begins if none is open. Rows are as the driver gives them.

    Errors, and broken connections, are dealt with as SQLAlchemy does it. Where somebody listens to the statements of
    this database it is SQLAlchemy that runs it, and they hear it.
    """
    if connection.get_transaction() is None:
        connection.begin()
    if _is_heard(connection) or not connection.in_transaction():
        return _aloud(connection, statement, values)
    return _said(connection, statement, values)


def put_alone(connection: Connection, statement: str, values: Values | None = None) -> Told:
    """Run it as a transaction of its own, which is over when this returns: on PostgreSQL one conversation, not four.

    As `put` on SQLite, where somebody listens, and where a transaction is open already, which it then joins.
    """
    on_its_own = connection.dialect.name == "postgresql" and connection.get_transaction() is None
    if not on_its_own or _is_heard(connection):
        return put(connection, statement, values)
    durable = connection.get_execution_options().get("durable", True)
    driver: Any = connection.connection.dbapi_connection
    driver.autocommit = True
    try:
        return _said(connection, statement if durable else f"{WAITS_FOR_NO_DISK}; {statement}", values)
    finally:
        if not driver.closed:
            driver.autocommit = False


def _is_heard(connection: Connection) -> bool:
    heard = connection.engine.dispatch
    return bool(heard.before_cursor_execute or heard.after_cursor_execute)


def _said(connection: Connection, statement: str, values: Values | None) -> Told:
    cursor = connection.connection.cursor()
    try:
        if values is None:
            cursor.execute(statement)
        else:
            cursor.execute(statement, values)
        columns = cursor.description
        told = Told(cursor.rowcount, cursor.fetchall() if columns else (), columns)
    except BaseException as error:  # noqa: BLE001 -- SQLAlchemy itself is asked what it means, and raises
        connection._handle_dbapi_exception(error, statement, values, cursor, None)
    cursor.close()
    return told


def _aloud(connection: Connection, statement: str, values: Values | None) -> Told:
    given: Any = values if isinstance(values, Mapping) or values is None else tuple(values)
    result = connection.exec_driver_sql(statement, given, execution_options={"no_parameters": values is None})
    if not result.returns_rows:
        return Told(result.rowcount, (), None)
    columns = None if result.cursor is None else result.cursor.description
    rows = result.all()
    return Told(result.rowcount, rows, columns)
