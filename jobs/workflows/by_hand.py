"""What a person does with a workflow: cancel it, or have what failed run again."""

from collections.abc import Collection
from typing import Any, cast

from sqlalchemy import CursorResult, Row, Table, and_, func, insert, null, select, update
from sqlalchemy.orm import Session

from jobs.errors import NoSuchWorkflow, WrongState
from jobs.ledger.counting import Done, have_alone, settle
from jobs.ledger.flows import FlowState, WorkflowRow
from jobs.ledger.models import Entry, Move, in_state
from jobs.ledger.moments import db_now
from jobs.ledger.states import RETRYABLE, State
from jobs.ledger.writer import retried

from .endings import over
from .moves import cancel_waiting
from .pen import Pen
from .recount import recount
from .shape import UNDO

job = cast("Table", Entry.__table__)
flow = cast("Table", WorkflowRow.__table__)
OF_UNDO = job.c.step.startswith(UNDO, autoescape=True)


def cancel(session: Session, pen: Pen, uid: str, *, by: str | None) -> None:
    """Cancel what waits, and ask what runs to end.

    Raises:
        NoSuchWorkflow, WrongState
    """
    row = find(session, uid)
    if row.state != FlowState.RUNNING:
        raise WrongState(f"The workflow is {row.state}; it can only be cancelled while it is running.")
    # Who finishes a step holds it before the workflow: in this order too, and of what has started since only what is
    # not being finished right now.
    _ask_to_end(session, row.id, by=by)
    have_alone(session.connection(), row.id)
    settled = [Done(row.id, job_id) for job_id in cancel_waiting(session, pen, row.id)]
    _ask_to_end(session, row.id, by=by, skip_locked=True)
    ended = settle(session.connection(), settled) if settled else []
    marked: CursorResult[Any] = session.connection().execute(
        update(flow)
        .where(flow.c.id == row.id, flow.c.state == FlowState.RUNNING)
        .values(cancel_requested_at=func.coalesce(flow.c.cancel_requested_at, db_now()), cancel_requested_by=by)
    )
    if not marked.rowcount:
        raise WrongState("The workflow is over.")
    if ended:
        over(session, pen, row.id)


def _ask_to_end(session: Session, workflow_id: int, *, by: str | None, skip_locked: bool = False) -> None:
    running = (
        select(job.c.id)
        .where(job.c.workflow_id == workflow_id, in_state(State.RUNNING), job.c.cancel_requested_at.is_(None))
        .order_by(job.c.id)
        .with_for_update(skip_locked=skip_locked)
        .cte("running")
    )
    asked = session.connection().execute(
        update(job)
        .where(job.c.id.in_(select(running.c.id)), in_state(State.RUNNING))
        .values(cancel_requested_at=db_now(), cancel_requested_by=by)
        .returning(job.c.id)
    )
    _note(session, asked.scalars().all(), what="asked to stop", by=by)


def retry(session: Session, pen: Pen, uid: str, *, by: str | None) -> None:
    """Let the steps that failed or were cancelled wait and run again; what succeeded is not run again.

    A workflow whose steps are being undone, or could not all be, goes on undoing them.

    Raises:
        NoSuchWorkflow, WrongState
    """
    row = find(session, uid)
    if row.state == FlowState.SUCCEEDED:
        raise WrongState("The workflow has succeeded.")
    have_alone(session.connection(), row.id)
    mine = job.c.workflow_id == row.id
    is_undone = _is_undone(session, row.id)
    revived = _revive(session, mine & OF_UNDO if is_undone else mine)
    if not revived:
        raise WrongState("The workflow has no step that could run again.")
    _note(session, revived, what="retried", by=by)
    state = FlowState.COMPENSATING if is_undone else FlowState.RUNNING
    reopened = {"state": state, "finished_at": null(), "cancel_requested_at": null(), "cancel_requested_by": null()}
    if not is_undone:
        reopened["failed_step"] = null()
    recount(session, pen, row.id, reopened=reopened)


def rejoin(session: Session, pen: Pen, workflow_id: int) -> None:
    """Take in that one step was made ready again by hand: its workflow goes on, with all that failed or was cancelled.

    What was undone already stays so, and the step runs alone.
    """
    have_alone(session.connection(), workflow_id)
    if _is_undone(session, workflow_id):
        recount(session, pen, workflow_id)
        return
    _revive(session, job.c.workflow_id == workflow_id)
    reopened = {"state": FlowState.RUNNING, "finished_at": null(), "failed_step": null()}
    recount(session, pen, workflow_id, reopened={**reopened, "cancel_requested_at": null()})


def revive(session: Session, pen: Pen, job_ids: Collection[int], *, by: str | None) -> list[int]:
    """Let these settled steps run again, each after what it waits for; which of them that were.

    With them, all that failed or was cancelled in their workflows.
    """
    rows = session.connection().execute(
        select(job.c.id, job.c.workflow_id).where(job.c.id.in_(job_ids), in_state(*RETRYABLE)).order_by(job.c.id)
    )
    by_workflow: dict[int, list[int]] = {}
    for row in rows:
        by_workflow.setdefault(row.workflow_id, []).append(row.id)
    revived: list[int] = []
    for workflow_id, ids in sorted(by_workflow.items()):
        have_alone(session.connection(), workflow_id)
        these = and_(job.c.id.in_(ids), in_state(*RETRYABLE))
        mine = list(session.connection().execute(select(job.c.id).where(these)).scalars())
        if _is_undone(session, workflow_id):
            session.connection().execute(update(job).where(these).values(**retried(session, these)))
        rejoin(session, pen, workflow_id)
        revived += mine
    _note(session, revived, what="retried", by=by)
    return revived


def _is_undone(session: Session, workflow_id: int) -> bool:
    """Whether steps of it are being undone, or have been."""
    undo = select(job.c.id).where(job.c.workflow_id == workflow_id, OF_UNDO).limit(1)
    return session.connection().execute(undo).scalar() is not None


def _revive(session: Session, mine: Any) -> list[int]:
    over_once = select(job.c.id).where(mine, in_state(*RETRYABLE)).order_by(job.c.id).with_for_update().cte("over_once")
    revived = session.connection().execute(
        update(job)
        .where(job.c.id.in_(select(over_once.c.id)), in_state(*RETRYABLE))
        .values(
            state=State.BLOCKED,
            pending_deps=1,
            rank=job.c.priority,
            failures=0,
            crashes=0,
            finished_at=null(),
            cancel_requested_at=null(),
            cancel_requested_by=null(),
            error_class=null(),
            error_message=null(),
        )
        .returning(job.c.id)
    )
    return list(revived.scalars())


def find(session: Session, uid: str) -> Row[Any]:
    """The workflow with this public id.

    Raises:
        NoSuchWorkflow
    """
    row = session.connection().execute(select(flow).where(flow.c.uid == uid)).first()
    if row is None:
        raise NoSuchWorkflow(uid)
    return row


def _note(session: Session, job_ids: Collection[int], *, what: str, by: str | None) -> None:
    if job_ids:
        session.connection().execute(
            insert(Move), [{"job_id": job_id, "what": what, "by": by} for job_id in sorted(job_ids)]
        )
