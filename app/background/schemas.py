"""What the API of jobs accepts and returns."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from marshmallow import Schema, ValidationError, fields

from app.discretion import told, told_text
from app.errors import Invalid
from app.fields import LineField, MomentField, WholeField
from app.openapi import EachOut
from app.security import requester_named
from jobs import Attempt, Entry, KindLook, Place, Progress, Selection, State, engine_of
from jobs.console import Question

LONGEST_WAIT_S = 30
LONGEST_UNIQUE = 120
LONGEST_NAME = 128
LONGEST_REASON = 200
LONGEST_QUEUE = 64
QUEUE = "Left out: the kind's own. Operators may choose another one."
LONGEST_QUESTION = 1_000
QUALIFIERS = ("kind", "queue", "user", "requested_by", "worker", "error", "since", "q")
UID_START = re.compile(r"[0-9a-f]{6,32}")
STATES = [state.value for state in State]


class ArgsField(fields.Field[dict[str, Any]]):
    """Arguments by name."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValidationError("Give an object: the arguments by name.")
        return value


class StatesField(fields.String):
    """Some states, by commas."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        try:
            return tuple(dict.fromkeys(State(word.strip()) for word in str(value).split(",")))
        except ValueError:
            raise ValidationError(f"Choose some of: {', '.join(STATES)}.") from None


class PlaceField(fields.String):
    """Where a page ended."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        try:
            return Place.read(str(value))
        except (ValueError, OverflowError):
            raise ValidationError("This is not the place of a page.") from None


class UidStartField(fields.String):
    """An id, or at least the first six signs of one."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = str(value).strip().lower()
        if not UID_START.fullmatch(text):
            raise ValidationError("Give an id, or its first 6 to 32 signs (0 to 9, a to f).")
        return text


class WordField(LineField):
    """What the filter bar of the console takes behind the qualifier of this name; `q` is all of the bar."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        word = super()._deserialize(value, attr, data, **kwargs)
        if wrong := Question.read({str(attr): word}, kinds=[*engine_of().jobs])[1]:
            raise ValidationError(wrong)
        return word


class JobIn(Schema):
    """A job that shall run."""

    kind = LineField(longest=LONGEST_NAME, required=True, metadata={"description": "One of /api/v1/kinds."})
    args = ArgsField(load_default=dict, metadata={"type": "object", "description": "The arguments, by name."})
    priority = WholeField(0, 9, metadata={"description": "0 comes first. Left out: the kind's own, usually 5."})
    queue = LineField(longest=LONGEST_QUEUE, metadata={"description": QUEUE})
    run_at = MomentField(metadata={"description": "Not before this moment."})
    expires_at = MomentField(metadata={"description": "If it has not started by then, it is cancelled."})
    unique = LineField(
        longest=LONGEST_UNIQUE,
        metadata={"description": "While a job of yours of this kind and with this key lives, it is given instead."},
    )


class JobChange(Schema):
    """What of a waiting job changes."""

    priority = WholeField(0, 9)
    queue = LineField(
        longest=LONGEST_QUEUE, metadata={"description": "Its workers take it from now on. Operators may choose any."}
    )
    run_at = MomentField()
    reason = LineField(longest=LONGEST_REASON, metadata={"description": "For the audit log."})


class BatchArgs(Schema):
    """How to take a batch."""

    some = WholeField(
        0, 1, digits=True, data_key="partial", load_default=0, metadata={"description": "1: take the good ones."}
    )


class WaitArgs(Schema):
    """How long to wait."""

    wait = WholeField(
        0,
        LONGEST_WAIT_S,
        digits=True,
        load_default=0,
        metadata={"description": "Answer when the job has settled, after so many seconds at the latest."},
    )


class ListArgs(Schema):
    """Which jobs to list."""

    state = StatesField(metadata={"description": f"Some of these, by commas: {', '.join(STATES)}."})
    kind = LineField(longest=LONGEST_NAME)
    queue = LineField(longest=LONGEST_NAME)
    id = UidStartField(metadata={"description": "An id, or its first signs, six or more."})
    user = WordField(longest=LONGEST_NAME, metadata={"description": "Who asked for it, such as 7."})
    requested_by = WordField(longest=LONGEST_NAME, metadata={"description": "The same as user."})
    worker = WordField(longest=LONGEST_NAME, metadata={"description": "A part of the name of its worker."})
    error = WordField(longest=LONGEST_NAME, metadata={"description": "A fingerprint, or a part of the error."})
    since = WordField(
        longest=LONGEST_NAME,
        metadata={
            "description": "Ended since, or asked for where it has not: 30m, 24h, 7d, or a day such as 2026-11-20."
        },
    )
    q = WordField(
        longest=LONGEST_QUESTION,
        metadata={
            "description": "The words of the filter bar of /ops/jobs: state: queue: kind: user: id: worker: error: "
            "args.key: since:, such as `state:failed args.x:2`."
        },
    )
    limit = WholeField(1, 100, digits=True, load_default=25)
    next = PlaceField(metadata={"description": "From the page before."})


