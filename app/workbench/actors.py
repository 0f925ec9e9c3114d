"""Background work of the workbench: each kind is a pattern, and each really does what it says."""

from typing import Any

from app.queues import Queue
from jobs import JobGroup

from . import services

group = JobGroup("workbench")
SECOND = 1_000
MINUTE = 60 * SECOND


@group.actor(queue_name=Queue.DEFAULT, time_limit=MINUTE)
def add(x: float, y: float) -> float:
    """The sum."""
    return x + y


@group.actor(queue_name=Queue.DEFAULT, time_limit=MINUTE)
def multiply(x: float, y: float) -> float:
    """The product."""
    return x * y


@group.actor(queue_name=Queue.DEFAULT, time_limit=MINUTE)
def debug_task() -> dict[str, Any]:
    """Where and how it ran."""
    return services.debug()


@group.actor(queue_name=Queue.DEFAULT, atomic=False, max_retries=3, time_limit=15 * MINUTE, most_running=4)
def long_task(total_steps: int, step_ms: int) -> dict[str, Any]:
    """Wait in steps; progress, checkpoints and a cancel at any time."""
    return services.take_steps(total_steps, step_ms=step_ms)


@group.actor(queue_name=Queue.DEFAULT, atomic=False, max_retries=0, time_limit=25 * SECOND, most_running=4)
def time_limited(duration_s: float) -> dict[str, Any]:
    """Work for so long, or until the soft limit, with a result either way."""
    return services.work_until_told(duration_s)


@group.actor(
    queue_name=Queue.DEFAULT, atomic=False, isolate=True, max_retries=0, time_limit=30 * SECOND, most_running=2
)
def hard_limited(duration_s: float) -> dict[str, float]:
    """Compute for so long and hear nobody, in a process of its own that is ended when its time is over."""
    return services.compute(duration_s)


@group.actor(queue_name=Queue.DEFAULT, max_retries=3, min_backoff=SECOND, max_backoff=10 * MINUTE, time_limit=MINUTE)
def retry_task(fail_probability: float) -> dict[str, Any]:
    """Fail by chance; the number of attempts it took."""
    return services.try_luck(fail_probability)


@group.actor(queue_name=Queue.ANALYTICS, time_limit=MINUTE)
def process_data_chunk(chunk_id: int, data: list[float]) -> dict[str, Any]:
    """Count, sum, smallest, largest and mean."""
    return services.process_chunk(chunk_id, data)


@group.actor(queue_name=Queue.ANALYTICS, time_limit=MINUTE)
def aggregate_results(results: list[dict[str, Any]]) -> dict[str, Any]:
    """What the summaries of chunks come to as a whole."""
    return services.aggregate(results)


@group.actor(queue_name=Queue.DEFAULT, max_retries=0, time_limit=MINUTE)
def workflow_step_1(value: int, fail_at: int = 0) -> dict[str, int]:
    """Take the value."""
    return services.step(1, value, fail_at=fail_at)


@group.actor(queue_name=Queue.DEFAULT, max_retries=0, time_limit=MINUTE)
def workflow_step_2(results: list[dict[str, int]], fail_at: int = 0) -> dict[str, int]:
    """Double what the first step found."""
    return services.step(2, services.value_of(results) * 2, fail_at=fail_at)


@group.actor(queue_name=Queue.DEFAULT, max_retries=0, time_limit=MINUTE)
def workflow_step_3(results: list[dict[str, int]], fail_at: int = 0) -> dict[str, int]:
    """Add ten to what the second step found."""
    return services.step(3, services.value_of(results) + 10, fail_at=fail_at)


@group.actor(queue_name=Queue.DEFAULT, time_limit=MINUTE)
def on_success(results: list[Any]) -> dict[str, Any]:
    """Write down that a workflow went well."""
    return services.note_success(results)


@group.actor(queue_name=Queue.DEFAULT, time_limit=MINUTE)
def on_failure(failures: dict[str, str]) -> dict[str, Any]:
    """Write down what went wrong in a workflow."""
    return services.note_failure(failures)


@group.actor(queue_name=Queue.IMPORTS, time_limit=5 * MINUTE)
def create_users(count: int, prefix: str) -> dict[str, Any]:
    """Make so many accounts."""
    return services.create_people(count, prefix=prefix)


@group.actor(queue_name=Queue.DEFAULT, time_limit=5 * MINUTE)
def cleanup_old_users(days: int, preview: bool = True) -> dict[str, Any]:  # noqa: FBT001, FBT002 -- given by name
    """Take accounts away again that the workbench made; or only count them."""
    return services.clean_up_people(days, preview=preview)


@group.actor(
    queue_name=Queue.NOTIFICATIONS,
    atomic=False,
    max_retries=3,
    min_backoff=MINUTE,
    time_limit=5 * MINUTE,
    circuit_pause=5 * MINUTE,
)
def send_email(subject: str, message: str, recipients: list[str]) -> dict[str, Any]:
    """One message to each; who has it already is not sent another when it is tried again."""
    return services.send_letters(subject, message, recipients)


@group.actor(queue_name=Queue.NOTIFICATIONS, time_limit=5 * MINUTE)
def send_bulk_emails(user_ids: list[int], subject: str, message: str) -> dict[str, Any]:
    """Start a group of mails, one for each person who has an address."""
    return services.send_to_people(user_ids, subject=subject, message=message)


@group.actor(queue_name=Queue.DEFAULT, time_limit=MINUTE)
def health_check() -> dict[str, Any]:
    """How many workers there are, and what they have to do."""
    return services.health()


@group.actor(queue_name=Queue.DEFAULT, atomic=False, time_limit=30 * MINUTE)
def cleanup_job_log(days: int) -> dict[str, int]:
    """Forget jobs that settled longer ago."""
    return services.clean_up_jobs(days)
