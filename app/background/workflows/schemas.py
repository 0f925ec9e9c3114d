"""What the API of workflows accepts and returns."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from app.background.schemas import LONGEST_QUEUE, QUEUE, STATES, ArgsField, moment_out
from app.discretion import told, told_text
from app.fields import LineField, WholeField
from jobs import FlowState, OnFailure, StepBrief, WorkflowBrief

from .services import MOST_STEPS

LONGEST_NAME = 128
LONGEST_STEP_NAME = 60
LARGEST_ID = 10**18 - 1
FLOW_STATES = [state.value for state in FlowState]
SOME_STEPS = validate.Length(1, MOST_STEPS, error="Give 1 to {max} steps.")


class FlowStatesField(fields.String):
    """Some states, by commas."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        try:
            return tuple(dict.fromkeys(FlowState(word.strip()) for word in str(value).split(",")))
        except ValueError:
            raise ValidationError(f"Choose some of: {', '.join(FLOW_STATES)}.") from None


class WorkflowUndoIn(Schema):
    """What takes a step back; its function may have a parameter `result`."""

    kind = LineField(longest=LONGEST_NAME, required=True, metadata={"description": "One of /api/v1/kinds."})
    args = ArgsField(load_default=dict, metadata={"type": "object", "description": "The arguments, by name."})


class WorkflowStepIn(WorkflowUndoIn):
    """One job of a workflow. A function gets in `results` or `parents` what the steps before it came to."""

    name = LineField(longest=LONGEST_STEP_NAME)
    priority = WholeField(0, 9, metadata={"description": "0 comes first. Left out: the kind's own, usually 5."})
    queue = LineField(longest=LONGEST_QUEUE, metadata={"description": QUEUE})
    undo = fields.Nested(WorkflowUndoIn, metadata={"description": "With `on_failure: compensate`, what takes it back."})


class WorkflowNamedStepIn(WorkflowStepIn):
    """One job of a workflow, and the names of those it waits for."""

    name = LineField(longest=LONGEST_STEP_NAME, required=True)
    after = fields.List(LineField(longest=LONGEST_STEP_NAME), load_default=list)


class WorkflowChordIn(Schema):
    """Steps that run side by side, and the one that runs when all of them have succeeded."""

    header = fields.List(
        fields.Nested(WorkflowStepIn),
        required=True,
        validate=validate.Length(1, MOST_STEPS - 1, error="Give 1 to {max} steps."),
    )
    callback = fields.Nested(WorkflowStepIn, required=True)


class WorkflowIn(Schema):
    """Jobs that wait for each other: exactly one of `chain`, `group`, `chord` and `steps`."""

    name = LineField(longest=LONGEST_NAME, load_default="workflow")
    on_failure = fields.String(
        load_default=OnFailure.STOP.value,
        validate=validate.OneOf([one.value for one in OnFailure], error="Choose one of: {choices}."),
        metadata={
            "description": "What becomes of the others when a step has failed. stop: what has not started is cancelled."
            " go_on: only what depends on it. compensate: as stop, and then every `undo` of what succeeded runs."
        },
    )
    chain = fields.List(
        fields.Nested(WorkflowStepIn), validate=SOME_STEPS, metadata={"description": "One after the other."}
    )
    group = fields.List(fields.Nested(WorkflowStepIn), validate=SOME_STEPS, metadata={"description": "Side by side."})
    chord = fields.Nested(WorkflowChordIn)
    steps = fields.List(
        fields.Nested(WorkflowNamedStepIn), validate=SOME_STEPS, metadata={"description": "Any other shape."}
    )


class WorkflowsArgs(Schema):
    """Which page of workflows."""

    state = FlowStatesField(metadata={"description": f"Some of these, by commas: {', '.join(FLOW_STATES)}."})
    limit = WholeField(1, 100, digits=True, load_default=25)
    next = fields.String(
        validate=validate.Regexp(r"[0-9a-f]{32}\Z", error="This is not the place of a page."),
        metadata={"description": "From the page before."},
    )


class StepsArgs(Schema):
    """Which page of steps."""

    limit = WholeField(1, MOST_STEPS, digits=True, load_default=200)
    next = WholeField(1, LARGEST_ID, digits=True, load_default=0, metadata={"description": "From the page before."})


class WorkflowOut(Schema):
    """A workflow; `counts` says how many of its jobs are in which state."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    state = fields.String(required=True, metadata={"enum": FLOW_STATES})
    is_settled = fields.Boolean(required=True)
    on_failure = fields.String(required=True)
    size = fields.Integer(required=True, metadata={"description": "How many steps it has."})
    counts = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    failed_step = fields.String(required=True, allow_none=True)
    requested_by = fields.String(required=True, allow_none=True)
    created_at = fields.AwareDateTime(required=True)
    finished_at = fields.AwareDateTime(required=True, allow_none=True)


class WorkflowStepOut(Schema):
    """One step; `after` names those it waits for, where they are few."""

    name = fields.String(required=True)
    job_id = fields.String(required=True)
    kind = fields.String(required=True)
    queue = fields.String(required=True)
    state = fields.String(required=True, metadata={"enum": STATES})
    attempts = fields.Integer(required=True)
    error_class = fields.String(required=True, allow_none=True)
    error_message = fields.String(required=True, allow_none=True)
    started_at = fields.AwareDateTime(required=True, allow_none=True)
    finished_at = fields.AwareDateTime(required=True, allow_none=True)
    after = fields.List(fields.String(), required=True)


class WorkflowLookOut(WorkflowOut):
    """A workflow with its steps in their order; `next` asks for those behind them and is null on the last page."""

    steps = fields.List(fields.Nested(WorkflowStepOut), required=True)
    next = fields.String(required=True, allow_none=True)


class WorkflowPageOut(Schema):
    """A page of workflows, newest first; `next` asks for the page after it and is null on the last."""

    workflows = fields.List(fields.Nested(WorkflowOut), required=True)
    next = fields.String(required=True, allow_none=True)


class WorkflowResultOut(Schema):
    """By step name, what those steps came to that no other waits for."""

    id = fields.String(required=True)
    state = fields.String(required=True, metadata={"enum": FLOW_STATES})
    is_settled = fields.Boolean(required=True)
    results = fields.Dict(required=True)


def workflow_out(flow: WorkflowBrief) -> dict[str, Any]:
    """What `WorkflowOut` describes."""
    plain = ("name", "state", "on_failure", "counts", "failed_step", "requested_by")
    return {
        "id": flow.uid,
        **{name: getattr(flow, name) for name in plain},
        "is_settled": not flow.is_live,
        "size": flow.steps,
        "created_at": moment_out(flow.created_at),
        "finished_at": moment_out(flow.finished_at),
    }


def step_out(one: StepBrief, *, is_own: bool) -> dict[str, Any]:
    """What `WorkflowStepOut` describes."""
    return {
        **{name: getattr(one, name) for name in ("name", "kind", "queue", "state", "error_class")},
        "error_message": told_text(one.error_message, is_own=is_own),
        "job_id": one.uid,
        "attempts": one.attempt,
        "started_at": moment_out(one.started_at),
        "finished_at": moment_out(one.finished_at),
        "after": list(one.after),
    }


def result_out(flow: WorkflowBrief, results: Mapping[str, Any], *, is_own: bool) -> dict[str, Any]:
    """What `WorkflowResultOut` describes."""
    return {
        "id": flow.uid,
        "state": flow.state,
        "is_settled": not flow.is_live,
        "results": told(results, is_own=is_own),
    }