class JobErrorOut(Schema):
    """What went wrong last."""

    type = fields.String(required=True, allow_none=True, data_key="class", attribute="class")
    message = fields.String(required=True, allow_none=True)
    fingerprint = fields.String(required=True, allow_none=True)


class JobProgressOut(Schema):
    """How far a job is."""

    state = fields.String(required=True, metadata={"enum": STATES})
    current = fields.Integer(required=True, allow_none=True)
    total = fields.Integer(required=True, allow_none=True)
    percent = fields.Float(required=True, allow_none=True)
    note = fields.String(required=True, allow_none=True)
    eta_s = fields.Float(required=True, allow_none=True, metadata={"description": "Seconds left, at the pace so far."})
    updated_at = fields.AwareDateTime(required=True, allow_none=True)


class JobLookOut(Schema):
    """A job."""

    id = fields.String(required=True)
    kind = fields.String(required=True)
    queue = fields.String(required=True)
    state = fields.String(required=True, metadata={"enum": STATES})
    priority = fields.Integer(required=True)
    args = fields.Dict(required=True)
    run_at = fields.AwareDateTime(required=True, allow_none=True)
    expires_at = fields.AwareDateTime(required=True, allow_none=True)
    created_at = fields.AwareDateTime(required=True)
    started_at = fields.AwareDateTime(required=True, allow_none=True)
    finished_at = fields.AwareDateTime(required=True, allow_none=True)
    attempts = fields.Integer(required=True)
    failures = fields.Integer(required=True)
    max_retries = fields.Integer(required=True)
    cancel_requested_at = fields.AwareDateTime(required=True, allow_none=True)
    requested_by = fields.String(required=True, allow_none=True)
    step = fields.String(required=True, allow_none=True, metadata={"description": "Its name in a workflow."})
    reason = fields.String(
        required=True, allow_none=True, metadata={"description": "Why it waits although it could run."}
    )
    error = fields.Nested(JobErrorOut, required=True, allow_none=True)


class JobsOut(Schema):
    """Several jobs."""

    jobs = fields.List(fields.Nested(JobLookOut), required=True)


class JobOfManyOut(EachOut):
    """What became of one job of a batch."""

    index = fields.Integer(required=True)
    id = fields.String(metadata={"description": "Of a job that was made."})


class SomeJobsOut(Schema):
    """What became of each job of a batch, in its order."""

    results = fields.List(fields.Nested(JobOfManyOut), required=True)


class JobPageOut(JobsOut):
    """A page of jobs, newest first, or fewer; `next` asks for the page after it and is null on the last."""

    next = fields.String(required=True, allow_none=True)


class JobResultOut(Schema):
    """What a job came to."""

    id = fields.String(required=True)
    state = fields.String(required=True, metadata={"enum": STATES})
    is_settled = fields.Boolean(required=True)
    result = fields.Raw(required=True, allow_none=True)
    error = fields.Nested(JobErrorOut, required=True, allow_none=True)


class JobAttemptOut(Schema):
    """One ended try."""

    attempt = fields.Integer(required=True)
    outcome = fields.String(required=True)
    worker = fields.String(required=True, allow_none=True)
    ready_at = fields.AwareDateTime(required=True, allow_none=True)
    started_at = fields.AwareDateTime(required=True, allow_none=True)
    finished_at = fields.AwareDateTime(required=True)
    error_class = fields.String(required=True, allow_none=True)
    error_message = fields.String(required=True, allow_none=True)
    traceback = fields.String(metadata={"description": "For operators and admins."})


class JobAttemptsOut(Schema):
    """Every ended try of a job, oldest first."""

    attempts = fields.List(fields.Nested(JobAttemptOut), required=True)


class ReasonIn(Schema):
    """Why something is done; it is kept in the audit log."""

    need_not_come = True

    reason = LineField(longest=LONGEST_REASON)


class JobRevelationOut(Schema):
    """What of a job is masked where somebody else's is told."""

    id = fields.String(required=True)
    args = fields.Dict(required=True)
    result = fields.Raw(required=True, allow_none=True)
    error = fields.Nested(JobErrorOut, required=True, allow_none=True)
    attempts = fields.List(fields.Nested(JobAttemptOut), required=True)


