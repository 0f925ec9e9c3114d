"""What the API of the workbench returns."""

from datetime import datetime
from typing import Any

from flask import url_for
from marshmallow import Schema, fields

from app.discretion import told, told_text
from jobs import Entry, StepBrief, WorkflowBrief

from .standing import older_status, percent

STATUSES = ["PENDING", "STARTED", "PROGRESS", "RETRY", "SUCCESS", "FAILURE", "REVOKED"]


class StartedOut(Schema):
    """Something that was set going."""

    task_id = fields.String(required=True, metadata={"description": "Of a job, or of a workflow."})
    kind = fields.String(required=True)
    status_url = fields.String(required=True)


class ProgressOut(Schema):
    """How far a job or a workflow is."""

    task_id = fields.String(required=True)
    status = fields.String(required=True, metadata={"enum": STATUSES})
    state = fields.String(required=True)
    current = fields.Integer(required=True, allow_none=True)
    total = fields.Integer(required=True, allow_none=True)
    percent = fields.Integer(required=True, allow_none=True)
    note = fields.String(required=True, allow_none=True)


class StepOut(Schema):
    """One job of a workflow."""

    name = fields.String(required=True)
    task_id = fields.String(required=True)
    state = fields.String(required=True)
    error = fields.String(required=True, allow_none=True)


class TaskOut(ProgressOut):
    """A job or a workflow as it stands."""

    kind = fields.String(required=True)
    result = fields.Raw(required=True, allow_none=True)
    result_gone_at = fields.AwareDateTime(required=True, allow_none=True)
    error = fields.String(required=True, allow_none=True)
    attempts = fields.Integer(required=True, allow_none=True)
    priority = fields.Integer(required=True, allow_none=True)
    created_at = fields.AwareDateTime(required=True)
    started_at = fields.AwareDateTime(required=True, allow_none=True)
    finished_at = fields.AwareDateTime(required=True, allow_none=True)
    steps = fields.List(fields.Nested(StepOut), required=True)


class WrongOut(Schema):
    """One task of a batch that was not taken."""

    index = fields.Integer(required=True)
    errors = fields.Dict(required=True, metadata={"description": "A sentence by field."})


class TakenOut(StartedOut):
    """One task of a batch that was taken."""

    index = fields.Integer(required=True)


class BatchOut(Schema):
    """What became of a batch."""

    tasks = fields.List(fields.Nested(TakenOut), required=True)
    errors = fields.List(fields.Nested(WrongOut), required=True)


class RevokedOut(Schema):
    """What became of a wish to cancel."""

    task_id = fields.String(required=True)
    cancelled = fields.Boolean(required=True, metadata={"description": "False: it runs, and was asked to end."})


class HealthOut(Schema):
    """Whether workers answer, and what they have to do."""

    status = fields.String(required=True, metadata={"enum": ["healthy", "unhealthy"]})
    workers = fields.Integer(required=True)
    running = fields.Integer(required=True)
    ready = fields.Integer(required=True)
    scheduled = fields.Integer(required=True)


class OverviewOut(Schema):
    """Your jobs on the workbench."""

    counts = fields.Dict(required=True)
    recent = fields.List(fields.Nested(TaskOut), required=True)


def job_out(job: Entry, *, is_own: bool) -> dict[str, Any]:
    """What `TaskOut` describes, of a job."""
    return {
        **progress_out(job, is_own=is_own),
        "kind": job.kind,
        "result": told(job.result, is_own=is_own),
        "result_gone_at": job.result_gone_at and job.result_gone_at.isoformat(),
        "error": told_text(job.error_message, is_own=is_own),
        "attempts": job.attempt,
        "priority": job.priority,
        "created_at": job.created_at.isoformat(),
        "started_at": job.started_at and job.started_at.isoformat(),
        "finished_at": job.finished_at and job.finished_at.isoformat(),
        "steps": [],
    }


def progress_out(job: Entry, *, is_own: bool) -> dict[str, Any]:
    """What `ProgressOut` describes, of a job."""
    has_progress = job.progress_current is not None
    return {
        "task_id": job.uid,
        "status": older_status(job.state, failures=job.failures, has_progress=has_progress),
        "state": job.state,
        "current": job.progress_current,
        "total": job.progress_total,
        "percent": 100 if job.state == "succeeded" else percent(job.progress_current, job.progress_total),
        "note": told_text(job.progress_note, is_own=is_own),
    }


def flow_out(
    flow: WorkflowBrief, steps: list[StepBrief], result: Any, *, gone_at: datetime | None, is_own: bool
) -> dict[str, Any]:
    """What `TaskOut` describes, of a workflow."""
    error = next((step.error_message for step in steps if step.name == flow.failed_step), None)
    return {
        **flow_progress_out(flow),
        "kind": flow.name,
        "result": told(result, is_own=is_own),
        "result_gone_at": gone_at and gone_at.isoformat(),
        "error": told_text(error, is_own=is_own),
        "attempts": None,
        "priority": None,
        "created_at": flow.created_at.isoformat(),
        "started_at": None,
        "finished_at": flow.finished_at and flow.finished_at.isoformat(),
        "steps": [
            {
                "name": one.name,
                "task_id": one.uid,
                "state": one.state,
                "error": told_text(one.error_message, is_own=is_own),
            }
            for one in steps
        ],
    }


def flow_progress_out(flow: WorkflowBrief) -> dict[str, Any]:
    """What `ProgressOut` describes, of a workflow."""
    total = sum(flow.counts.values())
    return {
        "task_id": flow.uid,
        "status": older_status(flow.state, has_progress=flow.settled > 0),
        "state": flow.state,
        "current": flow.settled,
        "total": total,
        "percent": percent(flow.settled, total),
        "note": f"{flow.settled} of {total} steps",
    }


def started_out(task_id: str, kind: str) -> dict[str, str]:
    """What `StartedOut` describes."""
    return {"task_id": task_id, "kind": kind, "status_url": url_for("workbench_api.status", task_id=task_id)}
