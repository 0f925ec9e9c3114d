"""How writers on SQLite wait for each other."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from jobs import sqlite
from jobs.transactions import open_database, writing

MANY = 6
FIRST = text("INSERT INTO note (number) VALUES (99)")
FORKED = """
import os, sys, time
from jobs import sqlite
from jobs.transactions import open_database, writing

url = sys.argv[1]
turn = sqlite._turns.setdefault(open_database(url).url.database, sqlite.Lock())
turn.acquire()
child = os.fork()
if child == 0:
    began = time.monotonic()
    with writing(open_database(url)) as session:
        session.connection().exec_driver_sql("INSERT INTO note (number) VALUES (7)")
    os._exit(int(time.monotonic() - began))
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path / 'notes.db'}")
    with writing(engine) as session:
        session.execute(text("CREATE TABLE note (number INTEGER PRIMARY KEY)"))
    yield engine
    engine.dispose()


def note(engine: Engine, number: int) -> None:
    with writing(engine) as session:
        session.connection().exec_driver_sql("INSERT INTO note (number) VALUES (?)", (number,))


def test_threads_of_a_process_write_in_the_order_they_came(engine: Engine) -> None:
    written: list[int] = []

    def write(number: int) -> None:
        with writing(engine) as session:
            session.connection().exec_driver_sql("INSERT INTO note (number) VALUES (?)", (number,))
            written.append(number)

    turn = sqlite._turns[str(engine.url.database)]
    threads = [threading.Thread(target=write, args=(number,)) for number in range(MANY)]
    with writing(engine) as session:
        session.execute(FIRST)
        for thread in threads:
            thread.start()
            thread.join(0.02)
        assert (turn.locked(), written) == (True, [])
    for thread in threads:
        thread.join(10)
    assert written == list(range(MANY))
    assert not turn.locked()


def test_who_waits_in_vain_is_told_and_leaves_the_turn_to_others(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_MS", 50)
    with writing(engine) as session:
        session.execute(FIRST)
        with pytest.raises(OperationalError, match="database is locked"):
            note(engine, 1)
    note(engine, 2)
    with writing(engine) as session:
        assert session.scalars(text("SELECT number FROM note")).all() == [2, 99]


def test_a_child_waits_for_nobody_who_stayed_behind(engine: Engine) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", FORKED, str(engine.url)], capture_output=True, text=True, check=True, timeout=30
    )
    assert ran.stdout.strip() == "0"
    with writing(engine) as session:
        assert session.scalars(text("SELECT number FROM note")).all() == [7]
