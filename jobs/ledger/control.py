"""Steering jobs that are there already: cancel what runs, change what waits, note how far one is."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Table,
    and_,
    case,
    exists,
    func,
    insert,
    literal,
    null,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from jobs.errors import NoSuchJob, Superseded, WrongState

from . import turns
from .models import Entry, Move, in_state
from .moments import db_now
from .states import WAITING, State

job = cast("Table", Entry.__table__)

EXPIRED = "It was not started in time."
AGE_AT_ONCE = 1_000
BEFORE_ALL = -1
"""The rank of what has waited too long; no job has it from the beginning."""
# A step of a workflow waits for its parents whatever its time is.
SCHEDULED_UNLESS_BLOCKED = case((job.c.state == State.BLOCKED, State.BLOCKED.value), else_=State.SCHEDULED.value)


@dataclass(frozen=True, slots=True)
class Expired:
    """A job that was not started in time."""

    id: int
    uid: str
    kind: str
    queue: str
    args: Mapping[str, Any]


def request_cancel(session: Session, uid: str, *, by: str | None) -> bool:
    """Ask a running job to end; whether there was one to ask. Asking twice changes nothing."""
    asked = session.connection().execute(
        update(job).where(job.c.uid == uid, in_state(State.RUNNING)).values(**asked_to_end(by)).returning(job.c.id)
    )
    job_id = asked.scalar()
    if job_id is not None:
        session.connection().execute(insert(Move), [{"job_id": job_id, "what": "asked to stop", "by": by}])
    return job_id is not None


def asked_to_end(by: str | None) -> dict[str, Any]:
    """What is written of a running job that shall end; who asked first is kept."""
    return {
        "cancel_requested_at": func.coalesce(job.c.cancel_requested_at, db_now()),
        "cancel_requested_by": func.coalesce(job.c.cancel_requested_by, by),
    }


def change_waiting(session: Session, uid: str, values: Mapping[str, Any], *, what: str, by: str | None) -> str:
    """Change a job that has not started; its queue afterwards.

    Raises:
        NoSuchJob, WrongState
    """
    changed = (
        session.connection()
        .execute(
            update(job).where(job.c.uid == uid, in_state(*WAITING)).values(**values).returning(job.c.id, job.c.queue)
        )
        .first()
    )
    if changed is None:
        state = session.connection().execute(select(job.c.state).where(job.c.uid == uid)).scalar()
        if state is None:
            raise NoSuchJob(uid)
        raise WrongState(f"The job is {state}; it can only be changed while it waits.")
    session.connection().execute(insert(Move), [{"job_id": changed.id, "what": what, "by": by}])
    return str(changed.queue)


def moved(session: Session, which: ColumnElement[bool], queue: str) -> dict[str, Any]:
    """What these jobs become that wait and shall do so in this queue; those that are ready are held from now on.

    What is not ready yet gets its turn when it is.
    """
    return {"queue": queue, "turn": turns.lined_up(session, which, in_state(State.READY), queue=queue, rank=job.c.rank)}


def reprioritised(session: Session, which: ColumnElement[bool], priority: int) -> dict[str, Any]:
    """What these jobs become that wait and shall have this priority; those that are ready are held from now on."""
    turn = turns.lined_up(session, which, in_state(State.READY), rank=literal(priority))
    return {"priority": priority, "rank": priority, "turn": turn}


_is_late = and_(job.c.expires_at.is_not(None), job.c.expires_at <= db_now(), in_state(*WAITING))


def has_late(session: Session) -> bool:
    """Whether there is a waiting job that should have started by now."""
    return bool(session.connection().execute(select(exists().where(_is_late))).scalar())


def expire(session: Session, *, limit: int) -> list[Expired]:
    """Cancel waiting jobs that should have started by now; which."""
    late = (
        select(job.c.id)
        .where(_is_late)
        .order_by(job.c.expires_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("late")
    )
    gone = session.connection().execute(
        update(job)
        .where(job.c.id.in_(select(late.c.id)))
        .values(state=State.CANCELLED, finished_at=db_now(), error_message=EXPIRED)
        .returning(job.c.id, job.c.uid, job.c.kind, job.c.queue, job.c.args)
    )
    expired = [Expired(*row) for row in gone]
    if expired:
        moves = [{"job_id": one.id, "what": "expired", "by": "scheduler"} for one in expired]
        session.connection().execute(insert(Move), moves)
    return expired


def age(session: Session, *, every_s: float, limit: int = AGE_AT_ONCE, overdue: Collection[int] = ()) -> int:
    """Raise the rank of what has waited long by one, once for every so many seconds of waiting; how many jobs.

    However much that is more urgent keeps coming, a job reaches rank 0 in the end. What has waited once more so long
    there goes before everything else, the oldest first; but of what one asked for only the oldest of each kind, so
    that a thousand jobs of theirs do not come before a newer one of somebody else's: `overdue` says which. Nothing
    new ever comes there, so everything that may run does in the end, whatever arrives.
    """
    old = (
        select(job.c.id, job.c.queue, job.c.rank - 1, job.c.requested_by)
        .where(in_state(State.READY), job.c.rank > 0, _waited_longer_than(session, every_s))
        .order_by(job.c.id + 0)  # by the id itself, whatever has settled would be read through for the first thousand
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    raised = {row[0]: turns.Party(*row[1:]) for row in session.connection().execute(old)}
    held = select(job.c.id).where(job.c.id.in_(overdue), in_state(State.READY), job.c.rank == 0)
    first = session.connection().execute(held.with_for_update(skip_locked=True)).scalars().all() if overdue else []
    if raised:
        values = {"rank": job.c.rank - 1, "turn": turns.turn_among(session, raised)}
        session.connection().execute(update(job).where(job.c.id.in_(raised)).values(**values))
    if first:
        session.connection().execute(update(job).where(job.c.id.in_(first)).values(rank=BEFORE_ALL, turn=0))
    return len(raised) + len(first)


def overdue(session: Session, *, every_s: float, limit: int = AGE_AT_ONCE) -> list[int]:
    """Of each party and kind the oldest that has waited long at the top, unless they have one before all others.

    It reads all that waits there, which may be much: not for a transaction that others wait for.
    """
    party = (job.c.queue, job.c.kind, func.coalesce(job.c.requested_by, ""))
    have_one = select(*party).where(in_state(State.READY), job.c.rank < 0)
    # What is too young for any priority is told by one moment, without reckoning for each job.
    at_the_top = and_(in_state(State.READY), job.c.rank == 0, job.c.ready_at <= db_now(-every_s))
    oldest = (
        select(func.min(job.c.id).label("oldest"))
        .where(at_the_top, _waited_longer_than(session, every_s), tuple_(*party).not_in(have_one))
        .group_by(*party)
    )
    return list(session.connection().execute(oldest.order_by("oldest").limit(limit)).scalars())


def _waited_longer_than(session: Session, every_s: float) -> Any:
    steps = job.c.priority - job.c.rank + 1
    if session.get_bind().dialect.name == "postgresql":
        return job.c.ready_at <= db_now() - func.make_interval(0, 0, 0, 0, 0, 0, steps * every_s)
    return text(
        f"job.ready_at <= strftime('%Y-%m-%d %H:%M:%f000', 'now',"
        f" '-' || ((job.priority - job.rank + 1) * {float(every_s)}) || ' seconds')"
    )


def note_progress(
    session: Session, job_id: int, owner: str, *, current: int, total: int | None, note: str | None
) -> None:
    """Write down how far a running job is.

    Raises:
        Superseded
    """
    _write(
        session,
        job_id,
        owner,
        {"progress_current": current, "progress_total": total, "progress_note": note, "progressed_at": db_now()},
    )


def keep_checkpoint(session: Session, job_id: int, owner: str, checkpoint: Any) -> None:
    """Write down where a running job is to go on, should this attempt not reach its end.

    Raises:
        Superseded
    """
    _write(session, job_id, owner, {"checkpoint": null() if checkpoint is None else checkpoint})


def measured(value: Any, most: int) -> None:
    """Return when the value is JSON of at most so many characters.

    Raises:
        ValueError
    """
    try:
        size = len(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ValueError(f"it must be a JSON value: {error}") from None
    if size > most:
        raise ValueError(f"it may have {most:,} characters of JSON; this has {size:,}")


def _write(session: Session, job_id: int, owner: str, values: Mapping[str, Any]) -> None:
    mine = and_(job.c.id == job_id, in_state(State.RUNNING), job.c.lease_owner == owner)
    done: CursorResult[Any] = session.connection().execute(update(job).where(mine).values(**values))
    if done.rowcount != 1:
        raise Superseded("the job is not this worker's any more")


def cancel_requests(session: Session, owners: Collection[str]) -> list[tuple[str, str]]:
    """Which of the jobs these owners run were asked to end: owner and public id."""
    rows = session.connection().execute(
        select(job.c.lease_owner, job.c.uid).where(
            in_state(State.RUNNING), job.c.lease_owner.in_(owners), job.c.cancel_requested_at.is_not(None)
        )
    )
    return [(row.lease_owner, row.uid) for row in rows]
