"""What the API of activities accepts and returns."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from marshmallow import Schema, ValidationError, fields

from app import units
from app.fields import MomentField
from app.openapi import EachOut
from app.text import plain_text
from jobs import JobBrief

from .drafts import (
    HEAVIEST_KG,
    LIGHTEST_KG,
    LONGEST,
    LONGEST_NOTES,
    NEEDS_DURATION,
    NEEDS_WEIGHT,
    SHORTEST,
    Draft,
    problem_of_notes,
)
from .mets import Kind
from .pages import SIZES, Shown
from .standing import Standing, Status

MINUTE = timedelta(minutes=1)


class KindField(fields.String):
    """The value of a `Kind`."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Kind:
        try:
            return Kind.named(value)
        except ValueError as error:
            raise ValidationError(str(error)) from None


class NumberField(fields.Field[Decimal]):
    """A JSON number as a Decimal, in a range and with so many decimals; one sentence for whatever else comes."""

    def __init__(self, *, low: Decimal, high: Decimal, places: int, sentence: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.low, self.high, self.places, self.sentence = low, high, places, sentence
        limits = {"type": "number", "minimum": float(low), "maximum": float(high)}
        self.metadata = {**self.metadata, **limits, "multipleOf": float(Decimal(1).scaleb(-places))}

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValidationError(self.sentence)
        try:
            # `str` of a float is the shortest text that means it: 70.1 comes back as 70.1.
            number = units.parse_number(str(value), places=self.places)
        except ValueError:
            raise ValidationError(self.sentence) from None
        if not self.low <= number <= self.high:
            raise ValidationError(self.sentence)
        return number


class NotesField(fields.String):
    """Text of several lines."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        try:
            notes = plain_text(super()._deserialize(value, attr, data, **kwargs) or "")
        except ValueError as error:
            raise ValidationError(str(error)) from None
        if sentence := problem_of_notes(notes):
            raise ValidationError(sentence)
        return notes


class ActivityIn(Schema):
    """An activity as a program writes it down."""

    kind = KindField(required=True, metadata={"enum": [kind.value for kind in Kind]})
    duration_min = NumberField(
        required=True,
        low=Decimal(SHORTEST // MINUTE),
        high=Decimal(LONGEST // MINUTE),
        places=1,
        sentence=NEEDS_DURATION,
        metadata={"description": "How long it took, in minutes."},
    )
    weight_kg = NumberField(
        low=LIGHTEST_KG,
        high=HEAVIEST_KG,
        places=2,
        sentence=NEEDS_WEIGHT,
        metadata={"description": "Left out: the newest weight known on that day."},
    )
    started_at = MomentField(metadata={"description": "When it began, with a time zone. Left out: now."})
    notes = NotesField(metadata={"maxLength": LONGEST_NOTES})


class ActivityChange(ActivityIn):
    """What of an activity changes; load it with `partial=True`."""


class JobOut(Schema):
    """The job that works out the energy."""

    id = fields.String(required=True)
    state = fields.String(required=True, metadata={"description": "As the ledger of jobs calls it."})
    attempts = fields.Integer(required=True)
    processing_ms = fields.Integer(required=True, allow_none=True)


class StatusOut(Schema):
    """How far an activity is."""

    id = fields.Integer(required=True)
    status = fields.String(required=True, metadata={"enum": [status.value for status in Status]})
    energy_kcal = fields.Float(required=True, allow_none=True)
    job = fields.Nested(JobOut, required=True, allow_none=True)


class ActivityOut(StatusOut):
    """An activity with all that was written down."""

    kind = fields.String(required=True, metadata={"enum": [kind.value for kind in Kind]})
    duration_min = fields.Float(required=True)
    weight_kg = fields.Float(required=True)
    started_at = fields.AwareDateTime(required=True)
    notes = fields.String(required=True)


class ActivitiesOut(Schema):
    """Several activities."""

    activities = fields.List(fields.Nested(ActivityOut), required=True)


class ActivityOfManyOut(EachOut):
    """What became of one activity of a batch."""

    id = fields.Integer(metadata={"description": "Of an activity that was logged."})


class SomeActivitiesOut(Schema):
    """What became of each activity of a batch, in its order."""

    results = fields.List(fields.Nested(ActivityOfManyOut), required=True)


class PageOut(ActivitiesOut):
    """A page of activities, newest first; `next` asks for the page after it and is null on the last."""

    next = fields.String(required=True, allow_none=True)


class StatusesOut(Schema):
    """How far several activities are."""

    activities = fields.List(fields.Nested(StatusOut), required=True)


class ListArgs(Schema):
    """Which activities to list; `read_listing` reads the words."""

    kind = fields.String(metadata={"enum": [kind.value for kind in Kind]})
    state = fields.String(metadata={"enum": [shown.value for shown in Shown]})
    from_ = fields.String(data_key="from", attribute="from", metadata={"format": "date"})
    to = fields.String(metadata={"format": "date"})
    q = fields.String(metadata={"maxLength": 100, "description": "Notes contain this."})
    per_page = fields.String(metadata={"enum": list(map(str, SIZES))})
    next = fields.String(metadata={"description": "From the page before."})


class StatusArgs(Schema):
    """Which activities to tell of."""

    ids = fields.String(
        load_default="", metadata={"description": "Ids with commas between them; bad ones are skipped."}
    )


class BatchArgs(Schema):
    """How to take a batch."""

    some = fields.String(
        data_key="partial",
        load_default="",
        metadata={"enum": ["0", "1"], "description": "1: take the good ones and tell of each."},
    )


def draft_of(given: Mapping[str, Any]) -> Draft:
    """The draft in what `ActivityIn` accepted."""
    return Draft(**changes_of(given))


def changes_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a draft in what `ActivityIn` accepted, as far as they were given."""
    changes = dict(given)
    if "duration_min" in changes:
        changes["duration"] = timedelta(seconds=int(changes.pop("duration_min") * 60))
    return changes


def status_out(row: Any, standing: Standing, job: JobBrief | None) -> dict[str, Any]:
    """What `StatusOut` describes."""
    return {
        "id": row.id,
        "status": standing.status.value,
        "energy_kcal": None if row.energy_kcal is None else float(row.energy_kcal),
        "job": job_out(job),
    }


def activity_out(row: Any, standing: Standing, job: JobBrief | None) -> dict[str, Any]:
    """What `ActivityOut` describes. Written by hand: this answers every POST."""
    return {
        **status_out(row, standing, job),
        "kind": row.kind,
        "duration_min": _number(Decimal(row.duration_s) / 60),
        "weight_kg": _number(row.weight_kg),
        "started_at": row.started_at.isoformat().replace("+00:00", "Z"),
        "notes": row.notes,
    }


def job_out(job: JobBrief | None) -> dict[str, Any] | None:
    """What `JobOut` describes."""
    if job is None:
        return None
    return {"id": job.uid, "state": job.state, "attempts": job.attempt, "processing_ms": job.processing_ms}


def _number(value: Decimal) -> int | float:
    return int(value) if value == int(value) else float(value)
