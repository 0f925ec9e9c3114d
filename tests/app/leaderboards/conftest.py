"""Ada, Ben, Cleo and Dora, who may take part, and a worker in this very process."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from app.accounts import services as accounts
from app.db import transaction
from app.leaderboards import services
from app.leaderboards.models import Member
from tests.app.activities.conftest import inside
from tests.app.conftest import PASSWORD
from tests.app.reports.conftest import ada, ada_id, api, cleo, cleo_id, cleos_api, log, run_jobs

__all__ = ["ada", "ada_id", "api", "cleo", "cleo_id", "cleos_api", "inside", "log", "run_jobs"]


@pytest.fixture
def join(app: Flask) -> Callable[[int, str], None]:
    """Makes somebody take part under a name."""

    def take_part(user_id: int, name: str) -> None:
        with app.app_context(), transaction() as session:
            session.add(Member(user_id=user_id, display_name=name, name_key=name.casefold(), joined_at=services.now()))

    return take_part


@pytest.fixture
def account(app: Flask) -> Callable[[str], int]:
    """Makes an account."""

    def make(name: str) -> int:
        with app.app_context():
            return accounts.create_user(email=f"{name.lower()}@example.org", password=PASSWORD, name=name)

    return make
