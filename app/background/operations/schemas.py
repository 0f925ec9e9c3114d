"""What the operators' API accepts and returns."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from app.background.schemas import LONGEST_NAME, LONGEST_QUEUE, STATES, JobLookOut, job_out, kind_out, moment_out
from app.discretion import told_text
from app.fields import LineField, MomentField, WholeField
from jobs import (
    CAN_BE_UNDONE,
    RANGES,
    WISHES,
    WORKS_ON,
    Action,
    AuditRow,
    BulkLook,
    BulkRequest,
    Channel,
    ErrorGroup,
    Figures,
    Kept,
    KindLook,
    LaneLook,
    Overview,
    Point,
    Preview,
    QueueLook,
    Range,
    RedisLook,
    Selection,
    State,
    Verification,
    WorkerRow,
    by_moment,
    masked,
    orphans,
    together,
)

LARGEST_ID = 2**63 - 1
LONGEST_REASON = 200
LONGEST_REQUESTER = 80
MOST_KINDS = 100
MOST_IDS = 1_000
MOST = 1_000_000
MOST_GROUPS = 1_000
DAY_S = 86_400
COUNTS = ("blocked", "scheduled", "ready", "running")
_RANGE_KEYS = ", ".join(one.key for one in RANGES)
ACTIONS = [str(action) for action in WORKS_ON]


class FlagField(fields.Boolean):
    """true or false, and nothing that looks like it."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("Give true or false.")
        return value


class LanePauseIn(Schema):
    """Why, and for how long."""

    reason = LineField(longest=LONGEST_REASON, metadata={"description": "Shown to whoever wonders."})
    until = MomentField(metadata={"description": "It ends by itself at this moment. Left out: when it is resumed."})


class LimitsIn(Schema):
    """All limits that shall hold; what is left out or null is not limited."""

    most_running = WholeField(1, MOST, allow_none=True, load_default=None)
    rate_count = WholeField(1, MOST, allow_none=True, load_default=None)
    rate_period_s = WholeField(1, DAY_S, allow_none=True, load_default=None)
    reason = LineField(longest=LONGEST_REASON, metadata={"description": "For the audit log."})


class ErrorGroupsArgs(Schema):
    """Which page."""

    limit = WholeField(1, MOST_GROUPS, digits=True, load_default=100)
    next = WholeField(1, LARGEST_ID, digits=True, metadata={"description": "From the page before."})


class WishIn(Schema):
    """What is wished of a process."""

    wish = fields.String(
        required=True,
        validate=validate.OneOf(WISHES, error=f"Choose one of: {', '.join(WISHES)}."),
        metadata={"enum": list(WISHES), "description": "Take nothing more, take work again, or finish and end."},
    )
    reason = LineField(longest=LONGEST_REASON, metadata={"description": "For the audit log."})


class HistoryArgs(Schema):
    """Which stretch of the history, of all jobs or of some."""

    range = fields.String(
        load_default="24h",
        validate=validate.OneOf([one.key for one in RANGES], error=f"Choose one of: {_RANGE_KEYS}."),
        metadata={"enum": [one.key for one in RANGES]},
    )
    queue = LineField(longest=LONGEST_QUEUE)
    kind = LineField(longest=LONGEST_NAME)


class OperatorPageArgs(Schema):
    """Which page."""

    limit = WholeField(1, 100, digits=True, load_default=25)
    next = WholeField(1, LARGEST_ID, digits=True, metadata={"description": "From the page before."})


class AuditArgs(OperatorPageArgs):
    """Which page of which time."""

    since = MomentField(metadata={"description": "From this moment on."})
    until = MomentField(metadata={"description": "Before this moment."})


class FilterIn(Schema):
    """Which jobs: those for which all of this holds."""

    states = fields.List(
        fields.String(validate=validate.OneOf(STATES, error=f"Choose some of: {', '.join(STATES)}.")),
        validate=validate.Length(1, len(STATES)),
        metadata={"description": "Left out: those that the action works on."},
    )
    kinds = fields.List(LineField(longest=LONGEST_NAME), validate=validate.Length(1, MOST_KINDS))
    queue = LineField(longest=LONGEST_QUEUE)
    requested_by = LineField(longest=LONGEST_REQUESTER, metadata={"description": "As jobs tell it: user 7."})
    fingerprint = fields.String(validate=validate.Regexp(r"[0-9a-f]{16}\Z", error="Give a fingerprint, 16 signs."))
    ids = fields.List(
        fields.String(validate=validate.Regexp(r"[0-9a-f]{32}\Z", error="Give ids of jobs, 32 signs each.")),
        validate=validate.Length(1, MOST_IDS),
    )


