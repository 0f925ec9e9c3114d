"""The statements on schedules and their slots. All of them run in the caller's transaction."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from typing import cast as typed

from sqlalchemy import (
    String,
    Table,
    bindparam,
    cast,
    column,
    delete,
    exists,
    func,
    insert,
    literal_column,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from jobs.ledger.models import Entry, Move, in_state
from jobs.ledger.moments import db_now
from jobs.ledger.states import LIVE, WAITING, State

from .models import MADE_NO_JOB, Fired, Schedule, ScheduleFire

schedule = typed("Table", Schedule.__table__)
fire = typed("Table", ScheduleFire.__table__)
job = typed("Table", Entry.__table__)

Slot = tuple[int, datetime]
"""The id of a schedule and one of its slots."""

_LIVE_JOB = exists().where(job.c.schedule_id == schedule.c.id, in_state(*LIVE))


def has_work(session: Session) -> bool:
    """Whether some schedule is due, or has a slot queued."""
    due = exists().where(schedule.c.next_at <= db_now(), schedule.c.paused_at.is_(None))
    queued = exists().where(schedule.c.queued_slot.is_not(None), schedule.c.paused_at.is_(None))
    return bool(session.connection().execute(select(or_(due, queued))).scalar())


def due_since(session: Session) -> datetime | None:
    """The slot of the schedule that has been due longest; None when none is."""
    due = select(schedule.c.next_at).where(schedule.c.next_at <= db_now(), schedule.c.paused_at.is_(None))
    found: datetime | None = session.connection().execute(due.order_by(schedule.c.next_at).limit(1)).scalar()
    return found


def late_by(session: Session, seconds: float, *, limit: int) -> list[str]:
    """The public ids of schedules that have been due for longer than this, the longest first."""
    due = select(schedule.c.uid).where(schedule.c.next_at <= db_now(-seconds), schedule.c.paused_at.is_(None))
    return list(session.connection().execute(due.order_by(schedule.c.next_at).limit(limit)).scalars())


def take_due(session: Session, now: datetime, *, limit: int) -> Sequence[Schedule]:
    """Lock the schedules that are due and that nobody else holds, the longest due first."""
    return session.scalars(
        select(Schedule)
        .where(Schedule.next_at <= now, Schedule.paused_at.is_(None))
        .order_by(Schedule.next_at, Schedule.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()


def take_queued(session: Session, *, limit: int) -> Sequence[Schedule]:
    """Lock the schedules whose queued slot may fire: no job of theirs lives any more."""
    return session.scalars(
        select(Schedule)
        .where(Schedule.queued_slot.is_not(None), Schedule.paused_at.is_(None), ~_LIVE_JOB)
        .order_by(Schedule.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()


def with_live_jobs(session: Session, ids: Collection[int]) -> set[int]:
    """Those of the schedules of which a job still waits or runs."""
    if not ids:
        return set()
    return set(session.connection().execute(select(schedule.c.id).where(schedule.c.id.in_(ids), _LIVE_JOB)).scalars())


def slots_taken(session: Session, ids: Collection[int]) -> dict[int, set[datetime]]:
    """By schedule, the slots from its next one on that something became of already."""
    rows = session.connection().execute(
        select(fire.c.schedule_id, fire.c.slot)
        .join(schedule, schedule.c.id == fire.c.schedule_id)
        .where(schedule.c.id.in_(ids), fire.c.slot >= schedule.c.next_at)
    )
    taken: dict[int, set[datetime]] = {}
    for schedule_id, slot in rows:
        taken.setdefault(schedule_id, set()).add(slot)
    return taken


def record(session: Session, fires: Sequence[Mapping[str, Any]]) -> set[Slot]:
    """Write down what becomes of slots; the slots of which nothing was written before, which are the caller's."""
    if not fires:
        return set()
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    rows = session.connection().execute(
        dialect.insert(fire).on_conflict_do_nothing().returning(fire.c.schedule_id, fire.c.slot),
        list(fires),
    )
    return {(schedule_id, slot) for schedule_id, slot in rows}


