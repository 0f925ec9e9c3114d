"""Background work on activities."""

from decimal import Decimal

from app.queues import Queue
from jobs import JobGroup, Unique

from . import services
from .mets import Kind

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


@group.actor(
    queue_name=Queue.ANALYTICS,
    atomic=False,
    max_retries=10,
    min_backoff=5_000,
    time_limit=3_600_000,
    unique=Unique.LIVE,
)
def recalculate_kind(change_id: int, kind: str, met: str) -> int:  # noqa: ARG001 -- says which change asked for it
    """Count every activity of a kind again that was counted with another MET."""
    return services.recalculate_kind(Kind.named(kind), Decimal(met))
