"""Crontab lines: five fields, read within bounds, and the wall-clock minutes they name."""

import calendar
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

LONGEST = 200
LOOK_MONTHS = 9 * 12  # 29 February comes back within eight years, whatever the century

_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_WEEKDAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"))}
_SHORT = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


@dataclass(frozen=True, slots=True)
class Cron:
    """A crontab line as the values it allows; weekdays count from 0, which is Sunday.

    As in every crontab, a day counts when its number or its weekday matches, if both are given.
    """

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    any_day: bool
    any_weekday: bool
    every_hour: bool

    def next_local(self, after: datetime) -> datetime | None:
        """The first wall-clock minute later than `after` that the line names; None when it names none for years."""
        if self._has(after.date()):
            for hour in self.hours:
                for minute in self.minutes if hour >= after.hour else ():
                    found = datetime.combine(after.date(), time(hour, minute))
                    if found > after:
                        return found
        for day in self._days_from(after.date() + timedelta(days=1)):
            return datetime.combine(day, time(self.hours[0], self.minutes[0]))
        return None

    def _days_from(self, first: date) -> Iterator[date]:
        year, month = first.year, first.month
        for _ in range(LOOK_MONTHS):
            if month in self.months:
                for number in range(1, calendar.monthrange(year, month)[1] + 1):
                    day = date(year, month, number)
                    if day >= first and self._has(day):
                        yield day
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)
            if year > date.max.year - 1:
                return

    def _has(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        by_number, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        if self.any_day or self.any_weekday:
            return by_number and by_weekday
        return by_number or by_weekday


def read_cron(line: str) -> Cron:
    """The line, read.

    Raises:
        ValueError: it is too long, a field is missing or out of range, or no day ever matches; the field is named.
    """
    if len(line) > LONGEST:
        raise ValueError(f"cron: at most {LONGEST} characters")
    fields = _SHORT.get(line.strip().lower(), line).upper().split()
    if len(fields) != 5:
        raise ValueError("cron: five fields are needed (minute hour day month weekday), or a name such as @daily")
    minute, hour, day, month, weekday = fields
    cron = Cron(
        minutes=_values("minute", minute, 0, 59),
        hours=_values("hour", hour, 0, 23),
        days=_values("day", day, 1, 31),
        months=_values("month", month, 1, 12, _MONTHS),
        weekdays=tuple(sorted({one % 7 for one in _values("weekday", weekday, 0, 7, _WEEKDAYS)})),
        any_day=day.startswith("*"),
        any_weekday=weekday.startswith("*"),
        every_hour=hour.startswith("*"),
    )
    if cron.next_local(datetime(2000, 1, 1)) is None:  # noqa: DTZ001 -- the wall clock has no zone
        raise ValueError("cron: no day ever matches day and month")
    return cron


def _values(field: str, text: str, low: int, high: int, names: Mapping[str, int] | None = None) -> tuple[int, ...]:
    parts = text.split(",")
    if len(parts) > high - low + 1:
        raise ValueError(f"cron: {field} has more parts than values")
    values: set[int] = set()
    for part in parts:
        values.update(_range(field, part, low, high, names or {}))
    return tuple(sorted(values))


def _range(field: str, part: str, low: int, high: int, names: Mapping[str, int]) -> range:
    """One part of a field, its ends checked before anything is counted through."""
    span, has_step, step_text = part.partition("/")
    step = _number(field, step_text, 1, high - low + 1) if has_step else 1
    if span == "*":
        return range(low, high + 1, step)
    first_text, has_last, last_text = span.partition("-")
    first = _number(field, first_text, low, high, names)
    last = _number(field, last_text, low, high, names) if has_last else high if has_step else first
    if first > last:
        raise ValueError(f"cron: {field} counts backwards in {span[:20]}")
    return range(first, last + 1, step)


def _number(field: str, text: str, low: int, high: int, names: Mapping[str, int] | None = None) -> int:
    if names and text in names:
        return names[text]
    if not (text.isascii() and text.isdecimal() and len(text) <= 4 and low <= int(text) <= high):
        raise ValueError(f"cron: {field} must be between {low} and {high}, not {text[:20]!r}")
    return int(text)
