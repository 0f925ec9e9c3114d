"""How a feature says what staff may see and do of it in /admin."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, false, func, inspect, or_, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from app.periods import ONE_DAY
from app.security import Person

Where = Callable[[str], ColumnElement[bool]]
Read = Callable[[Any], object]
LONGEST_SHORT = 8
LATEST = 10_000
"""How many rows are looked through for what no index tells."""


@dataclass(frozen=True, slots=True)
class Badge:
    """A word that stands out; tone: ok, warn, bad, info, or none."""

    word: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Pill:
    """Where a job or an activity stands: its lane by `key`, and the word."""

    key: str
    word: str


@dataclass(frozen=True, slots=True)
class Short:
    """An id of which the beginning is enough to look at; the whole of it is at hand, and leads to `url`."""

    text: str
    url: str = ""

    @property
    def start(self) -> str:
        """What is shown."""
        return self.text[:LONGEST_SHORT]


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter: a few values with their words, and which rows each of them leaves."""

    name: str
    options: Mapping[str, str]
    where: Where


@dataclass(frozen=True, slots=True)
class Exactly:
    """A filter by a value that somebody types."""

    name: str
    where: Where


@dataclass(frozen=True, slots=True)
class During:
    """A filter by a year, a month or a day (UTC): 2026, 2026-11 or 2026-11-20."""

    name: str
    column: InstrumentedAttribute[Any]

    def where(self, text: str) -> ColumnElement[bool]:
        """The rows of that time; none where it is no time."""
        bounds = span_of(text)
        return false() if bounds is None else (self.column >= bounds[0]) & (self.column < bounds[1])


Filter = Choice | Exactly | During


@dataclass(frozen=True, slots=True)
class Search:
    """A search in a table that grows for ever, at a bounded price: what it looks into, and which rows it leaves."""

    what: str
    where: Where
    hint: str = ""


def latest_with(*texts: InstrumentedAttribute[Any]) -> Where:
    """Those of the latest ten thousand rows in which one of the texts holds a word, whatever its case."""
    keys = inspect(texts[0].class_).primary_key
    return lambda word: tuple_(*keys).in_(latest_keys_with(word, *texts))


def latest_keys_with(word: str, *texts: InstrumentedAttribute[Any]) -> Select[Any]:
    """The primary keys of those rows."""
    keys = inspect(texts[0].class_).primary_key
    latest = select(*keys, *texts).order_by(*(key.desc() for key in keys)).limit(LATEST).subquery()
    has_it = (func.lower(latest.c[one.key]).contains(word.lower(), autoescape=True) for one in texts)
    return select(*(latest.c[key.key] for key in keys)).where(or_(*has_it))


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the form that corrects a row: how it is read out of the row, and its choices, if it has some."""

    label: str
    read: Callable[[Any], str]
    choices: Mapping[str, str] = field(default_factory=dict)
    hint: str = ""
    is_long: bool = False
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class Act:
    """Something that staff do with one row or with some, after they were asked.

    `do` calls a service, which hears why, and gives the ids of the rows that it changed.
    `done` says it: "{count} activities deleted".
    `undo` is the key of the act that takes it back.
    """

    key: str
    word: str
    question: str
    done: str
    do: Callable[[Person, Sequence[int], str | None], Sequence[int]]
    detail: str = ""
    kind: str = ""
    icon: str = ""
    undo: str = ""


@dataclass(frozen=True, slots=True)
class StaffPage:
    """One table as staff see it: to read, and to write where `acts` and `fields` with `save` say how.

    `columns` maps a heading to what stands below it, `sections` the same for one row alone, in parts; nothing else of
    a row is ever shown. `searched` are the texts that the search looks into, of a table of which there is not much;
    of one that grows for ever, `search` says how.
    """

    key: str
    title: str
    icon: str
    model: type[Any]
    columns: Mapping[str, Read]
    sections: Mapping[str, Mapping[str, Read]] = field(default_factory=dict)
    filters: Sequence[Filter] = ()
    searched: Sequence[InstrumentedAttribute[Any]] = ()
    search: Search | None = None
    elsewhere: Callable[[Any], str] | None = None
    """The address of the page where this row can be acted on."""
    acts: Sequence[Act] = ()
    fields: Mapping[str, Field] = field(default_factory=dict)
    save: Callable[[Person, int, Mapping[str, str], str | None], None] | None = None
    """Takes what the fields say, and why. Raises Invalid, naming fields."""

    def act_named(self, key: str) -> Act | None:
        """The act with this key, if there is one."""
        return next((act for act in self.acts if act.key == key), None)


def span_of(text: str) -> tuple[datetime, datetime] | None:
    """The beginning and the end of a year, a month or a day; None for what is none of them."""
    parts = text.split("-")
    fits = [len(part) for part in parts] == [4, 2, 2][: len(parts)]
    if not fits or not all(part.isascii() and part.isdigit() for part in parts):
        return None
    numbers = [int(part) for part in parts]
    try:
        start = date(*[*numbers, 1, 1][:3])
        end = _after(start, precision=len(parts))
    except (ValueError, OverflowError):
        return None
    return _midnight(start), _midnight(end)


def _after(start: date, *, precision: int) -> date:
    if precision == 3:
        return start + ONE_DAY
    months = 12 if precision == 1 else 1
    return date(start.year + (start.month - 1 + months) // 12, (start.month - 1 + months) % 12 + 1, 1)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
