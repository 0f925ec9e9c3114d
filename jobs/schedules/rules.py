"""When something runs: every so often, by a crontab line, by a recurrence rule, or once."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, Self
from zoneinfo import ZoneInfo

from .cron import Cron, read_cron
from .recurrence import Recurrence, read_recurrence
from .wall import Change, change_at, changed_between, end_of_twice, moment_of, on_the_wall, zone_named

SECOND = timedelta(seconds=1)
MOST_TIMES = 1_000_000
LONGEST_JITTER_S = 86_400
FIRST_YEAR, LAST_YEAR = 1970, 2999
LENGTHS_S = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800}
LONGEST_EVERY_S = 10 * 366 * 86_400
EVERY = re.compile(r"([0-9]{1,9}) (second|minute|hour|day|week)s?")


class RuleKind(StrEnum):
    """What a rule's text is written in."""

    EVERY = "every"
    CRON = "cron"
    RRULE = "rrule"
    ONCE = "once"


@dataclass(frozen=True, slots=True)
class Every:
    """A length that is counted from the start. Days and weeks keep the time on the wall, shorter ones are elapsed."""

    count: int
    unit: str

    @property
    def length(self) -> timedelta:
        """The time from one run to the next."""
        return self.count * timedelta(seconds=LENGTHS_S[self.unit])

    @property
    def by_wall(self) -> bool:
        """Whether it keeps the time on the wall when the clocks are changed."""
        return self.unit in ("day", "week")


Shape = Every | Cron | Recurrence | datetime


@dataclass(frozen=True)
class Rule:
    """When something runs. Made by `every`, `cron`, `rrule` and `once`.

    `starts_at` and `ends_at` are aware moments and belong to it; `most_times` is how often it fires at most. A run is
    begun up to `jitter_s` seconds after its slot.

    Raises:
        ValueError: something is out of range; the text names the field.
    """

    kind: RuleKind
    text: str
    zone: str = "UTC"
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    most_times: int | None = None
    jitter_s: int = 0

    @classmethod
    def every(
        cls, *, weeks: int = 0, days: int = 0, hours: int = 0, minutes: int = 0, seconds: int = 0, **options: Any
    ) -> Self:
        """Every so often from its start on; mixed units count as the smallest of them."""
        given = {"week": weeks, "day": days, "hour": hours, "minute": minutes, "second": seconds}
        used = [unit for unit, count in given.items() if count]
        if not used or any(not isinstance(count, int) or count < 0 for count in given.values()):
            raise ValueError("every: say how many seconds, minutes, hours, days or weeks, in whole numbers")
        count = sum(count * LENGTHS_S[unit] for unit, count in given.items()) // LENGTHS_S[used[-1]]
        return cls(RuleKind.EVERY, f"{count} {used[-1]}{'s' * (count != 1)}", **options)

    @classmethod
    def cron(cls, line: str, **options: Any) -> Self:
        """By a crontab line: minute, hour, day, month, weekday; or a name such as @daily."""
        return cls(RuleKind.CRON, line, **options)

    @classmethod
    def rrule(cls, text: str, **options: Any) -> Self:
        """By a recurrence rule of RFC 5545; its DTSTART is `starts_at`."""
        return cls(RuleKind.RRULE, text, **options)

    @classmethod
    def once(cls, moment: datetime, **options: Any) -> Self:
        """Once, at this aware moment."""
        return cls(RuleKind.ONCE, moment.isoformat(), **options)

    def __post_init__(self) -> None:
        zone_named(self.zone)
        shape = self.shape
        for name in ("starts_at", "ends_at"):
            object.__setattr__(self, name, _whole(name, getattr(self, name)))
        if self.starts_at and self.ends_at and self.ends_at < self.starts_at:
            raise ValueError("ends_at: it ends before it starts")
        counts = [self.most_times, shape.count if isinstance(shape, Recurrence) else None]
        most = min((count for count in counts if count is not None), default=None)
        object.__setattr__(self, "most_times", most)
        if most is not None and not 1 <= most <= MOST_TIMES:
            raise ValueError(f"most_times: must be between 1 and {MOST_TIMES}")
        if not 0 <= self.jitter_s <= LONGEST_JITTER_S:
            raise ValueError(f"jitter_s: must be between 0 and {LONGEST_JITTER_S}")

    @property
    def shape(self) -> Shape:
        """The text, read."""
        return _read(RuleKind(self.kind), self.text)

    @property
    def needs_start(self) -> bool:
        """Whether its runs are counted from a start."""
        return self.kind in (RuleKind.EVERY, RuleKind.RRULE)

    def anchored(self, moment: datetime) -> "Rule":
        """The rule with a start, which is the moment if it needs one and has none."""
        return replace(self, starts_at=moment) if self.needs_start and self.starts_at is None else self


@lru_cache(2_048)
def _read(kind: RuleKind, text: str) -> Shape:
    match kind:
        case RuleKind.EVERY:
            return _read_every(text)
        case RuleKind.CRON:
            return read_cron(text)
        case RuleKind.RRULE:
            return read_recurrence(text)
        case RuleKind.ONCE:
            return _read_moment(text)


def _read_every(text: str) -> Every:
    match = EVERY.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError("every: it must look like '3 hours'; seconds, minutes, hours, days and weeks are known")
    every = Every(int(match[1]), match[2])
    if not 1 <= every.count * LENGTHS_S[every.unit] <= LONGEST_EVERY_S:
        raise ValueError("every: must be between one second and ten years")
    return every


def _read_moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text[:40])
    except ValueError:
        raise ValueError("once: a moment is needed, such as 2026-12-24T18:00:00+01:00") from None
    whole = _whole("once", moment)
    assert whole is not None
    return whole


