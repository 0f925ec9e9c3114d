"""What somebody did in a window of days, added up."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, Self

WINDOW_DAYS = 30


class Part(NamedTuple):
    """What somebody did of one kind on one day. The energy is that of what was counted; None when nothing was."""

    day: date
    kind: str
    activity_count: int
    duration_s: int
    longest_s: int
    energy_kcal: Decimal | None
    uncounted: int


@dataclass(frozen=True, slots=True)
class Total:
    """What all of one day, or all of one kind, adds up to; `name` is the day or the kind."""

    name: str
    activity_count: int
    duration_s: int
    energy_kcal: Decimal | None

    @property
    def duration(self) -> timedelta:
        """How long it took."""
        return timedelta(seconds=self.duration_s)

    def written(self) -> list[Any]:
        """As it is stored."""
        energy = None if self.energy_kcal is None else str(self.energy_kcal)
        return [self.name, self.activity_count, self.duration_s, energy]

    @classmethod
    def read(cls, stored: Sequence[Any]) -> Self:
        """What `written` gave."""
        name, activity_count, duration_s, energy = stored
        return cls(name, activity_count, duration_s, None if energy is None else Decimal(energy))


@dataclass(frozen=True, slots=True)
class Summary:
    """What was done from one day to another, both included: by day with something on it, and by kind, longest first."""

    since: date
    until: date
    kinds: Sequence[Total]
    days: Sequence[Total]
    longest_s: int
    uncounted: int

    @property
    def activity_count(self) -> int:
        """How many activities."""
        return sum(one.activity_count for one in self.days)

    @property
    def active_days(self) -> int:
        """On how many days there was at least one."""
        return len(self.days)

    @property
    def duration_s(self) -> int:
        """How long all of them took."""
        return sum(one.duration_s for one in self.days)

    @property
    def duration(self) -> timedelta:
        """How long all of them took."""
        return timedelta(seconds=self.duration_s)

    @property
    def longest(self) -> timedelta:
        """How long the longest took."""
        return timedelta(seconds=self.longest_s)

    @property
    def energy_kcal(self) -> Decimal | None:
        """What was counted of their energy; None when nothing was."""
        return _sum(one.energy_kcal for one in self.days)

    def each_day(self) -> list[tuple[date, Total]]:
        """Every day of the window in its order, those with nothing on them, too."""
        found = {one.name: one for one in self.days}
        days = [self.since + timedelta(days=number) for number in range((self.until - self.since).days + 1)]
        return [(day, found.get(day.isoformat()) or Total(day.isoformat(), 0, 0, None)) for day in days]


def window(today: date) -> tuple[date, date]:
    """The first and the last of the thirty days that end today."""
    return today - timedelta(days=WINDOW_DAYS - 1), today


def summed_up(parts: Sequence[Part], *, since: date, until: date) -> Summary:
    """Add the parts up."""
    days = [_total(day.isoformat(), [one for one in parts if one.day == day]) for day in sorted({p.day for p in parts})]
    kinds = [_total(kind, [one for one in parts if one.kind == kind]) for kind in {one.kind for one in parts}]
    return Summary(
        since=since,
        until=until,
        kinds=sorted(kinds, key=lambda one: (-one.duration_s, one.name)),
        days=days,
        longest_s=max((one.longest_s for one in parts), default=0),
        uncounted=sum(one.uncounted for one in parts),
    )


def _total(name: str, parts: Sequence[Part]) -> Total:
    return Total(
        name,
        sum(one.activity_count for one in parts),
        sum(one.duration_s for one in parts),
        _sum(one.energy_kcal for one in parts),
    )


def _sum(energies: Iterable[Decimal | None]) -> Decimal | None:
    known = [one for one in energies if one is not None]
    return sum(known, Decimal(0)) if known else None
