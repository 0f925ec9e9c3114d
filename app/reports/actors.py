"""Background work on reports."""

from app.queues import Queue
from jobs import JobGroup, current

from . import services

group = JobGroup("reports")


@group.actor(queue_name=Queue.REPORTS, atomic=False, max_retries=3, min_backoff=15_000, time_limit=600_000)
def build(report_id: int) -> dict[str, int]:
    """Write the report's file."""
    run = current()
    return services.build(report_id, on_progress=lambda rows: run.progress(rows, note=f"{rows} rows"))
