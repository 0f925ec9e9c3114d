"""What becomes of a workflow when a step succeeds, or fails for good.

All of it in the transaction that settles the step. However it ends, each step counts down once when it settles, and
whoever counts to nothing decides what becomes of the workflow.
"""

from collections.abc import Collection, Sequence
from typing import Any, cast

from sqlalchemy import Table, func, select, update
from sqlalchemy.orm import Session

from jobs.dispatch.outbox import tell_unstarted
from jobs.dispatch.telling import CANCELLED
from jobs.ledger.counting import Done, advance, have_alone, settle
from jobs.ledger.flows import OPEN, Edge, FlowState, OnFailure, WorkflowRow
from jobs.ledger.models import Entry, in_state
from jobs.ledger.moments import db_now
from jobs.ledger.states import RETRYABLE, WAITING, State
from jobs.ledger.writer import Claim

from .endings import over
from .pen import Pen

job = cast("Table", Entry.__table__)
flow = cast("Table", WorkflowRow.__table__)

DEPENDENCY = "DependencyFailed"


def succeeded(session: Session, pen: Pen, claims: Sequence[Claim]) -> bool:
    """Free what waited for these jobs, in the transaction that finished them; whether any became ready."""
    done = [Done(one.workflow_id, one.id) for one in claims if one.workflow_id is not None]
    counted = advance(session.connection(), done)
    ready, ended = counted.ready, counted.over
    while counted.joins:
        counted = advance(session.connection(), counted.joins)
        ready += counted.ready
    pen.wake_at_commit(session, ready)
    for workflow_id in ended:
        over(session, pen, workflow_id)
    return bool(ready)


def failed(session: Session, pen: Pen, job_ids: Collection[int]) -> None:
    """Take in, in the transaction that settled them, that these jobs did not succeed and will not by themselves.

    Jobs that belong to no workflow, or have not settled, are left alone.
    """
    rows = session.connection().execute(
        select(job.c.id, job.c.workflow_id, job.c.step)
        .where(job.c.id.in_(job_ids), job.c.workflow_id.is_not(None), in_state(*RETRYABLE))
        .order_by(job.c.id)
    )
    by_workflow: dict[int, list[Any]] = {}
    for row in rows:
        by_workflow.setdefault(row.workflow_id, []).append(row)
    for workflow_id, steps in sorted(by_workflow.items()):
        have_alone(session.connection(), workflow_id)
        cancelled = give_up_on(session, pen, workflow_id, [one.id for one in steps], because=steps[0].step)
        settled = [Done(workflow_id, job_id) for job_id in [*(one.id for one in steps), *cancelled]]
        ended = settle(session.connection(), settled)
        mark_failed(session, workflow_id, steps[0].step)
        if ended:
            over(session, pen, workflow_id)


def give_up_on(session: Session, pen: Pen, workflow_id: int, failed_ids: Sequence[int], *, because: str) -> list[int]:
    """Cancel what the policy says shall not start any more after these failures; which jobs that were."""
    row = session.connection().execute(select(flow.c.state, flow.c.on_failure).where(flow.c.id == workflow_id)).one()
    if row.state not in OPEN:
        return []
    some = None
    if row.on_failure == OnFailure.GO_ON and row.state == FlowState.RUNNING:
        some = _descendants(workflow_id, failed_ids)
    message = f"The step {because} of its workflow did not succeed."
    told = {"error_class": DEPENDENCY, "error_message": message}
    return cancel_waiting(session, pen, workflow_id, some=some, reason=message, **told)


def mark_failed(session: Session, workflow_id: int, step: str) -> None:
    """Note which step it was that failed first."""
    session.connection().execute(
        update(flow)
        .where(flow.c.id == workflow_id, flow.c.state.in_(OPEN))
        .values(failed_step=func.coalesce(flow.c.failed_step, step))
    )


def cancel_waiting(
    session: Session, pen: Pen, workflow_id: int, *, some: Any = None, reason: str = CANCELLED, **told: Any
) -> list[int]:
    """Cancel steps that have not started, in the order of their ids, and tell the host; which."""
    mine = select(job.c.id).where(job.c.workflow_id == workflow_id, in_state(*WAITING))
    if some is not None:
        mine = mine.where(job.c.id.in_(some))
    waiting = mine.order_by(job.c.id).with_for_update().cte("waiting")
    gone = session.connection().execute(
        update(job)
        .where(job.c.id.in_(select(waiting.c.id)), in_state(*WAITING))
        .values(state=State.CANCELLED, finished_at=db_now(), **told)
        .returning(job.c.id)
    )
    ids = list(gone.scalars())
    if ids:
        tell_unstarted(session, pen.observer, "cancelled", ids)
        pen.regret(session, Entry.id.in_(ids), reason=reason)
    return ids


def _descendants(workflow_id: int, job_ids: Sequence[int]) -> Any:
    down = (
        select(Edge.child.label("node"))
        .where(Edge.workflow_id == workflow_id, Edge.parent.in_(job_ids))
        .cte("down", recursive=True)
    )
    further = select(Edge.child).join(down, Edge.parent == down.c.node).where(Edge.workflow_id == workflow_id)
    down = down.union(further)
    return select(down.c.node).where(down.c.node > 0)
