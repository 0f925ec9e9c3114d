"""A small host: proof that the engine can leave.

Its effects are rows without a key, so that a test can count what was lost and what was doubled.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine, event
from sqlalchemy.orm import Session

from jobs import metadata as ledger

product = MetaData()
effects = Table("effect", product, Column("id", Integer, primary_key=True), Column("number", Integer))
regrets = Table("regret", product, Column("id", Integer, primary_key=True), Column("reason", String))


class SmallHost:
    """Keeps one database; its context is a session that reads."""

    def __init__(self, url: str) -> None:
        self.database = create_engine(url, pool_size=10, max_overflow=10)
        if self.database.dialect.name == "sqlite":
            event.listen(self.database, "connect", _prepare)
            event.listen(self.database, "begin", _begin_as_a_writer)
        self.autocommit = self.database.execution_options(isolation_level="AUTOCOMMIT")
        self._open: ContextVar[Session | None] = ContextVar("open", default=None)
        self._read: ContextVar[Session | None] = ContextVar("read", default=None)

    def create(self) -> None:
        for tables in (ledger, product):
            tables.create_all(self.database)

    @contextmanager
    def inside(self) -> Iterator[None]:
        with Session(self.autocommit) as session:
            token = self._read.set(session)
            try:
                yield
            finally:
                self._read.reset(token)

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[Session]:
        outer = self._open.get()
        if outer is not None:
            yield outer
            return
        with Session(self.database, expire_on_commit=False) as session, session.begin():
            token = self._open.set(session)
            try:
                yield session
            finally:
                self._open.reset(token)

    def reading(self) -> Session:
        session = self._open.get() or self._read.get()
        assert session is not None, "outside of everything"
        return session

    def gave_up(self, kind: str, args: Mapping[str, Any], reason: str) -> None:
        with self.transaction() as session:
            session.execute(regrets.insert().values(reason=f"{kind} {dict(args)}: {reason}"))

    def allow(self, action: str) -> bool:
        return action == "see"


def _prepare(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "busy_timeout=5000", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_as_a_writer(connection: Any) -> None:
    if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
