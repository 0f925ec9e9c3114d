"""Endurance: how many minutes a week, and how hard.

The bands of heart rate are those of the ACSM, from the rate at rest up to 208 minus 0.7 × age (Tanaka 2001). Ten
percent more a week are the usual rule of thumb; the minutes to begin with are ours, on the way to the 150 of the WHO.
"""

from .answers import Answers, Goal, Level
from .week import Intensity, Range

FLOORS_MIN = {Level.NOVICE: 60, Level.INTERMEDIATE: 90, Level.ADVANCED: 150}
MOST_MIN = 300
BANDS: dict[Intensity, Range] = {Intensity.MODERATE: (40, 59), Intensity.VIGOROUS: (60, 80)}
"""Percent of what lies between the heart rate at rest and the highest."""
EFFORTS: dict[Intensity, Range] = {Intensity.MODERATE: (5, 6), Intensity.VIGOROUS: (7, 8)}
"""On a scale from 0, sitting, to 10, all one has."""
WALK_STEP_MIN = 5


def target_min(answers: Answers) -> int:
    """Minutes a week, in minutes of moderate movement: never a tenth more than so far, except to begin with."""
    return min(MOST_MIN, max(FLOORS_MIN[answers.level], answers.weekly_min * 110 // 100))


def heart_rates(intensity: Intensity, answers: Answers) -> Range | None:
    """From how many beats a minute to how many; None when nobody said what it is at rest."""
    if answers.resting_hr is None:
        return None
    rest, highest_tenths = answers.resting_hr, 2080 - 7 * answers.age
    low, high = ((rest * 1000 + percent * (highest_tenths - rest * 10) + 500) // 1000 for percent in BANDS[intensity])
    return low, high


def intensities(count: int, answers: Answers) -> list[Intensity]:
    """How hard each of so many sessions is: every second one, for who trains endurance or weight and may go hard."""
    is_mixed = not answers.stays_moderate and answers.goal in {Goal.ENDURANCE, Goal.WEIGHT_LOSS}
    return [Intensity.VIGOROUS if is_mixed and number % 2 else Intensity.MODERATE for number in range(count)]


def walk_min(target: int, done: float) -> int:
    """What is left of the week's minutes for walks, in steps of five minutes."""
    return max(0, int(target - done)) // WALK_STEP_MIN * WALK_STEP_MIN