def record_anew(session: Session, schedule_id: int, slots: Iterable[datetime], *, note: str) -> set[datetime]:
    """Claim slots that never made a job, whatever became of them; those that are the caller's now."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    fires = [{"schedule_id": schedule_id, "slot": slot, "outcome": Fired.FIRED.value, "note": note} for slot in slots]
    if not fires:
        return set()
    claim = dialect.insert(fire)
    rows = session.connection().execute(
        claim.on_conflict_do_update(
            index_elements=["schedule_id", "slot"],
            set_={"outcome": claim.excluded.outcome, "note": claim.excluded.note, "at": db_now()},
            where=fire.c.outcome.in_([literal_column(f"'{outcome}'") for outcome in MADE_NO_JOB]),
        ).returning(fire.c.slot),
        fires,
    )
    return set(rows.scalars())


def name_jobs(session: Session, uids: Mapping[Slot, str]) -> None:
    """Note which job each slot made."""
    _update_each(
        session,
        fire,
        [{"schedule_id": schedule_id, "slot": slot, "job_uid": uid} for (schedule_id, slot), uid in uids.items()],
        by=("schedule_id", "slot"),
    )


def note_failure(session: Session, slot: Slot, *, note: str) -> None:
    """Note that a queued slot came to nothing."""
    session.connection().execute(
        update(fire)
        .where(fire.c.schedule_id == slot[0], fire.c.slot == slot[1])
        .values(outcome=Fired.FAILED.value, note=note[:200])
    )


def move_on(session: Session, moves: Sequence[Mapping[str, Any]]) -> None:
    """Set what changed in schedules after their slots were decided; every row names its `id` and the same columns."""
    _update_each(session, schedule, moves, by=("id",))


def _update_each(session: Session, table: Table, rows: Sequence[Mapping[str, Any]], *, by: Sequence[str]) -> None:
    """Set each row's columns where its key matches; on PostgreSQL with one statement for all of them."""
    if not rows:
        return
    changed = [name for name in rows[0] if name not in by]
    if session.get_bind().dialect.name != "postgresql":
        given = {name: bindparam(f"new_{name}", type_=table.c[name].type) for name in rows[0]}
        session.connection().execute(
            update(table)
            .where(*(table.c[name] == given[name] for name in by))
            .values({name: given[name] for name in changed}),
            [{f"new_{name}": value for name, value in row.items()} for row in rows],
        )
        return
    told = json.dumps(rows, default=datetime.isoformat)
    columns = [column(name, table.c[name].type) for name in rows[0]]
    new = (
        func.json_to_recordset(cast(bindparam("rows", told, String), postgresql.JSON))
        .table_valued(*columns, name="new")
        .render_derived(with_types=True)
    )
    session.connection().execute(
        update(table)
        .where(*(table.c[name] == new.c[name] for name in by))
        .values({name: new.c[name] for name in changed})
    )


def clear_the_way(session: Session, ids: Collection[int], *, by: str) -> list[int]:
    """Cancel the waiting jobs of the schedules, and ask the running ones to end; the ids of those cancelled."""
    if not ids:
        return []
    connection = session.connection()
    cancelled = (
        connection.execute(
            update(job)
            .where(job.c.schedule_id.in_(ids), in_state(*WAITING))
            .values(state=State.CANCELLED, finished_at=db_now())
            .returning(job.c.id)
        )
        .scalars()
        .all()
    )
    asked = (
        connection.execute(
            update(job)
            .where(job.c.schedule_id.in_(ids), in_state(State.RUNNING), job.c.cancel_requested_at.is_(None))
            .values(cancel_requested_at=db_now(), cancel_requested_by=by)
            .returning(job.c.id)
        )
        .scalars()
        .all()
    )
    told = [(one, "cancelled") for one in cancelled] + [(one, "asked to stop") for one in asked]
    if told:
        connection.execute(insert(Move), [{"job_id": one, "what": what, "by": by} for one, what in told])
    return list(cancelled)


def forget(session: Session, schedule_id: int) -> None:
    """Remove a schedule and what became of its slots; its jobs stay, and belong to none."""
    connection = session.connection()
    connection.execute(update(job).where(job.c.schedule_id == schedule_id).values(schedule_id=null()))
    connection.execute(delete(fire).where(fire.c.schedule_id == schedule_id))
    connection.execute(delete(schedule).where(schedule.c.id == schedule_id))


def prune_fires(session: Session, *, older_than_s: float, limit: int) -> int:
    """Forget what became of slots longer ago than this; how many."""
    old = (
        select(fire.c.schedule_id, fire.c.slot)
        .where(fire.c.at < db_now(-older_than_s))
        .order_by(fire.c.at)
        .limit(limit)
    )
    rows = session.connection().execute(old).all()
    if rows:
        session.connection().execute(
            delete(fire).where(fire.c.schedule_id == bindparam("of"), fire.c.slot == bindparam("at_slot")),
            [{"of": schedule_id, "at_slot": slot} for schedule_id, slot in rows],
        )
    return len(rows)
