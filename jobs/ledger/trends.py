"""What is told of an error beyond its count: when it came, in which kinds and versions, and whom it touched."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from .models import Entry

LOOK_AT = 500
HOURS = 24


@dataclass(frozen=True, slots=True)
class Trend:
    """Of the newest 500 jobs with an error: per hour of the last 24, the oldest first; kinds, versions, people.

    `is_partial` says that there are more jobs than were looked at.
    """

    hourly: Sequence[int]
    kinds: Sequence[str]
    versions: Sequence[str]
    people: int
    is_partial: bool


def trend(session: Session, fingerprint: str, *, now: datetime) -> Trend:
    """How an error went, read from the end of its index."""
    job = Entry.__table__.c
    rows = session.execute(
        select(job.kind, job.error_version, job.requested_by, job.finished_at, job.started_at)
        .where(job.error_fingerprint == fingerprint)
        .order_by(job.id.desc())
        .limit(LOOK_AT + 1)
    ).all()
    hours = Counter(
        int((now - at).total_seconds() // 3600) for row in rows if (at := row.finished_at or row.started_at) is not None
    )
    return Trend(
        hourly=[hours.get(ago, 0) for ago in range(HOURS - 1, -1, -1)],
        kinds=sorted({row.kind for row in rows}),
        versions=sorted({row.error_version for row in rows if row.error_version}),
        people=len({row.requested_by for row in rows if row.requested_by}),
        is_partial=len(rows) > LOOK_AT,
    )
