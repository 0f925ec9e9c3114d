"""Looking after the database's storage."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click
from flask.cli import with_appcontext
from sqlalchemy import text
from sqlalchemy.engine import make_url

from app.db import db
from app.tuning.system.queries import sizes
from app.units import size
from app.web import settings


def give_back_the_log() -> None:
    """Cut SQLite's write-ahead log, which grows to its largest ever and stays there, back to nothing.

    Waits for nobody: while somebody reads or writes, it is left for the next time. PostgreSQL looks after its own.
    """
    with _sqlite() as connection:
        if connection is not None:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextmanager
def _sqlite() -> Iterator[sqlite3.Connection | None]:
    url = make_url(settings().database_url)
    if url.get_backend_name() != "sqlite":
        yield None
        return
    with closing(sqlite3.connect(Path(url.database or ""), timeout=0, isolation_level=None)) as connection:
        yield connection


@click.command("optimise")
@with_appcontext
def optimise() -> None:
    """Give the room of what was deleted back. SQLite lets nobody write meanwhile; PostgreSQL works on."""
    before = _database_bytes()
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if connection.dialect.name == "postgresql":
            for statement in ("SET statement_timeout = 0", "SET lock_timeout = 0", "VACUUM (ANALYZE)"):
                connection.execute(text(statement))
            connection.invalidate()  # nobody else shall wait without end
        else:
            connection.execute(text("VACUUM"))
    give_back_the_log()
    click.echo(f"The database had {size(before)} and has {size(_database_bytes())} now.")


def _database_bytes() -> int:
    return next(sizes()).bytes
