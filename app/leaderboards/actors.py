"""Background work on leaderboards."""

from app.queues import Queue
from jobs import JobGroup, Unique

from . import services

group = JobGroup("leaderboards")


@group.actor(
    queue_name=Queue.ANALYTICS,
    atomic=False,
    priority=7,
    max_retries=5,
    min_backoff=60_000,
    time_limit=600_000,
    unique=Unique.LIVE,
)
def update_leaderboards() -> dict[str, int]:
    """Work out how everybody who takes part stands."""
    return services.update_leaderboards()
