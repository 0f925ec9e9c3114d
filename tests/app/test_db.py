"""One transaction is one, whether the ORM, the connection or both are used in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from flask import Flask
from sqlalchemy import event, insert, select, text, update
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.clock import now
from app.db import reading, transaction


def by_orm(session: Session, name: str) -> None:
    session.execute(update(User).values(name=name))


def by_connection(session: Session, name: str) -> None:
    session.connection().execute(text("UPDATE person SET name = :name"), {"name": name})


def by_an_object(session: Session, name: str) -> None:
    session.scalars(select(User)).one().name = name
    session.flush()


Way = Callable[[Session, str], None]
WAYS = [by_orm, by_connection, by_an_object]


@pytest.fixture(autouse=True)
def ada(app: Flask) -> Iterator[None]:
    with app.app_context():
        with transaction() as session:
            session.connection().execute(
                insert(User).values(name="Ada", zone="UTC", is_admin=False, created_at=now(), live_updates=True)
            )
        yield


@pytest.fixture
def heard() -> Iterator[list[str]]:
    """What listeners of sessions hear."""
    told: list[str] = []

    def committed(session: Session) -> None:
        if not session.in_nested_transaction():
            told.append(f"committed, {name_now()}")

    def rolled_back(session: Session) -> None:
        if not session.in_nested_transaction():
            told.append("rolled back")

    event.listen(Session, "after_commit", committed)
    event.listen(Session, "after_rollback", rolled_back)
    yield told
    event.remove(Session, "after_commit", committed)
    event.remove(Session, "after_rollback", rolled_back)


def name_now() -> str:
    """As everybody else sees it."""
    with reading().get_bind().engine.connect() as connection:  # a connection of its own, past the transaction
        return str(connection.execute(text("SELECT name FROM person")).scalar_one())


@pytest.mark.parametrize("first", WAYS)
@pytest.mark.parametrize("second", WAYS)
def test_what_was_written_either_way_commits_together(first: Way, second: Way, heard: list[str]) -> None:
    with transaction() as session:
        first(session, "Augusta")
        second(session, "Byron")
    assert (name_now(), heard) == ("Byron", ["committed, Byron"])


@pytest.mark.parametrize("first", WAYS)
@pytest.mark.parametrize("second", WAYS)
def test_what_was_written_either_way_is_rolled_back_together(first: Way, second: Way, heard: list[str]) -> None:
    with suppress(ZeroDivisionError), transaction() as session:
        first(session, "Augusta")
        second(session, "Byron")
        raise ZeroDivisionError
    assert (name_now(), heard) == ("Ada", ["rolled back"])


@pytest.mark.parametrize("way", WAYS)
def test_a_savepoint_is_kept_or_given_up_alone(way: Way) -> None:
    with transaction() as session:
        way(session, "Augusta")
        with session.begin_nested():
            way(session, "Byron")
        with suppress(ZeroDivisionError), session.begin_nested():
            way(session, "Lovelace")
            raise ZeroDivisionError
    assert name_now() == "Byron"


def test_a_savepoint_in_which_nothing_happens_costs_nothing_its_commit(heard: list[str]) -> None:
    with transaction() as session:
        by_connection(session, "Augusta")
        with session.begin_nested():
            pass
    assert (name_now(), heard) == ("Augusta", ["committed, Augusta"])


def test_after_a_rollback_inside_only_what_follows_is_kept() -> None:
    with transaction() as session:
        by_connection(session, "Augusta")
        session.rollback()
        by_connection(session, "Byron")
    assert name_now() == "Byron"


def test_a_transaction_in_another_one_joins_it(heard: list[str]) -> None:
    with suppress(ZeroDivisionError), transaction() as outer:
        with transaction() as inner:
            assert inner is outer
            by_connection(inner, "Augusta")
        assert heard == []
        raise ZeroDivisionError
    assert name_now() == "Ada"