class BulkIn(Schema):
    """What to do to which jobs."""

    action = fields.String(
        required=True,
        validate=validate.OneOf(ACTIONS, error=f"Choose one of: {', '.join(ACTIONS)}."),
        metadata={"enum": ACTIONS},
    )
    filter = fields.Nested(FilterIn, required=True)
    priority = WholeField(0, 9, metadata={"description": "With reprioritise: the new one."})
    queue = LineField(longest=LONGEST_QUEUE, metadata={"description": "With move: the new one."})
    dry_run = FlagField(load_default=False, metadata={"description": "true: only tell which jobs are meant."})
    reason = LineField(longest=LONGEST_REASON, metadata={"description": "For the audit log."})


class LanePauseOut(Schema):
    """Who paused it and why."""

    by = fields.String(required=True, allow_none=True)
    reason = fields.String(required=True, allow_none=True)
    until = fields.AwareDateTime(required=True, allow_none=True)


class LimitsOut(Schema):
    """How many jobs may run at a time, and how many may start in so many seconds; null: any number."""

    most_running = fields.Integer(required=True, allow_none=True)
    rate_count = fields.Integer(required=True, allow_none=True)
    rate_period_s = fields.Float(required=True, allow_none=True)


class LaneOut(Schema):
    """What people decided about a queue or a kind; `pause` is null while nothing is paused."""

    name = fields.String(required=True)
    pause = fields.Nested(LanePauseOut, required=True, allow_none=True)
    limits = fields.Nested(LimitsOut, required=True)


class QueueOut(LaneOut):
    """A queue: how many jobs wait and run in it, and for how long the oldest ready one has waited."""

    counts = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    oldest_ready_s = fields.Float(required=True)
    kinds = fields.List(fields.String(), required=True)


class QueuesOut(Schema):
    """Every queue."""

    queues = fields.List(fields.Nested(QueueOut), required=True)


class KindLaneOut(LaneOut):
    """A kind, and what people decided about it."""

    queue = fields.String(required=True)
    owner = fields.String(required=True)
    doc = fields.String(required=True)
    arguments = fields.Dict(required=True, metadata={"description": "A JSON schema."})
    policy = fields.Dict(required=True)


class WorkerOut(Schema):
    """A process that runs jobs or sweeps."""

    name = fields.String(required=True)
    role = fields.String(required=True)
    queues = fields.List(fields.String(), required=True)
    version = fields.String(required=True)
    running = fields.Integer(required=True)
    wish = fields.String(required=True, metadata={"description": "quiet or stop; empty: to work."})
    wished_by = fields.String(required=True, allow_none=True)
    sees_redis = fields.Boolean(required=True)
    started_at = fields.AwareDateTime(required=True)
    seen_at = fields.AwareDateTime(required=True)


class WorkersOut(Schema):
    """The processes that were heard of lately."""

    workers = fields.List(fields.Nested(WorkerOut), required=True)


class EngineOverviewOut(Schema):
    """Everything at a glance; what is settled is counted to 10,000, and one more says that there are more."""

    now = fields.AwareDateTime(required=True)
    counts = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    retrying = fields.Integer(required=True)
    failed_today = fields.Integer(required=True)
    oldest_ready_s = fields.Float(required=True)
    overdue_s = fields.Float(required=True)
    workers = fields.Integer(required=True)
    schedulers = fields.Integer(required=True)


class ErrorGroupOut(Schema):
    """One error, and in how many jobs it is the last one, counted to 10,000."""

    fingerprint = fields.String(required=True)
    count = fields.Integer(required=True)
    kind = fields.String(required=True)
    error_class = fields.String(required=True, allow_none=True)
    message = fields.String(required=True, allow_none=True)
    first_seen_at = fields.AwareDateTime(required=True)
    last_seen_at = fields.AwareDateTime(required=True)
    last_job_id = fields.String(required=True)
    is_muted = fields.Boolean(required=True, metadata={"description": "Hidden until another version runs."})


class MuteIn(Schema):
    """Why."""

    reason = LineField(longest=LONGEST_REASON, metadata={"description": "Shown to whoever wonders."})


