"""Counting a workflow anew: from its edges and the states of its jobs, whatever its counters say."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import Table, bindparam, select, update
from sqlalchemy.orm import Session

from jobs.ledger.counting import have_alone, release
from jobs.ledger.flows import Edge, Join, WorkflowRow, end_of
from jobs.ledger.models import Entry
from jobs.ledger.states import SETTLED, State

from .pen import Pen

job = cast("Table", Entry.__table__)
join = cast("Table", Join.__table__)
flow = cast("Table", WorkflowRow.__table__)


def recount(session: Session, pen: Pen, workflow_id: int, *, reopened: Mapping[str, Any] | None = None) -> bool:
    """Correct every counter of the workflow, and free what waits for nothing; whether nothing is left to settle.

    Nobody counts in it meanwhile: a step that finishes either is seen, or counts itself down afterwards. `reopened`
    is written to the workflow's row.
    """
    connection = session.connection()
    have_alone(connection, workflow_id)
    ends = connection.execute(select(flow.c.ends).where(flow.c.id == workflow_id)).scalar_one()
    jobs = connection.execute(
        select(job.c.id, job.c.state, job.c.pending_deps).where(job.c.workflow_id == workflow_id).order_by(job.c.id)
    ).all()
    joins = dict(
        connection.execute(select(join.c.number, join.c.pending).where(join.c.workflow_id == workflow_id)).all()
    )
    pending = _pending(session, workflow_id, done={one.id for one in jobs if one.state == State.SUCCEEDED})
    _correct_jobs(session, pen, [one for one in jobs if one.state == State.BLOCKED], pending)
    live = [one.id for one in jobs if one.state not in SETTLED]
    by_end = Counter(end_of(one, ends) for one in live) if ends else Counter()
    right = {number: by_end[number] if number <= ends else pending[-number] for number in joins}
    _correct_joins(session, workflow_id, {number: value for number, value in right.items() if joins[number] != value})
    left = len(by_end) if ends else len(live)
    connection.execute(update(flow).where(flow.c.id == workflow_id).values(pending=left, **(reopened or {})))
    return left == 0


def _pending(session: Session, workflow_id: int, *, done: set[int]) -> Counter[int]:
    """For each node, how many of its parents are not done; a join is done when all of its parents are."""
    edges = session.connection().execute(select(Edge.parent, Edge.child).where(Edge.workflow_id == workflow_id)).all()
    children: dict[int, list[int]] = defaultdict(list)
    pending: Counter[int] = Counter()
    for parent, child in edges:
        children[parent].append(child)
        pending[child] += 1
    nodes = list(done)
    while nodes:
        for child in children[nodes.pop()]:
            pending[child] -= 1
            if child < 0 and not pending[child]:
                nodes.append(child)
    return pending


def _correct_jobs(session: Session, pen: Pen, blocked: list[Any], pending: Counter[int]) -> None:
    # What waits for nothing is set to wait for one more, which is then counted down like any other.
    right = {one.id: pending[one.id] or 1 for one in blocked}
    wrong = [{"one": one.id, "right": right[one.id]} for one in blocked if one.pending_deps != right[one.id]]
    if wrong:
        session.connection().execute(
            update(job).where(job.c.id == bindparam("one")).values(pending_deps=bindparam("right")), wrong
        )
    free = [one.id for one in blocked if not pending[one.id]]
    if free:
        pen.wake_at_commit(session, release(session.connection(), free))


def _correct_joins(session: Session, workflow_id: int, wrong: dict[int, int]) -> None:
    if wrong:
        session.connection().execute(
            update(join)
            .where(join.c.workflow_id == workflow_id, join.c.number == bindparam("one"))
            .values(pending=bindparam("right")),
            [{"one": number, "right": value} for number, value in wrong.items()],
        )
