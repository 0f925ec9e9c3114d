"""On PostgreSQL a row and the one job about it are written with one statement: both, or neither."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table, Text, event, insert, select
from sqlalchemy.exc import DBAPIError

from jobs import UNMADE, Cause, Engine, Entry, JobGroup, JobRequest, PlainHost, Unique
from tests.jobs.host import SmallHost

TABLES = MetaData()
thing = Table(
    "caused_thing",
    TABLES,
    Column("id", Integer, primary_key=True),
    Column("name", Text, unique=True, nullable=False),
    Column("beside", Integer, ForeignKey("caused_thing.id")),
)
MAKE = (
    "INSERT INTO caused_thing (name, beside) SELECT CAST(%(name)s AS text), CAST(%(beside)s AS integer)"
    " ON CONFLICT (name) DO NOTHING RETURNING id"
)
ABOUT = ("args", "unique_key", "live_key", "subject_id")
OWN = ("id", "uid", "turn", "created_at", "ready_at")
LATER = datetime(2100, 1, 1, tzinfo=UTC)

group = JobGroup("caused")


@group.actor(queue_name="work", batch_size=9, unique=Unique.WAITING)
def waiting(things: list[int]) -> None:
    """One of it stands for another until it starts."""


@group.actor(queue_name="work", unique=Unique.LIVE)
def living(thing: int) -> None:
    """One of it stands for another until it has settled."""


@group.actor(queue_name="work")
def free(thing: int) -> None:
    """As many as one likes."""


@group.actor(queue_name="work", unique=Unique.LIVE, unique_for=60_000)
def seldom(thing: int) -> None:
    """At most one in a minute."""


@group.actor(queue_name="elsewhere")
def another(thing: int, other: int) -> None:
    """Takes more than the thing."""


@pytest.fixture
def plain(host: SmallHost) -> Iterator[PlainHost]:
    """A plain host on the small host's database, where there are things, and one of them already."""
    if host.database.dialect.name != "postgresql":
        pytest.skip("SQLite has no such statement")
    made = PlainHost(Flask("caused"), host.database.url.render_as_string(hide_password=False))
    TABLES.create_all(made.database)
    yield made
    TABLES.drop_all(made.database)
    made.close()


@pytest.fixture
def engine(plain: PlainHost) -> Engine:
    """An engine without Redis that has done so before: what PostgreSQL plans once is planned."""
    made = Engine(plain, redis_url=None)
    made.include(group)
    assert write(made, plain, "first", alone=True) is not None
    return made


def write(engine: Engine, plain: PlainHost, name: str, job: Any = waiting, **options: Any) -> tuple[int, str] | None:
    """Make a thing and the job about it, in the transaction that is open or in one of its own."""
    told: dict[str, Any] = {"args": {"thing": UNMADE}, "subject_kind": "thing", "subject_id": UNMADE}
    alone, beside = options.pop("alone", False), options.pop("beside", None)
    cause = Cause("thing", MAKE, {"name": name, "beside": beside})
    with plain.transaction() as session:
        return engine.write_down_with(session, cause, JobRequest(job, **told | options), alone=alone)


def kept(plain: PlainHost) -> tuple[list[str], int]:
    """The things that others see at this moment, and how many jobs."""
    with plain.database.connect().execution_options(isolation_level="AUTOCOMMIT") as reader:
        names = list(reader.scalars(select(thing.c.name).order_by(thing.c.id)))
        return names, len(reader.scalars(select(Entry.id)).all())


def as_written(plain: PlainHost, uid: str, thing_id: int) -> dict[str, Any]:
    """The job as its row has it, but for its own ids and moments; what names the thing without its number."""
    with plain.database.connect() as connection:
        row = connection.execute(select(Entry.__table__).where(Entry.uid == uid)).mappings().one()
    named = {name: str(row[name]).replace(str(thing_id), "ID") for name in ABOUT}
    return {name: value for name, value in row.items() if name not in OWN} | named


