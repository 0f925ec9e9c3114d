"""The session, the base class, and where the product's transactions begin.

Reading goes through `reading()`, writing through `transaction()`. Reads run in autocommit, so a page holds no
locks and costs no BEGIN and ROLLBACK; a writing transaction on SQLite begins IMMEDIATE, because a deferred one
that turns into a writer fails at once when another process wrote in between.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

from flask import Flask, current_app
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from sqlalchemy import Connection, Engine, MetaData, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.orm import DeclarativeBase, Session

from jobs import UtcDateTime, hasty, prepare_engine, writing

__all__ = [
    "Base",
    "UtcDateTime",
    "connect",
    "db",
    "disconnect",
    "insert_into",
    "planned",
    "reading",
    "reading_engine",
    "transaction",
]

STATEMENT_TIMEOUT_MS = 5_000
PRAGMAS = ("journal_mode=WAL", "busy_timeout=5000", "synchronous=FULL", "foreign_keys=ON", "trusted_schema=OFF")


class Base(DeclarativeBase):
    """Every table of the product."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class _Reader(FlaskSession):
    """Reads in autocommit. Remembers its connection: asking for it again and again is a tenth of a request."""

    _connection: Connection | None = None

    def get_bind(self, *_: Any, **__: Any) -> Engine:
        engine: Engine = current_app.extensions["reading_engine"]
        return engine

    def connection(self, *args: Any, **kwargs: Any) -> Connection:
        """The one connection it works on."""
        if args or kwargs:
            return super().connection(*args, **kwargs)
        if self._connection is None or self._connection.closed or not self.in_transaction():
            self._connection = super().connection()
        return self._connection


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False, "class_": _Reader})

_open: ContextVar[Session | None] = ContextVar("open_transaction", default=None)


def connect(app: Flask, database_url: str, *, pool_size: int) -> None:
    """Bind the application to its database; SQLite and PostgreSQL get the settings the engine's promises need."""
    url = make_url(database_url)
    options: dict[str, Any] = {
        "pool_size": pool_size,
        "max_overflow": pool_size,
        "pool_timeout": 3,
        "pool_use_lifo": True,  # the connection used last has its pages and plans at hand
    }
    if url.get_backend_name() == "postgresql":
        options["connect_args"] = {
            "connect_timeout": 2,
            "application_name": "metronome",
            "options": f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c lock_timeout=2000 "
            "-c idle_in_transaction_session_timeout=60000 -c timezone=UTC",
        }
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = options
    db.init_app(app)
    is_sqlite = url.get_backend_name() == "sqlite"
    # Readers have connections of their own: taking one out of its autocommit and back would cost every request. Nothing
    # is ever open on them that would have to be rolled back.
    alone: dict[str, Any] = {} if is_sqlite else {"isolation_level": "AUTOCOMMIT"}
    reader = create_engine(url, **options, **alone, pool_reset_on_return=None)
    with app.app_context():
        for engine in (db.engine, reader):
            prepare_engine(engine)
            if is_sqlite:
                event.listen(engine, "connect", _set_pragmas)
            else:
                event.listen(engine, "do_execute", _planned_once)
        app.extensions["reading_engine"] = reader.execution_options(begins=False) if is_sqlite else reader
        app.extensions["hasty_engine"] = hasty(db.engine)


def disconnect() -> None:
    """Close every connection of the current application that nobody uses at this moment."""
    db.engine.dispose()
    current_app.extensions["reading_engine"].dispose()


def planned(
    name: str, statement: str, values: Mapping[str, Any], run: Callable[[str], object], info: dict[Any, Any]
) -> str:
    """What runs a statement by the plan that PostgreSQL keeps for it under `name`.

    Where it has none yet, `run` has it made; `info` is the connection's own.
    """
    known = info.setdefault("planned", {})
    if known.get(name) != statement:
        if name in known:
            run(f"DEALLOCATE {name}")
        run(f"PREPARE {name} AS {statement % {one: f'${number}' for number, one in enumerate(values, 1)}}")
        known[name] = statement
    return _by_plan(name, tuple(values))


@cache
def _by_plan(name: str, values: Sequence[str]) -> str:
    return f"EXECUTE {name} ({', '.join(f'%({one})s' for one in values)})"


def _planned_once(cursor: Any, statement: str, values: Any, context: Any) -> bool:
    """Have PostgreSQL plan a statement marked `planned_as` once per connection, and not at every request."""
    name = context.execution_options.get("planned_as")
    if name is None:
        return False
    cursor.execute(planned(name, statement, values, cursor.execute, context.root_connection.info), values)
    return True


def _set_pragmas(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def insert_into(session: Session, table: type[Base]) -> sqlite.Insert | postgresql.Insert:
    """An INSERT in the words of the session's database, which may say what happens when the row is there already."""
    return sqlite.insert(table) if session.get_bind().dialect.name == "sqlite" else postgresql.insert(table)


@contextmanager
def transaction(*, durable: bool = True) -> Iterator[Session]:
    """One transaction: committed on leaving, rolled back on an error.

    Inside another one (a running job's, say) it joins that one, and the outermost commits. One that need not be
    `durable` waits for no disk: a power cut may take it back, with nothing that came after it left behind.
    """
    outer = _open.get()
    if outer is not None:
        yield outer
        return
    engine = db.engine if durable else current_app.extensions["hasty_engine"]
    with writing(engine) as session:
        token = _open.set(session)
        try:
            yield session
        finally:
            _open.reset(token)


def in_transaction() -> bool:
    """Whether a transaction is open, which `transaction()` would join."""
    return _open.get() is not None


def reading() -> Session:
    """Where queries read: the open transaction when there is one, else the autocommitting session of this context."""
    return _open.get() or db.session()


def reading_engine() -> Engine | None:
    """Where a single look may read past all sessions; None while a transaction is open, whose work it must see."""
    engine: Engine = current_app.extensions["reading_engine"]
    return None if in_transaction() else engine
