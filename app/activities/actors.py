"""Background work on activities."""

from app.queues import Queue
from jobs import JobGroup, Unique

from . import services

group = JobGroup("activities")


@group.actor(
    queue_name=Queue.ACTIVITIES,
    batch_size=250,
    max_retries=3,
    min_backoff=60_000,
    time_limit=1_800_000,
    unique=Unique.WAITING,
)
def count_calories(activity_ids: list[int]) -> None:
    """Work out what the activities burned."""
    services.count_calories(activity_ids)
