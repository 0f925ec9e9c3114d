"""The workbench for programs, under the names that other job systems' samples have made known."""

from collections.abc import Mapping
from typing import Any, cast

from flask import Response, current_app, request
from werkzeug.exceptions import BadRequest

from app.errors import Conflict, Invalid, NotAllowed
from app.openapi import KEY, PROBLEM, ApiBlueprint, ProblemOut, read_json, sent_once
from app.security import api_access, is_theirs, me

from . import kinds, queries, services
from .kinds import Kind
from .schemas import (
    BatchOut,
    HealthOut,
    OverviewOut,
    ProgressOut,
    RevokedOut,
    StartedOut,
    TaskOut,
    flow_out,
    flow_progress_out,
    job_out,
    progress_out,
    started_out,
)

MOST_AT_ONCE = 100
OPERATIONS = ("add", "multiply")
SUM = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "x": {"type": "number"},
        "y": {"type": "number"},
        "operation": {"type": "string", "enum": list(OPERATIONS), "default": "add"},
    },
}
TASK = {
    "type": "object",
    "required": ["kind"],
    "properties": {
        "kind": {"type": "string", "enum": [kind.name for kind in kinds.ALL if not kind.is_flow]},
        "arguments": {"type": "object"},
        "priority": {"type": "integer", "minimum": 0, "maximum": 9, "description": "0 comes first."},
    },
}
TASKS = {"type": "array", "items": TASK, "minItems": 1, "maxItems": MOST_AT_ONCE}
NOTHING_TAKEN = {
    "400": {
        "description": "Nothing of it could be taken.",
        "content": {"application/json": {"schema": BatchOut}, PROBLEM: {"schema": ProblemOut}},
    }
}

blp = ApiBlueprint("workbench_api", __name__, url_prefix="/api", description="Every pattern of background work.")
tasks = ApiBlueprint("tasks_api", __name__, description="Jobs of the workbench, as tasks.")


class NotWaiting(BadRequest):
    """Only what waits can be deleted."""

    description = "It does not wait any more, so it cannot be deleted."


class BadBatch(BadRequest):
    """A batch of which nothing could be taken."""

    description = f"Send a list of 1 to {MOST_AT_ONCE} tasks."


