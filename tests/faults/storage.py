"""A database that is full for a while, and a database whose clock is wrong, as far as its clients can tell."""

import os
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

FULL, SHIFT = "STORAGE_FULL", "CLOCK_SHIFT"
"""Names of settings: files of which the first fills the database while it exists, and the second holds seconds."""
WITHOUT_END = 1_073_741_823


def prepare(database: Engine) -> None:
    """Give every SQLite connection of this process what its environment asks for; PostgreSQL is told by itself."""
    if database.dialect.name != "sqlite":
        return
    if full := os.environ.get(FULL):
        event.listen(database, "begin", lambda connection: _bound(connection, Path(full)), insert=True)
    if shift := os.environ.get(SHIFT):
        event.listen(database, "connect", lambda connection, _record: _move_clock(connection, Path(shift)))


def _bound(connection: Any, full: Path) -> None:
    connection.exec_driver_sql(f"PRAGMA max_page_count = {1 if full.exists() else WITHOUT_END}")


def _move_clock(connection: Any, shift: Path) -> None:
    """SQLite lets a function of ours stand where its own stood."""
    real = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)

    def moved(name: str, *words: Any) -> Any:
        place = words.index("now") if "now" in words else None
        if place is not None:
            words = (*words[: place + 1], f"{float(shift.read_text())} seconds", *words[place + 1 :])
        return real.execute(f"SELECT {name}({', '.join('?' * len(words))})", words).fetchone()[0]

    for name in ("strftime", "julianday"):
        connection.create_function(name, -1, lambda *words, name=name: moved(name, *words))


POSTGRESQL_CLOCK = """
    CREATE SCHEMA moved;
    CREATE TABLE moved.shift (seconds double precision);
    INSERT INTO moved.shift VALUES (0);
    CREATE FUNCTION moved.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
        'SELECT pg_catalog.clock_timestamp() + make_interval(secs => (SELECT seconds FROM moved.shift))';
"""


class Clock:
    """The clock of one database, as its clients see it."""

    def __init__(self, database: Engine, folder: Path) -> None:
        self._database, self._file = database, folder / "shift"
        self.environment = {SHIFT: str(self._file)}
        self._file.write_text("0")
        if database.dialect.name == "postgresql":
            with database.begin() as connection:
                connection.exec_driver_sql(POSTGRESQL_CLOCK)
                path = "moved, pg_catalog, public"
                connection.exec_driver_sql(f'ALTER DATABASE "{database.url.database}" SET search_path = {path}')
            database.dispose()

    def move(self, seconds: float) -> None:
        """Let it be so many seconds wrong from now on."""
        if self._database.dialect.name == "postgresql":
            with self._database.begin() as connection:
                connection.exec_driver_sql("UPDATE moved.shift SET seconds = %(seconds)s", {"seconds": seconds})
        else:
            new = self._file.with_suffix(".new")
            new.write_text(str(seconds))
            new.replace(self._file)
