"""What the form of a plan accepts."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, TypeVar

from wtforms import BooleanField, Field, Form, RadioField, SelectField, SelectMultipleField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired
from wtforms.widgets import CheckboxInput, ListWidget

from .answers import (
    AGES,
    DAYS,
    MINUTES,
    RESTING_HRS,
    WEEKLY_MINS,
    Answers,
    Equipment,
    Goal,
    Level,
    Limit,
    RedFlag,
    problem_of_minutes,
)

Choice = TypeVar("Choice", bound=StrEnum)


def _choices(every: Iterable[Any]) -> list[SelectChoice]:
    return [SelectChoice(one.value, one.label) for one in every]


def _several(label: str, every: Iterable[Any]) -> SelectMultipleField:
    return SelectMultipleField(
        label,
        choices=_choices(every),
        validate_choice=False,
        option_widget=CheckboxInput(),
        widget=ListWidget(prefix_label=False),
    )


class PlanForm(Form):
    """The questions. `answers` is the only way to what was answered."""

    goal = RadioField(
        "What is it for?",
        choices=_choices(Goal),
        validators=[InputRequired("Choose what it is for.")],
        validate_choice=False,
    )
    level = SelectField(
        "For how long have you trained?",
        choices=_choices(Level),
        validators=[InputRequired("Choose how long.")],
        validate_choice=False,
    )
    days = SelectField(
        "Days a week",
        choices=[SelectChoice(str(one), str(one)) for one in range(DAYS[0], DAYS[1] + 1)],
        validators=[InputRequired("Choose how many days.")],
        validate_choice=False,
    )
    minutes = StringField("Minutes of a session", validators=[InputRequired("Enter how long a session may take.")])
    age = StringField("Age", validators=[InputRequired("Enter your age.")])
    resting_hr = StringField("Heart rate at rest")
    weekly_min = StringField("Active minutes a week so far")
    equipment = _several("What do you have?", Equipment)
    limits = _several("Is there something to spare, or to go easy on?", Limit)
    red_flags = _several("Is any of this so?", RedFlag)
    asks_model = BooleanField("Ask the model")

    @classmethod
    def blank(cls, *, weekly_min: int) -> "PlanForm":
        """The questions of somebody who was never asked."""
        return cls(
            goal=Goal.GENERAL.value,
            level=Level.NOVICE.value,
            days="3",
            minutes="45",
            weekly_min=str(weekly_min) if weekly_min else "",
        )

    @classmethod
    def of(cls, answers: Answers, *, asks_model: bool) -> "PlanForm":
        """The questions with what was answered the last time."""
        written = answers.written()
        numbers = ("days", "minutes", "age", "resting_hr", "weekly_min")
        texts = {name: "" if written[name] is None else str(written[name]) for name in numbers}
        return cls(**written | texts, asks_model=asks_model)

    def answers(self) -> Answers | None:
        """What was answered; None when something is wrong, which is then said beside its field."""
        self.validate()
        values: dict[str, Any] = {
            "goal": self._one(self.goal, Goal),
            "level": self._one(self.level, Level),
            "days": self._whole(self.days, DAYS),
            "minutes": self._whole(self.minutes, MINUTES),
            "age": self._whole(self.age, AGES),
            "equipment": self._some(self.equipment, Equipment),
            "limits": self._some(self.limits, Limit),
            "red_flags": self._some(self.red_flags, RedFlag),
            "resting_hr": self._whole(self.resting_hr, RESTING_HRS) if self._is_given(self.resting_hr) else None,
            "weekly_min": self._whole(self.weekly_min, WEEKLY_MINS) if self._is_given(self.weekly_min) else 0,
        }
        if not self.errors and (wrong := problem_of_minutes(values["minutes"], age=values["age"])):
            self._wrong(self.minutes, wrong)
        return None if self.errors else Answers(**values)

    @staticmethod
    def _is_given(field: Field) -> bool:
        return bool((field.data or "").strip())

    def _one(self, field: Field, known: type[Choice]) -> Choice | None:
        if field.errors:
            return None
        try:
            return known(field.data)
        except ValueError:
            self._wrong(field, "Choose one of them.")
            return None

    def _some(self, field: Field, known: type[Choice]) -> frozenset[Choice]:
        try:
            return frozenset(known(one) for one in field.data or ())
        except ValueError:
            self._wrong(field, "Choose from the list.")
            return frozenset()

    def _whole(self, field: Field, bounds: tuple[int, int]) -> int | None:
        text, (low, high) = (field.data or "").strip(), bounds
        if field.errors:
            return None
        if not (text.isascii() and text.isdecimal() and len(text) < 6 and low <= int(text) <= high):
            self._wrong(field, f"Enter a whole number from {low} to {high}.")
            return None
        return int(text)

    def _wrong(self, field: Field, sentence: str) -> None:
        field.errors = [*field.errors, sentence]