class KindOut(Schema):
    """A kind of job."""

    name = fields.String(required=True)
    queue = fields.String(required=True)
    owner = fields.String(required=True, metadata={"description": "The feature that declares it."})
    doc = fields.String(required=True)
    arguments = fields.Dict(required=True, metadata={"description": "A JSON schema."})
    policy = fields.Dict(required=True)


class KindsOut(Schema):
    """The kinds that may be started."""

    kinds = fields.List(fields.Nested(KindOut), required=True)


def meant_by(given: Mapping[str, Any], *, now: datetime) -> Selection:
    """The jobs that `ListArgs` describes.

    Raises:
        Invalid: a word of `q` says something else than its field
    """
    asked = {name: given[name] for name in QUALIFIERS if name in given}
    question, wrong = Question.read(asked, kinds=[*engine_of().jobs])
    if not wrong and (twice := [name for name in ("state", "id") if name in given and _says(question, name)]):
        wrong = [f"“{name}:” is there twice." for name in twice]
    if wrong:
        raise Invalid({"q": " ".join(wrong)})
    meant = question.selection(now=now, requester=requester_named)
    if "state" in given:
        meant = replace(meant, states=given["state"])
    return replace(meant, uids=(), uid_start=given["id"]) if "id" in given else meant


def _says(question: Question, name: str) -> bool:
    return bool(question.view.key if name == "state" else question.get(name))


def moment_out(moment: datetime | None) -> str | None:
    """A moment as the API tells it."""
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


def job_out(entry: Entry, *, is_own: bool = False) -> dict[str, Any]:
    """What `JobLookOut` describes, for its owner or for somebody else."""
    return {
        "id": entry.uid,
        "kind": entry.kind,
        "queue": entry.queue,
        "state": entry.state,
        "priority": entry.priority,
        "args": told(entry.args, is_own=is_own),
        "run_at": moment_out(entry.run_at),
        "expires_at": moment_out(entry.expires_at),
        "created_at": moment_out(entry.created_at),
        "started_at": moment_out(entry.started_at),
        "finished_at": moment_out(entry.finished_at),
        "attempts": entry.attempt,
        "failures": entry.failures,
        "max_retries": entry.max_retries,
        "cancel_requested_at": moment_out(entry.cancel_requested_at),
        "requested_by": entry.requested_by,
        "step": entry.step,
        "reason": engine_of().inspector.why_waiting(entry),
        "error": error_out(entry, is_own=is_own),
    }


def error_out(entry: Entry, *, is_own: bool) -> dict[str, Any] | None:
    """What `JobErrorOut` describes; None when nothing went wrong, or the job succeeded after all."""
    if entry.state == State.SUCCEEDED or (entry.error_class is None and entry.error_message is None):
        return None
    message = told_text(entry.error_message, is_own=is_own)
    return {"class": entry.error_class, "message": message, "fingerprint": entry.error_fingerprint}


def progress_out(entry: Entry, progress: Progress, *, is_own: bool) -> dict[str, Any]:
    """What `JobProgressOut` describes."""
    return {
        "state": entry.state,
        "current": progress.current,
        "total": progress.total,
        "percent": progress.percent,
        "note": told_text(progress.note, is_own=is_own),
        "eta_s": progress.eta_s,
        "updated_at": moment_out(progress.updated_at),
    }


def result_out(entry: Entry, *, is_own: bool) -> dict[str, Any]:
    """What `JobResultOut` describes."""
    return {
        "id": entry.uid,
        "state": entry.state,
        "is_settled": not entry.is_live,
        "result": told(entry.result, is_own=is_own),
        "error": None if entry.is_live else error_out(entry, is_own=is_own),
    }


def attempt_out(one: Attempt, *, with_traceback: bool, is_own: bool) -> dict[str, Any]:
    """What `JobAttemptOut` describes."""
    plain = {name: getattr(one, name) for name in ("attempt", "outcome", "worker", "error_class")}
    texts = {"error_message": told_text(one.error_message, is_own=is_own)}
    if with_traceback and one.traceback:
        texts["traceback"] = told_text(one.traceback, is_own=is_own)
    moments = {name: moment_out(getattr(one, name)) for name in ("ready_at", "started_at", "finished_at")}
    return plain | texts | moments


def revelation_out(entry: Entry, attempts: Sequence[Attempt]) -> dict[str, Any]:
    """What `JobRevelationOut` describes."""
    return {
        "id": entry.uid,
        "args": told(entry.args, is_own=True),
        "result": told(entry.result, is_own=True),
        "error": error_out(entry, is_own=True),
        "attempts": [attempt_out(one, with_traceback=True, is_own=True) for one in attempts],
    }


def kind_out(kind: KindLook) -> dict[str, Any]:
    """What `KindOut` describes."""
    return {name: getattr(kind, name) for name in ("name", "queue", "owner", "doc", "arguments", "policy")}
