"""A product with a few kinds to start: some for everybody, one for admins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from app.accounts.models import User
from app.db import db, transaction
from app.errors import Invalid
from app.security import Person
from jobs import GiveUp, JobGroup, current, engine_of
from jobs.testing import run_queue
from tests.app.activities.conftest import Program, account_of, program_of

QUEUE = "samples"
group = JobGroup("sample")


@group.actor(queue_name=QUEUE)
def add(x: float, y: float = 0) -> float:
    """Add two numbers."""
    return x + y


@group.actor(queue_name=QUEUE, max_retries=0)
def fail(reason: str = "no") -> None:
    """Fail for good."""
    raise GiveUp(reason)


@group.actor(queue_name=QUEUE, atomic=False)
def walk(steps: int) -> str:
    """Go so many steps, and tell of each."""
    for step in range(1, steps + 1):
        current().progress(step, steps, note=f"step {step}")
    return "there"


@group.actor(queue_name=QUEUE)
def keep(value: dict[str, Any]) -> dict[str, Any]:
    """Give back what was given."""
    return value


@group.actor(queue_name=QUEUE)
def rebuild() -> None:
    """Only admins start it."""


def small(_person: Person, args: Mapping[str, Any]) -> Mapping[str, Any]:
    """Refuse numbers above a million."""
    if args["x"] > 1_000_000:
        raise Invalid({"x": "It must be at most a million."})
    return args


def anything(_person: Person, args: Mapping[str, Any]) -> Mapping[str, Any]:
    """Take whatever fits."""
    return args


@pytest.fixture
def app(app: Flask) -> Flask:
    """The product with the sample kinds."""
    engine_of(app).include(group)
    app.extensions["for_people"] = {
        "sample.add": small,
        "sample.fail": anything,
        "sample.walk": anything,
        "sample.keep": anything,
    }
    return app


@pytest.fixture
def run_jobs(app: Flask) -> Callable[[], None]:
    """Works off every sample job that is ready, as a worker does."""

    def work() -> None:
        with app.app_context():
            run_queue(engine_of(), QUEUE)
            db.session.remove()

    return work


@pytest.fixture
def ada_id(app: Flask) -> int:
    """Ada's account."""
    return account_of(app, "Ada")


@pytest.fixture
def api(app: Flask, ada_id: int) -> Program:
    """Ada's program."""
    return program_of(app, ada_id)


@pytest.fixture
def cleos(app: Flask) -> Program:
    """Cleo's program; what is Ada's is not hers."""
    return program_of(app, account_of(app, "Cleo"))


@pytest.fixture
def operator(app: Flask) -> Program:
    """The program of an admin, with a token for jobs alone."""
    return staff_of(app, "Olga", is_admin=True)


@pytest.fixture
def otto(app: Flask) -> Program:
    """The program of somebody who may act on all jobs, and not manage."""
    return staff_of(app, "Otto", role="operator")


@pytest.fixture
def vera(app: Flask) -> Program:
    """The program of somebody who may see all jobs, and not act."""
    return staff_of(app, "Vera", role="viewer")


def staff_of(app: Flask, name: str, **role: Any) -> Program:
    """The program of one of the staff, with a token for jobs alone."""
    user_id = account_of(app, name)
    with app.app_context(), transaction() as session:
        session.execute(update(User).where(User.id == user_id).values(**role))
    return program_of(app, user_id, "jobs")
