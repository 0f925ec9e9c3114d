"""A week made by rule: the same answers give the same plan."""

from .aerobic import EFFORTS, heart_rates, intensities, target_min, walk_min
from .answers import Answers
from .strength import days_of_strength, exercises_for, split
from .week import Exercise, Intensity, Plan, Session, Sort, minutes_of

COOL_DOWN_MIN = 5
BALANCE_MIN = 5
"""Older people stand on one leg for so long in each session."""
STRENGTH_DAYS = {0: (), 1: (0,), 2: (0, 3), 3: (0, 2, 4), 4: (0, 1, 3, 4), 5: (0, 1, 2, 4, 5)}
"""The days for so many sessions of strength: up to three of them with a day between."""
CARDIO_DAYS = (5, 1, 3, 2, 4, 0)
"""In this order the days that are left become days of endurance. Sunday never does."""


def plan_for(answers: Answers) -> Plan:
    """The plan of somebody who may have one; ask `why_no_plan` before."""
    count = days_of_strength(answers)
    strength = [
        _strength(answers, day, exercises_for(answers, patterns, main_min(answers)))
        for day, patterns in zip(STRENGTH_DAYS[count], split(count), strict=True)
    ]
    target = target_min(answers)
    cardio = _cardio_of_week(answers, target)
    return Plan(
        goal=answers.goal.value,
        level=answers.level.value,
        minutes=answers.minutes,
        sessions=tuple(sorted([*strength, *cardio], key=lambda one: one.day)),
        aerobic_target_min_eq=target,
        walk_extra_min=walk_min(target, sum(one.moderate_min for one in cardio)),
    )


def warm_up_min(answers: Answers) -> int:
    """A tenth of the session, and five minutes at least."""
    return max(5, -(-answers.minutes // 10))


def balance_min(answers: Answers) -> int:
    """Minutes of balance in each session."""
    return BALANCE_MIN if answers.is_older else 0


def main_min(answers: Answers) -> int:
    """Minutes between warming up and cooling down."""
    return answers.minutes - warm_up_min(answers) - COOL_DOWN_MIN - balance_min(answers)


def _strength(answers: Answers, day: int, exercises: tuple[Exercise, ...]) -> Session:
    return Session(
        day=day,
        type=Sort.STRENGTH,
        warmup_min=warm_up_min(answers),
        main_min=minutes_of(exercises),
        cooldown_min=COOL_DOWN_MIN,
        balance_min=balance_min(answers),
        exercises=exercises,
    )


def _cardio_of_week(answers: Answers, target: int) -> list[Session]:
    count = answers.days - days_of_strength(answers)
    taken = STRENGTH_DAYS[days_of_strength(answers)]
    days = sorted([day for day in CARDIO_DAYS if day not in taken][:count])
    hard = intensities(count, answers)
    if not hard:
        return []
    minutes = min(main_min(answers), target // sum(one.worth for one in hard))
    return [_cardio(answers, day, minutes, intensity) for day, intensity in zip(days, hard, strict=True)]


def _cardio(answers: Answers, day: int, minutes: int, intensity: Intensity) -> Session:
    return Session(
        day=day,
        type=Sort.CARDIO,
        warmup_min=warm_up_min(answers),
        main_min=minutes,
        cooldown_min=COOL_DOWN_MIN,
        balance_min=balance_min(answers),
        intensity=intensity,
        hr=heart_rates(intensity, answers),
        rpe=EFFORTS[intensity],
    )
