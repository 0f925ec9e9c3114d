"""What the driver is given by hand is in the transaction, and fails, as what SQLAlchemy gives it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError, IntegrityError, PendingRollbackError

from jobs.driver import put, put_alone
from jobs.transactions import writing

from .host import SmallHost, effects

WRITE = {
    "postgresql": "INSERT INTO effect (id, number) VALUES (%(id)s, %(number)s)",
    "sqlite": "INSERT INTO effect (id, number) VALUES (:id, :number)",
}
READ = {
    "postgresql": "SELECT id, number AS how_many FROM effect WHERE id < %(below)s ORDER BY id",
    "sqlite": "SELECT id, number AS how_many FROM effect WHERE id < :below ORDER BY id",
}


@pytest.fixture(params=["unheard", "heard"])
def listened(request: pytest.FixtureRequest, host: SmallHost) -> Iterator[list[str]]:
    """What somebody heard who listens to the database; both ways must do the same."""
    heard: list[str] = []

    def hear(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        heard.append(statement)

    if request.param == "unheard":
        yield heard
        return
    event.listen(host.database, "before_cursor_execute", hear)
    yield heard
    event.remove(host.database, "before_cursor_execute", hear)


def write(connection: Connection, number: int) -> int:
    return put(connection, WRITE[connection.dialect.name], {"id": number, "number": 2 * number}).touched


def written(host: SmallHost) -> list[int]:
    with host.autocommit.connect() as connection:
        return list(connection.execute(effects.select().order_by(effects.c.id)).scalars())


@pytest.mark.usefixtures("listened")
def test_it_begins_a_transaction_and_is_part_of_it(host: SmallHost) -> None:
    with writing(host.database) as session:
        connection = session.connection()
        assert [write(connection, 1), write(connection, 2)] == [1, 1]
        assert connection.execute(effects.select()).all() == [(1, 2), (2, 4)]
        told = put(connection, READ[connection.dialect.name], {"below": 3})
        assert [tuple(row) for row in told.rows] == [(1, 2), (2, 4)]
        assert [column[0] for column in told.columns or ()] == ["id", "how_many"]
        assert put(connection, READ[connection.dialect.name], {"below": 0}).rows == []
        assert written(host) == []
    assert written(host) == [1, 2]
    with writing(host.database) as session:
        write(session.connection(), 3)
        session.rollback()
    assert written(host) == [1, 2]


@pytest.mark.usefixtures("listened")
def test_it_is_given_up_with_its_savepoint(host: SmallHost) -> None:
    with writing(host.database) as session:
        write(session.connection(), 1)
        with session.begin_nested() as savepoint:
            write(session.connection(), 2)
            savepoint.rollback()
        write(session.connection(), 3)
    assert written(host) == [1, 3]


@pytest.mark.usefixtures("listened")
def test_what_the_database_refuses_is_told_as_everywhere(host: SmallHost) -> None:
    with writing(host.database) as session:
        write(session.connection(), 1)
        with pytest.raises(IntegrityError) as refused:
            write(session.connection(), 1)
        session.rollback()
    assert refused.value.statement == WRITE[host.database.dialect.name]
    assert refused.value.params == {"id": 1, "number": 2}
    assert getattr(refused.value.orig, "pgcode", "23505") == "23505"
    assert written(host) == []


def test_it_is_heard_by_whoever_listens(host: SmallHost, listened: list[str], request: pytest.FixtureRequest) -> None:
    with writing(host.database) as session:
        write(session.connection(), 1)
    is_heard = request.node.callspec.params["listened"] == "heard"
    assert [one for one in listened if one.startswith("INSERT")] == [WRITE[host.database.dialect.name]] * is_heard


def write_alone(connection: Connection, number: int) -> int:
    return put_alone(connection, WRITE[connection.dialect.name], {"id": number, "number": 2 * number}).touched


@pytest.mark.usefixtures("listened")
def test_what_is_alone_is_kept_in_the_end_and_joins_what_is_open(host: SmallHost) -> None:
    with writing(host.database) as session:
        assert write_alone(session.connection(), 1) == 1
    assert written(host) == [1]
    with writing(host.database) as session:
        assert [write(session.connection(), 2), write_alone(session.connection(), 3)] == [1, 1]
        assert written(host) == [1]
        session.rollback()
    assert written(host) == [1]


def test_what_is_alone_is_over_when_it_returns(host: SmallHost) -> None:
    if host.database.dialect.name == "sqlite":
        pytest.skip("there is no conversation to be saved")
    with writing(host.database) as session:
        assert write_alone(session.connection(), 1) == 1
        assert written(host) == [1]
        with pytest.raises(IntegrityError) as refused:
            write_alone(session.connection(), 1)
        assert refused.value.statement == WRITE["postgresql"]
        write(session.connection(), 2)
        assert written(host) == [1]
        session.rollback()
    assert written(host) == [1]


def test_what_is_alone_waits_for_the_disk_only_where_it_must(host: SmallHost) -> None:
    if host.database.dialect.name == "sqlite":
        pytest.skip("it begins there as every other")
    with host.database.connect() as connection:
        connection.execute(text("SET synchronous_commit TO on"))
        connection.commit()
        for durable, waits in ((False, "off"), (True, "on")):
            connection.execution_options(durable=durable)
            assert put_alone(connection, "SHOW synchronous_commit").rows == [(waits,)]


@pytest.mark.parametrize("speaks", [write, write_alone])
@pytest.mark.usefixtures("listened")
def test_a_connection_that_broke_is_given_to_nobody_again(
    host: SmallHost, speaks: Callable[[Connection, int], int]
) -> None:
    if host.database.dialect.name == "sqlite":
        pytest.skip("there is no server that could end it")
    with host.database.connect() as connection:
        pid = connection.scalar(text("SELECT pg_backend_pid()"))
        with host.database.connect() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid, 1000)"), {"pid": pid})
        with pytest.raises(DBAPIError) as broken:
            speaks(connection, 1)
        assert broken.value.connection_invalidated
        with pytest.raises(PendingRollbackError):
            speaks(connection, 1)
        connection.rollback()
        assert speaks(connection, 1) == 1
        connection.commit()
    assert written(host) == [1]
