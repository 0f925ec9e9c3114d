"""Recurrence rules of RFC 5545, held within bounds before python-dateutil expands them."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from dateutil import rrule as rfc5545

LONGEST = 500
MOST_COUNT = 1_000_000
MOST_TIMES_IN_A_PERIOD = 1_500

FREQUENCIES = {"YEARLY": 0, "MONTHLY": 1, "WEEKLY": 2, "DAILY": 3, "HOURLY": 4, "MINUTELY": 5}
YEARLY, MONTHLY, WEEKLY, DAILY, HOURLY, MINUTELY = FREQUENCIES.values()
STEPS = {YEARLY: 9, MONTHLY: 120, WEEKLY: 400, DAILY: 800, HOURLY: 800, MINUTELY: 600}
"""How many periods of one time each are looked through for the next run: about two milliseconds' worth."""
FEWEST_STEPS = 9
TIMES_LIKE_AN_HOUR = 6
"""An hour's times are made anew in every hour that is looked through: so many cost as much as the hour itself."""
DAYS_LIKE_A_YEAR = 25
"""When the steps come to another year, it is laid out anew, which costs as much as so many days."""
MOST_WEEKS_OF_A_MONTH = 5
IN_FORTY_YEARS = {YEARLY: 40, MONTHLY: 480, WEEKLY: 2_087, DAILY: 14_610, HOURLY: 350_640, MINUTELY: 21_038_400}
MOST_INTERVAL = {YEARLY: 40, MONTHLY: 480, WEEKLY: 520, DAILY: 3_660, HOURLY: 87_840, MINUTELY: 1_000_000}
DAYS = {YEARLY: 366, MONTHLY: 31, WEEKLY: 7, DAILY: 1, HOURLY: 1, MINUTELY: 1}
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
# By name: what dateutil calls it, the bounds of its numbers, whether they also count from the end, how many at most.
LISTS = {
    "BYMONTH": ("bymonth", 1, 12, False, 12),
    "BYMONTHDAY": ("bymonthday", 1, 31, True, 31),
    "BYYEARDAY": ("byyearday", 1, 366, True, 12),
    "BYWEEKNO": ("byweekno", 1, 53, True, 12),
    "BYSETPOS": ("bysetpos", 1, 366, True, 5),
    "BYHOUR": ("byhour", 0, 23, False, 24),
    "BYMINUTE": ("byminute", 0, 59, False, 60),
    "BYSECOND": ("bysecond", 0, 59, False, 1),
}
ON_WEEKDAY = re.compile(r"([+-]?[0-9]{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
UNTIL = re.compile(r"[0-9]{8}(T[0-9]{6}Z?)?")


class Steps(int):
    """The interval of a rule, which is added once in every step the expansion takes: it counts them, and ends it."""

    left: int

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise ValueError("rrule: no run for a very long time; if there is one, say it with a wider FREQ")

    def __radd__(self, other: int) -> int:
        """Step on."""
        self._count()
        return int(self) + other

    def __mul__(self, other: int) -> int:
        """Step on by weeks."""
        self._count()
        return int(self) * other

    __rmul__ = __mul__


@dataclass(frozen=True)
class Recurrence:
    """A rule of RFC 5545. `until` has a zone only where the text says UTC; `count` is how often it runs at most."""

    frequency: int
    interval: int = 1
    count: int | None = None
    until: datetime | None = None
    week_start: int = 0
    lists: dict[str, Any] = field(default_factory=dict)

    @property
    def every_hour(self) -> bool:
        """Whether it goes on through the hours, so that an hour shown twice counts twice."""
        return self.frequency >= HOURLY and "byhour" not in self.lists

    def next_local(self, after: datetime, start: datetime) -> datetime | None:
        """The first wall-clock second later than `after`, of the rule that begins at `start`.

        Raises:
            ValueError: it never runs, or not for a very long time.
        """
        steps = Steps(self.interval)
        steps.left = min(self._most_steps, IN_FORTY_YEARS[self.frequency] // self.interval + 3)
        try:
            first = self._period(max(after, start), start)
            runs = rfc5545.rrule(
                self.frequency, first, steps, wkst=self.week_start, **{**self.of_start(start), **self.lists}
            )
            return next((one for one in runs if one > after and one >= start), None)
        except OverflowError:
            return None
        except ValueError as error:
            told = str(error)
            raise ValueError(told if told.startswith("rrule") else f"rrule: it never runs ({told})") from None

    def of_start(self, start: datetime) -> dict[str, Any]:
        """What the rule takes from its start because it does not say it."""
        taken: dict[str, Any] = {"bysecond": [start.second]}
        if self.frequency < MINUTELY:
            taken["byminute"] = [start.minute]
        if self.frequency < HOURLY:
            taken["byhour"] = [start.hour]
        if self.lists.keys() & {"byweekno", "byyearday", "bymonthday", "byweekday"}:
            return taken
        if self.frequency == YEARLY:
            return {**taken, "bymonth": [start.month], "bymonthday": [start.day]}
        if self.frequency == MONTHLY:
            return {**taken, "bymonthday": [start.day]}
        return {**taken, "byweekday": [rfc5545.weekday(start.weekday())]} if self.frequency == WEEKLY else taken

    @property
    def _most_steps(self) -> int:
        """So many that they cost what is said at STEPS, whatever else has to be done in each of them."""
        most = STEPS[self.frequency]
        minutes, hours = (len(set(self.lists.get(name, [0]))) for name in ("byminute", "byhour"))
        extra = len(self.lists.get("bysetpos", ())) * most / STEPS[DAILY]  # each place is looked up like a day
        if {HOURLY: "byhour", MINUTELY: "byminute"}.get(self.frequency) in self.lists:
            extra += 0.5  # the next of the list is searched in every step
        if self.frequency == HOURLY:
            extra += (minutes - 1) / TIMES_LIKE_AN_HOUR
        elif self.frequency < HOURLY:
            extra += minutes * hours / MOST_TIMES_IN_A_PERIOD
        if self.frequency > MONTHLY:
            years = 40 * self.interval / IN_FORTY_YEARS[self.frequency]
            extra += years * DAYS_LIKE_A_YEAR * most / STEPS[DAILY]
        return max(FEWEST_STEPS, int(most / (1 + extra)))

    def _period(self, moment: datetime, start: datetime) -> datetime:
        """The beginning of the rule's latest period that does not begin after the moment."""
        every = self.interval
        midnight = start.replace(hour=0, minute=0, second=0)
        if self.frequency == YEARLY:
            return midnight.replace(year=start.year + (moment.year - start.year) // every * every, month=1, day=1)
        if self.frequency == MONTHLY:
            months = (moment.year - start.year) * 12 + moment.month - start.month
            year, month = divmod(start.year * 12 + start.month - 1 + months // every * every, 12)
            return midnight.replace(year=year, month=month + 1, day=1)
        if self.frequency == WEEKLY:
            begin, length = midnight - timedelta(days=(start.weekday() - self.week_start) % 7), timedelta(weeks=every)
        elif self.frequency == DAILY:
            begin, length = midnight, timedelta(days=every)
        elif self.frequency == HOURLY:
            begin, length = start.replace(minute=0, second=0), timedelta(hours=every)
        else:
            begin, length = start.replace(second=0), timedelta(minutes=every)
        return begin + (moment - begin) // length * length


def read_recurrence(text: str) -> Recurrence:
    """The rule, read.

    Raises:
        ValueError: it is too long, or a part is unknown, out of range or would expand too far; the text names the part.
    """
    if len(text) > LONGEST:
        raise ValueError(f"rrule: at most {LONGEST} characters")
    parts: dict[str, str] = {}
    for part in text.strip().upper().removeprefix("RRULE:").split(";"):
        name, _, value = part.partition("=")
        if name in parts or not value:
            raise ValueError(f"rrule: {name[:20] or 'an empty part'} must stand there once, as NAME=VALUE")
        parts[name] = value
    frequency = parts.pop("FREQ", "missing")
    if frequency not in FREQUENCIES:
        raise ValueError(f"rrule: FREQ must be one of {', '.join(FREQUENCIES)}, not {frequency[:20]}")
    number = FREQUENCIES[frequency]
    rule = Recurrence(
        frequency=number,
        interval=_number("INTERVAL", parts.pop("INTERVAL", "1"), 1, MOST_INTERVAL[number]),
        count=_number("COUNT", parts.pop("COUNT"), 1, MOST_COUNT) if "COUNT" in parts else None,
        until=_until(parts.pop("UNTIL")) if "UNTIL" in parts else None,
        week_start=_weekday(parts.pop("WKST", "MO")),
        lists={_key(name): _list(name, value, frequency) for name, value in parts.items()},
    )
    _refuse_what_expands(rule)
    return rule


def _key(name: str) -> str:
    if name == "BYDAY":
        return "byweekday"
    if name not in LISTS:
        raise ValueError(f"rrule: {name[:20]} is not known here")
    return LISTS[name][0]


def _list(name: str, value: str, frequency: str) -> list[Any]:
    texts = value.split(",")
    most = 20 if name == "BYDAY" else LISTS[name][4]
    if len(texts) > most:
        raise ValueError(f"rrule: {name} takes at most {most}")
    if name == "BYDAY":
        return [_on_weekday(one, has_numbers=frequency in ("MONTHLY", "YEARLY")) for one in texts]
    _, low, high, counts_back, _ = LISTS[name]
    return [_number(name, one, low, high, counts_back=counts_back) for one in texts]


def _number(name: str, text: str, low: int, high: int, *, counts_back: bool = False) -> int:
    digits = text.removeprefix("-") if counts_back else text
    digits = digits.removeprefix("+")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 7 and low <= int(digits) <= high):
        raise ValueError(f"rrule: {name} must be between {low} and {high}, not {text[:20]!r}")
    return -int(digits) if text.startswith("-") else int(digits)


def _on_weekday(text: str, *, has_numbers: bool) -> Any:
    match = ON_WEEKDAY.fullmatch(text)
    number = int(match[1] or 0) if match else 0
    if match is None or abs(number) > 53 or (match[1] and (not number or not has_numbers)):
        raise ValueError(f"rrule: BYDAY takes MO to SU, numbered only in months and years, not {text[:20]!r}")
    return rfc5545.weekday(WEEKDAYS.index(match[2]), number or None)


def _weekday(text: str) -> int:
    if text not in WEEKDAYS:
        raise ValueError(f"rrule: WKST must be one of {', '.join(WEEKDAYS)}")
    return WEEKDAYS.index(text)


def _until(text: str) -> datetime:
    """The last moment; a day counts to its end."""
    try:
        if not UNTIL.fullmatch(text):
            raise ValueError
        if "T" not in text:
            return datetime.strptime(text, "%Y%m%d").replace(hour=23, minute=59, second=59)  # noqa: DTZ007 -- the wall's
        until = datetime.strptime(text.removesuffix("Z"), "%Y%m%dT%H%M%S")  # noqa: DTZ007 -- the wall's
    except ValueError:
        raise ValueError(f"rrule: UNTIL must look like 20261231 or 20261231T230000Z, not {text[:20]!r}") from None
    return until.replace(tzinfo=UTC) if text.endswith("Z") else until


def _refuse_what_expands(rule: Recurrence) -> None:
    times = 1
    for name in ("byhour", "byminute"):
        times *= len(set(rule.lists.get(name, [0])))
    if DAYS[rule.frequency] * times > MOST_TIMES_IN_A_PERIOD:
        raise ValueError("rrule: BYHOUR and BYMINUTE make too many runs in one period; say it with a narrower FREQ")
    # Past the end of a month there is nothing to be found, and the expansion would run off the end of its year.
    weeks = max((abs(day.n or 0) for day in rule.lists.get("byweekday", ())), default=0)
    if weeks > MOST_WEEKS_OF_A_MONTH and (rule.frequency == MONTHLY or "bymonth" in rule.lists):
        raise ValueError("rrule: BYDAY counts to 5 in a month, from its beginning or from its end")
    if rule.frequency == MINUTELY and "byhour" in rule.lists:
        raise ValueError("rrule: BYHOUR does not go with MINUTELY; say FREQ=DAILY with BYHOUR and BYMINUTE")
    if rule.frequency >= HOURLY and "bysetpos" in rule.lists:
        raise ValueError("rrule: BYSETPOS goes with YEARLY, MONTHLY, WEEKLY and DAILY")
    if rule.frequency != YEARLY and rule.lists.keys() & {"byweekno", "byyearday"}:
        raise ValueError("rrule: BYWEEKNO and BYYEARDAY go with YEARLY")
