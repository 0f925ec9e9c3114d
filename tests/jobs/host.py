"""A small host: proof that the engine can leave.

Its effects are rows without a key, so that a test can count what was lost and what was doubled.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from sqlalchemy import Column, Integer, MetaData, String, Table
from sqlalchemy.orm import Session

from jobs import metadata as ledger
from jobs.transactions import open_database

product = MetaData()
effects = Table("effect", product, Column("id", Integer, primary_key=True), Column("number", Integer))
regrets = Table("regret", product, Column("id", Integer, primary_key=True), Column("reason", String))


class SmallHost:
    """Keeps one database in forty lines; its sessions are SQLAlchemy's own."""

    def __init__(self, url: str) -> None:
        self.database = open_database(url)
        self.autocommit = self.database.execution_options(isolation_level="AUTOCOMMIT")
        self._open: ContextVar[Session | None] = ContextVar("open", default=None)
        self._read: ContextVar[Session | None] = ContextVar("read", default=None)

    def create(self) -> None:
        for tables in (ledger, product):
            tables.create_all(self.database)

    @contextmanager
    def inside(self) -> Iterator[None]:
        with Session(self.autocommit) as session, _held(self._read, session):
            yield

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[Session]:
        if outer := self._open.get():
            yield outer
            return
        with Session(self.database, expire_on_commit=False) as session, session.begin(), _held(self._open, session):
            yield session

    def in_transaction(self) -> bool:
        return self._open.get() is not None

    def reading(self) -> Session:
        session = self._open.get() or self._read.get()
        assert session is not None, "outside of everything"
        return session

    def gave_up(self, kind: str, args: Mapping[str, Any], reason: str) -> None:
        with self.transaction() as session:
            session.execute(regrets.insert().values(reason=f"{kind} {dict(args)}: {reason}"))

    def allow(self, action: str) -> bool:
        return action == "see"


@contextmanager
def _held(place: ContextVar[Session | None], session: Session) -> Iterator[None]:
    token = place.set(session)
    try:
        yield
    finally:
        place.reset(token)
