"""What goes wrong when: decided by the seed alone, so that it can be played again."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

WORKERS, SCHEDULERS = 2, 2
FIRST_AT_S = 2.0
PAUSE_S = (0.5, 2.5)

LASTS_S = {
    "worker killed": (0.0, 0.0),
    "worker stopped": (0.0, 0.0),
    "worker frozen": (0.5, 8.0),
    "scheduler killed": (0.0, 0.0),
    "scheduler frozen": (0.5, 6.0),
    "Redis flushed": (0.0, 0.0),
    "Redis killed": (0.5, 4.0),
    "Redis frozen": (0.5, 4.0),
    "database restarted": (0.5, 3.0),
}
"""Every fault, and how many seconds it lasts at least and at most."""


@dataclass(frozen=True, slots=True, order=True)
class Happening:
    """A fault that begins or ends: at which second, which one, and which process of its role it hits."""

    at_s: float
    what: str
    which: int
    is_end: bool = False

    def __str__(self) -> str:
        return f"{self.at_s:6.2f} s  {self.what}{f' #{self.which}' if self.which else ''}{' ends' * self.is_end}"


def plan(seed: int, seconds: float) -> Sequence[Happening]:
    """Everything that happens in so many seconds, in order; what lasts ends in time."""
    chance = random.Random(seed)
    found: list[Happening] = []
    free_at_s = dict.fromkeys(LASTS_S, 0.0)
    at_s = FIRST_AT_S
    while at_s < seconds:
        what = chance.choice(list(LASTS_S))
        which = chance.randrange(WORKERS) if what.startswith("worker") else 0
        lasts_s = chance.uniform(*LASTS_S[what])
        target = what.split()[0]
        if all(until <= at_s for other, until in free_at_s.items() if other.startswith(target)):
            end_s = min(at_s + lasts_s, seconds)
            found.append(Happening(round(at_s, 2), what, which))
            if lasts_s:
                found.append(Happening(round(end_s, 2), what, which, is_end=True))
            free_at_s[what] = end_s
        at_s += chance.uniform(*PAUSE_S)
    return sorted(found)
