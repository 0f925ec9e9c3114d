"""The tests' own servers."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.conftest import Databases
from tests.servers import PostgresServer, RedisServer, is_alive


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


@pytest.mark.parametrize("left", ["", "CREATE TABLE other (n integer)", "ALTER TABLE t ADD COLUMN o integer"])
def test_a_database_that_was_given_back_is_as_new(databases: Databases, left: str) -> None:
    template = databases.blank()
    table = sa.Table("t", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("n", sa.Integer))
    sa.Table("child", table.metadata, sa.Column("t_id", sa.ForeignKey("t.id")))
    engine = sa.create_engine(template)
    table.metadata.create_all(engine)
    engine.dispose()
    for _turn in range(2):
        url = databases.tables_of(template)
        engine = sa.create_engine(url)
        names = sa.inspect(engine).get_table_names()
        columns = [one["name"] for one in sa.inspect(engine).get_columns("t")]
        with engine.begin() as connection:
            connection.execute(table.insert().values(n=42))
            seen = connection.execute(sa.select(table)).all()
            connection.execute(table.delete())
            connection.execute(table.insert().values(n=43))
            if left:
                connection.execute(sa.text(left))
        engine.dispose()
        databases.give_back(url)
        assert (sorted(names), columns, seen) == (["child", "t"], ["id", "n"], [(1, 42)])
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
    assert is_alive(pid)
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_alive(pid)
