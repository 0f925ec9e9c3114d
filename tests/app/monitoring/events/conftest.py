"""Ada runs this place, Cleo does not; what was told is recorded when a test says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from flask import Flask
from sqlalchemy import select

from app.db import db, reading
from app.monitoring.events.models import EventRow
from app.monitoring.events.services import recorder_of
from tests.app.workbench.conftest import ada, ada_id, cleo, cleo_id, inside, run_jobs

__all__ = ["ada", "ada_id", "cleo", "cleo_id", "inside", "run_jobs"]

Recorded = Callable[[], Sequence[EventRow]]


@pytest.fixture
def recorded(app: Flask) -> Recorded:
    """Records what was told; all events, the oldest first."""

    def run() -> Sequence[EventRow]:
        while recorder_of(app).record():
            pass
        with app.app_context():
            db.session.remove()
            return reading().scalars(select(EventRow).order_by(EventRow.id)).all()

    return run