class NothingTaken(Exception):
    """Every task of a batch was wrong."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(f"none of {len(errors)} tasks")
        self.errors = errors


def _body(schema: Mapping[str, Any], *, required: bool = False) -> dict[str, Any]:
    return {"required": required, "content": {"application/json": {"schema": schema}}}


def _arguments(name: str) -> dict[str, Any]:
    """The body of a view that starts a kind: its arguments, and nothing where each has a usual value."""
    return _body({"$ref": f"#/components/schemas/{kinds.BY_NAME[name].schema_name}"})


@blp.post("/simple-task/")
@blp.doc(
    parameters=[KEY],
    requestBody=_body(SUM),
)
@blp.response(202, StartedOut)
@blp.alt_response(200, schema=StartedOut, description="It was sent before.")
@api_access("write")
def simple_task() -> Response:
    """Add two numbers; with `"operation": "multiply"` multiply them."""
    given = _given()
    operation = given.pop("operation", "add")
    if operation not in OPERATIONS:
        raise Invalid({"operation": f"Choose one of: {', '.join(OPERATIONS)}."})
    return _start(operation, given)


@blp.post("/chain-tasks/")
@blp.doc(parameters=[KEY], requestBody=_arguments("chain"))
@blp.response(202, StartedOut)
@blp.alt_response(200, schema=StartedOut, description="It was sent before.")
@api_access("write")
def chain_tasks() -> Response:
    """Three steps, one after the other: `value`, and `fail_at` to see one fail."""
    return _start("chain", _given())


@blp.post("/group-tasks/")
@blp.doc(parameters=[KEY], requestBody=_arguments("group"))
@blp.response(202, StartedOut)
@blp.alt_response(200, schema=StartedOut, description="It was sent before.")
@api_access("write")
def group_tasks() -> Response:
    """Additions side by side, one for each of `numbers`."""
    return _start("group", _given())


@blp.post("/chord-tasks/")
@blp.doc(parameters=[KEY], requestBody=_arguments("chord"))
@blp.response(202, StartedOut)
@blp.alt_response(200, schema=StartedOut, description="It was sent before.")
@api_access("write")
def chord_tasks() -> Response:
    """Chunks of `data`, `chunk_size` values each, worked on side by side and brought together."""
    return _start("chord", _given())


@blp.post("/long-task/")
@blp.doc(parameters=[KEY], requestBody=_arguments("long_task"))
@blp.response(202, StartedOut)
@blp.alt_response(200, schema=StartedOut, description="It was sent before.")
@api_access("write")
def long_task() -> Response:
    """Wait `total_steps` steps of `step_ms` milliseconds, and tell how far it is."""
    return _start("long_task", _given())


@blp.post("/retry-task/")
@blp.doc(parameters=[KEY], requestBody=_arguments("retry_task"))
@blp.response(202, StartedOut)
@blp.alt_response(200, schema=StartedOut, description="It was sent before.")
@api_access("write")
def retry_task() -> Response:
    """Fail with `fail_probability`, and be tried again."""
    return _start("retry_task", _given())


@blp.post("/create-users/")
@blp.doc(parameters=[KEY], requestBody=_arguments("create_users"))
@blp.response(202, StartedOut)
@blp.alt_response(200, schema=StartedOut, description="It was sent before.")
@api_access("write")
def create_users() -> Response:
    """Make `count` accounts whose names begin with `prefix` (admins)."""
    return _start("create_users", _given())


@blp.get("/task-status/<string:task_id>/")
@blp.response(200, TaskOut)
@api_access("read")
def status(task_id: str) -> Response:
    """Tell how a job or a workflow stands."""
    return _answer(_task(task_id))


@blp.get("/task-progress/<string:task_id>/")
@blp.response(200, ProgressOut)
@api_access("read")
def progress(task_id: str) -> Response:
    """Tell how far a job or a workflow is."""
    if queries.is_flow(task_id):
        return _answer(flow_progress_out(queries.flow_of(me(), task_id)))
    job = queries.job_of(me(), task_id)
    return _answer(progress_out(job, is_own=is_theirs(me(), job.requested_by)))


@blp.post("/revoke-task/<string:task_id>/")
@blp.doc(parameters=[{"in": "query", "name": "terminate", "schema": {"type": "string", "enum": ["true", "false"]}}])
@blp.response(200, RevokedOut)
@api_access("write")
def revoke(task_id: str) -> Response:
    """Cancel what waits; with `terminate=true` ask what runs to end, too."""
    terminate = request.args.get("terminate", "false").casefold()
    if terminate not in ("true", "false"):
        raise Invalid({"terminate": "Choose one of: true, false."})
    if terminate == "false" and not queries.is_flow(task_id) and queries.job_of(me(), task_id).state == "running":
        raise Conflict("It runs. With ?terminate=true in the address it is asked to end.")
    return _answer({"task_id": task_id, "cancelled": services.cancel(me(), task_id)})


@blp.get("/health/")
@blp.response(200, HealthOut)
@blp.alt_response(503, schema=HealthOut, description="No worker answers.")
@api_access("read")
def health() -> Response:
    """Tell whether workers answer."""
    found = queries.health()
    is_well = found["workers"] > 0
    return _answer({"status": "healthy" if is_well else "unhealthy", **found}, status=200 if is_well else 503)


@blp.get("/task-overview/")
@blp.response(200, OverviewOut)
@api_access("read")
def overview() -> Response:
    """Count your jobs by state, and show the last ten."""
    recent = [job_out(one, is_own=True) for one in queries.recent_of(me())]
    return _answer({"counts": queries.counts_of(me()), "recent": recent})


@tasks.post("/tasks/")
@tasks.doc(parameters=[KEY], requestBody=_body(TASK, required=True))
@tasks.response(202, StartedOut)
@tasks.alt_response(200, schema=StartedOut, description="It was sent before.")
@api_access("write")
def create_task() -> Response:
    """Have one kind run: `kind`, `arguments` and, if it matters, `priority`."""
    kind, args, priority = _wanted(_given(required=True))
    return _started(kind, args, priority=priority)


@tasks.get("/tasks/<string:task_id>/")
@tasks.response(200, TaskOut)
@api_access("read")
def show_task(task_id: str) -> Response:
    """Tell how a task stands."""
    return _answer(_task(task_id))


@tasks.delete("/tasks/<string:task_id>/")
@tasks.response(204)
@tasks.alt_response(400, description="It does not wait any more.")
@api_access("write")
def delete_task(task_id: str) -> Response:
    """Take a task back that has not begun."""
    if queries.job_of(me(), task_id).state not in ("ready", "scheduled", "blocked"):
        raise NotWaiting
    try:
        services.cancel(me(), task_id)
    except Conflict:
        raise NotWaiting from None
    return Response(status=204)


@tasks.post("/tasks/batch-request/")
@tasks.doc(parameters=[KEY], requestBody=_body(TASKS, required=True), responses=NOTHING_TAKEN)
@tasks.response(202, BatchOut)
@tasks.alt_response(200, schema=BatchOut, description="It was sent before.")
@api_access("write")
def create_batch() -> Response:
    """Have up to 100 kinds run; those that are wrong are told with their index, the others run."""
    return _batch()


@tasks.post("/batch-request")
@tasks.doc(parameters=[KEY], requestBody=_body(TASKS, required=True), responses=NOTHING_TAKEN, deprecated=True)
@tasks.response(202, BatchOut)
@tasks.alt_response(200, schema=BatchOut, description="It was sent before.")
@api_access("write")
def older_batch() -> Response:
    """Have up to 100 kinds run, under an older name."""
    return _batch()


def _batch() -> Response:
    given = read_json(request)
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_AT_ONCE:
        raise BadBatch
    try:
        sent = sent_once("tasks", lambda: [_taken(given)], content=given)
    except NothingTaken as nothing:
        return _answer({"tasks": [], "errors": nothing.errors}, status=400)
    return _answer(sent.made[0], status=202 if sent.is_new else 200)


def _taken(given: list[Any]) -> dict[str, Any]:
    """Start what can be started; what became of each. Raises NothingTaken."""
    wanted: dict[int, tuple[Kind, dict[str, Any], int | None]] = {}
    wrong: list[dict[str, Any]] = []
    for index, one in enumerate(given):
        try:
            kind, args, priority = _wanted(one)
            wanted[index] = (kind, services.check(me(), kind, args), priority)
        except Invalid as error:
            wrong.append({"index": index, "errors": error.errors})
        except NotAllowed as error:
            wrong.append({"index": index, "errors": {"kind": str(error)}})
    if not wanted:
        raise NothingTaken(wrong)
    uids = services.start_many(me(), list(wanted.values()))
    taken = [
        {"index": index, **started_out(uid, kind.name)}
        for uid, (index, (kind, _, _)) in zip(uids, wanted.items(), strict=True)
    ]
    return {"tasks": taken, "errors": wrong}


def _wanted(one: Any) -> tuple[Kind, dict[str, Any], int | None]:
    if not isinstance(one, dict):
        raise Invalid({"": "Send an object."})
    if unknown := one.keys() - {"kind", "arguments", "priority"}:
        raise Invalid({name[:40]: "Unknown field." for name in sorted(unknown)})
    kind = kinds.named(one.get("kind"))
    if kind is None or kind.is_flow:
        raise Invalid({"kind": f"Choose one of: {', '.join(TASK['properties']['kind']['enum'])}."})  # type: ignore[index]
    args, priority = one.get("arguments", {}), one.get("priority")
    if not isinstance(args, dict):
        raise Invalid({"arguments": "Send an object."})
    if priority is not None and (isinstance(priority, bool) or not isinstance(priority, int) or not 0 <= priority <= 9):
        raise Invalid({"priority": "Give a whole number from 0 to 9."})
    return kind, args, priority


def _start(name: str, given: Mapping[str, Any]) -> Response:
    kind = kinds.BY_NAME[name]
    return _started(kind, {**kind.usual(), **given})


def _started(kind: Kind, args: Mapping[str, Any], *, priority: int | None = None) -> Response:
    content = [kind.name, args, priority]
    sent = sent_once("task", lambda: [services.start(me(), kind, args, priority=priority)], content=content)
    return _answer(started_out(sent.made[0], kind.name), status=202 if sent.is_new else 200)


def _given(*, required: bool = False) -> dict[str, Any]:
    """The object that was sent; nothing at all is an empty one."""
    if not required and not request.get_data():
        return {}
    given = read_json(request)
    if not isinstance(given, dict):
        raise Invalid({"": "Send an object."})
    return given


def _task(task_id: str) -> dict[str, Any]:
    if queries.is_flow(task_id):
        flow = queries.flow_of(me(), task_id)
        is_own = is_theirs(me(), flow.requested_by)
        told = (queries.steps_of(flow), queries.result_of(flow))
        return flow_out(flow, *told, gone_at=queries.result_gone_at(flow), is_own=is_own)
    job = queries.job_of(me(), task_id)
    return job_out(job, is_own=is_theirs(me(), job.requested_by))


def _answer(content: Any, *, status: int = 200) -> Response:
    response = cast("Response", current_app.json.response(content))
    response.status_code = status
    response.headers["Cache-Control"] = "no-store"
    return response
