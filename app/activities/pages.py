"""Which activities a list shows: its filters, its place, and its address."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from .mets import Kind

Value = TypeVar("Value")

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PLACE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})\.([0-9]{1,18})\.([0-9]{1,10})")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
LONGEST_TEXT = 100
SIZES = (10, 25, 50, 100)


class Shown(StrEnum):
    """Which standing the activities of a list have."""

    COUNTED = "completed"
    WAITING = "pending"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Place:
    """A place between two rows of a list: just below the row with these values."""

    day: date
    started_at: datetime
    id: int

    def __str__(self) -> str:
        """As it stands in an address."""
        return f"{self.day.isoformat()}.{(self.started_at - EPOCH) // timedelta(microseconds=1)}.{self.id}"

    @classmethod
    def read(cls, text: str) -> "Place":
        """The place written in an address.

        Raises:
            ValueError: it is none
        """
        found = PLACE.fullmatch(text)
        if not found:
            raise ValueError("This is not the place of a page.")
        try:
            started_at = EPOCH + timedelta(microseconds=int(found[2]))
        except OverflowError:
            raise ValueError("This is not the place of a page.") from None
        return cls(date.fromisoformat(found[1]), started_at, int(found[3]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What must hold for an activity to be listed; empty: anything."""

    kind: Kind | None = None
    since: date | None = None
    until: date | None = None
    text: str = ""
    shown: Shown | None = None

    @property
    def is_empty(self) -> bool:
        """Whether every activity passes."""
        return self == Filter()

    def query(self) -> dict[str, str]:
        """The filter as the query of an address."""
        values = {
            "kind": self.kind,
            "from": self.since and self.since.isoformat(),
            "to": self.until and self.until.isoformat(),
            "q": self.text,
            "state": self.shown,
        }
        return {name: str(value) for name, value in values.items() if value}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One page of a filtered list."""

    filter: Filter = Filter()
    size: int = SIZES[0]
    below: Place | None = None

    def query(self, **changes: object) -> dict[str, str]:
        """The listing, with changes, as the query of an address."""
        other = replace(self, **changes)  # type: ignore[arg-type]
        return (
            other.filter.query() | {"per_page": str(other.size)} | ({"next": str(other.below)} if other.below else {})
        )


def read_listing(args: Mapping[str, str], *, usual_size: int) -> tuple[Listing, dict[str, str]]:
    """The listing an address asks for, and what was wrong with it, a sentence by field; what is wrong is left out."""
    wrong: dict[str, str] = {}

    def value(name: str, read: Callable[[str], Value]) -> Value | None:
        if not (text := args.get(name, "")):
            return None
        try:
            return read(text)
        except ValueError as error:
            wrong[name] = str(error)
            return None

    chosen = Filter(
        kind=value("kind", Kind.named),
        since=value("from", _day),
        until=value("to", _day),
        text=value("q", _text) or "",
        shown=value("state", _shown),
    )
    if chosen.since and chosen.until and chosen.since > chosen.until:
        wrong["to"] = "The last day must not be before the first."
    listing = Listing(filter=chosen, size=value("per_page", _size) or usual_size, below=value("next", Place.read))
    return listing, wrong


def _day(text: str) -> date:
    if not DAY.fullmatch(text):
        raise ValueError("Give a day like 2026-11-20.")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("There is no such day.") from None


def _text(text: str) -> str:
    if len(text) > LONGEST_TEXT or any(unicodedata.category(char) in ("Cc", "Cs") for char in text):
        raise ValueError(f"Search for up to {LONGEST_TEXT} characters of plain text.")
    return unicodedata.normalize("NFC", text.strip())


def _shown(text: str) -> Shown:
    try:
        return Shown(text)
    except ValueError:
        raise ValueError(f"Choose one of: {', '.join(Shown)}.") from None


def _size(text: str) -> int:
    if text not in map(str, SIZES):
        raise ValueError(f"Choose one of: {', '.join(map(str, SIZES))}.")
    return int(text)
