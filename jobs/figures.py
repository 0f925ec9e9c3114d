"""Rates and times of the last minutes, put together from the history by queue, by kind, or all."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from .ledger.rollup import Bucket
from .ledger.spread import percentile
from .rollups import Point

MINUTE = timedelta(minutes=1)
By = Callable[[Point], str]
"""What a point is counted under."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What happened within some time, to one queue or kind."""

    name: str
    bucket: Bucket

    @property
    def finished(self) -> int:
        """How many jobs ended by running."""
        return self.bucket.succeeded + self.bucket.failed

    @property
    def run_p50_s(self) -> float | None:
        """The time that half of them ran at most."""
        return percentile(self.bucket.runs, 0.5)

    @property
    def run_p95_s(self) -> float | None:
        """The time that all but one in twenty ran at most."""
        return percentile(self.bucket.runs, 0.95)

    @property
    def run_p99_s(self) -> float | None:
        """The time that all but one in a hundred ran at most."""
        return percentile(self.bucket.runs, 0.99)

    @property
    def wait_p50_s(self) -> float | None:
        """The time that half of them waited at most."""
        return percentile(self.bucket.waits, 0.5)

    @property
    def wait_p95_s(self) -> float | None:
        """The time that all but one in twenty waited at most."""
        return percentile(self.bucket.waits, 0.95)

    @property
    def wait_p99_s(self) -> float | None:
        """The time that all but one in a hundred waited at most."""
        return percentile(self.bucket.waits, 0.99)


def together(points: Iterable[Point], by: By) -> Mapping[str, Figures]:
    """The points added up by what a function says of each; the busiest first."""
    found: dict[str, Bucket] = {}
    for point in points:
        found.setdefault(by(point), Bucket()).add(point.bucket)
    ordered = sorted(found.items(), key=lambda one: (-(one[1].succeeded + one[1].failed), one[0]))
    return {name: Figures(name, bucket) for name, bucket in ordered}


def within(points: Sequence[Point], since: datetime) -> list[Point]:
    """The points from that moment on."""
    return [point for point in points if point.at >= since]


def by_moment(points: Iterable[Point], moments: Sequence[datetime]) -> list[Bucket]:
    """One bucket for each of the moments, empty where nothing happened."""
    found: dict[datetime, Bucket] = {moment: Bucket() for moment in moments}
    for point in points:
        if point.at in found:
            found[point.at].add(point.bucket)
    return [found[moment] for moment in moments]


def hours_until(now: datetime, count: int) -> list[datetime]:
    """The beginnings of the last so many hours, the one that runs included."""
    last = now.replace(minute=0, second=0, microsecond=0)
    return [last - timedelta(hours=back) for back in range(count - 1, -1, -1)]


def minutes_until(now: datetime, count: int) -> list[datetime]:
    """The beginnings of the last so many minutes, the one that runs included."""
    last = now.replace(second=0, microsecond=0)
    return [last - MINUTE * back for back in range(count - 1, -1, -1)]
