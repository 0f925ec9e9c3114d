"""Workflows under /api/v1."""

from typing import Any

from flask import Response, request, url_for

from app.background.schemas import ReasonIn
from app.openapi import KEY, ApiBlueprint, answer, idempotency_key
from app.security import api_access, is_theirs, me

from . import queries, services
from .schemas import (
    StepsArgs,
    WorkflowIn,
    WorkflowLookOut,
    WorkflowPageOut,
    WorkflowResultOut,
    WorkflowsArgs,
    result_out,
    step_out,
    workflow_out,
)

blp = ApiBlueprint("workflows_api", __name__, url_prefix="/api/v1", description="Jobs that wait for each other.")
FIRST = StepsArgs().load({})


@blp.get("/workflows")
@blp.arguments(WorkflowsArgs(), location="query")
@blp.response(200, WorkflowPageOut)
@api_access("read", "jobs")
def index(args: dict[str, Any]) -> Response:
    """List workflows: your own, the newest first; for admins everybody's."""
    found, following = queries.page_of(me(), states=args.get("state", ()), below=args.get("next"), limit=args["limit"])
    response = answer({"workflows": [workflow_out(one) for one in found], "next": following})
    if following:
        address = url_for(".index", **{**request.args, "next": following}, _external=True)
        response.headers["Link"] = f'<{address}>; rel="next"'
    return response


@blp.post("/workflows")
@blp.doc(parameters=[KEY])
@blp.arguments(WorkflowIn())
@blp.response(201, WorkflowLookOut)
@blp.alt_response(200, schema=WorkflowLookOut, description="It was sent before.")
@api_access("write", "jobs")
def create(given: dict[str, Any]) -> Response:
    """Start a workflow of kinds that you may start, whole or not at all, of at most 1,000 steps."""
    started = services.start(me(), given, key=idempotency_key("workflow"))
    (uid,) = started.made
    response = _look(uid, FIRST, status=201 if started.is_new else 200)
    response.headers["Location"] = url_for(".show", uid=uid)
    return response


@blp.get("/workflows/<string:uid>")
@blp.arguments(StepsArgs(), location="query")
@blp.response(200, WorkflowLookOut)
@api_access("read", "jobs")
def show(args: dict[str, Any], uid: str) -> Response:
    """Show a workflow and its steps."""
    return _look(uid, args)


@blp.get("/workflows/<string:uid>/result")
@blp.response(200, WorkflowResultOut)
@api_access("read", "jobs")
def result(uid: str) -> Response:
    """Give what the last steps of a workflow came to."""
    flow = queries.workflow_of(me(), uid)
    return answer(result_out(flow, queries.results_of(flow), is_own=is_theirs(me(), flow.requested_by)))


@blp.post("/workflows/<string:uid>/cancellation")
@blp.arguments(ReasonIn(), required=False)
@blp.response(202, WorkflowLookOut)
@api_access("write", "jobs")
def cancel(given: dict[str, Any], uid: str) -> Response:
    """Cancel a workflow: what waits at once, what runs by asking it to end."""
    services.cancel(me(), uid, reason=given.get("reason"))
    return _look(uid, FIRST, status=202)


@blp.post("/workflows/<string:uid>/retries")
@blp.arguments(ReasonIn(), required=False)
@blp.response(202, WorkflowLookOut)
@api_access("write", "jobs")
def retry(given: dict[str, Any], uid: str) -> Response:
    """Run the steps again that failed or were cancelled. What succeeded is not run again."""
    services.retry(me(), uid, reason=given.get("reason"))
    return _look(uid, FIRST, status=202)


def _look(uid: str, args: dict[str, Any], *, status: int = 200) -> Response:
    flow = queries.workflow_of(me(), uid)
    steps, following = queries.steps_of(flow, after=args["next"], limit=args["limit"])
    is_own = is_theirs(me(), flow.requested_by)
    told = {
        "steps": [step_out(one, is_own=is_own) for one in steps],
        "next": None if following is None else str(following),
    }
    return answer({**workflow_out(flow), **told}, status=status)
