"""Writing a job down with the work that caused it.

The row is the outbox: it commits or rolls back with the business change. Only after the commit does anybody hear of
it, through a wake-up.
"""

import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from jobs.ledger import writer
from jobs.ledger.states import State
from jobs.registry import Job

MARK = "jobs.ready"

Tell = Callable[[str, str, int], None]
"""Hears a queue, a kind and a number of jobs."""
LONGEST_KEY = 200


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What should run: a job, its arguments by name, and what it is about."""

    job: Job
    args: Mapping[str, Any] = field(default_factory=dict)
    subject_kind: str | None = None
    subject_id: int | None = None
    priority: int | None = None
    run_at: datetime | None = None
    requested_by: str | None = None
    request_id: str | None = None


def new_uid() -> str:
    """A public id for a job: 32 hex digits that sort by time (UUID version 7 without the dashes)."""
    milliseconds = time.time_ns() // 1_000_000
    chance = secrets.randbits(74)
    value = milliseconds << 80 | 0x7 << 76 | (chance >> 62) << 64 | 0b10 << 62 | (chance & ((1 << 62) - 1))
    return f"{value:032x}"


def write_down(
    session: Session, requests: Sequence[JobRequest], *, wake: Callable[[str, int], None], tell: Tell
) -> list[str]:
    """Write the jobs into the session's transaction with one statement; their public ids, in order.

    When, and only when, the transaction commits, `wake` hears how many jobs became ready in which queue, and `tell`
    how many were written down in which queue and of which kind.

    A job declared `unique` whose twin waits already is not written a second time; the id given for it names no row.
    """
    rows = [_row(request) for request in requests]
    writer.insert_jobs(session, rows)
    waiting: Counter[tuple[Any, ...]] = session.info.setdefault(MARK, Counter())
    waiting.update((wake, row["queue"]) for row in rows if row["state"] == State.READY)
    waiting.update((tell, row["queue"], row["kind"]) for row in rows)
    return [row["uid"] for row in rows]


def _row(request: JobRequest) -> dict[str, Any]:
    job = request.job
    return {
        "uid": new_uid(),
        "queue": job.queue_name,
        "kind": job.name,
        "state": State.READY.value if request.run_at is None else State.SCHEDULED.value,
        "priority": job.priority if request.priority is None else request.priority,
        "args": dict(request.args),
        "run_at": request.run_at,
        "max_retries": job.max_retries,
        "unique_key": _unique_key(job, request.args) if job.unique else None,
        "subject_kind": request.subject_kind,
        "subject_id": request.subject_id,
        "requested_by": request.requested_by,
        "request_id": request.request_id,
    }


def _unique_key(job: Job, args: Mapping[str, Any]) -> str:
    told = f"{job.name}:{sorted(args.items())!r}"
    return told if len(told) <= LONGEST_KEY else f"{job.name}:{sha256(told.encode('utf-8', 'replace')).hexdigest()}"


@event.listens_for(Session, "after_commit")
def _committed(session: Session) -> None:
    if session.in_nested_transaction():
        return  # a savepoint was kept; only the commit around it makes the jobs real
    for (hear, *what), count in session.info.pop(MARK, {}).items():
        hear(*what, count)


@event.listens_for(Session, "after_rollback")
def _rolled_back(session: Session) -> None:
    if session.in_nested_transaction():
        return  # a savepoint was given up; waking too many at the commit is harmless, waking nobody is slow
    session.info.pop(MARK, None)
