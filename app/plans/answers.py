"""What somebody is asked before a plan is made, and who gets none."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

ADULT, OLDER = 18, 65
AGES, DAYS, MINUTES, RESTING_HRS, WEEKLY_MINS = (1, 100), (1, 6), (15, 90), (30, 110), (0, 2_000)
SHORTEST_OF_OLDER_MIN = 20


class Goal(StrEnum):
    """What the plan is for."""

    GENERAL = "general"
    WEIGHT_LOSS = "weight_loss"
    ENDURANCE = "endurance"
    STRENGTH = "strength"
    HYPERTROPHY = "hypertrophy"

    @property
    def label(self) -> str:
        """As a person says it."""
        return {
            Goal.GENERAL: "General fitness",
            Goal.WEIGHT_LOSS: "Losing weight",
            Goal.ENDURANCE: "Endurance",
            Goal.STRENGTH: "Strength",
            Goal.HYPERTROPHY: "Muscle",
        }[self]


class Level(StrEnum):
    """For how long they have trained."""

    NOVICE = "novice"
    INTERMEDIATE = "intermediate"
    ADVANCED = "advanced"

    @property
    def label(self) -> str:
        """As a person says it."""
        return {
            Level.NOVICE: "Less than half a year, or not at all",
            Level.INTERMEDIATE: "Half a year or more",
            Level.ADVANCED: "Years",
        }[self]


class Equipment(StrEnum):
    """What is there to train with."""

    DUMBBELLS = "dumbbells"
    BARBELL = "barbell"
    BAR = "bar"
    BANDS = "bands"

    @property
    def label(self) -> str:
        """As a person says it."""
        return {
            Equipment.DUMBBELLS: "Dumbbells",
            Equipment.BARBELL: "Barbell, rack and bench",
            Equipment.BAR: "Pull-up bar",
            Equipment.BANDS: "Elastic bands",
        }[self]


class Limit(StrEnum):
    """What the plan has to spare, or to go easy on."""

    KNEE = "knee"
    BACK = "back"
    SHOULDER = "shoulder"
    WRIST = "wrist"
    PREGNANCY = "pregnancy"
    HYPERTENSION = "hypertension"

    @property
    def label(self) -> str:
        """As a person says it."""
        return "High blood pressure" if self is Limit.HYPERTENSION else self.value.capitalize()


class RedFlag(StrEnum):
    """What a doctor has to look at before any plan."""

    CHEST_PAIN = "chest_pain"
    FAINTING = "fainting"
    ILLNESS = "illness"
    ACUTE_INJURY = "acute_injury"

    @property
    def label(self) -> str:
        """As a question's answer."""
        return {
            RedFlag.CHEST_PAIN: "Pain in the chest, at rest or when moving",
            RedFlag.FAINTING: "Fainting, or dizziness that made you lose your balance",
            RedFlag.ILLNESS: "A disease of heart, kidneys or metabolism, without a doctor’s word that you may train",
            RedFlag.ACUTE_INJURY: "An injury that is fresh or getting worse",
        }[self]


FOR_DOCTORS = (
    "Please talk to a doctor before you train: what you answered should be looked at first. "
    "Come back with their word, and a plan is made."
)
FOR_THE_YOUNG = (
    "Plans from here are for adults. Until 18, move for an hour or more on every day, in whatever way is fun, "
    "and ask a parent, a teacher or a coach for a plan."
)
NEEDS_LONGER = f"From {OLDER} on, a session takes {SHORTEST_OF_OLDER_MIN} minutes or more."


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What somebody answered. `weekly_min` are the minutes they moved in a week so far."""

    goal: Goal
    level: Level
    days: int
    minutes: int
    age: int
    equipment: frozenset[Equipment] = frozenset()
    limits: frozenset[Limit] = frozenset()
    red_flags: frozenset[RedFlag] = frozenset()
    resting_hr: int | None = None
    weekly_min: int = 0

    @property
    def is_older(self) -> bool:
        """Whether they train as older people do: lighter, and with balance."""
        return self.age >= OLDER

    @property
    def goes_lightly(self) -> bool:
        """Whether loads stay light."""
        return self.is_older or bool(self.limits & {Limit.HYPERTENSION, Limit.PREGNANCY})

    @property
    def stays_moderate(self) -> bool:
        """Whether they are never asked to go hard."""
        return self.goes_lightly or self.level is Level.NOVICE

    def written(self) -> dict[str, Any]:
        """As JSON; what may be several comes in the order of its questions."""
        several = {"equipment": Equipment, "limits": Limit, "red_flags": RedFlag}
        return asdict(self) | {
            name: [one.value for one in every if one in getattr(self, name)] for name, every in several.items()
        }

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> Self:
        """What `written` gave."""
        return cls(
            goal=Goal(written["goal"]),
            level=Level(written["level"]),
            days=written["days"],
            minutes=written["minutes"],
            age=written["age"],
            equipment=frozenset(Equipment(one) for one in written["equipment"]),
            limits=frozenset(Limit(one) for one in written["limits"]),
            red_flags=frozenset(RedFlag(one) for one in written["red_flags"]),
            resting_hr=written["resting_hr"],
            weekly_min=written["weekly_min"],
        )


def problem_of_minutes(minutes: int, *, age: int) -> str | None:
    """What is wrong with sessions this long at this age, in words."""
    return NEEDS_LONGER if age >= OLDER and minutes < SHORTEST_OF_OLDER_MIN else None


def why_no_plan(answers: Answers) -> str | None:
    """What somebody is told who gets no plan; None for everybody else."""
    if answers.red_flags:
        return FOR_DOCTORS
    return FOR_THE_YOUNG if answers.age < ADULT else None
