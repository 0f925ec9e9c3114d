"""The clock on the wall and the moments it shows, also in the nights in which it is changed."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

LONGEST_ZONE = 64


class Change(StrEnum):
    """What a change of the clocks does to a wall-clock time."""

    SKIPPED = "skipped"
    TWICE = "twice"


def zone_named(name: str) -> ZoneInfo:
    """The time zone of that name.

    Raises:
        ValueError: there is none.
    """
    if not name or len(name) > LONGEST_ZONE:
        raise ValueError(f"zone: a name of at most {LONGEST_ZONE} characters is needed, such as Europe/Berlin")
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"zone: there is no time zone called {name}") from None


def on_the_wall(moment: datetime, zone: ZoneInfo) -> datetime:
    """What the clock on the wall shows at the moment, without a zone."""
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def change_at(local: datetime, zone: ZoneInfo) -> Change | None:
    """Whether a change of the clocks skips this wall-clock time or shows it twice."""
    first, second = (local.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    if first == second or first is None or second is None:
        return None
    return Change.SKIPPED if first < second else Change.TWICE


def moment_of(local: datetime, zone: ZoneInfo) -> datetime:
    """The moment at which the wall shows this time, in UTC.

    Of a time shown twice it is the first; for a time that is skipped, the moment at which the clocks were changed.
    """
    early, late = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if change_at(local, zone) is Change.SKIPPED:
        return changed_between(late, early, zone)
    return early


def changed_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The first second after `before` with the offset of `after`, given that exactly one change lies between them."""
    target = after.astimezone(zone).utcoffset()
    low, high = 0, int((after - before).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        if (before + timedelta(seconds=middle)).astimezone(zone).utcoffset() == target:
            high = middle
        else:
            low = middle
    return before + timedelta(seconds=high)


def end_of_twice(local: datetime, zone: ZoneInfo) -> datetime:
    """The first minute on the wall from this one on that is not shown twice."""
    end = local.replace(second=0, microsecond=0)
    while change_at(end, zone) is Change.TWICE:
        end += timedelta(minutes=1)
    return end
