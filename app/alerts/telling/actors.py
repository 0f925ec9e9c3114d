"""Background work on alerts."""

from app.queues import Queue
from jobs import JobGroup, current

from . import services

group = JobGroup("alerts")


@group.actor(queue_name=Queue.NOTIFICATIONS, atomic=False, max_retries=8, min_backoff=30_000, time_limit=120_000)
def tell_people(alert_id: int) -> dict[str, int]:
    """Mail an alert to those who run this, and call the webhook."""
    run = current()
    return services.tell_people(alert_id, once=lambda name, act: run.once(name, act, again=True))