def _whole(name: str, moment: datetime | None) -> datetime | None:
    """The moment in UTC, to the second."""
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise ValueError(f"{name}: the moment needs a time zone")
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"{name}: the year must be between {FIRST_YEAR} and {LAST_YEAR}")
    return moment.astimezone(UTC).replace(microsecond=0)


def next_after(rule: Rule, moment: datetime) -> datetime | None:
    """The rule's first slot later than the moment, to the second, in UTC; None when there is no other.

    `most_times` is not looked at: only who fires knows how often it was.

    Raises:
        ValueError: it needs a start and has none, or has no run for a very long time.
    """
    after = moment.astimezone(UTC).replace(microsecond=0)
    if rule.starts_at is not None:
        after = max(after, rule.starts_at - SECOND)
    if after.year >= LAST_YEAR:
        return None
    found = _next(rule, after)
    last = _last(rule)
    return None if found is None or (last is not None and found > last) else found


def _last(rule: Rule) -> datetime | None:
    until = rule.shape.until if isinstance(rule.shape, Recurrence) else None
    if until is not None:
        until = until if until.tzinfo else moment_of(until, zone_named(rule.zone))
    return min((one for one in (rule.ends_at, until) if one is not None), default=None)


def _next(rule: Rule, after: datetime) -> datetime | None:
    shape, zone = rule.shape, zone_named(rule.zone)
    if isinstance(shape, datetime):
        return shape if shape > after else None
    if isinstance(shape, Every) and not shape.by_wall:
        start = _start_of(rule)
        return start + max(0, (after - start) // shape.length + 1) * shape.length
    walk = _through_the_hours if isinstance(shape, Cron | Recurrence) and shape.every_hour else _by_the_wall
    return walk(names_of(rule), after, zone)


def names_of(rule: Rule) -> Callable[[datetime], datetime | None]:
    """A function from one time on the wall to the next one that the rule names."""
    shape = rule.shape
    if isinstance(shape, Cron):
        return shape.next_local
    start = on_the_wall(_start_of(rule), zone_named(rule.zone))
    if isinstance(shape, Recurrence):
        return lambda after: shape.next_local(after, start)
    assert isinstance(shape, Every)
    return lambda after: start + max(0, (after - start) // shape.length + 1) * shape.length


def _start_of(rule: Rule) -> datetime:
    if rule.starts_at is None:
        raise ValueError("starts_at: this rule is counted from its start, and needs one")
    return rule.starts_at


def _by_the_wall(names: Callable[[datetime], datetime | None], after: datetime, zone: ZoneInfo) -> datetime | None:
    """The next named time; one that is skipped comes when the clocks are changed, one shown twice comes once."""
    local: datetime | None = on_the_wall(after, zone)
    while local is not None and (local := names(local)) is not None:
        found = moment_of(local, zone)
        if found > after:
            return found
        local = max(local, end_of_twice(local, zone) - timedelta(microseconds=1))
    return None


def _through_the_hours(
    names: Callable[[datetime], datetime | None], after: datetime, zone: ZoneInfo
) -> datetime | None:
    """The next named time, where every hour counts: one that is skipped is left out, one shown twice comes twice."""
    local, offset = on_the_wall(after, zone), after.astimezone(zone).utcoffset()
    while (named := names(local)) is not None:
        assert offset is not None
        found = (named - offset).replace(tzinfo=UTC)
        offset_then = found.astimezone(zone).utcoffset()
        if offset_then == offset:
            return found
        after = changed_between(after, found, zone)
        local, offset = on_the_wall(after, zone) - timedelta(microseconds=1), offset_then
    return None


@dataclass(frozen=True, slots=True)
class Upcoming:
    """A slot to come; the note says what a change of the clocks does to it."""

    at: datetime
    note: str = ""


def upcoming(rule: Rule, moment: datetime, count: int = 20, *, fired: int = 0) -> list[Upcoming]:
    """The next slots after the moment, at most `count`, of a rule that has fired so often already.

    Raises:
        ValueError
    """
    left = count if rule.most_times is None else min(count, rule.most_times - fired)
    slots: list[Upcoming] = []
    before, slot = moment, next_after(rule, moment) if left > 0 else None
    while slot is not None and len(slots) < left:
        slots.append(Upcoming(slot, _note(rule, slot, before if slots else None)))
        before, slot = slot, next_after(rule, slot)
    return slots


def _note(rule: Rule, slot: datetime, before: datetime | None) -> str:
    zone = zone_named(rule.zone)
    local = on_the_wall(slot, zone)
    if change_at(local, zone) is Change.TWICE:
        return f"{local:%H:%M} comes twice; this is the {'first' if moment_of(local, zone) == slot else 'second'}"
    gained = _gained(slot - SECOND, slot, zone)
    if gained > timedelta() and not isinstance(rule.shape, datetime) and _is_moved(rule, local):
        return f"the clocks skip its time; moved to {local:%H:%M}"
    gained = gained if before is None else _gained(before, slot, zone)
    if not gained:
        return ""
    way = "forward" if gained > timedelta() else "back"
    return f"the clocks were put {way} by {int(abs(gained).total_seconds()) // 60} minutes since the run before"


def _is_moved(rule: Rule, local: datetime) -> bool:
    """Whether the rule does not name this time on the wall."""
    if isinstance(rule.shape, Every) and not rule.shape.by_wall:
        return False
    return names_of(rule)(local - SECOND) != local


def _gained(before: datetime, after: datetime, zone: ZoneInfo) -> timedelta:
    """By how much the clocks were put forward between two moments."""
    offsets = [moment.astimezone(zone).utcoffset() for moment in (before, after)]
    first, second = offsets
    return (second or timedelta()) - (first or timedelta())
