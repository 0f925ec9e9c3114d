"""How a feature says what staff may see of it in /admin."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.orm import InstrumentedAttribute

Where = Callable[[str], ColumnElement[bool]]


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
class StaffPage:
    """One table as staff see it: to read, never to write.

    `columns` maps a heading to what stands below it, `details` the same for one row alone; nothing else of a row is
    ever shown. `searched` are the texts that the search looks into.
    """

    key: str
    title: str
    icon: str
    model: type[Any]
    columns: Mapping[str, Callable[[Any], object]]
    details: Mapping[str, Callable[[Any], object]] = field(default_factory=dict)
    filters: Sequence[Choice | Exactly] = ()
    searched: Sequence[InstrumentedAttribute[Any]] = ()
    elsewhere: Callable[[Any], str] | None = None
    """The address of the page where this row can be acted on."""
