"""Background work on plans."""

from typing import Any

from app.queues import Queue
from jobs import JobGroup, current

from . import services

group = JobGroup("plans")


@group.actor(
    queue_name=Queue.AI,
    atomic=False,
    max_retries=3,
    min_backoff=10_000,
    max_backoff=60_000,
    time_limit=120_000,
)
def make_workout_plan(plan_id: int) -> dict[str, Any]:
    """Make a week of workouts out of somebody's answers."""
    run = current()
    return services.make_workout_plan(plan_id, once=lambda name, act: run.once(name, act, again=True))
