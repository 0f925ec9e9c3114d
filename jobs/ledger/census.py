"""Counting the ledger, at a price that does not grow with its history."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, exists, func, literal, select, union_all
from sqlalchemy.orm import Session

from jobs.registry import LOWEST

from .control import BEFORE_ALL
from .models import Entry, WorkerRow, in_state
from .moments import UtcDateTime, db_now
from .reader import now
from .states import FAILED, LIVE, State

LOOK_AT = 100
COUNT_UP_TO = 10_000
RANKS = range(BEFORE_ALL, LOWEST + 1)


def live_counts(session: Session) -> dict[tuple[str, State], int]:
    """How many jobs wait or run, by queue and state."""
    parts = [
        select(Entry.queue, literal(state.value).label("state"), func.count().label("count"))
        .where(in_state(state))
        .group_by(Entry.queue)
        for state in LIVE
    ]
    return {(queue, State(state)): count for queue, state, count in session.execute(union_all(*parts))}


def oldest_ready_s(session: Session, queues: Sequence[str]) -> dict[str, float]:
    """For how many seconds the longest waiting ready job of each queue has been ready; 0 where none is.

    Looks at the first of each rank, in the order they are claimed: those are the oldest, but for ones that were asked
    for again.
    """
    moment = now(session)
    return {queue: _age_s(_oldest_ready(session, queue), moment) for queue in queues}


def _oldest_ready(session: Session, queue: str) -> datetime | None:
    first = [
        select(
            select(Entry.ready_at)
            .where(Entry.queue == queue, in_state(State.READY), Entry.rank == rank)
            .order_by(Entry.rank, Entry.turn, Entry.id)
            .limit(LOOK_AT)
            .subquery()
            .c.ready_at
        )
        for rank in RANKS
    ]
    oldest: datetime | None = session.scalar(
        select(func.min(union_all(*first).subquery().c.ready_at, type_=UtcDateTime()))
    )
    return oldest


def overdue_s(session: Session) -> float:
    """For how many seconds the scheduled job whose time came first has been due; 0 when none is."""
    first = session.scalar(select(func.min(Entry.run_at, type_=UtcDateTime())).where(in_state(State.SCHEDULED)))
    return _age_s(first, now(session))


def _age_s(since: datetime | None, moment: datetime) -> float:
    return max(0.0, (moment - since).total_seconds()) if since else 0.0


def alive(session: Session, *, within_s: float) -> Sequence[WorkerRow]:
    """The processes of the engine that were heard of lately."""
    return session.scalars(
        select(WorkerRow).where(WorkerRow.seen_at > db_now(-within_s)).order_by(WorkerRow.role.desc(), WorkerRow.name)
    ).all()


def has_worker(session: Session, *, within_s: float) -> bool:
    """Whether a process that runs jobs was heard of lately."""
    some = exists().where(WorkerRow.role == "worker", WorkerRow.seen_at > db_now(-within_s))
    return bool(session.scalar(select(some)))


def lost(session: Session, *, silent_for_s: float, within_s: float) -> Sequence[WorkerRow]:
    """The processes that fell silent lately without signing off, and in whose place none was started since.

    A process stands in for one of its role that was last heard of before it started.
    """
    moment = now(session)
    query = select(WorkerRow).where(WorkerRow.seen_at > db_now(-within_s)).order_by(WorkerRow.seen_at)
    rows = session.scalars(query).all()
    silent = [row for row in rows if (moment - row.seen_at).total_seconds() >= silent_for_s]
    living = sorted((row for row in rows if row not in silent), key=lambda one: one.started_at)
    missing: list[WorkerRow] = []
    for row in silent:
        heir = next((one for one in living if one.role == row.role and one.started_at > row.seen_at), None)
        if heir is None:
            missing.append(row)
        else:
            living.remove(heir)
    return missing


def failed_within(session: Session, seconds: float) -> int:
    """How many jobs failed for good in the last so many seconds, counted no further than `COUNT_UP_TO`."""
    some = select(literal(1)).where(
        in_state(*FAILED), Entry.finished_at.is_not(None), Entry.finished_at > db_now(-seconds)
    )
    return _count(session, some)


def retrying(session: Session) -> int:
    """How many jobs wait for another try after a failure, counted no further than `COUNT_UP_TO`."""
    return _count(session, select(literal(1)).where(in_state(State.SCHEDULED), Entry.failures > 0))


def _count(session: Session, some: Select[int]) -> int:
    return session.scalar(select(func.count()).select_from(some.limit(COUNT_UP_TO + 1).subquery())) or 0


def newest_failure(session: Session) -> tuple[datetime | None, ...]:
    """When a job last ended dead, parked, or went back to be tried again: what changes when something fails."""
    ends = [
        select(func.max(Entry.finished_at, type_=UtcDateTime()))
        .where(in_state(state), Entry.finished_at.is_not(None))
        .scalar_subquery()
        for state in FAILED
    ]
    again = select(func.max(Entry.started_at, type_=UtcDateTime())).where(in_state(State.SCHEDULED))
    return tuple(session.execute(select(*ends, again.scalar_subquery())).one())
