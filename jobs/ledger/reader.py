"""Reading the ledger."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, exists, func, literal, select
from sqlalchemy.orm import Session

from .models import Attempt, Entry, LogRow, Move, WorkerRow, in_state, took_ms
from .moments import db_now
from .states import LIVE, State

COUNT_UP_TO = 10_000


@dataclass(frozen=True, slots=True)
class JobBrief:
    """What pages about a job's subject show of the job."""

    uid: str
    state: str
    attempt: int = 0
    failures: int = 0
    worker: str | None = None
    error_class: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def processing_ms(self) -> int | None:
        """How long the latest attempt took, in milliseconds; None until it ended."""
        return took_ms(self.started_at, self.finished_at)


# Built once: pages that wait for a job ask these again and again.
_NOW = select(db_now())
_ANY_READY = select(exists().where(in_state(State.READY)))
_job = Entry.__table__.c
_LATEST = select(_job.subject_id, *(_job[one.name] for one in fields(JobBrief))).where(
    _job.id.in_(
        select(func.max(_job.id))
        .where(
            _job.subject_kind == bindparam("subject_kind"),
            _job.subject_id.in_(bindparam("subject_ids", expanding=True)),
        )
        .group_by(_job.subject_id)
    )
)


def by_uid(session: Session, uid: str) -> Entry | None:
    """The job with this public id."""
    return session.scalars(select(Entry).where(Entry.uid == uid)).first()


def attempts_of(session: Session, job_id: int) -> Sequence[Attempt]:
    """Every ended try of a job, oldest first."""
    return session.scalars(select(Attempt).where(Attempt.job_id == job_id).order_by(Attempt.attempt)).all()


def logs_of(session: Session, job_id: int) -> Sequence[LogRow]:
    """What every try of a job logged, oldest first; of the one that runs, what it logged so far."""
    return session.scalars(select(LogRow).where(LogRow.job_id == job_id).order_by(LogRow.attempt)).all()


def moves_of(session: Session, job_id: int) -> Sequence[Move]:
    """What people and rescues did to a job, oldest first."""
    return session.scalars(select(Move).where(Move.job_id == job_id).order_by(Move.id)).all()


def latest_for(session: Session, subject_kind: str, subject_ids: Collection[int]) -> dict[int, JobBrief]:
    """The newest job about each of the subjects that has one."""
    if not subject_ids:
        return {}
    about = {"subject_kind": subject_kind, "subject_ids": list(subject_ids)}
    return {row[0]: JobBrief(*row[1:]) for row in session.connection().execute(_LATEST, about)}


def has_live(subject_kind: str, subject_id: Any) -> Any:
    """A condition: some job about the subject in this column still waits or runs."""
    return exists().where(Entry.subject_kind == subject_kind, Entry.subject_id == subject_id, in_state(*LIVE))


def has_ready(session: Session, queue: str, kinds: Collection[str]) -> bool:
    """Whether a worker that knows these kinds would find something to claim."""
    return ready_up_to(session, queue, kinds, limit=1) > 0


def has_any_ready(session: Session) -> bool:
    """Whether any job at all is ready, in whatever queue and of whatever kind."""
    return bool(session.connection().execute(_ANY_READY).scalar())


def ready_up_to(session: Session, queue: str, kinds: Collection[str], *, limit: int) -> int:
    """How many ready jobs of these kinds the queue holds, counted no further than `limit`."""
    some = (
        select(literal(1))
        .where(Entry.queue == queue, in_state(State.READY), Entry.kind.in_(kinds))
        .limit(limit)
        .subquery()
    )
    return session.scalar(select(func.count()).select_from(some)) or 0


def counts_by_state(session: Session) -> dict[State, int]:
    """How many jobs are in each state, counted no further than `COUNT_UP_TO` each."""
    counts: dict[State, int] = {}
    for state in State:
        some = select(literal(1)).where(in_state(state)).limit(COUNT_UP_TO + 1)
        if state not in LIVE:
            some = some.where(Entry.finished_at.is_not(None))
        counts[state] = session.scalar(select(func.count()).select_from(some.subquery())) or 0
    return counts


def page(
    session: Session,
    *,
    states: Collection[State] = (),
    kind: str | None = None,
    queue: str | None = None,
    before_id: int | None = None,
    limit: int = 25,
) -> Sequence[Entry]:
    """Jobs, newest first, from below `before_id`; one more than `limit` when there are more."""
    query = select(Entry).order_by(Entry.id.desc()).limit(limit + 1)
    if states:
        query = query.where(in_state(*states))
    if kind:
        query = query.where(Entry.kind == kind)
    if queue:
        query = query.where(Entry.queue == queue)
    if before_id is not None:
        query = query.where(Entry.id < before_id)
    return session.scalars(query).all()


def workers(session: Session, *, seen_within_s: float) -> Sequence[WorkerRow]:
    """The processes of the engine that were heard of lately."""
    return session.scalars(
        select(WorkerRow).where(WorkerRow.seen_at > db_now(-seen_within_s)).order_by(WorkerRow.name)
    ).all()


def now(session: Session) -> datetime:
    """The database's clock."""
    moment: datetime | None = session.connection().execute(_NOW).scalar()
    assert moment is not None
    return moment
