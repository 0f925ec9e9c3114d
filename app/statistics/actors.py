"""Background work on statistics."""

from app.queues import Queue
from jobs import JobGroup, Unique

from . import services

group = JobGroup("statistics")


@group.actor(
    queue_name=Queue.ANALYTICS,
    atomic=False,
    priority=7,
    max_retries=3,
    min_backoff=30_000,
    time_limit=600_000,
    unique=Unique.WAITING,
)
def user_statistics(user_id: int) -> dict[str, int]:
    """Work out what a person's activities add up to."""
    return services.calculate(user_id)
