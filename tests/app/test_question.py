"""What every request asks is answered by the driver as the ORM would answer it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import Select, bindparam, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from app.accounts.models import User
from app.db import reading, transaction
from app.question import Question
from tests.app.conftest import ZONE

person = User.__table__.c
MOMENT = datetime(2026, 3, 29, 1, 30, 0, 250_000, tzinfo=UTC)


def about_one() -> Select[tuple[str, bool, datetime, datetime | None]]:
    return select(person.name, person.is_admin, person.created_at, person.goes_at).where(
        person.email_key == bindparam("who"), person.created_at <= bindparam("until", type_=person.created_at.type)
    )


@pytest.fixture
def ada(app: Flask) -> str:
    with app.app_context(), transaction() as session:
        session.execute(
            insert(User).values(
                email="ada@example.org",
                email_key="ada@example.org",
                name="Ada 100 %",
                password_hash="none",
                zone=ZONE,
                is_admin=True,
                created_at=MOMENT,
            )
        )
    return "ada@example.org"


def test_it_answers_as_the_orm_does(app: Flask, ada: str) -> None:
    question, values = Question(about_one(), name="about_one"), {"who": ada, "until": MOMENT}
    with app.app_context():
        for _ in range(2):  # the second time it is planned already
            found = question.first(values)
            assert tuple(found) == tuple(reading().execute(about_one(), values).one())
            assert (found.name, found.is_admin, found.created_at, found.goes_at) == ("Ada 100 %", True, MOMENT, None)
        assert question.first({"who": "nobody", "until": MOMENT}) is None


def test_it_sees_what_was_committed_a_moment_ago_and_what_is_about_to_be(app: Flask, ada: str) -> None:
    question, values = Question(about_one(), name="about_one"), {"who": ada, "until": MOMENT}
    with app.app_context():
        assert question.first(values).name == "Ada 100 %"
        with transaction() as session:
            session.execute(update(User).values(name="Augusta"))
            assert question.first(values).name == "Augusta"
            session.rollback()
        assert question.first(values).name == "Ada 100 %"
        with transaction() as session:
            session.execute(update(User).values(name="Augusta"))
        assert question.first(values).name == "Augusta"


def test_what_cannot_be_answered_is_told_as_everywhere(app: Flask) -> None:
    with app.app_context():
        with pytest.raises(DBAPIError):
            Question(select(func.nonsense(bindparam("x", "")).label("one")), name="nonsense").first({"x": "1"})
        assert reading().scalar(text("SELECT 1")) == 1
