"""The exercises we know, and which of them somebody may do.

Of each pattern the first that fits is taken, and the last fits everybody: nothing is needed for it, and it spares all
that may have to be spared.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from .answers import Answers, Equipment, Level, Limit


class Pattern(StrEnum):
    """How a body moves, in the order of a session: large before small, several joints before one."""

    SQUAT = "squat"
    PUSH = "push"
    HINGE = "hinge"
    PULL = "pull"
    PRESS = "press"
    PULL_DOWN = "pull_down"
    LUNGE = "lunge"
    CORE = "core"

    @property
    def is_lower(self) -> bool:
        """Whether it is about the legs and what carries them."""
        return self in LOWER


LOWER = (Pattern.SQUAT, Pattern.HINGE, Pattern.LUNGE, Pattern.CORE)
UPPER = (Pattern.PUSH, Pattern.PULL, Pattern.PRESS, Pattern.PULL_DOWN)


@dataclass(frozen=True, slots=True)
class Move:
    """An exercise: what it takes, whom it does not suit, and what to do while it is too much."""

    key: str
    label: str
    pattern: Pattern
    needs: Equipment | None
    strains: frozenset[Limit]
    is_hard: bool
    easier: str

    def suits(self, equipment: frozenset[Equipment], limits: frozenset[Limit], *, is_novice: bool) -> bool:
        """Whether somebody like this may be asked to do it."""
        has_all = self.needs is None or self.needs in equipment
        return has_all and not self.strains & limits and not (self.is_hard and is_novice)

    @property
    def is_loaded(self) -> bool:
        """Whether there is a weight that can be chosen."""
        return self.needs in {Equipment.DUMBBELLS, Equipment.BARBELL}


def move(key: str) -> Move:
    """The exercise of that name. Raises KeyError."""
    return _BY_KEY[key]


def moves_for(answers: Answers) -> tuple[Move, ...]:
    """Every exercise that suits somebody, in the order in which they are taken."""
    return _moves_for(answers.equipment, answers.limits, answers.level is Level.NOVICE)


def best_move(pattern: Pattern, answers: Answers) -> Move:
    """The first exercise of this pattern that suits somebody; there always is one."""
    return next(one for one in moves_for(answers) if one.pattern is pattern)


@cache
def _moves_for(equipment: frozenset[Equipment], limits: frozenset[Limit], is_novice: bool) -> tuple[Move, ...]:  # noqa: FBT001 -- kept by its arguments
    return tuple(one for one in MOVES if one.suits(equipment, limits, is_novice=is_novice))


# By pattern: key | name | what it needs | what it strains | hard: not for who begins | easier
_LIBRARY = """
squat
  barbell_squat | Barbell squat | barbell | all | hard | With a dumbbell held to the chest
  goblet_squat | Goblet squat | dumbbells | knee back wrist | - | Without the weight
  squat | Squat | - | knee | - | Less deep, holding a chair
  sit_to_stand | Sit-to-stand from a chair | - | - | - | From a higher chair
push
  bench_press | Bench press | barbell | shoulder wrist pregnancy hypertension | hard | With dumbbells, on the floor
  floor_press | Dumbbell floor press | dumbbells | shoulder wrist pregnancy | - | With lighter dumbbells
  band_press | Band chest press | bands | shoulder wrist | - | Closer to where the band is fixed
  push_up | Push-up | - | shoulder wrist | - | Against a table, or against a wall
  forearm_wall_press | Wall press on the forearms | - | - | - | Closer to the wall
hinge
  deadlift | Deadlift | barbell | all | hard | From blocks, with less weight
  romanian_deadlift | Dumbbell Romanian deadlift | dumbbells | back wrist | - | Without the weight
  bridge | Glute bridge | - | pregnancy | - | Less high
  hip_extension | Standing leg lift to the back | - | - | - | Holding a chair
pull
  barbell_row | Barbell row | barbell | all | hard | With one dumbbell
  dumbbell_row | One-arm dumbbell row | dumbbells | shoulder wrist | - | With a lighter dumbbell
  band_row | Band row | bands | shoulder wrist | - | With a longer band
  towel_row | Towel row in a doorway | - | shoulder wrist | - | Standing more upright
  blade_squeeze | Shoulder-blade squeeze | - | - | - | Sitting
press
  overhead_press | Overhead press | barbell | shoulder back wrist pregnancy hypertension | hard | With dumbbells
  dumbbell_press | Dumbbell shoulder press | dumbbells | shoulder wrist | - | One arm after the other
  band_overhead_press | Band overhead press | bands | shoulder wrist | - | With a longer band
  pike_push_up | Pike push-up | - | shoulder wrist pregnancy hypertension | hard | With the hands on a step
  arm_raise | Arm raise to shoulder height | - | - | - | One arm after the other
pull_down
  pull_up | Pull-up | bar | shoulder wrist pregnancy | hard | Jump up, and come down slowly
  band_pull_down | Band pull-down | bands | shoulder wrist | - | With a longer band
  pullover | Dumbbell pullover | dumbbells | shoulder wrist back pregnancy | - | With a lighter dumbbell
  prone_arm_lift | Arm lift lying face down | - | shoulder back pregnancy | - | Arms beside the body
  elbow_pull_down | Slow elbow pull-down, standing | - | - | - | Sitting
lunge
  split_squat | Dumbbell split squat | dumbbells | knee wrist back | - | Without the weight
  reverse_lunge | Reverse lunge | - | knee | - | A smaller step, holding a chair
  side_leg_lift | Side leg lift, standing | - | - | - | Holding a chair
core
  hanging_knee_raise | Hanging knee raise | bar | all | hard | Lying, one knee after the other
  band_anti_twist | Band press against the twist | bands | shoulder wrist | - | Closer to where the band is fixed
  dead_bug | Dead bug | - | pregnancy back | - | Only the legs
  bird_dog | Bird dog | - | wrist knee shoulder | - | Only the legs
  standing_march | Slow march on the spot | - | - | - | Holding a chair
"""


def _read(lines: Iterable[str]) -> Iterator[Move]:
    pattern = Pattern.SQUAT
    for line in lines:
        if "|" not in line:
            pattern = Pattern(line)
            continue
        key, label, needs, strains, is_hard, easier = (part.strip() for part in line.split("|"))
        yield Move(
            key,
            label,
            pattern,
            needs=None if needs == "-" else Equipment(needs),
            strains=frozenset(Limit if strains == "all" else map(Limit, strains.strip("-").split())),
            is_hard=is_hard == "hard",
            easier=easier,
        )


MOVES = tuple(_read(_LIBRARY.strip().splitlines()))
_BY_KEY = {one.key: one for one in MOVES}
