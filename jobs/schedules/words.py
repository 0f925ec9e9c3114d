"""Rules as sentences."""

from collections.abc import Sequence
from datetime import datetime

from .cron import Cron
from .recurrence import FREQUENCIES, HOURLY, Recurrence
from .rules import Every, Rule
from .wall import on_the_wall, zone_named

WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
UNITS = dict(zip(FREQUENCIES.values(), ("year", "month", "week", "day", "hour", "minute"), strict=True))
MOST_NAMED = 6


def in_words(rule: Rule) -> str:
    """The rule as one sentence without a full stop: `On weekdays at 07:30 (Europe/Berlin)`."""
    zone = zone_named(rule.zone)
    start = None if rule.starts_at is None else on_the_wall(rule.starts_at, zone)
    shape, place = rule.shape, f" ({rule.zone})"
    if isinstance(shape, datetime):
        return f"Once, on {_day(on_the_wall(shape, zone))} at {on_the_wall(shape, zone):%H:%M}{place}"
    if isinstance(shape, Every):
        at = f" at {_clock(start)}{place}" if shape.by_wall and start else ""
        told = f"Every {_counted(shape.count, shape.unit)}{at}"
    elif isinstance(shape, Cron):
        told = _of_cron(shape) + place
    else:
        told = _of_recurrence(shape, start, rule.text) + place
    return told + _within(rule, start)


def _within(rule: Rule, start: datetime | None) -> str:
    told = f", from {_day(start)}" if start and not rule.needs_start else ""
    if rule.ends_at is not None:
        told += f", until {_day(on_the_wall(rule.ends_at, zone_named(rule.zone)))}"
    if rule.most_times is not None:
        told += f", at most {'once' if rule.most_times == 1 else f'{rule.most_times} times'}"
    return told


def _of_cron(cron: Cron) -> str:
    if len(cron.hours) == 24:
        step = _step(cron.minutes, 60)
        time = f"every {_counted(step, 'minute')}" if step else f"at {_listed(_minutes(cron.minutes))} of every hour"
        days = _days_of(cron)
        return _capital(time if days == "every day" else f"{time} {days}")
    times = [f"{hour:02}:{minute:02}" for hour in cron.hours for minute in cron.minutes]
    time = (
        f"at {_listed(times)}"
        if len(times) <= MOST_NAMED
        else (f"at {_listed(_minutes(cron.minutes))} past {_hours(cron.hours)}")
    )
    return _capital(f"{_days_of(cron)} {time}")


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _days_of(cron: Cron) -> str:
    by_weekday = "" if len(cron.weekdays) == 7 else _on_weekdays(cron.weekdays)
    by_number = "" if len(cron.days) == 31 else f"on the {_listed([_ordinal(day) for day in cron.days])}"
    joint = " and only " if cron.any_day or cron.any_weekday else " and "
    told = joint.join(part for part in (by_number, by_weekday) if part) or "every day"
    return told if len(cron.months) == 12 else f"{told} in {_listed([MONTHS[month - 1] for month in cron.months])}"


def _on_weekdays(numbers: Sequence[int]) -> str:
    if tuple(numbers) == (1, 2, 3, 4, 5):
        return "on weekdays"
    if tuple(numbers) == (0, 6):
        return "at weekends"
    return f"on {_listed([f'{WEEKDAYS[number]}s' for number in sorted(numbers, key=lambda one: one or 7)])}"


def _of_recurrence(rule: Recurrence, start: datetime | None, text: str) -> str:
    lists = rule.lists if start is None else {**rule.of_start(start), **rule.lists}
    known = {"byweekday", "byhour", "byminute", "bymonth", "bymonthday"}
    if rule.lists.keys() - known or (rule.frequency >= HOURLY and rule.lists):
        return f"By the rule {text}"
    told = f"Every {_counted(rule.interval, UNITS[rule.frequency])}"
    if rule.frequency >= HOURLY:
        return told
    if any(one.n for one in lists.get("byweekday", ())):
        return f"By the rule {text}"
    if "byweekday" in lists:
        told += f" {_on_weekdays(sorted({(one.weekday + 1) % 7 for one in lists['byweekday']}))}"
    if "bymonthday" in lists:
        told += f" on the {_listed([_ordinal(day) for day in lists['bymonthday']])}"
    if "bymonth" in lists:
        told += f" in {_listed([MONTHS[month - 1] for month in lists['bymonth']])}"
    hours, minutes = sorted(lists.get("byhour", [])), sorted(lists.get("byminute", [0]))
    times = [f"{hour:02}:{minute:02}" for hour in hours for minute in minutes]
    return f"{told} at {_listed(times)}" if times else told


def _step(values: Sequence[int], base: int) -> int:
    """The step that leads through all the values from 0 up to the base; 0 when there is none."""
    step = base if len(values) == 1 else values[1] - values[0]
    return step if tuple(range(0, base, step)) == tuple(values) and step < base else 0


def _minutes(values: Sequence[int]) -> list[str]:
    return [f"minute {values[0]}", *map(str, values[1:])]


def _hours(values: Sequence[int]) -> str:
    if tuple(values) == tuple(range(values[0], values[-1] + 1)):
        return f"every hour from {values[0]} to {values[-1]}"
    return f"hours {_listed([str(one) for one in values])}"


def _ordinal(number: int) -> str:
    if number < 0:
        return "last day" if number == -1 else f"{_ordinal(-number)} to last day"
    suffix = "th" if number in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _counted(count: int, unit: str) -> str:
    return unit if count == 1 else f"{count} {unit}s"


def _clock(local: datetime | None) -> str:
    return "" if local is None else f"{local:%H:%M}"


def _day(local: datetime) -> str:
    return f"{local.day} {MONTHS[local.month - 1]} {local.year}"
