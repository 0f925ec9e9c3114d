"""How writers on SQLite wait for each other."""

import os
import random
import sqlite3
import time
from threading import Lock
from typing import Any

from sqlalchemy import Connection

BUSY_TIMEOUT_MS = 5_000
LOOK_AGAIN_S = (0.0005, 0.002)

_turns: dict[str, Lock] = {}
os.register_at_fork(after_in_child=_turns.clear)  # whoever held one is not in the child


def begin_writing(connection: Connection) -> None:
    """Begin a transaction that holds the write lock; asks for it every millisecond or two, for five seconds.

    SQLite itself would sleep up to 100 ms between two looks, which is most of what the slowest percent waits for. Of
    a process's threads one asks at a time, in their order: many that ask take the processor from the one that writes.

    Raises:
        OperationalError: somebody else held the lock all the time.
    """
    driver: Any = connection.connection.dbapi_connection
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    turn = _turns.setdefault(str(connection.engine.url.database), Lock())
    has_turn = turn.acquire(timeout=BUSY_TIMEOUT_MS / 1000)
    try:
        driver.execute("PRAGMA busy_timeout=0")
        while time.monotonic() < deadline:
            try:
                driver.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
                time.sleep(random.uniform(*LOOK_AGAIN_S))  # noqa: S311 -- apart from each other, no secret
            else:
                return
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    finally:
        if has_turn:
            turn.release()
        driver.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
