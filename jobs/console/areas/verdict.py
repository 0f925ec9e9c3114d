"""What is not as it should be, in sentences, each with where to look."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from jobs.console.pages import in_words

LONG_WAIT_S = 60
SKEW_S = 5.0
MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Problem:
    """A sentence, and the page that shows more: an endpoint of the console with its values, or `url`, or none."""

    sentence: str
    endpoint: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    url: str = ""


@dataclass(frozen=True, slots=True)
class Signs:
    """What the verdict is made of. `redis` says what is wrong with Redis, `unserved` which queues nobody works off."""

    workers: int = 1
    schedulers: int = 1
    lost: int = 0
    blind: int = 0
    redis: str | None = None
    unserved: Sequence[str] = ()
    unknown_kinds: Sequence[str] = ()
    oldest_s: float = 0.0
    failed_today: int = 0
    schedule_late_s: float = 0.0
    broken_schedules: int = 0
    versions: Sequence[str] = ()
    most_skew_s: float = 0.0


def problems(signs: Signs) -> list[Problem]:
    """What is wrong, worst first; nothing when all is well."""
    return [*_of_processes(signs), *_of_work(signs)]


def _of_processes(signs: Signs) -> list[Problem]:
    found: list[Problem] = []
    if not signs.workers:
        found.append(Problem("No worker is running: jobs wait. Start bin/worker.", "workers"))
    if not signs.schedulers:
        found.append(Problem("No scheduler is running: retries and rescues wait. Start bin/scheduler.", "workers"))
    if signs.lost:
        some = "1 process fell" if signs.lost == 1 else f"{signs.lost} processes fell"
        found.append(Problem(f"{some} silent; jobs it ran go back by themselves.", "workers"))
    if signs.redis:
        found.append(Problem(f"Redis is away ({signs.redis}): jobs run, a second later than usual.", "broker"))
    elif signs.blind:
        found.append(Problem("Redis is away for some processes: jobs run, a second later than usual.", "broker"))
    if signs.most_skew_s > SKEW_S:
        found.append(Problem(f"The clock of a process is {in_words(signs.most_skew_s)} off.", "workers"))
    if len(signs.versions) > 1:
        found.append(Problem(f"Different versions run side by side: {', '.join(signs.versions)}.", "workers"))
    return found


def _of_work(signs: Signs) -> list[Problem]:
    found = [
        Problem(f"Nobody works off the queue {name}, and jobs wait in it.", "queue", {"name": name})
        for name in signs.unserved[:MOST_NAMED]
        if signs.workers
    ]
    if signs.unknown_kinds:
        named = ", ".join(signs.unknown_kinds[:MOST_NAMED])
        found.append(Problem(f"Jobs wait that no worker knows: {named}.", "queues"))
    if signs.oldest_s > LONG_WAIT_S:
        found.append(
            Problem(f"The oldest ready job has waited for {in_words(signs.oldest_s)}.", "jobs", {"state": "queued"})
        )
    if signs.schedule_late_s > LONG_WAIT_S and signs.schedulers:
        found.append(Problem(f"A schedule is {in_words(signs.schedule_late_s)} late.", "schedules"))
    if signs.broken_schedules:
        some = "1 schedule" if signs.broken_schedules == 1 else f"{signs.broken_schedules} schedules"
        found.append(Problem(f"{some} cannot be followed.", "schedules"))
    if signs.failed_today:
        failed = {"state": "failed", "q": "since:24h"}
        found.append(Problem(f"{signs.failed_today} failed in the last 24 hours.", "jobs", failed))
    return found
