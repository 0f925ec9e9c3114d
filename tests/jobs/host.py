"""A forty-line host: proof that the engine can leave.

Its one job writes how often each effect happened, so that a test can count what was lost and what was doubled.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine, event
from sqlalchemy.orm import Session

from jobs import metadata as ledger

product = MetaData()
effects = Table("effect", product, Column("id", Integer, primary_key=True), Column("number", Integer))
regrets = Table("regret", product, Column("id", Integer, primary_key=True), Column("reason", String))


class SmallHost:
    """Keeps one database; its context is nothing at all."""

    def __init__(self, url: str) -> None:
        self.database = create_engine(url, pool_size=10, max_overflow=10)
        if self.database.dialect.name == "sqlite":
            event.listen(self.database, "connect", _prepare)
            event.listen(self.database, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
        self._open: ContextVar[Session | None] = ContextVar("open", default=None)

    def create(self) -> None:
        for tables in (ledger, product):
            tables.create_all(self.database)

    inside = staticmethod(nullcontext)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
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
        return self._open.get() or Session(self.database)

    def gave_up(self, kind: str, args: Mapping[str, Any], reason: str) -> None:
        with self.transaction() as session:
            session.execute(regrets.insert().values(reason=f"{kind} {dict(args)}: {reason}"))

    def allow(self, action: str) -> bool:
        return action == "see"


def _prepare(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "busy_timeout=5000", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")
