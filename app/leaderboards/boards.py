"""Which leaderboards there are, and which days each counts."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from app.periods import ONE_DAY, week_of

LONGEST_NAME = 40


class Period(StrEnum):
    """Whose activities count."""

    WEEK = "week"
    MONTH = "month"
    ALL = "all"

    @property
    def label(self) -> str:
        """What people read."""
        return {"week": "This week", "month": "This month", "all": "All time"}[self]


class Measure(StrEnum):
    """What is compared."""

    ENERGY = "energy"
    MINUTES = "minutes"
    DAYS = "days"

    @property
    def label(self) -> str:
        """What people read."""
        return {"energy": "Energy", "minutes": "Minutes", "days": "Active days"}[self]

    @property
    def heading(self) -> str:
        """What stands above its numbers."""
        return {"energy": "Energy in kcal", "minutes": "Minutes", "days": "Active days"}[self]


@dataclass(frozen=True, slots=True)
class Window:
    """The days that count, both included; None where there is no first or no last one."""

    since: date | None = None
    until: date | None = None


def window(period: Period, today: date) -> Window:
    """The week from Monday, or the month, that `today` is in; or all days there are."""
    if period is Period.WEEK:
        return Window(*week_of(today))
    if period is Period.MONTH:
        first = today.replace(day=1)
        following = (first + 31 * ONE_DAY).replace(day=1)
        return Window(first, following - ONE_DAY)
    return Window()
