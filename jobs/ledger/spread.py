"""How times are spread: counts by bucket, which can be added up, and the percentiles that they hold."""

from collections.abc import Iterable, Sequence
from itertools import zip_longest

BOUNDS_S = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
"""The upper bounds of the buckets, in seconds; one more bucket holds what took longer."""
BUCKETS = len(BOUNDS_S) + 1

Spread = Sequence[int]
"""How many times fell into each bucket."""


def added(spreads: Iterable[Spread]) -> list[int]:
    """The spread of all of them together."""
    return [sum(counts) for counts in zip_longest([0] * BUCKETS, *spreads, fillvalue=0)][:BUCKETS]


def percentile(spread: Spread, share: float) -> float | None:
    """The time in seconds that so big a share stayed within, guessed between the bounds of its bucket.

    None when nothing was counted. What took longer than the last bound is told as that bound.
    """
    wanted, met = share * sum(spread), 0
    if not wanted:
        return None
    for place, count in enumerate(spread[: len(BOUNDS_S)]):
        if count and met + count >= wanted:
            below = BOUNDS_S[place - 1] if place else 0.0
            return below + (BOUNDS_S[place] - below) * (wanted - met) / count
        met += count
    return float(BOUNDS_S[-1])
