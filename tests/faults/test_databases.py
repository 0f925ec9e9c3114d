"""A database that restarts, cuts connections, and is held by somebody else."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from jobs import State
from tests.servers import PostgresServer
from tests.waiting import wait_until

from . import storage
from .small import LEASE_S
from .stage import Stage

pytestmark = pytest.mark.everyfault

BUSY_TIMEOUT_S = 5
HOLD = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
connection.execute("COMMIT")
"""


NO_ROOM = """
    CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN RAISE EXCEPTION ''could not extend file'' USING ERRCODE = ''53100''; END';
    CREATE TRIGGER no_room BEFORE INSERT ON job FOR EACH STATEMENT EXECUTE FUNCTION no_room();
    CREATE TRIGGER no_room BEFORE INSERT ON effect FOR EACH STATEMENT EXECUTE FUNCTION no_room();
"""


@pytest.mark.parametrize("held_s", [3, 8])
def test_a_database_held_by_another_for_seconds_costs_no_job(stage: Stage, database_kind: str, held_s: int) -> None:
    """F17."""
    if database_kind != "sqlite":
        pytest.skip("needs SQLite, where there is one writer")
    path = stage.environment["DATABASE_URL"].removeprefix("sqlite:///")
    stage.scheduler()
    worker = stage.worker()
    stage.submit("slow", *range(40), seconds=0.1)
    stage.wait_for_running(2)
    holder = subprocess.Popen([sys.executable, "-c", HOLD, path, str(held_s)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()
    held_at = time.monotonic()
    if held_s > BUSY_TIMEOUT_S:
        with pytest.raises(OperationalError):
            stage.submit("note", 101)
    else:
        stage.submit("note", 100)
    waited_s = time.monotonic() - held_at
    assert holder.wait(20) == 0
    holder.stdout.close()
    stage.wait_for_all()
    print(f"\na submit waited {waited_s:.1f} s")
    account = stage.check(f"F17 SQLite held for {held_s} s")
    assert {outcome for ways in account.outcomes.values() for outcome in ways} <= {"succeeded", "interrupted", "lost"}
    assert worker.code is None


@pytest.mark.parametrize("name", ["slow", "held"])
def test_cut_connections_cost_no_job(staged: Callable[..., Stage], own_postgres: PostgresServer, name: str) -> None:
    """F11."""
    stage = staged(own_postgres.create("cut"))
    stage.scheduler()
    worker = stage.worker()
    stage.submit(name, *range(20), seconds=0.3)
    for _ in range(4):
        stage.wait_for_running(2)
        own_postgres.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'cut' AND pid <> pg_backend_pid()"
        )
        stage.host.database.dispose()
        time.sleep(0.2)
    stage.wait_for_all()
    account = stage.check(f"F11 connections cut four times ({name})")
    assert {outcome for ways in account.outcomes.values() for outcome in ways} <= {"succeeded", "interrupted", "lost"}
    assert worker.code is None


@pytest.mark.parametrize("with_signal", [signal.SIGQUIT, signal.SIGINT], ids=["immediate", "fast"])
def test_a_restarted_postgresql_costs_no_job(
    staged: Callable[..., Stage], own_postgres: PostgresServer, with_signal: signal.Signals
) -> None:
    """F11."""
    stage = staged(own_postgres.create("restarted"))
    scheduler, worker = stage.scheduler(), stage.worker()
    stage.submit("slow", *range(12), seconds=0.5)
    stage.submit("held", *range(100, 112), seconds=0.5)
    stage.wait_for_running(4)
    os.kill(own_postgres.pid, with_signal)
    wait_until(own_postgres.has_ended)
    time.sleep(2)
    own_postgres.start()
    back_at = time.monotonic()
    stage.host.database.dispose()
    stage.wait_for_all()
    print(f"\nall done {time.monotonic() - back_at:.1f} s after it came back")
    account = stage.check(f"F11 PostgreSQL restarted ({with_signal.name})")
    assert {outcome for ways in account.outcomes.values() for outcome in ways} <= {"succeeded", "interrupted", "lost"}
    assert (worker.code, scheduler.code) == (None, None)
    assert stage.count(State.DEAD, State.PARKED) == 0


def test_a_postgresql_away_for_two_leases_costs_no_attempt_of_a_living_worker(
    staged: Callable[..., Stage], own_postgres: PostgresServer
) -> None:
    """F12: and after its return nothing is rescued from workers that could not say that they live."""
    stage = staged(own_postgres.create("away"))
    scheduler, worker = stage.scheduler(), stage.worker()
    stage.submit("slow", *range(8), seconds=1.0)
    stage.submit("held", *range(100, 104), seconds=1.0)
    stage.wait_for_running(4)
    own_postgres.stop()
    time.sleep(2 * LEASE_S)
    own_postgres.start()
    stage.host.database.dispose()
    stage.wait_for_all()
    account = stage.check("F12 PostgreSQL away for two leases")
    assert {outcome for ways in account.outcomes.values() for outcome in ways} <= {"succeeded", "interrupted"}
    assert (worker.code, scheduler.code) == (None, None)


def test_a_full_database_refuses_whole_requests_and_costs_no_job(
    stage: Stage, database_kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F29."""
    full = tmp_path / "full"
    monkeypatch.setenv(storage.FULL, str(full))
    stage.environment[storage.FULL] = str(full)
    storage.prepare(stage.host.database)
    stage.scheduler()
    worker = stage.worker()
    stage.submit("slow", *range(4), seconds=0.5)
    wordy = stage.submit("wordy", *range(10, 14))
    stage.wait_for_running(4)
    with filled(stage, full):
        for start in (1_000, 2_000):
            with pytest.raises(OperationalError):
                stage.submit("note", *range(start, start + 500))
        time.sleep(3)
    stage.submit("note", *range(3_000, 3_100))
    stage.wait_for_all()
    account = stage.check("F29 database full")
    assert {"interrupted" in ways for ways in stage.outcomes(account, wordy)} == {True}
    assert {outcome for ways in account.outcomes.values() for outcome in ways} <= {"succeeded", "interrupted", "lost"}
    assert worker.code is None


@contextmanager
def filled(stage: Stage, full: Path) -> Iterator[None]:
    """As long as it lasts, the database has no room: for any new page of SQLite, for any new row of PostgreSQL."""
    if stage.host.database.dialect.name == "sqlite":
        full.touch()
        yield
        full.unlink()
        return
    with stage.host.database.begin() as connection:
        connection.exec_driver_sql(NO_ROOM)
    yield
    with stage.host.database.begin() as connection:
        connection.exec_driver_sql("DROP FUNCTION no_room CASCADE")
