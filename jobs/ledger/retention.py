"""Forgetting old entries."""

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from .models import Attempt, Entry, Move, WorkerRow, in_state
from .moments import db_now
from .states import SETTLED

AT_ONCE = 1_000


def prune(session: Session, *, older_than_s: float, limit: int = AT_ONCE) -> int:
    """Delete up to `limit` jobs that settled longer ago than this, with all that is told of them; how many."""
    ids = list(
        session.scalars(
            select(Entry.id)
            .where(in_state(*SETTLED), Entry.finished_at < db_now(-older_than_s))
            .order_by(Entry.finished_at)
            .limit(limit)
        )
    )
    if ids:
        session.execute(delete(Attempt).where(Attempt.job_id.in_(ids)))
        session.execute(delete(Move).where(Move.job_id.in_(ids)))
        session.execute(delete(Entry).where(Entry.id.in_(ids)))
    return len(ids)


def forget_silent_workers(session: Session, *, older_than_s: float) -> None:
    """Delete the rows of processes not heard of for this long."""
    session.execute(delete(WorkerRow).where(WorkerRow.seen_at < db_now(-older_than_s)))
