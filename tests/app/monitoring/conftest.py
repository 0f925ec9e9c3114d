"""The product, with activities and a worker in this very process."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask

from app.accounts import services as accounts
from app.activities import services
from app.activities.drafts import Draft
from app.activities.mets import Kind
from jobs import engine_of
from jobs.testing import run_ready
from tests.app.conftest import PASSWORD, ZONE

MORNING = datetime(2026, 11, 20, 6, 10, tzinfo=UTC)


@pytest.fixture
def ada_id(app: Flask) -> int:
    """Ada's account."""
    with app.app_context():
        return accounts.create_user(email="ada@example.org", password=PASSWORD, name="Ada")


@pytest.fixture
def log(app: Flask, ada_id: int) -> Callable[..., int]:
    """Logs an activity of Ada's, half an hour at 70 kg; its id."""

    def write(kind: Kind = Kind.RUNNING, **changes: Any) -> int:
        draft = Draft(
            **{
                "kind": kind,
                "duration": timedelta(minutes=30),
                "weight_kg": Decimal(70),
                "started_at": MORNING,
                **changes,
            }
        )
        with app.app_context():
            return services.log_activity(ada_id, draft, zone=ZONE).id

    return write


@pytest.fixture
def run_jobs(app: Flask) -> Callable[[], None]:
    """Works off every job that is ready, as a worker does."""

    def work() -> None:
        with app.app_context():
            run_ready(engine_of())

    return work
