"""A database that restarts, cuts connections, and is held by somebody else."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from jobs import State
from tests.servers import PostgresServer

from .conftest import Stage
from .processes import wait_until

pytestmark = pytest.mark.everyfault

HOLD = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
connection.execute("COMMIT")
"""


@pytest.fixture
def own_postgres(database_kind: str) -> Iterator[PostgresServer]:
    """A PostgreSQL that the test may stop."""
    if database_kind != "postgresql":
        pytest.skip("needs PostgreSQL")
    with PostgresServer() as server:
        yield server


def test_a_database_held_by_another_for_seconds_costs_no_job(stage: Stage, database_kind: str) -> None:
    if database_kind != "sqlite":
        pytest.skip("needs SQLite, where there is one writer")
    path = stage.environment["DATABASE_URL"].removeprefix("sqlite:///")
    stage.scheduler()
    worker = stage.worker()
    stage.submit("slow", *range(40), seconds=0.1)
    stage.wait_for_running(2)
    holder = subprocess.Popen([sys.executable, "-c", HOLD, path, "3"], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()
    held_at = time.monotonic()
    stage.submit("note", 100)
    waited_s = time.monotonic() - held_at
    assert holder.wait(20) == 0
    holder.stdout.close()
    stage.wait_for_all()
    print(f"\na submit waited {waited_s:.1f} s")
    account = stage.check("SQLite held for 3 s")
    assert set(map(tuple, account.outcomes.values())) <= {("succeeded",), ("interrupted", "succeeded")}
    assert "Traceback" not in worker.log()


@pytest.mark.parametrize("name", ["slow", "held"])
def test_cut_connections_cost_no_job(staged: Callable[[str], Stage], own_postgres: PostgresServer, name: str) -> None:
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
    account = stage.check(f"connections cut four times ({name})")
    assert {outcome for ways in account.outcomes.values() for outcome in ways} <= {"succeeded", "interrupted", "lost"}
    assert worker.code is None


@pytest.mark.parametrize("with_signal", [signal.SIGQUIT, signal.SIGINT], ids=["immediate", "fast"])
def test_a_restarted_postgresql_costs_no_job(
    staged: Callable[[str], Stage], own_postgres: PostgresServer, with_signal: signal.Signals
) -> None:
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
    account = stage.check(f"PostgreSQL restarted ({with_signal.name})")
    assert {outcome for ways in account.outcomes.values() for outcome in ways} <= {"succeeded", "interrupted", "lost"}
    assert (worker.code, scheduler.code) == (None, None)
    assert stage.count(State.DEAD, State.PARKED) == 0
