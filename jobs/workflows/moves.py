"""The moves of workflows: a step succeeded or failed for good, a person cancels or wants it tried again.

All of them run in the transaction that settles the step, or in the person's. Whatever the end, each step counts down
once when it settles, and whoever counts to nothing decides what becomes of the workflow.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import CursorResult, Row, Table, func, insert, null, select, update
from sqlalchemy.orm import Session

from jobs.errors import NoSuchWorkflow, WrongState
from jobs.ledger.counting import Done, advance, have_alone, settle
from jobs.ledger.flows import OPEN, Edge, FlowState, OnFailure, WorkflowRow
from jobs.ledger.models import Entry, Move, in_state
from jobs.ledger.moments import db_now
from jobs.ledger.states import RETRYABLE, WAITING, State
from jobs.ledger.writer import Claim

from .pen import Pen
from .recount import recount
from .shape import UNDO

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
        cancelled = give_up_on(session, workflow_id, [one.id for one in steps], because=steps[0].step)
        settled = [Done(workflow_id, job_id) for job_id in [*(one.id for one in steps), *cancelled]]
        ended = settle(session.connection(), settled)
        mark_failed(session, workflow_id, steps[0].step)
        if ended:
            over(session, pen, workflow_id)


def give_up_on(session: Session, workflow_id: int, failed_ids: Sequence[int], *, because: str) -> list[int]:
    """Cancel what the policy says shall not start any more after these failures; which jobs that were."""
    row = session.connection().execute(select(flow.c.state, flow.c.on_failure).where(flow.c.id == workflow_id)).one()
    if row.state not in OPEN:
        return []
    some = None
    if row.on_failure == OnFailure.GO_ON and row.state == FlowState.RUNNING:
        some = _descendants(workflow_id, failed_ids)
    message = f"The step {because} of its workflow did not succeed."
    return cancel_waiting(session, workflow_id, some=some, error_class=DEPENDENCY, error_message=message)


def mark_failed(session: Session, workflow_id: int, step: str) -> None:
    """Note which step it was that failed first."""
    session.connection().execute(
        update(flow)
        .where(flow.c.id == workflow_id, flow.c.state.in_(OPEN))
        .values(failed_step=func.coalesce(flow.c.failed_step, step))
    )


def cancel_waiting(session: Session, workflow_id: int, *, some: Any = None, **told: Any) -> list[int]:
    """Cancel steps that have not started, in the order of their ids; which."""
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
    return list(gone.scalars())


def _descendants(workflow_id: int, job_ids: Sequence[int]) -> Any:
    down = (
        select(Edge.child.label("node"))
        .where(Edge.workflow_id == workflow_id, Edge.parent.in_(job_ids))
        .cte("down", recursive=True)
    )
    further = select(Edge.child).join(down, Edge.parent == down.c.node).where(Edge.workflow_id == workflow_id)
    down = down.union(further)
    return select(down.c.node).where(down.c.node > 0)


# -- the end ----------------------------------------------------------------------------------------------------------


def over(session: Session, pen: Pen, workflow_id: int) -> None:
    """Decide what becomes of a workflow that has nothing left to settle."""
    if _end(
        session, workflow_id, FlowState.SUCCEEDED, flow.c.failed_step.is_(None), flow.c.cancel_requested_at.is_(None)
    ):
        return
    row = session.connection().execute(select(flow).where(flow.c.id == workflow_id)).one()
    is_cancelled = row.cancel_requested_at is not None and row.state == FlowState.RUNNING
    if not is_cancelled and row.state == FlowState.RUNNING and row.on_failure == OnFailure.COMPENSATE:
        if _compensate(session, pen, row):
            return
    if _end(session, workflow_id, FlowState.CANCELLED if is_cancelled else FlowState.FAILED) and not is_cancelled:
        _call_back(session, pen, row)


def _end(session: Session, workflow_id: int, state: FlowState, *conditions: Any) -> bool:
    source = (FlowState.RUNNING,) if state is FlowState.SUCCEEDED else OPEN
    ended: CursorResult[Any] = session.connection().execute(
        update(flow)
        .where(flow.c.id == workflow_id, flow.c.state.in_(source), flow.c.pending <= 0, *conditions)
        .values(state=state, finished_at=db_now())
    )
    return ended.rowcount == 1


def _compensate(session: Session, pen: Pen, row: Row[Any]) -> bool:
    """Write down what undoes the steps that succeeded, one after the other, the latest first; whether there is any."""
    undo = row.spare["undo"]
    done = session.connection().execute(
        select(job.c.step, job.c.result)
        .where(job.c.workflow_id == row.id, in_state(State.SUCCEEDED))
        .order_by(job.c.finished_at.desc(), job.c.id.desc())
    )
    to_undo = [(one.step, undo[one.step], one.result) for one in done if one.step in undo]
    if not to_undo:
        return False
    requests = [
        pen.request(
            told["kind"],
            _with(pen, told, "result", result),
            priority=told["priority"],
            requested_by=row.requested_by,
            request_id=row.request_id,
            workflow_id=row.id,
            step=f"{UNDO}{step}",
            pending_deps=min(place, 1),
        )
        for place, (step, told, result) in enumerate(to_undo)
    ]
    ids = pen.write(session, requests)
    edges = [
        {"workflow_id": row.id, "parent": parent, "child": child, "place": 0}
        for parent, child in zip(ids, ids[1:], strict=False)
    ]
    if edges:
        session.connection().execute(insert(Edge), edges)
    session.connection().execute(
        update(flow).where(flow.c.id == row.id).values(state=FlowState.COMPENSATING, pending=len(ids), ends=0)
    )
    return True


def _call_back(session: Session, pen: Pen, row: Row[Any]) -> None:
    """Write down the failure callback. It is no step: the workflow is over."""
    told = row.spare["failure"]
    if told is None:
        return
    bad = session.connection().execute(
        select(job.c.step, job.c.error_class, job.c.error_message)
        .where(job.c.workflow_id == row.id, in_state(State.DEAD, State.PARKED))
        .order_by(job.c.id)
    )
    failures = {one.step: f"{one.error_class}: {one.error_message}" for one in bad}
    args = _with(pen, told, "failures", failures)
    priority = told["priority"]
    request = pen.request(
        told["kind"], args, priority=priority, requested_by=row.requested_by, request_id=row.request_id
    )
    pen.write_one(session, request)


def _with(pen: Pen, told: Mapping[str, Any], name: str, value: Any) -> dict[str, Any]:
    args = dict(told["args"])
    if name not in args and pen.has_parameter(told["kind"], name):
        args[name] = value
    return args


# -- by hand ----------------------------------------------------------------------------------------------------------


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
    settled = [Done(row.id, job_id) for job_id in cancel_waiting(session, row.id)]
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
    of_undo = job.c.step.startswith(UNDO, autoescape=True)
    mine = job.c.workflow_id == row.id
    is_undone = session.connection().execute(select(job.c.id).where(mine, of_undo).limit(1)).scalar() is not None
    revived = _revive(session, mine & of_undo if is_undone else mine)
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
    mine = job.c.workflow_id == workflow_id
    of_undo = job.c.step.startswith(UNDO, autoescape=True)
    if session.connection().execute(select(job.c.id).where(mine, of_undo).limit(1)).scalar() is not None:
        recount(session, pen, workflow_id)
        return
    _revive(session, mine)
    reopened = {"state": FlowState.RUNNING, "finished_at": null(), "failed_step": null()}
    recount(session, pen, workflow_id, reopened={**reopened, "cancel_requested_at": null()})


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
