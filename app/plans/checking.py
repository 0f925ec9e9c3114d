"""What every plan keeps to, whoever made it."""

from collections.abc import Collection, Iterator

from .aerobic import target_min
from .answers import Answers, Level
from .exercises import moves_for
from .rules import balance_min
from .strength import CAPS
from .week import Intensity, Plan, Session, Sort, minutes_of

SHORTEST_MIN = 5
"""Of warming up, and of cooling down."""
FEWEST_LIGHT_REPS = 8
"""Who begins, or goes lightly, lifts nothing that cannot be lifted so often."""


def violations(plan: Plan, answers: Answers) -> list[str]:
    """What is wrong with a plan for somebody who answered this; nothing when it may be given to them."""
    allowed = {move.key for move in moves_for(answers)}
    sessions = (wrong for one in plan.sessions for wrong in _of_session(one, answers, allowed))
    return [*_of_week(plan, answers), *sessions]


def _of_week(plan: Plan, answers: Answers) -> Iterator[str]:
    days = [one.day for one in plan.sessions]
    strength = {one.day for one in plan.sessions if one.type is Sort.STRENGTH}
    if len(set(days)) < len(days) or not set(days) <= set(range(7)):
        yield "A day has more than one session, or is none."
    if not plan.rest_days:
        yield "There is no day of rest."
    if not 1 <= len(days) <= answers.days:
        yield f"It has {len(days)} sessions, and {answers.days} were asked for."
    if len(strength) > CAPS[answers.level]:
        yield f"It has {len(strength)} days of strength."
    if answers.level is Level.NOVICE and any((day + 1) % 7 in strength for day in strength):
        yield "Somebody who begins has strength on two days in a row."
    target, aerobic = target_min(answers), sum(one.moderate_min for one in plan.sessions) + plan.walk_extra_min
    if plan.aerobic_target_min_eq != target or aerobic > target or plan.walk_extra_min < 0:
        yield f"It has {aerobic:g} minutes of endurance, and {target} are right."
    if (plan.goal, plan.level, plan.minutes) != (answers.goal, answers.level, answers.minutes):
        yield "It is for other answers."


def _of_session(one: Session, answers: Answers, allowed: Collection[str]) -> Iterator[str]:
    name = f"Day {one.day}:"
    if one.total_min > answers.minutes:
        yield f"{name} it takes {one.total_min:g} minutes."
    if min(one.warmup_min, one.cooldown_min) < SHORTEST_MIN or one.main_min <= 0:
        yield f"{name} it has no time to warm up, to train or to cool down."
    if one.balance_min < balance_min(answers):
        yield f"{name} balance is missing."
    if (one.type is Sort.STRENGTH) != bool(one.exercises) or (one.type is Sort.CARDIO) != bool(one.intensity):
        yield f"{name} it is neither strength nor endurance."
    if one.intensity is Intensity.VIGOROUS and answers.stays_moderate:
        yield f"{name} it is too hard."
    if one.exercises and one.main_min < minutes_of(one.exercises):
        yield f"{name} its exercises take longer than {one.main_min:g} minutes."
    for exercise in one.exercises:
        if exercise.exercise not in allowed:
            yield f"{name} {exercise.exercise} does not suit this person."
        if exercise.reps[0] < FEWEST_LIGHT_REPS and (answers.goes_lightly or answers.level is Level.NOVICE):
            yield f"{name} {exercise.exercise} is too heavy."
