"""A plan: the sessions of a week, as they are stored and shown."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

from .exercises import Move, move

WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
WEEKS = 4
DELOAD_WEEK = 4
REP_S = 4


class Sort(StrEnum):
    """What a session is made of."""

    STRENGTH = "strength"
    CARDIO = "cardio"


class Intensity(StrEnum):
    """How hard a session of endurance is."""

    MODERATE = "moderate"
    VIGOROUS = "vigorous"

    @property
    def worth(self) -> int:
        """How many minutes of moderate movement one such minute is worth."""
        return 2 if self is Intensity.VIGOROUS else 1


Range = tuple[int, int]
"""From, to; both included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exercise:
    """One exercise of a session. `pct_1rm` is the load in percent of the largest that can be lifted once."""

    exercise: str
    pattern: str
    sets: int
    reps: Range
    rest_s: int
    pct_1rm: Range | None = None

    @property
    def move(self) -> Move:
        """What we know of it."""
        return move(self.exercise)

    @property
    def lasts_s(self) -> int:
        """How long all its sets take, with the rest after each."""
        return self.sets * set_s(self.reps, self.rest_s)

    @property
    def deload_sets(self) -> int:
        """How many sets it has in the week that takes it easy: six tenths, and at least one."""
        return max(1, (self.sets * 6 + 5) // 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One day's session: exercises, or so many minutes of endurance. `day` 0 is Monday."""

    day: int
    type: Sort
    warmup_min: int
    main_min: float
    cooldown_min: int
    balance_min: int = 0
    exercises: tuple[Exercise, ...] = ()
    intensity: Intensity | None = None
    hr: Range | None = None
    rpe: Range | None = None

    @property
    def total_min(self) -> float:
        """How long it takes, all in all."""
        return self.warmup_min + self.main_min + self.cooldown_min + self.balance_min

    @property
    def moderate_min(self) -> float:
        """How many minutes of moderate endurance it is worth."""
        return self.main_min * self.intensity.worth if self.intensity else 0

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> Self:
        """What was written."""
        exercises = tuple(
            Exercise(**one | {"reps": _range(one["reps"]), "pct_1rm": _range(one["pct_1rm"])})
            for one in written["exercises"]
        )
        return cls(
            **{
                **written,
                "type": Sort(written["type"]),
                "exercises": exercises,
                "intensity": written["intensity"] and Intensity(written["intensity"]),
                "hr": _range(written["hr"]),
                "rpe": _range(written["rpe"]),
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A week that is done four times, the last time with fewer sets. `words` are the model's, if one made it."""

    goal: str
    level: str
    minutes: int
    sessions: tuple[Session, ...]
    aerobic_target_min_eq: int
    walk_extra_min: int
    weeks: int = WEEKS
    deload_week: int = DELOAD_WEEK
    words: str = ""

    @property
    def rest_days(self) -> tuple[int, ...]:
        """The days without a session."""
        return tuple(day for day in range(7) if day not in {one.day for one in self.sessions})

    @property
    def days(self) -> list[tuple[str, Session | None]]:
        """Every day of the week by its name."""
        by_day = {one.day: one for one in self.sessions}
        return [(name, by_day.get(day)) for day, name in enumerate(WEEK)]

    @property
    def names_loads(self) -> bool:
        """Whether any exercise says how much to lift."""
        return any(exercise.pct_1rm for one in self.sessions for exercise in one.exercises)

    def written(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self) | {"rest_days": list(self.rest_days)}

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> Self:
        """What `written` gave."""
        values = {name: value for name, value in written.items() if name != "rest_days"}
        return cls(**values | {"sessions": tuple(Session.read(one) for one in written["sessions"])})


def set_s(reps: Range, rest_s: int) -> int:
    """How long a set takes with the rest after it: four seconds for each repetition of the middle."""
    return sum(reps) * REP_S // 2 + rest_s


def minutes_of(exercises: tuple[Exercise, ...]) -> float:
    """How long these exercises take, in minutes, to a tenth upwards."""
    return -(-sum(one.lasts_s for one in exercises) // 6) / 10


def _range(written: Any) -> Range | None:
    return None if written is None else (written[0], written[1])
