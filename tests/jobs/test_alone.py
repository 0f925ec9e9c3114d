"""On PostgreSQL what is alone in its transaction may be kept at once; what is not goes with the rest or not at all."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert, select, text

from jobs import Engine, Entry, JobGroup, JobRequest, PlainHost
from jobs.errors import Superseded
from jobs.ledger import writer
from jobs.ledger.writer import Claim, Wish

from .host import SmallHost, effects
from .workshop import Workshop

group = JobGroup("alone")
WISH = Wish("work", {"alone.several": 9, "alone.single": 1}, "hand#1", "hand", 30.0)
EFFECT = insert(effects).values(number=1)


@group.actor(queue_name="work", batch_size=9)
def several(numbers: list[int]) -> None:
    """What the tests finish by hand."""


@group.actor(queue_name="work")
def single(number: int) -> None:
    """Likewise, and what a worker runs here."""


@pytest.fixture
def plain(host: SmallHost) -> Iterator[PlainHost]:
    """The plain host on the small host's database."""
    made = PlainHost(Flask("alone"), host.database.url.render_as_string(hide_password=False))
    yield made
    made.close()


@pytest.fixture
def engine(plain: PlainHost, shop: Workshop) -> Engine:
    """An engine without Redis that has worked before: what PostgreSQL plans once is planned."""
    made = Engine(plain, redis_url=None)
    made.include(group)
    asked(made, 1)
    with plain.transaction() as session:
        writer.succeed(session, writer.claim(session, WISH), then=WISH)
    asked(made, 2)
    with plain.transaction() as session:
        writer.succeed(session, writer.claim(session, WISH))
    shop.empty()
    return made


def asked(engine: Engine, *numbers: int) -> None:
    for number in numbers:
        engine.enqueue(JobRequest(several if len(numbers) > 1 else single, {"number": number}))


def claimed(plain: PlainHost) -> list[Claim]:
    with plain.transaction() as session:
        return writer.claim(session, WISH)


def seen(plain: PlainHost) -> list[str]:
    """The states that others see at this moment, of jobs in the order of their ids."""
    with plain.database.connect().execution_options(isolation_level="AUTOCOMMIT") as reader:
        return list(reader.scalars(select(Entry.state).order_by(Entry.id)))


def at_once(plain: PlainHost, after: str, before: str) -> list[str]:
    """What others see of a move that is alone, before its transaction ends: SQLite has it as every other."""
    return [after if plain.database.dialect.name == "postgresql" else before]


def test_a_move_that_is_alone_is_made_when_it_returns(plain: PlainHost, engine: Engine) -> None:
    asked(engine, 1)
    with plain.transaction(durable=False) as session:
        claims = writer.claim(session, WISH, alone=True)
        assert seen(plain) == at_once(plain, "running", "ready")
    assert seen(plain) == ["running"]
    with plain.transaction() as session:
        writer.succeed(session, claims, alone=True)
        assert seen(plain) == at_once(plain, "succeeded", "running")
    assert seen(plain) == ["succeeded"]


def test_a_move_goes_with_what_was_done_before_it(plain: PlainHost, engine: Engine) -> None:
    asked(engine, 1)
    claims = claimed(plain)
    with plain.transaction() as session:
        session.connection().execute(EFFECT)
        writer.succeed(session, claims, alone=True)
        assert seen(plain) == ["running"]
        session.rollback()
    assert seen(plain) == ["running"]


def test_a_finish_goes_with_an_effect_that_is_not_written_yet(plain: PlainHost, engine: Engine) -> None:
    asked(engine, 1)
    claims = claimed(plain)
    with plain.transaction() as session:
        session.add(Entry(uid="f" * 32, queue="work", kind="alone.single", state="ready", args={}, max_retries=0))
        writer.succeed(session, claims, alone=True)
        session.rollback()
    assert seen(plain) == ["running"]


def test_a_batch_is_finished_together_or_not(plain: PlainHost, engine: Engine) -> None:
    asked(engine, 1, 2)
    first, second = claimed(plain)
    with plain.transaction() as session:
        writer.hand_back(session, [first])
    with pytest.raises(Superseded), plain.transaction() as session:
        writer.succeed(session, [first, second], alone=True)
    assert seen(plain) == ["ready", "running"]


def test_who_may_not_finish_claims_nothing(plain: PlainHost, engine: Engine) -> None:
    asked(engine, 1)
    claims = claimed(plain)
    with plain.transaction() as session:
        writer.hand_back(session, claims)
    with pytest.raises(Superseded), plain.transaction() as session:
        writer.succeed(session, claims, then=WISH, alone=True)
    assert seen(plain) == ["ready"]


@pytest.mark.parametrize("works_first", [True, False])
def test_what_is_asked_for_in_a_transaction_goes_with_it(plain: PlainHost, engine: Engine, works_first: bool) -> None:
    with plain.transaction() as session:
        if works_first:
            session.connection().execute(EFFECT)
        asked(engine, 1)
        session.rollback()
    assert seen(plain) == []
    asked(engine, 2)
    assert seen(plain) == ["ready"]


def test_a_worker_leaves_nothing_half_done(plain: PlainHost, engine: Engine) -> None:
    asked(engine, 1)
    asked(engine, 2, 3)
    assert engine.runner.drain("work")
    assert seen(plain) == ["succeeded"] * 3


def test_what_is_planned_once_is_not_planned_again(plain: PlainHost, engine: Engine) -> None:
    on_postgresql(plain)
    for number in range(7):
        asked(engine, number)
        claims = claimed(plain)
        with plain.transaction() as session:
            writer.succeed(session, claims, then=WISH)
    with plain.database.connect() as connection:
        rows = connection.execute(text("SELECT name, custom_plans FROM pg_prepared_statements"))
        planned = {name: custom for name, custom in rows}  # noqa: C416 -- a row is no pair to mypy
    assert planned == {"jobs_insert_one": 0, "jobs_claim": 0, "jobs_finishclaim": 0, "jobs_finish": 0}


@pytest.mark.parametrize(("durable", "waits"), [(True, "on"), (False, "off")])
def test_a_transaction_waits_for_the_disk_unless_it_need_not(plain: PlainHost, durable: bool, waits: str) -> None:
    on_postgresql(plain)
    with plain.database.connect() as connection:
        connection.execute(text("SET synchronous_commit TO on"))
        connection.commit()
    shown = text("SHOW synchronous_commit")
    with plain.transaction(durable=durable) as session:
        assert session.connection().execute(shown).scalar_one() == waits
    with plain.transaction() as session:
        assert session.connection().execute(shown).scalar_one() == "on"


def test_looking_leaves_the_connections_of_those_who_write_as_they_are(plain: PlainHost) -> None:
    """One that was in autocommit for a look costs its next user a conversation more."""
    on_postgresql(plain)
    with plain.inside():
        assert plain.reading().execute(text("SELECT 1")).scalar_one() == 1
    with plain.transaction() as session:
        driver: Any = session.connection().connection.dbapi_connection
        assert driver.isolation_level is None


def on_postgresql(plain: PlainHost) -> None:
    if plain.database.dialect.name != "postgresql":
        pytest.skip("SQLite keeps no plans and has no conversations")
