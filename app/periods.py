"""Days, weeks and moments in a person's time zone."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

ONE_DAY = timedelta(days=1)


def week_of(day: date) -> tuple[date, date]:
    """The Monday and the Sunday of its week."""
    monday = day - ONE_DAY * day.weekday()
    return monday, monday + ONE_DAY * 6


def moment(day: date, at: time, *, zone: str) -> datetime:
    """The moment a clock in that zone shows this day and time. When it does so twice, the first.

    Raises:
        ValueError: it never does, because the clock is put forward over it, or the year is out of bounds
    """
    local = datetime.combine(day, at, ZoneInfo(zone))
    try:
        there = local.astimezone(UTC)
        back = there.astimezone(ZoneInfo(zone))
    except OverflowError:
        raise ValueError("That day is out of bounds.") from None
    if back.replace(tzinfo=None) != local.replace(tzinfo=None):
        raise ValueError("The clock skips that time on that day; choose another.")
    return there


def local(at: datetime, zone: str) -> datetime:
    """The moment as a clock in that zone shows it."""
    return at.astimezone(ZoneInfo(zone))


def clock_time(at: datetime, zone: str) -> str:
    """Hours and minutes of a moment in that zone: "07:10"."""
    return f"{local(at, zone):%H:%M}"


def long_day(day: date) -> str:
    """A day in words: "Friday 20 November"."""
    return f"{day:%A} {day.day} {day:%B}"


def named_day(day: date, *, today: date) -> str:
    """A day as people say it: "Today", "Yesterday", else its words, with the year when it is another one."""
    if day in (today, today - ONE_DAY):
        return "Today" if day == today else "Yesterday"
    return long_day(day) if day.year == today.year else f"{long_day(day)} {day.year}"


def short_day(day: date, *, today: date) -> str:
    """A day in a word or two: "Today", "Yesterday", "Tue", "3 Nov", "3 Nov 2025"."""
    if day in (today, today - ONE_DAY):
        return "Today" if day == today else "Yesterday"
    if ONE_DAY < today - day < ONE_DAY * 7:
        return f"{day:%a}"
    return f"{day.day} {day:%b}" if day.year == today.year else f"{day.day} {day:%b} {day.year}"


def day_and_time(at: datetime, zone: str, *, today: date) -> str:
    """A moment in that zone: "Today 07:10:03"."""
    there = local(at, zone)
    return f"{short_day(there.date(), today=today)} {there:%H:%M:%S}"


def streak(days: list[date], *, today: date) -> int:
    """How many days in a row there was something, up to today, or up to yesterday while today is still empty.

    `days` are distinct, newest first.
    """
    past = [day for day in days if day <= today]
    if not past or past[0] < today - ONE_DAY:
        return 0
    return next((count for count, day in enumerate(past) if day != past[0] - ONE_DAY * count), len(past))
