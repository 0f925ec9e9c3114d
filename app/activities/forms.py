"""What the activity forms accept."""

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from wtforms import Field, Form, HiddenField, RadioField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired

from app import periods, units
from app.clock import now
from app.text import plain_text

from .drafts import (
    LONGEST,
    NEEDS_DURATION,
    SHORTEST,
    WEIGHT_UNKNOWN,
    Draft,
    problem_of_notes,
    problem_of_start,
    problem_of_weight,
)
from .mets import Kind
from .models import Activity

Value = TypeVar("Value")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?")
KnowsWeight = Callable[[date], Decimal | None]


class ActivityForm(Form):
    """An activity to log or to change. `draft` is the only way to its values."""

    kind = RadioField(
        "What did you do?",
        choices=[SelectChoice(value, label) for value, label in Kind.choices()],
        validators=[InputRequired("Choose what you did.")],
        validate_choice=False,
    )
    duration = StringField("Duration", validators=[InputRequired("Enter how long it took.")])
    weight_kg = StringField("Weight")
    day = StringField("Date", validators=[InputRequired("Enter the day.")])
    time = StringField("Time", validators=[InputRequired("Enter the time it began.")])
    notes = TextAreaField("Notes")
    token = HiddenField()
    filled_kg = HiddenField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Marked for the browser; the server knows days on which it may be left out.
        self.weight_kg.flags.required = True

    def draft(self, *, zone: str, knows_weight: KnowsWeight | None = None) -> Draft | None:
        """What was written down; None when something is wrong, which is then said beside its field.

        Day and time are those of a clock in `zone`. On a day for which a weight is known it may be left out, and one
        that was filled in and is still there counts as left out: nobody said it of that day.
        """
        self.validate()
        kind = self._read(self.kind, read_kind)
        duration = self._read(self.duration, read_duration)
        notes = self._read(self.notes, read_notes)
        day = self._read(self.day, read_day)
        started_at = self._start(day, zone=zone)
        weight_kg = self._weight(day, knows_weight)
        if self.errors or kind is None or duration is None or notes is None or started_at is None:
            return None
        return Draft(kind=kind, duration=duration, started_at=started_at, weight_kg=weight_kg, notes=notes)

    @classmethod
    def blank(cls, *, zone: str, weight_kg: Decimal | None, token: str) -> "ActivityForm":
        """The form of something that happens now."""
        at = periods.local(now(), zone)
        filled_kg = "" if weight_kg is None else units.plain(weight_kg)
        return cls(day=at.date().isoformat(), time=f"{at:%H:%M}", weight_kg=filled_kg, filled_kg=filled_kg, token=token)

    @classmethod
    def of(cls, activity: Activity, *, zone: str) -> "ActivityForm":
        """The form of an activity that is there."""
        at = periods.local(activity.started_at, zone)
        return cls(
            kind=activity.kind,
            duration=units.typed_duration(activity.duration),
            weight_kg=units.plain(activity.weight_kg),
            day=at.date().isoformat(),
            time=f"{at:%H:%M}",
            notes=activity.notes,
        )

    def copy(self, activity: Activity) -> None:
        """Take over what an activity says that could be said again."""
        self.kind.data = activity.kind
        self.duration.data = units.typed_duration(activity.duration)
        self.notes.data = activity.notes

    def refill(self, knows_weight: KnowsWeight) -> bool:
        """Fill in the weight known on the day that is typed, unless one was typed; whether that is another one now."""
        try:
            known_kg = knows_weight(read_day(self.day.data or "")) if self._is_filled_in() else None
        except ValueError:
            return False
        if known_kg is None or units.plain(known_kg) == self.filled_kg.data:
            return False
        self.weight_kg.data = self.filled_kg.data = units.plain(known_kg)
        return True

    def typed(self) -> dict[str, str]:
        """The text of each field as it stands."""
        return {name: field.data or "" for name, field in self._fields.items()}

    def _start(self, day: date | None, *, zone: str) -> datetime | None:
        at = self._read(self.time, _time)
        if day is None or at is None:
            return None
        try:
            started_at = periods.moment(day, at, zone=zone)
        except ValueError as error:
            self._wrong(self.time, str(error))
            return None
        if sentence := problem_of_start(started_at, now=now()):
            self._wrong(self.time if day == periods.local(now(), zone).date() else self.day, sentence)
            return None
        return started_at

    def _weight(self, day: date | None, knows_weight: KnowsWeight | None) -> Decimal | None:
        is_typed = bool((self.weight_kg.data or "").strip())
        if is_typed and not self._is_filled_in():
            return self._read(self.weight_kg, read_weight)
        if knows_weight and (day is None or knows_weight(day) is not None):
            return None
        if is_typed:
            return self._read(self.weight_kg, read_weight)
        self._wrong(self.weight_kg, WEIGHT_UNKNOWN)
        return None

    def _is_filled_in(self) -> bool:
        """Whether the weight is the one the form came with."""
        return bool(self.filled_kg.data) and self.filled_kg.data == (self.weight_kg.data or "").strip()

    def _read(self, field: Field, read: Callable[[str], Value]) -> Value | None:
        if field.errors:
            return None
        try:
            return read(field.data or "")
        except ValueError as error:
            self._wrong(field, str(error))
            return None

    def _wrong(self, field: Field, sentence: str) -> None:
        field.errors = [*field.errors, sentence]


def read_kind(text: str) -> Kind:
    """The kind of that name. Raises ValueError with a sentence, as all of these."""
    return Kind.named(text)


def read_duration(text: str) -> timedelta:
    """A duration that may be logged."""
    try:
        duration = units.parse_duration(text)
    except ValueError as error:
        raise ValueError(f"Duration {error}.") from None
    if not SHORTEST <= duration <= LONGEST:
        raise ValueError(NEEDS_DURATION)
    return duration


def read_weight(text: str) -> Decimal:
    """A weight somebody may have, in kilograms."""
    try:
        weight_kg = units.parse_number(text, places=2)
    except ValueError as error:
        raise ValueError(f"Weight {error}.") from None
    if sentence := problem_of_weight(weight_kg):
        raise ValueError(sentence)
    return weight_kg


def read_day(text: str) -> date:
    """A day of the calendar."""
    if not DAY.fullmatch(text):
        raise ValueError("Enter a day like 2026-11-20.")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("There is no such day.") from None


def _time(text: str) -> time:
    if not TIME.fullmatch(text):
        raise ValueError("Enter a time like 07:10.")
    return time.fromisoformat(text[:5])


def read_notes(text: str) -> str:
    """Notes that can be kept."""
    notes = plain_text(text)
    if sentence := problem_of_notes(notes):
        raise ValueError(sentence)
    return notes
