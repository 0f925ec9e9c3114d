"""People whose plans were worked out by hand, and every combination of answers there is to try."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from app.plans.answers import Answers, Equipment, Goal, Level, Limit

NO_EQUIPMENT: frozenset[Equipment] = frozenset()
BARBELL_AND_BAR = frozenset({Equipment.BARBELL, Equipment.BAR})
EQUIPMENT = (NO_EQUIPMENT, frozenset({Equipment.DUMBBELLS}), BARBELL_AND_BAR, frozenset(Equipment))
LIMITS: tuple[frozenset[Limit], ...] = (
    frozenset(),
    frozenset({Limit.KNEE}),
    frozenset({Limit.BACK, Limit.HYPERTENSION}),
    frozenset({Limit.SHOULDER, Limit.WRIST}),
    frozenset({Limit.PREGNANCY}),
    frozenset(Limit),
)
AGES_AND_MORE = ((18, None, 0), (29, 58, 80), (45, 30, 200), (70, 110, 290))
"""Age, heart rate at rest, minutes a week so far."""


def somebody(**changes: Any) -> Answers:
    """The person of the first worked example, with changes."""
    usual: dict[str, Any] = {
        "goal": Goal.GENERAL,
        "level": Level.NOVICE,
        "days": 3,
        "minutes": 45,
        "age": 40,
        "resting_hr": 65,
    }
    return Answers(**usual | changes)


def lifter(**changes: Any) -> Answers:
    """The person of the second one."""
    return somebody(
        **{
            "goal": Goal.STRENGTH,
            "level": Level.INTERMEDIATE,
            "days": 4,
            "minutes": 60,
            "age": 29,
            "resting_hr": 58,
            "equipment": BARBELL_AND_BAR,
            **changes,
        }
    )


def grid() -> Iterator[Answers]:
    """All 43,200."""
    several = product(Goal, Level, range(1, 7), (15, 30, 45, 60, 90), EQUIPMENT, LIMITS, AGES_AND_MORE)
    for goal, level, days, minutes, equipment, limits, (age, resting_hr, weekly_min) in several:
        yield Answers(
            goal=goal,
            level=level,
            days=days,
            minutes=max(minutes, 20) if age >= 65 else minutes,
            age=age,
            equipment=equipment,
            limits=limits,
            resting_hr=resting_hr,
            weekly_min=weekly_min,
        )
