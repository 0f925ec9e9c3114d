"""What the API of schedules accepts and returns."""

from datetime import datetime
from typing import Any

from marshmallow import Schema, fields, validate

from app.background.schemas import LONGEST_QUEUE, ArgsField, moment_out
from app.discretion import told
from app.fields import LineField, MomentField, WholeField
from jobs import Fired, Misfire, Overlap, Schedule, ScheduleFire, Upcoming, in_words

LONGEST_NAME = 80
LONGEST_KIND = 128
LONGEST_RULE = 500
LONGEST_REASON = 200
MOST_TIMES = 1_000_000
LONGEST_JITTER_S = 86_400
LARGEST_ID = 10**18 - 1


def _one_of(words: type[Misfire] | type[Overlap]) -> validate.OneOf:
    return validate.OneOf([word.value for word in words], error="Choose one of: {choices}.")


class ScheduleRuleIn(Schema):
    """When it runs: exactly one of `every`, `cron`, `rrule` and `once`, and within which bounds."""

    every = LineField(longest=40, metadata={"description": "Such as “3 hours” or “2 days”."})
    cron = LineField(longest=LONGEST_RULE, metadata={"description": "Five fields, or a name such as @daily."})
    rrule = LineField(longest=LONGEST_RULE, metadata={"description": "A rule of RFC 5545; `starts_at` is its DTSTART."})
    once = LineField(longest=40, metadata={"description": "A moment with its time zone.", "format": "date-time"})
    time_zone = LineField(longest=64, metadata={"description": "Whose wall clock counts. Left out: UTC."})
    starts_at = MomentField(allow_none=True, metadata={"description": "No run before it. Left out: now."})
    ends_at = MomentField(allow_none=True, metadata={"description": "No run after it."})
    most_times = WholeField(1, MOST_TIMES, allow_none=True, metadata={"description": "How often at most."})
    jitter_s = WholeField(
        0, LONGEST_JITTER_S, metadata={"description": "A run is put off by 0 to so many seconds, the same each time."}
    )


class ScheduleChange(ScheduleRuleIn):
    """What of a schedule changes; what is left out stays as it is."""

    name = LineField(longest=LONGEST_NAME, metadata={"description": "Your own: nobody else's stands in its way."})
    kind = LineField(longest=LONGEST_KIND, metadata={"description": "One of /api/v1/kinds."})
    args = ArgsField(metadata={"type": "object", "description": "The arguments, by name."})
    priority = WholeField(0, 9, allow_none=True, metadata={"description": "0 comes first. Null: the kind's own."})
    queue = LineField(
        longest=LONGEST_QUEUE,
        allow_none=True,
        metadata={"description": "Null: the kind's own. Operators may choose another one."},
    )
    misfire = fields.String(
        validate=_one_of(Misfire), metadata={"description": "What becomes of slots that passed while no scheduler ran."}
    )
    most_missed = WholeField(1, 100, metadata={"description": "With `misfire: all`, how many of them run at most."})
    overlap = fields.String(
        validate=_one_of(Overlap), metadata={"description": "What becomes of a slot while an earlier one's job lives."}
    )
    reason = LineField(longest=LONGEST_REASON, metadata={"description": "For the audit log."})


class ScheduleIn(ScheduleChange):
    """What shall run when."""

    name = LineField(longest=LONGEST_NAME, required=True)
    kind = LineField(longest=LONGEST_KIND, required=True, metadata={"description": "One of /api/v1/kinds."})
    args = ArgsField(load_default=dict, metadata={"type": "object", "description": "The arguments, by name."})


class SchedulesArgs(Schema):
    """Which page of schedules."""

    limit = WholeField(1, 100, digits=True, load_default=25)
    next = WholeField(1, LARGEST_ID, digits=True, metadata={"description": "From the page before."})


class RunsArgs(Schema):
    """Which page of runs."""

    limit = WholeField(1, 100, digits=True, load_default=25)
    next = MomentField(metadata={"description": "From the page before."})


class SchedulePauseIn(Schema):
    """Why it is paused."""

    reason = LineField(longest=LONGEST_REASON)


class ScheduleBackfillIn(Schema):
    """Which past slots."""

    since = MomentField(required=True, data_key="from")
    until = MomentField(required=True, data_key="to")
    reason = LineField(longest=LONGEST_REASON)


