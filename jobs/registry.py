"""Declaring jobs: what exists, before any broker does.

The words are Dramatiq's own: `queue_name`, `priority`, `max_retries`, `min_backoff`, `max_backoff`, `time_limit`
(the last three in milliseconds). `batch_size` is ours: the actor of a batched job takes one list, and gets the
single argument of up to that many jobs in one call and one transaction.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

class Unique(StrEnum):
    """How long one job stands for another with the same arguments."""

    WAITING = "waiting"
    """Until it starts: what is asked for while it runs is done once more after it."""
    LIVE = "live"
    """Until it has settled."""


DEFAULT_PRIORITY = 5
HIGHEST, LOWEST = 0, 9


@dataclass(frozen=True)
class Job:
    """One kind of job. Its name is what the ledger stores: renaming it is a migration."""

    name: str
    run: Callable[..., Any] = field(repr=False)
    queue_name: str
    priority: int = DEFAULT_PRIORITY
    max_retries: int = 3
    min_backoff: int = 15_000
    max_backoff: int = 3_600_000
    time_limit: int = 600_000
    batch_size: int = 1
    atomic: bool = True
    unique: Unique | None = None
    unique_for: int = 0
    concurrency_by: str | None = None
    most_per_key: int = 1
    most_running: int | None = None
    rate: tuple[int, float] | None = None
    slow_down: int = 0
    is_batched: bool = False

    def __post_init__(self) -> None:
        if not HIGHEST <= self.priority <= LOWEST:
            raise ValueError(f"{self.name}: priority must be between {HIGHEST} and {LOWEST}")
        if inspect.iscoroutinefunction(self.run):
            raise ValueError(f"{self.name}: a job is an ordinary function, not a coroutine")
        if self.unique_for and self.unique is None:
            raise ValueError(f"{self.name}: unique_for goes with unique")
        if self.concurrency_by and self.concurrency_by not in inspect.signature(self.run).parameters:
            raise ValueError(f"{self.name}: concurrency_by names an argument")
        if self.batch_size < 1:
            raise ValueError(f"{self.name}: batch_size must be at least 1")
        if self.is_batched and len(inspect.signature(self.run).parameters) != 1:
            raise ValueError(f"{self.name}: a batched job takes exactly one list")
        if self.is_batched and not self.atomic:
            raise ValueError(f"{self.name}: a batched job is atomic")

    def concurrency_key_of(self, args: Mapping[str, Any]) -> str | None:
        """The key under which `most_per_key` jobs run at a time; None where any number may."""
        return f"{self.name}:{args.get(self.concurrency_by)}" if self.concurrency_by else None


class JobGroup:
    """The jobs of one feature, declared without knowing any broker."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.jobs: dict[str, Job] = {}

    def actor(
        self, *, queue_name: str, batch_size: int | None = None, **options: Any
    ) -> Callable[[Callable[..., Any]], Job]:
        """Declare the decorated function as a job named `<group>.<function>`.

        Raises:
            ValueError: the name is taken, or an option is out of range.
        """

        def declare(run: Callable[..., Any]) -> Job:
            job = Job(
                name=f"{self.name}.{run.__name__}",
                run=run,
                queue_name=str(queue_name),
                batch_size=1 if batch_size is None else batch_size,
                is_batched=batch_size is not None,
                **options,
            )
            if job.name in self.jobs:
                raise ValueError(f"{job.name} is declared twice")
            self.jobs[job.name] = job
            return job

        return declare

    def __iter__(self) -> Iterator[Job]:
        return iter(self.jobs.values())
