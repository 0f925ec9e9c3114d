"""The tests' own servers."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import sqlalchemy as sa

from tests.conftest import Databases
from tests.servers import PostgresServer, RedisServer


def test_a_copied_database_holds_what_its_template_holds(databases: Databases) -> None:
    template = databases.blank()
    engine = sa.create_engine(template)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE t (n integer)"))
        connection.execute(sa.text("INSERT INTO t VALUES (42)"))
    engine.dispose()
    copy = databases.copy(template)
    engine = sa.create_engine(copy)
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT n FROM t")).scalars().all() == [42]
    engine.dispose()
    databases.drop(copy)
    databases.drop(template)


def test_a_killed_redis_comes_back_with_its_data_when_durable() -> None:
    with RedisServer(durable=True) as server:
        server.client().set("kept", "yes")
        server.kill()
        server.start()
        assert server.client().get("kept") == b"yes"


def test_a_killed_postgresql_comes_back_with_its_data() -> None:
    with PostgresServer() as server:
        server.execute("CREATE TABLE t AS SELECT 42 AS n")
        server.kill()
        server.start()
        server.execute("ALTER TABLE t RENAME TO kept")


def test_a_server_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    script = (
        "import sys, time; from tests.servers import RedisServer; "
        "s = RedisServer(); s.start(); print(s.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    with parent.stdout:
        pid = int(parent.stdout.readline())
    assert _lives(pid)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 10
    while _lives(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _lives(pid)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