class ErrorGroupsOut(Schema):
    """A page of errors, the one met last first; `next` asks for the page after it and is null on the last."""

    errors = fields.List(fields.Nested(ErrorGroupOut), required=True)
    next = fields.Integer(required=True, allow_none=True)


class PromiseOut(Schema):
    """Something that must hold, how many things break it (counted to 500), and the names of some of them."""

    name = fields.String(required=True)
    says = fields.String(required=True)
    holds = fields.Boolean(required=True)
    broken = fields.Integer(required=True)
    samples = fields.List(fields.String(), required=True, metadata={"description": "Of the sort told by `sort`."})
    sort = fields.String(required=True)
    repair = fields.String(required=True, allow_none=True, metadata={"description": "null: nothing mends it."})


class IntegrityOut(Schema):
    """Every promise of the engine."""

    holds = fields.Boolean(required=True)
    promises = fields.List(fields.Nested(PromiseOut), required=True)


class ShelfOut(Schema):
    """What lies in Redis for one queue; orphans are messages that nobody holds."""

    queue = fields.String(required=True)
    wake_ups = fields.Integer(required=True)
    delayed = fields.Integer(required=True)
    held = fields.Integer(required=True)
    dead_letters = fields.Integer(required=True)
    tokens = fields.Integer(required=True)
    messages = fields.Integer(required=True)
    orphans = fields.Integer(required=True)


class BeatOut(Schema):
    """A process of the broker, and since how long Redis has not heard of it."""

    id = fields.String(required=True)
    silent_s = fields.Float(required=True)
    is_silent = fields.Boolean(required=True)


class BrokerOut(Schema):
    """What lies in Redis. `problem` says why nothing is known; jobs lie in the database and run all the same."""

    problem = fields.String(required=True, allow_none=True)
    version = fields.String(required=True)
    memory_bytes = fields.Integer(required=True)
    most_bytes = fields.Integer(required=True, metadata={"description": "0: no limit."})
    policy = fields.String(required=True, metadata={"description": "What Redis forgets when it is full."})
    keys = fields.Integer(required=True)
    clients = fields.Integer(required=True)
    orphans = fields.Integer(required=True)
    queues = fields.List(fields.Nested(ShelfOut), required=True)
    processes = fields.List(fields.Nested(BeatOut), required=True)


class BrokerRepairOut(Schema):
    """How many leftovers were removed."""

    removed = fields.Integer(required=True)


class FiguresOut(Schema):
    """What jobs did. Times are of the last try; null: nothing was measured."""

    came = fields.Integer(required=True)
    succeeded = fields.Integer(required=True)
    failed = fields.Integer(required=True)
    cancelled = fields.Integer(required=True)
    failed_tries = fields.Integer(required=True)
    wait_p50_s = fields.Float(required=True, allow_none=True)
    wait_p95_s = fields.Float(required=True, allow_none=True)
    wait_p99_s = fields.Float(required=True, allow_none=True)
    run_p50_s = fields.Float(required=True, allow_none=True)
    run_p95_s = fields.Float(required=True, allow_none=True)
    run_p99_s = fields.Float(required=True, allow_none=True)


class HistoryStepOut(FiguresOut):
    """One step of the range."""

    at = fields.AwareDateTime(required=True, metadata={"description": "When it begins."})


class NamedFiguresOut(FiguresOut):
    """All of the range, of one kind or queue."""

    name = fields.String(required=True)


class HistoryOut(Schema):
    """Waits, runs and outcomes in steps of `step_s`, the oldest first, and added up by kind and by queue."""

    range = fields.String(required=True)
    step_s = fields.Integer(required=True)
    counted_to = fields.AwareDateTime(required=True, allow_none=True)
    steps = fields.List(fields.Nested(HistoryStepOut), required=True)
    kinds = fields.List(fields.Nested(NamedFiguresOut), required=True)
    queues = fields.List(fields.Nested(NamedFiguresOut), required=True)


class BulkPreviewOut(Schema):
    """How many jobs are meant, counted to 10,000, and the first ten of them."""

    count = fields.Integer(required=True)
    has_more = fields.Boolean(required=True, metadata={"description": "There are more than were counted."})
    jobs = fields.List(fields.Nested(JobLookOut), required=True)


