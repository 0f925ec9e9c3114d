"""An activity as somebody wrote it down, and what makes it acceptable."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from .mets import Kind

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
CLOCKS_MAY_DIFFER = timedelta(minutes=5)
SHORTEST, LONGEST = timedelta(minutes=1), timedelta(minutes=1440)
LIGHTEST_KG, HEAVIEST_KG = Decimal(20), Decimal(500)
LONGEST_NOTES, LARGEST_NOTES = 2_000, 8_000

NEEDS_DURATION = "Duration must be between 1 and 1440 minutes."
NEEDS_WEIGHT = "Weight must be between 20 and 500 kg."
WEIGHT_UNKNOWN = "Enter your weight: none is known for that day."


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What was done. Without a start, now is meant; without a weight, the newest one known on that day."""

    kind: Kind
    duration: timedelta
    started_at: datetime | None = None
    weight_kg: Decimal | None = None
    notes: str = ""

    @property
    def duration_s(self) -> int:
        """Its duration in whole seconds."""
        return self.duration // timedelta(seconds=1)

    def day_in(self, zone: str) -> date:
        """The calendar day it began on, in the time zone of that name."""
        assert self.started_at is not None, "a start is filled in before anybody asks for its day"
        return self.started_at.astimezone(ZoneInfo(zone)).date()

    def fingerprint(self) -> str:
        """The same text for the same content, and only for it."""
        weight = "" if self.weight_kg is None else f"{self.weight_kg.normalize():f}"
        start = "" if self.started_at is None else self.started_at.astimezone(UTC).isoformat()
        parts = (self.kind.value, self.duration_s, weight, start, self.notes)
        return hashlib.sha256(repr(parts).encode()).hexdigest()


def problems_of(draft: Draft, *, now: datetime) -> dict[str, str]:
    """What is wrong with the draft, a sentence by field; nothing when it may be logged."""
    wrong = {
        "duration_min": None if SHORTEST <= draft.duration <= LONGEST else NEEDS_DURATION,
        "weight_kg": None if draft.weight_kg is None else problem_of_weight(draft.weight_kg),
        "started_at": None if draft.started_at is None else problem_of_start(draft.started_at, now=now),
        "notes": problem_of_notes(draft.notes),
    }
    return {field: sentence for field, sentence in wrong.items() if sentence}


def problem_of_weight(weight_kg: Decimal) -> str | None:
    """Why this cannot be somebody's weight."""
    return None if LIGHTEST_KG <= weight_kg <= HEAVIEST_KG else NEEDS_WEIGHT


def problem_of_start(started_at: datetime, *, now: datetime) -> str | None:
    """Why nothing can have begun then. Five minutes ahead pass, for clocks that differ."""
    if started_at < EARLIEST:
        return "It cannot have begun before the year 2000."
    if started_at > now + CLOCKS_MAY_DIFFER:
        return "It cannot begin in the future."
    return None


def problem_of_notes(notes: str) -> str | None:
    """Why these notes cannot be kept."""
    length, size = len(notes), len(notes.encode())
    if length <= LONGEST_NOTES and size <= LARGEST_NOTES:
        return None
    return f"Notes may have {LONGEST_NOTES} characters and {LARGEST_NOTES} bytes; these have {length} and {size}."
