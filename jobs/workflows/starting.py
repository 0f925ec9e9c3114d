"""Starting a workflow: all its jobs, joins and edges, in the caller's transaction."""

from collections import Counter
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from jobs.dispatch.outbox import new_uid
from jobs.ledger.flows import Edge, FlowState, Join, WorkflowRow, end_of

from .pen import FROM_THE_WORKFLOW, Pen
from .plan import Plan, planned
from .shape import FROM_THE_STEP, Step, Workflow


def start(session: Session, pen: Pen, workflow: Workflow, *, by: str | None, request_id: str | None) -> str:
    """Write the whole workflow down; its public id. What waits for nothing is ready at the commit.

    Raises:
        ValueError: the shape is wrong.
        UnknownJob, BadArguments
    """
    plan = planned(workflow)
    kinds = [pen.known(node.step).name for node in plan.nodes]
    uid = new_uid()
    workflow_id = _write_workflow(session, pen, workflow, plan, uid=uid, by=by, request_id=request_id)
    requests = [
        pen.request(
            kinds[number],
            plan.nodes[number].step.args,
            priority=plan.nodes[number].step.priority,
            run_at=plan.nodes[number].step.run_at,
            queue=plan.nodes[number].step.queue,
            requested_by=by,
            request_id=request_id,
            workflow_id=workflow_id,
            step=plan.nodes[number].name,
            pending_deps=plan.pending.get(number, 0),
        )
        for number in plan.order
    ]
    ids = dict(zip(plan.order, pen.write(session, requests), strict=True))
    _write_graph(session, plan, workflow_id, ids)
    return uid


def _write_workflow(session: Session, pen: Pen, workflow: Workflow, plan: Plan, **columns: Any) -> int:
    failure = workflow.failure_callback
    undo = {node.name: node.step.undo for node in plan.nodes if node.step.undo is not None}
    made: int = (
        session.connection()
        .execute(
            insert(WorkflowRow)
            .values(
                uid=columns["uid"],
                name=workflow.name,
                state=FlowState.RUNNING,
                on_failure=workflow.on_failure,
                steps=len(plan.nodes),
                pending=plan.ends or len(plan.nodes),
                ends=plan.ends,
                spare={
                    "failure": None if failure is None else _told(pen, failure, given=FROM_THE_WORKFLOW),
                    "undo": {name: _told(pen, step, given=FROM_THE_STEP) for name, step in undo.items()},
                },
                requested_by=columns["by"],
                request_id=columns["request_id"],
            )
            .returning(WorkflowRow.id)
        )
        .scalar_one()
    )
    return made


def _told(pen: Pen, step: Step, *, given: tuple[str, ...]) -> dict[str, Any]:
    kind = pen.known(step, given=given).name
    return {"kind": kind, "args": dict(step.args), "priority": step.priority, "queue": step.queue}


def _write_graph(session: Session, plan: Plan, workflow_id: int, ids: dict[int, int]) -> None:
    edges = [
        {"workflow_id": workflow_id, "parent": ids.get(parent, parent), "child": ids.get(child, child), "place": place}
        for parent, child, place in plan.edges
    ]
    joins = {-node: pending for node, pending in plan.pending.items() if node < 0}
    if plan.ends:
        joins |= Counter(end_of(one, plan.ends) for one in ids.values())
        # Ids may have gaps: an end on which nobody counts is over from the start.
        joins |= {number: 0 for number in range(1, plan.ends + 1) if number not in joins}
    rows = [{"workflow_id": workflow_id, "number": number, "pending": pending} for number, pending in joins.items()]
    if rows:
        session.connection().execute(insert(Join), rows)
    if edges:
        session.connection().execute(insert(Edge), edges)
