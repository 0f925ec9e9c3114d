"""What the API of plans accepts and returns."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from app.fields import WholeField

from .answers import AGES, DAYS, MINUTES, RESTING_HRS, WEEKLY_MINS, Equipment, Goal, Level, Limit, RedFlag
from .exercises import Pattern
from .models import MODEL, RULES, STATES, WorkoutPlan
from .queries import LARGEST_ID
from .week import Intensity, Plan, Sort


def _values(known: Iterable[Any]) -> list[str]:
    return [one.value for one in known]


SO_FAR = "Minutes a week so far. Left out: what you logged, a week of the last four."


class ChoiceField(fields.String):
    """The value of one of ours."""

    def __init__(self, known: type[StrEnum], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.known = known
        self.metadata = {**self.metadata, "enum": _values(known)}

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> StrEnum:
        if not isinstance(value, str) or value not in _values(self.known):
            raise ValidationError(f"Choose one of: {', '.join(_values(self.known))}.")
        return self.known(value)


class ChoicesField(fields.List[Any]):
    """Several of ours, in any order."""

    def __init__(self, known: type[StrEnum], **kwargs: Any) -> None:
        super().__init__(ChoiceField(known), load_default=frozenset(), **kwargs)
        self.known = known

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        values = _values(self.known)
        if not isinstance(value, list) or not all(isinstance(one, str) and one in values for one in value):
            raise ValidationError(f"Give a list of: {', '.join(values)}.")
        return frozenset(self.known(one) for one in value)


class YesNoField(fields.Boolean):
    """True or false, and nothing that could be taken for one of them."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("Say true or false.")
        return value


class PlanIn(Schema):
    """The answers of which a plan is made."""

    goal = ChoiceField(Goal, required=True)
    level = ChoiceField(Level, required=True)
    days = WholeField(*DAYS, required=True, metadata={"description": "Sessions a week."})
    minutes = WholeField(*MINUTES, required=True, metadata={"description": "Of a session; 20 or more from 65 on."})
    age = WholeField(*AGES, required=True)
    resting_hr = WholeField(*RESTING_HRS, load_default=None, allow_none=True)
    weekly_min = WholeField(*WEEKLY_MINS, load_default=None, allow_none=True, metadata={"description": SO_FAR})
    equipment = ChoicesField(Equipment)
    limits = ChoicesField(Limit)
    red_flags = ChoicesField(RedFlag)
    ask_model = YesNoField(
        load_default=False,
        metadata={"description": "Whether the model makes it, where there is one. It gets these answers, no name."},
    )


class AnswersOut(Schema):
    """What was answered."""

    goal = fields.String(required=True, metadata={"enum": _values(Goal)})
    level = fields.String(required=True, metadata={"enum": _values(Level)})
    days = fields.Integer(required=True)
    minutes = fields.Integer(required=True)
    age = fields.Integer(required=True)
    resting_hr = fields.Integer(required=True, allow_none=True)
    weekly_min = fields.Integer(required=True)
    equipment = fields.List(fields.String(), required=True)
    limits = fields.List(fields.String(), required=True)
    red_flags = fields.List(fields.String(), required=True)


def _range(**kwargs: Any) -> fields.List[Any]:
    return fields.List(fields.Integer(), required=True, validate=validate.Length(equal=2), **kwargs)


class ExerciseOut(Schema):
    """An exercise of a session."""

    exercise = fields.String(required=True)
    name = fields.String(required=True)
    easier = fields.String(required=True, metadata={"description": "What to do while it is too much."})
    pattern = fields.String(required=True, metadata={"enum": _values(Pattern)})
    sets = fields.Integer(required=True)
    deload_sets = fields.Integer(required=True, metadata={"description": "In the week that takes it easy."})
    reps = _range(metadata={"description": "From, to."})
    rest_s = fields.Integer(required=True)
    pct_1rm = _range(allow_none=True, metadata={"description": "Percent of what can be lifted once."})


class SessionOut(Schema):
    """The session of a day: exercises, or minutes of endurance."""

    day = fields.Integer(required=True, metadata={"description": "0 is Monday."})
    type = fields.String(required=True, metadata={"enum": _values(Sort)})
    warmup_min = fields.Integer(required=True)
    main_min = fields.Float(required=True)
    cooldown_min = fields.Integer(required=True)
    balance_min = fields.Integer(required=True)
    exercises = fields.List(fields.Nested(ExerciseOut), required=True)
    intensity = fields.String(required=True, allow_none=True, metadata={"enum": [*_values(Intensity), None]})
    hr = _range(allow_none=True, metadata={"description": "Heartbeats a minute; null when none at rest was given."})
    rpe = _range(allow_none=True, metadata={"description": "How hard, from 0 to 10."})


class WeekOut(Schema):
    """A week that is done several times."""

    goal = fields.String(required=True)
    level = fields.String(required=True)
    minutes = fields.Integer(required=True)
    sessions = fields.List(fields.Nested(SessionOut), required=True)
    rest_days = fields.List(fields.Integer(), required=True)
    aerobic_target_min_eq = fields.Integer(
        required=True, metadata={"description": "Minutes of endurance a week; a vigorous one counts twice."}
    )
    walk_extra_min = fields.Integer(required=True)
    weeks = fields.Integer(required=True)
    deload_week = fields.Integer(required=True)
    words = fields.String(required=True, metadata={"description": "The model's; empty for a plan by rule."})


class PlanOut(Schema):
    """A plan. Its week is null until it is ready, and when a doctor has to be seen first."""

    id = fields.Integer(required=True)
    state = fields.String(required=True, metadata={"enum": list(STATES)})
    message = fields.String(required=True, allow_none=True, metadata={"description": "What is to be known of it."})
    made_by = fields.String(required=True, allow_none=True, metadata={"enum": [RULES, MODEL, None]})
    answers = fields.Nested(AnswersOut, required=True)
    plan = fields.Nested(WeekOut, required=True, allow_none=True)
    created_at = fields.AwareDateTime(required=True)
    made_at = fields.AwareDateTime(required=True, allow_none=True)


class PlanRequestedOut(PlanOut):
    """A plan that is being made."""

    job_id = fields.String(
        required=True, allow_none=True, metadata={"description": "The job that makes it; null when none is needed."}
    )


class PlansOut(Schema):
    """Several plans, the newest first; `next` asks for those after them and is null at the end."""

    plans = fields.List(fields.Nested(PlanOut), required=True)
    next = fields.Integer(required=True, allow_none=True)


class ListArgs(Schema):
    """Which plans."""

    limit = WholeField(1, 100, digits=True, load_default=25)
    next = WholeField(1, LARGEST_ID, digits=True, load_default=None, metadata={"description": "From the page before."})


def plan_out(row: WorkoutPlan) -> dict[str, Any]:
    """What `PlanOut` describes."""
    return {
        "id": row.id,
        "state": row.state,
        "message": row.remark,
        "made_by": row.made_by,
        "answers": row.given,
        "plan": row.plan and _week_out(row.plan),
        "created_at": row.created_at.isoformat(),
        "made_at": row.made_at and row.made_at.isoformat(),
    }


def _week_out(plan: Plan) -> dict[str, Any]:
    written = plan.written()
    for session, shown in zip(plan.sessions, written["sessions"], strict=True):
        for one, other in zip(session.exercises, shown["exercises"], strict=True):
            other |= {"name": one.move.label, "easier": one.move.easier, "deload_sets": one.deload_sets}
    return written
