"""Reading plans, and what is known of somebody before they answer."""

from collections.abc import Sequence
from datetime import date, timedelta

from sqlalchemy import func, select

from app.activities.models import Activity
from app.db import reading
from app.errors import NotFound

from .models import WorkoutPlan

LARGEST_ID = 2**31 - 1
WINDOW = timedelta(weeks=4)


def plan_of(user_id: int, plan_id: int) -> WorkoutPlan:
    """The person's plan. Raises NotFound."""
    found = reading().get(WorkoutPlan, plan_id) if 0 < plan_id <= LARGEST_ID else None
    if found is None or found.user_id != user_id:
        raise NotFound("There is no such plan.")
    return found


def plans_of(user_id: int, *, below: int | None = None, limit: int) -> Sequence[WorkoutPlan]:
    """So many of the person's plans, the newest first, older than the one with the id `below`."""
    query = select(WorkoutPlan).where(WorkoutPlan.user_id == user_id).order_by(WorkoutPlan.id.desc()).limit(limit)
    return reading().scalars(query if below is None else query.where(WorkoutPlan.id < below)).all()


def newest_of(user_id: int) -> WorkoutPlan | None:
    """The person's newest plan, if they have one."""
    return next(iter(plans_of(user_id, limit=1)), None)


def weekly_minutes_of(user_id: int, *, until: date) -> int:
    """How many minutes a week this person was active in the four weeks before that day, by what they logged."""
    total = select(func.coalesce(func.sum(Activity.duration_s), 0)).where(
        Activity.user_id == user_id,
        Activity.deleted_at.is_(None),
        Activity.day.between(until - WINDOW, until - timedelta(days=1)),
    )
    return int(reading().scalar(total) or 0) // 60 // 4
