"""Asking for work by the clock: the shorthand beside `enqueue`."""

from datetime import datetime, timedelta
from typing import Any

from .engine import engine_of
from .registry import Job
from .schedules.asking import rule_of
from .schedules.book import ScheduleRequest
from .schedules.models import Misfire, Overlap


def schedule(  # noqa: PLR0913 -- each by name, each said once
    job: Job,
    *values: Any,
    name: str,
    every: str | timedelta | None = None,
    cron: str | None = None,
    rrule: str | None = None,
    once: str | datetime | None = None,
    tz: str = "UTC",
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    most_times: int | None = None,
    jitter_s: int = 0,
    priority: int | None = None,
    queue: str | None = None,
    misfire: Misfire | str = Misfire.ONE,
    overlap: Overlap | str = Overlap.ALLOW,
    requested_by: str | None = None,
    **named_values: Any,
) -> str:
    """Have `job(*values, **named_values)` run by the clock; the schedule's public id.

    Exactly one of `every`, `cron`, `rrule` and `once` is given. It joins the transaction that is open, and exists when
    that one commits. What is asked for more rarely is on `engine.schedules`.

    Raises:
        UnknownJob, BadArguments
        NameTaken: its owner has a schedule of this name
        ValueError: something is out of range; the text names the field.
    """
    bounds = {"starts_at": starts_at, "ends_at": ends_at, "most_times": most_times, "jitter_s": jitter_s}
    request = ScheduleRequest(
        name,
        job.name,
        rule_of(every=every, cron=cron, rrule=rrule, once=once, zone=tz, **bounds),
        job.named(values, named_values),
        priority=priority,
        misfire=Misfire(misfire),
        overlap=Overlap(overlap),
        queue=queue,
    )
    return engine_of().schedules.create(request, requested_by=requested_by)
