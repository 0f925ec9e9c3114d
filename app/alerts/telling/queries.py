"""Who is told of alerts, and which ones wait for it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select

from app.accounts.models import User
from app.alerts.models import Alert
from app.db import reading
from jobs import engine_of
from jobs.metrics import alive

AT_ONCE = 50


def recipients() -> list[tuple[int, str]]:
    """The admins who have an address, by id."""
    query = select(User.id, User.email).where(User.is_admin, User.email.is_not(None)).order_by(User.id)
    return [(int(row.id), str(row.email)) for row in reading().execute(query)]


def without_file() -> Sequence[Alert]:
    """Alerts whose file is still to be written, the oldest first."""
    return reading().scalars(select(Alert).where(Alert.file.is_(None)).order_by(Alert.id).limit(AT_ONCE)).all()


def untold(*, asked_before: datetime) -> list[int]:
    """Open alerts that people should have been told of by now, and were not."""
    late = or_(Alert.told_at.is_(None), Alert.told_at < Alert.asked_at)
    query = select(Alert.id).where(Alert.resolved_at.is_(None), Alert.asked_at < asked_before, late)
    return list(reading().scalars(query.order_by(Alert.id).limit(AT_ONCE)))


def has_worker() -> bool:
    """Whether any worker is alive, to take the job that tells people."""
    return any(one.role == "worker" for one in alive(reading(), within_s=engine_of().lease_s))
