"""Ada and Cleo with their activities, somebody of the staff, and a worker in this very process."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from app.accounts import services as accounts
from app.db import db
from jobs import engine_of
from jobs.testing import run_ready
from tests.app.activities.conftest import (
    Program,
    ada,
    ada_id,
    api,
    cleo,
    cleo_id,
    cleos_api,
    log,
    program_of,
)
from tests.app.conftest import PASSWORD

__all__ = ["ada", "ada_id", "api", "cleo", "cleo_id", "cleos_api", "log"]


@pytest.fixture
def staffs_api(app: Flask, ada_id: int, cleo_id: int) -> Program:
    """The program of an admin."""
    with app.app_context():
        staff_id = accounts.create_user(email="staff@example.org", password=PASSWORD, name="Staff", is_admin=True)
    return program_of(app, staff_id)


@pytest.fixture
def run_jobs(app: Flask) -> Callable[[], None]:
    """Works off every job that is ready, and what they cause."""

    def work() -> None:
        with app.app_context():
            run_ready(engine_of())
            db.session.remove()

    return work
