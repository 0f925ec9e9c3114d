"""A writing transaction at the price of the database alone: for hosts, ours and others'."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, PendingRollbackError
from sqlalchemy.orm import Session

from .driver import WAITS_FOR_NO_DISK
from .sqlite import begin_writing

P = ParamSpec("P")
R = TypeVar("R")

MOST_RETRIES = 5
PATIENCE_S = 5.0
"""After so long nothing is begun again: whoever asked has waited enough."""
PAUSE_S = 0.02
DISTURBED = ("40001", "40P01", "55P03")
"""Could not be put in an order with others, a deadlock, a lock that was not given in time."""
ENDED = "25P02"
PRAGMAS = ("journal_mode=WAL", "busy_timeout=5000", "synchronous=FULL", "foreign_keys=ON")


class WritingSession(Session):
    """Works on a connection whose transaction it joins when the ORM is used, and controls then.

    As long as only the connection is used, the ORM keeps no books: they cost as much as the transaction itself.
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, expire_on_commit=False, join_transaction_mode="control_fully")
        self._its = connection

    def connection(self, *args: Any, **kwargs: Any) -> Connection:
        """The one connection it works on; inside `begin_nested` with its savepoint set."""
        return super().connection(*args, **kwargs) if args or kwargs or self.in_nested_transaction() else self._its

    def close(self) -> None:
        """Let go of what the ORM holds, if it was used at all."""
        if self.in_transaction() or self.identity_map:
            super().close()

    def commit(self) -> None:
        """Commit, whoever began; then, and only then, listeners hear of it."""
        if self.in_transaction():
            super().connection()  # the ORM may have begun its books and not have looked at the connection yet
            super().commit()
        else:
            self._its.commit()
            self.dispatch.after_commit(self)

    def rollback(self) -> None:
        """Roll back, whoever began."""
        if self.in_transaction():
            super().rollback()
        else:
            self.dispatch.after_rollback(self)
        self._its.rollback()


def is_disturbed(error: BaseException) -> bool:
    """Whether the database ended a transaction for the sake of others, and the same again may well succeed."""
    if not isinstance(error, DBAPIError) or error.connection_invalidated:
        return False
    return getattr(error.orig, "pgcode", None) in DISTURBED or "database is locked" in str(error.orig)


def retrying(act: Callable[P, R]) -> Callable[P, R]:
    """What makes one transaction of its own, and nothing that a rollback leaves behind: made again when disturbed.

    Up to `MOST_RETRIES` times, a little later each time; what disturbs it after that is raised. Within a transaction
    that somebody else began only they can begin again: the error goes up to them.
    """

    @wraps(act)
    def tried(*args: P.args, **kwargs: P.kwargs) -> R:
        until = time.monotonic() + PATIENCE_S
        disturbed: DBAPIError | None = None
        for number in range(MOST_RETRIES):
            try:
                return act(*args, **kwargs)
            except (DBAPIError, PendingRollbackError) as error:
                if disturbed is not None and _is_of_an_ended_transaction(error):
                    raise disturbed from None
                if not isinstance(error, DBAPIError) or not is_disturbed(error) or time.monotonic() > until:
                    raise
                disturbed = error
            time.sleep(random.uniform(0.25, 1) * PAUSE_S * 2**number)  # noqa: S311 -- apart from each other, no secret
        return act(*args, **kwargs)

    return tried


def _is_of_an_ended_transaction(error: BaseException) -> bool:
    """Whether what failed before has ended the transaction around: it is theirs who began it."""
    return isinstance(error, PendingRollbackError) or (
        isinstance(error, DBAPIError) and getattr(error.orig, "pgcode", None) == ENDED
    )


@contextmanager
def writing(engine: Engine) -> Iterator[WritingSession]:
    """One transaction, on an engine that `prepare_engine` saw: committed on leaving, rolled back on an error."""
    with engine.connect() as connection, WritingSession(connection) as session:
        try:
            yield session
            session.commit()
        except BaseException:
            session.rollback()
            raise


def open_database(url: str, *, connections: int = 10, reads: bool = False) -> Engine:
    """The database, as the ledger needs it: what is committed survives a power cut, on SQLite as on PostgreSQL.

    One that only `reads` begins no transactions. It has connections of its own: taking one out of autocommit and back
    is a conversation with PostgreSQL more, for whoever uses it afterwards, too.
    """
    is_sqlite = make_url(url).get_backend_name() == "sqlite"
    alone: dict[str, Any] = {"isolation_level": "AUTOCOMMIT"} if reads and not is_sqlite else {}
    # The connection used last has its pages and plans at hand.
    engine = create_engine(url, pool_size=connections, max_overflow=connections, pool_use_lifo=True, **alone)
    if is_sqlite:
        event.listen(engine, "connect", _set_pragmas)
    prepare_engine(engine)
    return engine.execution_options(begins=False) if reads else engine


def _set_pragmas(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def prepare_engine(engine: Engine) -> None:
    """Have connections and transactions of the engine begin as the ledger needs it.

    On SQLite transactions hold the write lock from the start; with the execution option `begins=False` nothing is begun
    there, which is how one reads. On PostgreSQL what is prepared is planned once for a connection: planning a claim
    anew takes four times as long as running it.
    """
    if engine.dialect.name == "sqlite":
        event.listen(engine, "begin", _begin_on_sqlite)
    else:
        event.listen(engine, "connect", _plan_once_on_postgresql)


def hasty(engine: Engine) -> Engine:
    """The connections of an engine that `prepare_engine` saw, whose commits wait for no disk here."""
    those = engine.execution_options(durable=False)
    if engine.dialect.name == "postgresql":
        # Only here: where anything listens, SQLAlchemy prepares to tell it of every transaction, at twice its price.
        event.listen(those, "begin", _begin_hastily_on_postgresql)
    return those


def _plan_once_on_postgresql(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET plan_cache_mode = force_generic_plan")
    connection.commit()


def _begin_hastily_on_postgresql(connection: Connection) -> None:
    connection.exec_driver_sql(WAITS_FOR_NO_DISK)


def _begin_on_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if not options.get("begins", True) or options.get("isolation_level") == "AUTOCOMMIT":
        return
    level = "FULL" if options.get("durable", True) else "NORMAL"
    if connection.info.get("synchronous", "FULL") != level:
        driver: Any = connection.connection.dbapi_connection
        driver.execute(f"PRAGMA synchronous={level}")
        connection.info["synchronous"] = level
    begin_writing(connection)
