"""Strength: on how many days, with how many repetitions, and which exercises there is time for.

Days, repetitions and loads follow the position stand of the ACSM (Ratamess 2009); sets and shares of the days are ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from .answers import Answers, Goal, Level
from .exercises import LOWER, UPPER, Pattern, best_move
from .week import Exercise, Range, set_s

CAPS = {Level.NOVICE: 3, Level.INTERMEDIATE: 4, Level.ADVANCED: 5}
"""So many days of strength a week at most."""
SHARES = {
    Goal.GENERAL: (1, 1, 2, 2, 3, 3),
    Goal.WEIGHT_LOSS: (1, 1, 1, 2, 2, 2),
    Goal.ENDURANCE: (0, 1, 1, 2, 2, 2),
    Goal.STRENGTH: (1, 2, 3, 4, 5, 6),
    Goal.HYPERTROPHY: (1, 2, 3, 4, 5, 6),
}
"""Of one day a week, of two, … so many are for strength, as far as the cap allows."""
WHOLE_BODY = tuple(Pattern)
SPLITS: dict[int, tuple[tuple[Pattern, ...], ...]] = {
    4: (LOWER, UPPER, LOWER, UPPER),
    5: (LOWER, UPPER, WHOLE_BODY, LOWER, UPPER),
}
FEWEST_HEAVY_SETS = 4
"""Heavy work needs long rests: with time for fewer sets than this, the repetitions are the usual ones."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """How an exercise is done: repetitions, the rest after a set, the load in percent, and sets from, to."""

    reps: Range
    rest_s: int
    pct_1rm: Range
    sets: Range

    def capacity(self, main_min: int) -> int:
        """For how many sets there is time."""
        return main_min * 60 // set_s(self.reps, self.rest_s)


LIGHT = Scheme((10, 15), 90, (40, 60), (2, 2))
FIRST = Scheme((8, 12), 90, (60, 70), (2, 2))
USUAL = Scheme((8, 12), 90, (67, 80), (3, 4))
MANY = Scheme((12, 15), 60, (50, 65), (3, 4))
HEAVY = Scheme((5, 8), 180, (75, 85), (3, 4))
HEAVIEST = Scheme((3, 6), 240, (80, 90), (3, 4))


def days_of_strength(answers: Answers) -> int:
    """How many of the days are for strength."""
    return min(SHARES[answers.goal][answers.days - 1], CAPS[answers.level])


def split(count: int) -> tuple[tuple[Pattern, ...], ...]:
    """The patterns of each of so many sessions: the whole body, from four on legs and arms in turn."""
    return SPLITS.get(count, (WHOLE_BODY,) * count)


def scheme_for(answers: Answers, main_min: int) -> Scheme:
    """How this person does an exercise, in a session with so many minutes for all of them."""
    if answers.goes_lightly:
        return LIGHT
    if answers.level is Level.NOVICE:
        return FIRST
    if answers.goal is Goal.ENDURANCE:
        return MANY
    heavy = HEAVIEST if answers.level is Level.ADVANCED else HEAVY
    has_time = heavy.capacity(main_min) >= FEWEST_HEAVY_SETS
    return heavy if answers.goal is Goal.STRENGTH and has_time else USUAL


def exercises_for(answers: Answers, patterns: Sequence[Pattern], main_min: int) -> tuple[Exercise, ...]:
    """The exercises of one session, as many of these patterns as there is time for.

    Two at least: where there is not even time for that, each has fewer sets. What time is left becomes one set more of
    the first ones, as far as the scheme allows.
    """
    scheme = scheme_for(answers, main_min)
    capacity = scheme.capacity(main_min)
    fewest, most = scheme.sets
    sets = next((number for number in range(fewest, 1, -1) if capacity // number >= 2), 1)
    count = min(len(patterns), capacity // sets)
    longer = min(capacity - count * sets, count) if sets < most else 0
    return tuple(
        _exercise(pattern, answers, scheme, sets + (number < longer)) for number, pattern in enumerate(patterns[:count])
    )


def _exercise(pattern: Pattern, answers: Answers, scheme: Scheme, sets: int) -> Exercise:
    move = best_move(pattern, answers)
    return Exercise(
        exercise=move.key,
        pattern=pattern.value,
        sets=sets,
        reps=scheme.reps,
        rest_s=scheme.rest_s,
        pct_1rm=scheme.pct_1rm if move.is_loaded else None,
    )
