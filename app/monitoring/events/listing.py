"""Which events a page shows: its filters, its place, and its address."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from app.stream import Kind, Level

Value = TypeVar("Value")

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PLACE = re.compile(r"([0-9]{1,17})\.([0-9]{1,18})", re.ASCII)
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
JOB = re.compile(r"[0-9a-f]{32}", re.ASCII)
AGO = re.compile(r"([1-9][0-9]{0,3})(min|h|d)", re.ASCII)
UNITS = {"min": "minutes", "h": "hours", "d": "days"}
LONGEST_TEXT = 100
SIZE = 50


@dataclass(frozen=True, slots=True)
class Place:
    """A place between two events: just below the one with these values."""

    at: datetime
    id: int

    def __str__(self) -> str:
        """As it stands in an address."""
        return f"{(self.at - EPOCH) // timedelta(microseconds=1)}.{self.id}"

    @classmethod
    def read(cls, text: str) -> "Place":
        """The place written in an address. Raises ValueError with a sentence."""
        found = PLACE.fullmatch(text)
        if not found:
            raise ValueError("This is not the place of a page.")
        try:
            return cls(EPOCH + timedelta(microseconds=int(found[1])), int(found[2]))
        except OverflowError:
            raise ValueError("This is not the place of a page.") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What must hold for an event to be listed; empty: anything. `ago` is how far back: "15min", "6h", "2d"."""

    kind: str = ""
    level: str = ""
    action: str = ""
    who: str = ""
    request_id: str = ""
    job: str = ""
    ago: str = ""
    q: str = ""
    below: Place | None = None

    @property
    def is_filtered(self) -> bool:
        """Whether not every event passes."""
        return replace(self, below=None) != Listing()

    @property
    def reach(self) -> timedelta | None:
        """How far back it looks; None: as far as there is anything."""
        found = AGO.fullmatch(self.ago)
        return timedelta(**{UNITS[found[2]]: int(found[1])}) if found else None

    def query(self, **changes: object) -> dict[str, str]:
        """The listing, with changes, as the query of an address."""
        other = replace(self, **changes)  # type: ignore[arg-type]
        values = {one.name: getattr(other, one.name) for one in fields(other) if one.name != "below"}
        return {name: value for name, value in values.items() if value} | (
            {"next": str(other.below)} if other.below else {}
        )


def read_listing(args: Mapping[str, str]) -> tuple[Listing, dict[str, str]]:
    """The listing an address asks for, and what was wrong with it, a sentence by field; what is wrong is left out."""
    wrong: dict[str, str] = {}

    def value(name: str, read: Callable[[str], Value], otherwise: Value) -> Value:
        text = args.get(name, "").strip()
        if not text:
            return otherwise
        try:
            return read(text)
        except ValueError as error:
            wrong[name] = str(error)
            return otherwise

    listing = Listing(
        kind=value("kind", _one_of(Kind), ""),
        level=value("level", _one_of(Level), ""),
        action=value("action", plain, ""),
        who=value("who", plain, ""),
        request_id=value("request_id", _like(REQUEST_ID, "Give an id: letters, digits, dots and dashes."), ""),
        job=value("job", _like(JOB, "Give the id of a job, 32 signs (0 to 9, a to f)."), ""),
        ago=value("ago", _like(AGO, "Give a time like 15min, 6h or 2d."), ""),
        q=value("q", plain, ""),
        below=value("next", Place.read, None),
    )
    return listing, wrong


def plain(text: str) -> str:
    """A short line of text. Raises ValueError with a sentence."""
    if len(text) > LONGEST_TEXT or any(unicodedata.category(char) in ("Cc", "Cs") for char in text):
        raise ValueError(f"Search for up to {LONGEST_TEXT} characters of plain text.")
    return unicodedata.normalize("NFC", text)


def _one_of(words: type[Kind | Level]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in set(words):
            raise ValueError(f"Choose one of: {', '.join(words)}.")
        return text

    return read


def _like(pattern: re.Pattern[str], otherwise: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(otherwise)
        return text

    return read