class ScheduleOut(Schema):
    """A schedule; of `every`, `cron`, `rrule` and `once` all but one are null."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    kind = fields.String(required=True)
    args = fields.Dict(required=True)
    priority = fields.Integer(required=True, allow_none=True)
    queue = fields.String(required=True, allow_none=True)
    every = fields.String(required=True, allow_none=True)
    cron = fields.String(required=True, allow_none=True)
    rrule = fields.String(required=True, allow_none=True)
    once = fields.String(required=True, allow_none=True)
    time_zone = fields.String(required=True)
    starts_at = fields.AwareDateTime(required=True, allow_none=True)
    ends_at = fields.AwareDateTime(required=True, allow_none=True)
    most_times = fields.Integer(required=True, allow_none=True)
    jitter_s = fields.Integer(required=True)
    misfire = fields.String(required=True)
    most_missed = fields.Integer(required=True)
    overlap = fields.String(required=True)
    words = fields.String(required=True, allow_none=True, metadata={"description": "The rule as a sentence."})
    next_at = fields.AwareDateTime(required=True, allow_none=True, metadata={"description": "Null when it is over."})
    last_fired_at = fields.AwareDateTime(required=True, allow_none=True)
    times = fields.Integer(required=True, metadata={"description": "How many of its slots made a job."})
    is_paused = fields.Boolean(required=True)
    paused_at = fields.AwareDateTime(required=True, allow_none=True)
    paused_by = fields.String(required=True, allow_none=True)
    pause_reason = fields.String(required=True, allow_none=True)
    problem = fields.String(required=True, allow_none=True, metadata={"description": "Why it cannot be followed."})
    requested_by = fields.String(required=True, allow_none=True)
    created_at = fields.AwareDateTime(required=True)
    changed_at = fields.AwareDateTime(required=True)


class SchedulePageOut(Schema):
    """A page of schedules, newest first; `next` asks for the page after it and is null on the last."""

    schedules = fields.List(fields.Nested(ScheduleOut), required=True)
    next = fields.String(required=True, allow_none=True)


class ScheduleUpcomingOut(Schema):
    """A run to come."""

    at = fields.AwareDateTime(required=True)
    note = fields.String(required=True, metadata={"description": "What a change of the clocks does to it."})


class SchedulePreviewOut(Schema):
    """A rule as a sentence, and its next runs, at most twenty."""

    words = fields.String(required=True)
    times = fields.List(fields.Nested(ScheduleUpcomingOut), required=True)


class ScheduleRunOut(Schema):
    """What became of one slot."""

    slot = fields.AwareDateTime(required=True)
    at = fields.AwareDateTime(required=True, metadata={"description": "When it was decided."})
    outcome = fields.String(required=True, metadata={"enum": [one.value for one in Fired]})
    job_id = fields.String(required=True, allow_none=True)
    note = fields.String(required=True, allow_none=True)


class ScheduleRunPageOut(Schema):
    """A page of slots, newest first; `next` asks for the page after it and is null on the last."""

    runs = fields.List(fields.Nested(ScheduleRunOut), required=True)
    next = fields.String(required=True, allow_none=True)


class ScheduleBackfilledRunOut(Schema):
    """A past slot and the job that was made for it."""

    slot = fields.AwareDateTime(required=True)
    job_id = fields.String(required=True)


class ScheduleBackfillOut(Schema):
    """The past slots that have a job now, oldest first."""

    runs = fields.List(fields.Nested(ScheduleBackfilledRunOut), required=True)


def schedule_out(one: Schedule, *, is_own: bool) -> dict[str, Any]:
    """What `ScheduleOut` describes."""
    plain = (
        *("name", "kind", "priority", "queue", "most_times", "jitter_s", "misfire", "most_missed", "overlap"),
        *("is_paused", "paused_by", "pause_reason", "problem"),
    )
    moments = ("starts_at", "ends_at", "next_at", "last_fired_at", "paused_at", "created_at", "changed_at")
    return {
        "id": one.uid,
        **{name: getattr(one, name) for name in plain},
        **{name: moment_out(getattr(one, name)) for name in moments},
        **{shape: one.rule_text if one.rule_kind == shape else None for shape in ("every", "cron", "rrule", "once")},
        "args": told(one.args, is_own=is_own),
        "time_zone": one.zone,
        "words": _words(one),
        "times": one.fired,
        "requested_by": one.requested_by or None,
    }


def preview_out(words: str, times: list[Upcoming]) -> dict[str, Any]:
    """What `SchedulePreviewOut` describes."""
    return {"words": words, "times": [{"at": moment_out(one.at), "note": one.note} for one in times]}


def run_out(one: ScheduleFire) -> dict[str, Any]:
    """What `ScheduleRunOut` describes."""
    return {
        "slot": moment_out(one.slot),
        "at": moment_out(one.at),
        "outcome": one.outcome,
        "job_id": one.job_uid,
        "note": one.note,
    }


def backfill_out(made: list[tuple[datetime, str]]) -> dict[str, Any]:
    """What `ScheduleBackfillOut` describes."""
    return {"runs": [{"slot": moment_out(slot), "job_id": uid} for slot, uid in made]}


def _words(one: Schedule) -> str | None:
    try:
        return in_words(one.rule)
    except ValueError:
        return None  # `problem` says why
