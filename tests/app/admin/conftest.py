"""Ada is an admin here, and has activities."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import update

from app.accounts.models import User
from app.activities import services
from app.activities.drafts import Draft
from app.activities.mets import Kind
from app.db import transaction
from tests.app.conftest import ZONE, Browser


@pytest.fixture
def ada(app: Flask, ada: Browser) -> Browser:
    """Ada, an admin."""
    with app.app_context(), transaction() as session:
        session.execute(update(User).where(User.name == "Ada").values(is_admin=True))
    return ada


@pytest.fixture
def log(app: Flask) -> Callable[..., int]:
    """Logs an activity, of the first person's unless told; its id."""

    def write(kind: Kind = Kind.RUNNING, *, notes: str = "", user_id: int = 1) -> int:
        draft = Draft(
            kind=kind,
            duration=timedelta(minutes=30),
            weight_kg=Decimal(70),
            started_at=datetime(2026, 11, 20, 6, tzinfo=UTC),
            notes=notes,
        )
        with app.app_context():
            return services.log_activity(user_id, draft, zone=ZONE).id

    return write
