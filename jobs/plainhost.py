"""A host for an application that has no transactions of its own to share."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from flask import Flask
from sqlalchemy.orm import Session

from .ledger.models import metadata
from .log import get_logger
from .transactions import hasty, open_database, writing

log = get_logger(__name__)


class PlainHost:
    """Keeps the ledger in one database, SQLite or PostgreSQL; what else is written there may join its transactions.

    Nobody may look into the console unless `allow` is overridden; a job that gave up or was cancelled is only logged.
    """

    def __init__(self, app: Flask, database_url: str, *, pool_size: int = 10) -> None:
        self._app = app
        self.database = open_database(database_url, connections=pool_size)
        self._hasty = hasty(self.database)
        self._reader = open_database(database_url, connections=pool_size, reads=True)
        self._open: ContextVar[Session | None] = ContextVar("jobs_plain_open", default=None)
        self._read: ContextVar[Session | None] = ContextVar("jobs_plain_read", default=None)

    def close(self) -> None:
        """Close every connection that nobody uses at this moment."""
        self.database.dispose()
        self._reader.dispose()

    def create_tables(self) -> None:
        """Make the engine's tables where they are missing; an application with migrations makes them there instead."""
        metadata.create_all(self.database)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Inside the application's context, with a session that reads."""
        with self._app.app_context(), Session(self._reader) as session:
            token = self._read.set(session)
            try:
                yield
            finally:
                self._read.reset(token)

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[Session]:
        """One transaction; inside another one it joins that one."""
        outer = self._open.get()
        if outer is not None:
            yield outer
            return
        with writing(self.database if durable else self._hasty) as session:
            token = self._open.set(session)
            try:
                yield session
            finally:
                self._open.reset(token)

    def in_transaction(self) -> bool:
        """Whether one is open."""
        return self._open.get() is not None

    def reading(self) -> Session:
        """The transaction that is open, else the session of `inside()`.

        Raises:
            RuntimeError: outside of both
        """
        session = self._open.get() or self._read.get()
        if session is None:
            raise RuntimeError("reading happens inside `with host.inside():`")
        return session

    def gave_up(self, kind: str, args: Mapping[str, Any], reason: str) -> None:
        """Log it."""
        log.warning("a job gave up", extra={"kind": kind, "args_given": dict(args), "reason": reason})

    def allow(self, action: str) -> bool:
        """Nobody, until somebody says who."""
        return False