class BulkOut(Schema):
    """An operation: of the jobs it met (`matched`), how many it changed, left as they were, or could not change."""

    id = fields.String(required=True)
    action = fields.String(required=True, metadata={"enum": [str(action) for action in Action]})
    filter = fields.Dict(required=True)
    priority = fields.Integer(required=True, allow_none=True)
    queue = fields.String(required=True, allow_none=True)
    state = fields.String(required=True, metadata={"enum": STATES})
    expected = fields.Integer(required=True, metadata={"description": "Meant when it was made, counted to 10,000."})
    matched = fields.Integer(required=True)
    done = fields.Integer(required=True)
    skipped = fields.Integer(required=True)
    failed = fields.Integer(required=True)
    job_id = fields.String(required=True, metadata={"description": "The job that works it off."})
    requested_by = fields.String(required=True, allow_none=True)
    created_at = fields.AwareDateTime(required=True)
    finished_at = fields.AwareDateTime(required=True, allow_none=True)
    can_be_undone = fields.Boolean(required=True)
    undo_of = fields.String(required=True, allow_none=True)
    undone_by = fields.String(required=True, allow_none=True)


class BulkPageOut(Schema):
    """A page of operations, newest first; `next` asks for the page after it and is null on the last."""

    operations = fields.List(fields.Nested(BulkOut), required=True)
    next = fields.Integer(required=True, allow_none=True)


class AuditEntryOut(Schema):
    """One thing that somebody did. What is personal is masked.

    `hash` covers all of it as it was written, and `prev_hash`, the one of the entry before.
    """

    id = fields.Integer(required=True)
    at = fields.AwareDateTime(required=True)
    by = fields.String(required=True, allow_none=True)
    channel = fields.String(
        required=True,
        allow_none=True,
        metadata={"enum": [*Channel, None], "description": "By which way they came; unknown of old entries."},
    )
    action = fields.String(required=True)
    subject = fields.String(required=True)
    details = fields.Dict(required=True)
    prev_hash = fields.String(required=True)
    hash = fields.String(required=True)


class AuditPageOut(Schema):
    """A page of the audit log, newest first; `next` asks for the page after it and is null on the last."""

    entries = fields.List(fields.Nested(AuditEntryOut), required=True)
    next = fields.Integer(required=True, allow_none=True)


class VerificationOut(Schema):
    """Whether the log is as it was written, and if not, which entry is the first that is not."""

    is_whole = fields.Boolean(required=True)
    entries = fields.Integer(required=True)
    broken_id = fields.Integer(required=True, allow_none=True)
    problem = fields.String(required=True, allow_none=True)
    last_hash = fields.String(required=True)


def request_of(given: Mapping[str, Any]) -> BulkRequest:
    """The operation that `BulkIn` describes."""
    said = dict(given["filter"])
    selection = Selection(
        states=tuple(State(one) for one in said.get("states", ())),
        kinds=tuple(said.get("kinds", ())),
        queue=said.get("queue"),
        requested_by=said.get("requested_by"),
        fingerprint=said.get("fingerprint"),
        uids=tuple(said.get("ids", ())),
    )
    return BulkRequest(Action(given["action"]), selection, given.get("priority"), given.get("queue"))


def lane_out(name: str, lane: LaneLook) -> dict[str, Any]:
    """What `LaneOut` describes."""
    pause = {"by": lane.paused_by, "reason": lane.pause_reason, "until": moment_out(lane.paused_until)}
    limits = {one: getattr(lane.limits, one) for one in ("most_running", "rate_count", "rate_period_s")}
    return {"name": name, "pause": pause if lane.is_paused else None, "limits": limits}


def queue_out(queue: QueueLook) -> dict[str, Any]:
    """What `QueueOut` describes."""
    told = {"counts": {str(state): count for state, count in queue.counts.items()}, "kinds": list(queue.kinds)}
    return {**lane_out(queue.name, queue.lane), **told, "oldest_ready_s": queue.oldest_ready_s}


def kind_lane_out(kind: KindLook) -> dict[str, Any]:
    """What `KindLaneOut` describes."""
    return {**kind_out(kind), **lane_out(kind.name, kind.lane)}


def worker_out(worker: WorkerRow) -> dict[str, Any]:
    """What `WorkerOut` describes."""
    told = {
        name: getattr(worker, name)
        for name in ("name", "role", "version", "running", "wish", "wished_by", "sees_redis")
    }
    moments = {name: moment_out(getattr(worker, name)) for name in ("started_at", "seen_at")}
    return {**told, **moments, "queues": [one for one in worker.queues.split(",") if one]}


