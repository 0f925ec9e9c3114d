"""How a workflow ends that has nothing left to settle: at once, or after what undoes it."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, cast

from sqlalchemy import CursorResult, Row, Table, insert, select, update
from sqlalchemy.orm import Session

from jobs.ledger.flows import OPEN, Edge, FlowState, OnFailure, WorkflowRow
from jobs.ledger.models import Entry, in_state
from jobs.ledger.moments import db_now
from jobs.ledger.states import FAILED, State

from .pen import Pen
from .shape import UNDO

job = cast("Table", Entry.__table__)
flow = cast("Table", WorkflowRow.__table__)


def over(session: Session, pen: Pen, workflow_id: int) -> None:
    """Decide what becomes of a workflow that has nothing left to settle."""
    if _end(
        session, workflow_id, FlowState.SUCCEEDED, flow.c.failed_step.is_(None), flow.c.cancel_requested_at.is_(None)
    ):
        return
    row = session.connection().execute(select(flow).where(flow.c.id == workflow_id)).one()
    is_running = row.state == FlowState.RUNNING
    is_cancelled = is_running and row.cancel_requested_at is not None
    shall_undo = is_running and not is_cancelled and row.on_failure == OnFailure.COMPENSATE
    if shall_undo and _compensate(session, pen, row):
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
            **_policy(told),
            requested_by=row.requested_by,
            request_id=row.request_id,
            workflow_id=row.id,
            step=f"{UNDO}{step}",
            pending_deps=min(place, 1),
        )
        for place, (step, told, result) in enumerate(to_undo)
    ]
    ids = pen.write(session, requests)
    edges = [{"workflow_id": row.id, "parent": parent, "child": child, "place": 0} for parent, child in pairwise(ids)]
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
        .where(job.c.workflow_id == row.id, in_state(*FAILED))
        .order_by(job.c.id)
    )
    failures = {one.step: f"{one.error_class}: {one.error_message}" for one in bad}
    args = _with(pen, told, "failures", failures)
    asked = {"requested_by": row.requested_by, "request_id": row.request_id}
    request = pen.request(told["kind"], args, **_policy(told), **asked)
    pen.write_one(session, request)


def _policy(told: Mapping[str, Any]) -> dict[str, Any]:
    """How it is to be run. What was written down before a step had a queue has none."""
    return {"priority": told["priority"], "queue": told.get("queue")}


def _with(pen: Pen, told: Mapping[str, Any], name: str, value: Any) -> dict[str, Any]:
    args = dict(told["args"])
    if name not in args and pen.has_parameter(told["kind"], name):
        args[name] = value
    return args
