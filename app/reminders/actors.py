"""Background work on reminders."""

from datetime import date
from typing import Any

from app.queues import Queue
from jobs import JobGroup, Unique, current

from . import services

group = JobGroup("reminders")


@group.actor(
    queue_name=Queue.NOTIFICATIONS,
    atomic=False,
    priority=6,
    max_retries=8,
    min_backoff=60_000,
    time_limit=120_000,
    unique=Unique.LIVE,
)
def remind(user_id: int, day: str) -> dict[str, Any]:
    """Mail somebody who has not logged for as long as they said; on that day of theirs, or not at all."""
    run = current()
    return services.remind(user_id, day=date.fromisoformat(day), once=lambda name, act: run.once(name, act, again=True))