def overview_out(overview: Overview) -> dict[str, Any]:
    """What `EngineOverviewOut` describes."""
    names = ("retrying", "failed_today", "oldest_ready_s", "overdue_s", "workers", "schedulers")
    counts = {str(state): count for state, count in overview.counts.items()}
    return {"now": moment_out(overview.now), "counts": counts, **{name: getattr(overview, name) for name in names}}


def error_group_out(group: ErrorGroup, *, is_muted: bool) -> dict[str, Any]:
    """What `ErrorGroupOut` describes."""
    told = {name: getattr(group, name) for name in ("fingerprint", "count", "kind", "error_class")}
    told["message"] = told_text(group.message, is_own=False)
    moments = {name: moment_out(getattr(group, name)) for name in ("first_seen_at", "last_seen_at")}
    return {**told, **moments, "last_job_id": group.last_uid, "is_muted": is_muted}


def preview_out(preview: Preview) -> dict[str, Any]:
    """What `BulkPreviewOut` describes."""
    return {"count": preview.count, "has_more": preview.has_more, "jobs": [job_out(one) for one in preview.jobs]}


def bulk_out(one: BulkLook) -> dict[str, Any]:
    """What `BulkOut` describes."""
    plain = ("action", "priority", "queue", "state", "expected", "matched", "done", "skipped", "failed")
    told = {name: getattr(one, name) for name in (*plain, "requested_by", "undo_of", "undone_by")}
    said = {"ids" if name == "uids" else name: value for name, value in one.selection.items()}
    moments = {"created_at": moment_out(one.created_at), "finished_at": moment_out(one.finished_at)}
    can_be_undone = one.action in CAN_BE_UNDONE and one.undone_by is None
    return {"id": one.uid, "filter": said, "job_id": one.job_uid, "can_be_undone": can_be_undone, **told, **moments}


def audit_entry_out(row: AuditRow) -> dict[str, Any]:
    """What `AuditEntryOut` describes."""
    names = ("id", "by", "action", "subject", "prev_hash", "hash")
    plain = {name: getattr(row, name) for name in names}
    return {"at": moment_out(row.at), "channel": row.channel or None, "details": masked(row.told), **plain}


def verification_out(found: Verification) -> dict[str, Any]:
    """What `VerificationOut` describes."""
    return {name: getattr(found, name) for name in ("is_whole", "entries", "broken_id", "problem", "last_hash")}


def promise_out(kept: Kept) -> dict[str, Any]:
    """What `PromiseOut` describes."""
    promise, finding = kept.promise, kept.finding
    told = {"name": promise.key, "says": promise.words, "sort": promise.sort, "repair": promise.mend}
    return {**told, "holds": kept.holds, "broken": finding.count, "samples": list(finding.uids)}


def broker_out(look: RedisLook) -> dict[str, Any]:
    """What `BrokerOut` describes."""
    names = ("problem", "version", "memory_bytes", "most_bytes", "policy", "keys", "clients")
    counted = ("queue", "wake_ups", "delayed", "dead_letters", "tokens", "messages", "orphans")
    shelves = [
        {**{name: getattr(one, name) for name in counted}, "held": sum(one.held.values())} for one in look.shelves
    ]
    beats = [{"id": one.broker_id, "silent_s": one.silent_s, "is_silent": one.is_silent} for one in look.beats]
    told = {name: getattr(look, name) for name in names}
    return {**told, "orphans": orphans(look), "queues": shelves, "processes": beats}


def figures_out(figures: Figures) -> dict[str, Any]:
    """What `FiguresOut` describes."""
    counts = ("came", "succeeded", "failed", "cancelled", "failed_tries")
    times = [f"{sort}_{share}_s" for sort in ("wait", "run") for share in ("p50", "p95", "p99")]
    return {
        **{name: getattr(figures.bucket, name) for name in counts},
        **{name: getattr(figures, name) for name in times},
    }


def history_out(
    range_: Range, moments: Sequence[datetime], points: Sequence[Point], *, counted_to: datetime | None
) -> dict[str, Any]:
    """What `HistoryOut` describes."""
    steps = zip(moments, by_moment(points, moments), strict=True)
    return {
        "range": range_.key,
        "step_s": round(range_.step.total_seconds()),
        "counted_to": moment_out(counted_to),
        "steps": [{"at": moment_out(at), **figures_out(Figures("", bucket))} for at, bucket in steps],
        "kinds": [{"name": one.name, **figures_out(one)} for one in together(points, lambda one: one.kind).values()],
        "queues": [{"name": one.name, **figures_out(one)} for one in together(points, lambda one: one.queue).values()],
    }