@pytest.mark.parametrize("job", [waiting, living, free])
def test_the_job_is_as_if_it_had_been_written_down_afterwards(engine: Engine, plain: PlainHost, job: Any) -> None:
    told = {"subject_kind": "thing", "requested_by": "ada", "request_id": "r", "priority": 3}
    made = write(engine, plain, "new", job, **told)
    assert made is not None
    with plain.transaction() as session:
        by_hand = session.connection().execute(insert(thing).values(name="by hand").returning(thing.c.id)).scalar_one()
        (uid,) = engine.write_down(session, [JobRequest(job, {"thing": by_hand}, subject_id=by_hand, **told)])
    assert as_written(plain, made[1], made[0]) == as_written(plain, uid, by_hand)


def test_a_twin_is_known_by_the_key_it_was_given(engine: Engine, plain: PlainHost) -> None:
    made = write(engine, plain, "new")
    assert made is not None
    assert engine.enqueue(JobRequest(waiting, {"thing": made[0]})) == made[1]


def test_what_is_alone_is_kept_at_once_and_what_is_not_goes_with_the_rest(engine: Engine, plain: PlainHost) -> None:
    with plain.transaction() as session:
        write(engine, plain, "with the rest")
        assert kept(plain) == (["first"], 1)
        session.rollback()
    assert kept(plain) == (["first"], 1)
    with plain.transaction():
        write(engine, plain, "alone", alone=True)
        assert kept(plain) == (["first", "alone"], 2)
    assert kept(plain) == (["first", "alone"], 2)


def test_after_something_else_nothing_is_alone(engine: Engine, plain: PlainHost) -> None:
    with plain.transaction() as session:
        session.connection().execute(insert(thing).values(name="before"))
        write(engine, plain, "after", alone=True)
        assert kept(plain) == (["first"], 1)
        session.rollback()
    assert kept(plain) == (["first"], 1)


def test_where_no_row_is_made_there_is_no_job(engine: Engine, plain: PlainHost) -> None:
    assert write(engine, plain, "first", alone=True) is None
    assert kept(plain) == (["first"], 1)


@pytest.mark.parametrize("wrong", [{"subject_kind": "x" * 300}, {"beside": 99}])
def test_an_error_in_either_leaves_neither(engine: Engine, plain: PlainHost, wrong: dict[str, Any]) -> None:
    with pytest.raises(DBAPIError):
        write(engine, plain, "wrong", alone=True, **wrong)
    assert kept(plain) == (["first"], 1)


@pytest.mark.parametrize(
    ("job", "options"),
    [
        (waiting, {"run_at": LATER}),
        (waiting, {"expires_at": LATER}),
        (waiting, {"queue": "elsewhere"}),
        (waiting, {"unique": "mine"}),
        (waiting, {"args": {"thing": 7}}),
        (free, {"pending_deps": 1}),
        (another, {"args": {"thing": UNMADE, "other": 1}}),
        (seldom, {}),
    ],
)
def test_what_takes_more_than_one_statement_is_left_to_the_caller(
    engine: Engine, plain: PlainHost, job: Any, options: dict[str, Any]
) -> None:
    assert write(engine, plain, "more", job, alone=True, **options) is None
    assert kept(plain) == (["first"], 1)


def test_workers_hear_of_it_at_the_commit(engine: Engine, plain: PlainHost, monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[tuple[str, int]] = []
    monkeypatch.setattr(engine.sender, "wake", lambda queue, count: woken.append((queue, count)))
    with plain.transaction():
        write(engine, plain, "new", alone=True)
        assert woken == []
    assert woken == [("work", 1)]


def test_it_is_one_conversation(engine: Engine, plain: PlainHost) -> None:
    begun: list[Any] = []
    event.listen(plain.database, "begin", begun.append)
    write(engine, plain, "new", alone=True)
    assert begun == []
    write(engine, plain, "another")
    assert len(begun) == 1
