"""Stretches of the history that can be looked at, in steps of equal length."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from .ledger.rollup import LENGTHS, Span, floored
from .rollups import Point, Rollups


@dataclass(frozen=True, slots=True)
class Range:
    """A stretch of time that can be looked at: so many buckets of a span, `fold` of them to a step."""

    key: str
    word: str
    span: Span
    count: int
    fold: int = 1

    @property
    def step(self) -> timedelta:
        """How long a step is."""
        return LENGTHS[self.span] * self.fold

    def moments(self, now: datetime) -> list[datetime]:
        """The beginnings of its steps, the one that runs included."""
        last = floored(now, self.span)
        if self.fold > 1:
            last = _folded(last, self.fold)
        return [last - self.step * back for back in range(self.count // self.fold - 1, -1, -1)]

    def points(
        self, rollups: Rollups, moments: Sequence[datetime], *, queue: str | None, kind: str | None
    ) -> list[Point]:
        """What happened in these steps, each point at the beginning of its step."""
        found = rollups.history(self.span, moments[0], moments[-1] + self.step, queue=queue, kind=kind)
        if self.fold == 1:
            return list(found)
        return [Point(_folded(one.at, self.fold), one.queue, one.kind, one.bucket) for one in found]


RANGES = (
    Range("90m", "90 minutes", "minute", 90),
    Range("24h", "24 hours", "hour", 24),
    Range("7d", "7 days", "hour", 168, 2),
    Range("30d", "30 days", "hour", 720, 8),
)


def _folded(at: datetime, hours: int) -> datetime:
    return at.replace(hour=at.hour // hours * hours)
