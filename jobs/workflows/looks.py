"""Looking at workflows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from jobs.errors import NoSuchWorkflow
from jobs.ledger.flows import OPEN, Edge, WorkflowRow
from jobs.ledger.models import Entry, in_state
from jobs.ledger.states import SETTLED, State

from .shape import UNDO

COLUMNS = (
    "id",
    "step",
    "uid",
    "kind",
    "queue",
    "state",
    "attempt",
    "error_class",
    "error_message",
    "started_at",
    "finished_at",
)


@dataclass(frozen=True, slots=True)
class WorkflowBrief:
    """A workflow as it stands; `counts` says how many of its jobs are in which state."""

    uid: str
    name: str
    state: str
    on_failure: str
    steps: int
    counts: dict[str, int]
    failed_step: str | None
    requested_by: str | None
    created_at: datetime
    finished_at: datetime | None

    @property
    def is_live(self) -> bool:
        """Whether something of it may still run by itself."""
        return self.state in OPEN

    @property
    def settled(self) -> int:
        """How many of its jobs are over."""
        return sum(self.counts.get(state, 0) for state in SETTLED)


@dataclass(frozen=True, slots=True)
class StepBrief:
    """One step as it stands. `after` names what it waited or waits for directly, where that is few."""

    id: int
    name: str
    uid: str
    kind: str
    queue: str
    state: str
    attempt: int
    error_class: str | None
    error_message: str | None
    started_at: datetime | None
    finished_at: datetime | None
    after: tuple[str, ...] = ()


def look(session: Session, uid: str) -> WorkflowBrief:
    """The workflow with this public id.

    Raises:
        NoSuchWorkflow
    """
    row = session.scalars(select(WorkflowRow).where(WorkflowRow.uid == uid)).first()
    if row is None:
        raise NoSuchWorkflow(uid)
    return _briefs(session, [row])[0]


def page(
    session: Session,
    *,
    requested_by: str | None = None,
    states: Sequence[str] = (),
    before_uid: str | None = None,
    limit: int = 25,
) -> list[WorkflowBrief]:
    """Workflows, newest first, from below `before_uid`; one more than `limit` when there are more."""
    query = select(WorkflowRow).order_by(WorkflowRow.id.desc()).limit(limit + 1)
    if requested_by is not None:
        query = query.where(WorkflowRow.requested_by == requested_by)
    if states:
        query = query.where(WorkflowRow.state.in_(states))
    if before_uid is not None:
        before = select(WorkflowRow.id).where(WorkflowRow.uid == before_uid).scalar_subquery()
        query = query.where(WorkflowRow.id < before)
    return _briefs(session, session.scalars(query).all())


def steps(session: Session, uid: str, *, after_id: int = 0, limit: int = 200) -> list[StepBrief]:
    """The steps of a workflow in their order, from behind `after_id`; one more than `limit` when there are more."""
    flow_id = select(WorkflowRow.id).where(WorkflowRow.uid == uid).scalar_subquery()
    rows = session.execute(
        select(*(getattr(Entry, name) for name in COLUMNS))
        .where(Entry.workflow_id == flow_id, Entry.id > after_id)
        .order_by(Entry.id)
        .limit(limit + 1)
    ).all()
    after = _direct_parents(session, [row.id for row in rows])
    return [StepBrief(*tuple(row), after.get(row.id, ())) for row in rows]  # type: ignore[call-arg]


def edges(session: Session, uid: str, *, limit: int) -> list[tuple[int, int]]:
    """Pairs of parent and child: ids of jobs, and of joins the negative numbers."""
    flow_id = select(WorkflowRow.id).where(WorkflowRow.uid == uid).scalar_subquery()
    query = select(Edge.parent, Edge.child).where(Edge.workflow_id == flow_id).order_by(Edge.parent, Edge.child)
    return [(row.parent, row.child) for row in session.execute(query.limit(limit))]


def results(session: Session, uid: str, *, limit: int) -> dict[str, Any]:
    """By step name, what those steps came to that succeeded and that no other step waits for, in their order."""
    flow_id = select(WorkflowRow.id).where(WorkflowRow.uid == uid).scalar_subquery()
    is_waited_for = exists().where(Edge.workflow_id == Entry.workflow_id, Edge.parent == Entry.id)
    rows = session.execute(
        select(Entry.step, Entry.result)
        .where(
            Entry.workflow_id == flow_id,
            in_state(State.SUCCEEDED),
            ~is_waited_for,
            ~Entry.step.startswith(UNDO, autoescape=True),
        )
        .order_by(Entry.id)
        .limit(limit)
    )
    return {str(row.step): row.result for row in rows}


def results_gone_at(session: Session, uid: str) -> datetime | None:
    """When the first of a workflow's results was forgotten; None while all are there."""
    flow_id = select(WorkflowRow.id).where(WorkflowRow.uid == uid).scalar_subquery()
    return session.scalar(select(func.min(Entry.result_gone_at)).where(Entry.workflow_id == flow_id))


def _direct_parents(session: Session, job_ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    found = session.execute(
        select(Edge.child, Entry.step)
        .join(Entry, (Entry.id == Edge.parent) & (Entry.workflow_id == Edge.workflow_id))
        .where(Edge.child.in_(job_ids))
        .order_by(Edge.child, Edge.place)
    )
    parents: dict[int, tuple[str, ...]] = {}
    for child, step in found:
        parents[child] = (*parents.get(child, ()), str(step))
    return parents


def _briefs(session: Session, rows: Sequence[WorkflowRow]) -> list[WorkflowBrief]:
    counted = session.execute(
        select(Entry.workflow_id, Entry.state, func.count())
        .where(Entry.workflow_id.in_([row.id for row in rows]))
        .group_by(Entry.workflow_id, Entry.state)
    )
    counts: dict[int, dict[str, int]] = {}
    for workflow_id, state, number in counted:
        if workflow_id is not None:
            counts.setdefault(workflow_id, {})[state] = number
    return [
        WorkflowBrief(
            row.uid,
            row.name,
            row.state,
            row.on_failure,
            row.steps,
            counts.get(row.id, {}),
            row.failed_step,
            row.requested_by,
            row.created_at,
            row.finished_at,
        )
        for row in rows
    ]
