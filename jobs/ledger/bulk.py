"""Bulk operations: what somebody has done to many jobs at once, how far that is, and how each job was before."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, cast

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Integer,
    SmallInteger,
    String,
    Table,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from .models import Entry, Id, LedgerBase, Move, in_state
from .moments import UtcDateTime, db_now
from .selection import Selection
from .states import LIVE, RETRYABLE, SETTLED, WAITING, State

job = cast("Table", Entry.__table__)

AT_ONCE = 500
FORGOTTEN_AT_ONCE = 20
WINDOW = 100_000
"""How many ids one chunk looks at, so that it is quick however few jobs are meant."""


class Action(StrEnum):
    """What is done to each job."""

    RETRY = "retry"
    CANCEL = "cancel"
    DELETE = "delete"
    MOVE = "move"
    REPRIORITISE = "reprioritise"
    UNDO = "undo"


WORKS_ON: Mapping[Action, Sequence[State]] = {
    Action.RETRY: RETRYABLE,
    Action.CANCEL: LIVE,
    Action.DELETE: SETTLED,
    Action.MOVE: WAITING,
    Action.REPRIORITISE: WAITING,
}
ACTIONS = ", ".join(f"'{one}'" for one in Action)
CAN_BE_UNDONE = (Action.CANCEL, Action.MOVE, Action.REPRIORITISE)


class BulkRow(LedgerBase):
    """One operation. `reached_id`, the job it has come to, is in one transaction with what was done up to there."""

    __tablename__ = "job_bulk"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    action: Mapped[str] = mapped_column(String(12))
    selection: Mapped[dict[str, Any]] = mapped_column(JSON)
    priority: Mapped[int | None] = mapped_column(SmallInteger)
    queue: Mapped[str | None] = mapped_column(String(64))
    undo_of: Mapped[int | None] = mapped_column(Id, unique=True)
    expected: Mapped[int] = mapped_column(Integer)
    reached_id: Mapped[int] = mapped_column(Id)
    highest_id: Mapped[int] = mapped_column(Id)
    matched: Mapped[int] = mapped_column(Integer, server_default="0")
    done: Mapped[int] = mapped_column(Integer, server_default="0")
    skipped: Mapped[int] = mapped_column(Integer, server_default="0")
    failed: Mapped[int] = mapped_column(Integer, server_default="0")
    job_uid: Mapped[str] = mapped_column(String(32))
    requested_by: Mapped[str | None] = mapped_column(String(160))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=db_now(), index=True)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (CheckConstraint(f"action IN ({ACTIONS})", name="action"),)


class BulkChange(LedgerBase):
    """A job that an operation has changed, and what it was before: its queue, its priority, or its state."""

    __tablename__ = "job_bulk_change"

    # No foreign key to the job: what is forgotten meanwhile cannot be changed back, and that is all.
    bulk_id: Mapped[int] = mapped_column(Id, ForeignKey("job_bulk.id", ondelete="CASCADE"), primary_key=True)
    job_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    was: Mapped[str] = mapped_column(String(64))


class Item(NamedTuple):
    """A job that is meant. `was` is what it was before the operation that is being undone."""

    id: int
    state: str
    kind: str
    queue: str
    priority: int
    workflow_id: int | None
    was: str


def ends(session: Session) -> tuple[int, int]:
    """The ids between which all jobs are: one less than the lowest, and the highest."""
    lowest, highest = session.execute(select(func.min(Entry.id), func.max(Entry.id))).one()
    return (lowest or 1) - 1, highest or 0


def next_items(session: Session, row: BulkRow, *, alone: bool) -> tuple[list[Item], int]:
    """The jobs that come next, and the id reached with them. With `alone`, nobody else changes them meanwhile."""
    selection = Selection.read(row.selection)
    is_narrow = selection.fingerprint or selection.requested_by or selection.uids
    upto = row.highest_id if is_narrow else min(row.highest_id, row.reached_id + WINDOW)
    query = select(*_columns(literal(""))).where(selection.condition(), job.c.id > row.reached_id, job.c.id <= upto)
    return _items(session, query, upto, alone=alone)


def items_to_undo(session: Session, row: BulkRow) -> tuple[list[Item], int]:
    """As `next_items`, of those that the operation changed which this one undoes."""
    query = (
        select(*_columns(BulkChange.was))
        .join(BulkChange, BulkChange.job_id == job.c.id)
        .where(BulkChange.bulk_id == row.undo_of, BulkChange.job_id > row.reached_id)
    )
    return _items(session, query, row.highest_id, alone=False)


def _columns(was: Any) -> list[Any]:
    return [job.c.id, job.c.state, job.c.kind, job.c.queue, job.c.priority, job.c.workflow_id, was]


def _items(session: Session, query: Any, upto: int, *, alone: bool) -> tuple[list[Item], int]:
    query = query.order_by(job.c.id).limit(AT_ONCE)
    rows = session.connection().execute(query.with_for_update(of=job) if alone else query)
    items = [Item(*one) for one in rows]
    return items, items[-1].id if len(items) == AT_ONCE else upto


def moved(
    session: Session,
    ids: Collection[int],
    values: Mapping[str, Any],
    *,
    source: Sequence[State],
    guard: ColumnElement[bool] | None = None,
    what: str,
    by: str | None,
) -> dict[int, str]:
    """Change those of these jobs that are in one of the states, and note it with each; by id, in which queue they are.

    What is ready there is told with its queue, what is not with an empty word.
    """
    if not ids:
        return {}
    these = select(job.c.id).where(job.c.id.in_(ids), in_state(*source))
    these = these if guard is None else these.where(guard)
    held = these.order_by(job.c.id).with_for_update().cte("held")
    changed = session.connection().execute(
        update(job)
        .where(job.c.id.in_(select(held.c.id)), in_state(*source))
        .values(**values)
        .returning(job.c.id, job.c.queue, job.c.state)
    )
    found = {row.id: row.queue if row.state == State.READY else "" for row in changed}
    if found:
        notes = [{"job_id": job_id, "what": what, "by": by} for job_id in sorted(found)]
        session.connection().execute(insert(Move), notes)
    return found


def keep(session: Session, row: BulkRow, was: Mapping[int, str]) -> None:
    """Note what jobs were before this operation changed them."""
    if was:
        rows = [{"bulk_id": row.id, "job_id": job_id, "was": one} for job_id, one in sorted(was.items())]
        session.execute(insert(BulkChange), rows)


def forget(session: Session, *, older_than_s: float) -> None:
    """Delete operations made longer ago than this that nobody works on any more."""
    is_live = exists().where(Entry.uid == BulkRow.job_uid, in_state(*LIVE))
    old = select(BulkRow.id).where(BulkRow.created_at < db_now(-older_than_s), ~is_live)
    ids = session.scalars(old.order_by(BulkRow.id).limit(FORGOTTEN_AT_ONCE)).all()
    if ids:
        session.execute(delete(BulkChange).where(BulkChange.bulk_id.in_(ids)))
        session.execute(delete(BulkRow).where(BulkRow.id.in_(ids)))
