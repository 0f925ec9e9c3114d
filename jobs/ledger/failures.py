"""Errors that are the same, together: jobs by the fingerprint of what went wrong in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import Table, func, literal, select
from sqlalchemy.orm import Session

from .models import Entry
from .reader import COUNT_UP_TO

MOST_GROUPS = 1_000

job = cast("Table", Entry.__table__)


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """One error: in how many jobs it is the last one (counted to 10,000), and what the latest of them says.

    `last_uid` is that job, `last_seen_at` when it was heard of last, `first_seen_at` when the first one was asked for.
    """

    fingerprint: str
    count: int
    kind: str
    error_class: str | None
    message: str | None
    first_seen_at: datetime
    last_seen_at: datetime
    last_uid: str
    last_id: int
    """The number of that job in the ledger: the place of this error among the others."""


def groups(session: Session, *, limit: int, below_id: int | None = None) -> list[ErrorGroup]:
    """The errors there are, the one that was met last first, from below the place of another one.

    It looks at no more than `MOST_GROUPS` of them.

    Hops from one fingerprint to the next through their index, so that it costs as much as there are groups.
    """
    ends = [one for one in _ends(session) if below_id is None or one[2] < below_id][:limit]
    rows = {row.id: row for row in _entries(session, [one for _, *both in ends for one in both])}
    return [
        ErrorGroup(
            fingerprint=fingerprint,
            count=_count(session, fingerprint),
            kind=rows[last].kind,
            error_class=rows[last].error_class,
            message=rows[last].error_message,
            first_seen_at=rows[first].created_at,
            last_seen_at=rows[last].finished_at or rows[last].started_at or rows[last].created_at,
            last_uid=rows[last].uid,
            last_id=last,
        )
        for fingerprint, first, last in ends
        if first in rows and last in rows
    ]


def _ends(session: Session) -> list[tuple[str, int, int]]:
    """Every fingerprint with its first and its last job, the newest last job first."""
    print_ = job.c.error_fingerprint
    lowest = select(func.min(print_).label("print"), literal(1).label("number")).where(print_.is_not(None))
    hops = lowest.cte("hops", recursive=True)
    following = select(func.min(print_)).where(print_ > hops.c.print).scalar_subquery()
    more = hops.c.print.is_not(None) & (hops.c.number < MOST_GROUPS)
    hops = hops.union_all(select(following, hops.c.number + 1).where(more))
    mine = print_ == hops.c.print
    first = select(func.min(job.c.id)).where(mine).scalar_subquery()
    last = select(func.max(job.c.id)).where(mine).scalar_subquery()
    rows = session.execute(select(hops.c.print, first, last).where(hops.c.print.is_not(None)))
    return sorted(((str(row[0]), int(row[1]), int(row[2])) for row in rows), key=lambda one: -one[2])


def _entries(session: Session, ids: Sequence[int]) -> Sequence[Entry]:
    return session.scalars(select(Entry).where(Entry.id.in_(ids))).all()


def _count(session: Session, fingerprint: str) -> int:
    some = select(literal(1)).where(job.c.error_fingerprint == fingerprint).limit(COUNT_UP_TO)
    return session.scalar(select(func.count()).select_from(some.subquery())) or 0
