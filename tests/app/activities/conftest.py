"""Ada's activities, and a worker in this very process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.accounts import services as accounts
from app.activities import services
from app.activities.drafts import Draft
from app.activities.mets import Kind
from app.db import db
from app.queues import Queue
from jobs import engine_of
from jobs.testing import run_queue
from tests.app.conftest import PASSWORD, Browser

ZONE = "Europe/Berlin"
MORNING = datetime(2026, 11, 20, 6, 10, tzinfo=UTC)


def run(**changes: Any) -> Draft:
    """Ada's usual run: half an hour at 70 kg."""
    values: dict[str, Any] = {
        "kind": Kind.RUNNING,
        "duration": timedelta(minutes=30),
        "weight_kg": Decimal(70),
        "started_at": MORNING,
    }
    return Draft(**values | changes)


@pytest.fixture
def inside(app: Flask) -> Iterator[Flask]:
    """Inside the application, for tests of services and queries."""
    with app.app_context():
        yield app


@pytest.fixture
def ada_id(app: Flask) -> int:
    """Ada's account."""
    return account_of(app, "Ada")


@pytest.fixture
def cleo_id(app: Flask) -> int:
    """Cleo's account; what is Ada's is not hers."""
    return account_of(app, "Cleo")


def account_of(app: Flask, name: str) -> int:
    """An account of somebody in Berlin."""
    with app.app_context():
        user_id = accounts.create_user(email=f"{name.lower()}@example.org", password=PASSWORD, name=name)
        accounts.change_profile(user_id, name=name, zone=ZONE)
    return user_id


@pytest.fixture
def run_jobs(app: Flask) -> Callable[[], None]:
    """Works off every job that is ready, as a worker does."""

    def work() -> None:
        with app.app_context():
            run_queue(engine_of(), Queue.ACTIVITIES)
            db.session.remove()

    return work


@pytest.fixture
def log(app: Flask) -> Callable[..., int]:
    """Logs Ada's usual run, with changes, for somebody; its id."""

    def write(user_id: int, **changes: Any) -> int:
        with app.app_context():
            return services.log_activity(user_id, run(**changes), zone=ZONE).id

    return write


class Program:
    """Speaks to the API with a token."""

    def __init__(self, client: FlaskClient, token: str) -> None:
        self.client = client
        self.headers = {"Authorization": f"Bearer {token}"}

    def __call__(self, method: str, path: str, **kwargs: Any) -> TestResponse:
        """Make a request."""
        headers = {**self.headers, **kwargs.pop("headers", {})}
        return self.client.open(path, method=method, headers=headers, **kwargs)


def program_of(app: Flask, user_id: int, *scopes: str) -> Program:
    """A program with a token of these scopes."""
    with app.app_context():
        token = accounts.make_token(user_id, name="test", scopes=scopes or ("read", "write"))
    return Program(app.test_client(), token)


@pytest.fixture
def api(app: Flask, ada_id: int) -> Program:
    """Ada's program."""
    return program_of(app, ada_id)


@pytest.fixture
def cleos_api(app: Flask, cleo_id: int) -> Program:
    """Cleo's program."""
    return program_of(app, cleo_id)


@pytest.fixture
def ada(app: Flask, ada_id: int) -> Browser:
    """Ada, signed in."""
    return sign_in(app, "ada")


@pytest.fixture
def cleo(app: Flask, cleo_id: int) -> Browser:
    """Cleo, signed in."""
    return sign_in(app, "cleo")


def sign_in(app: Flask, name: str) -> Browser:
    """A browser in which somebody is signed in."""
    browser = Browser(app.test_client())
    browser.get("/sign-in")
    answer = browser.post("/sign-in", {"email": f"{name}@example.org", "password": PASSWORD})
    assert answer.status_code == 303
    return browser
