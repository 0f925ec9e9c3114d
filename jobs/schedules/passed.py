"""Slots that passed without a job: all of them in the record, however many there were."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .models import Fired
from .rules import Rule, next_after

MOST_ROWS = 100
LOOKED_AT = 1_000
LONGEST_NOTE = 200


def fires_of_passed(
    schedule_id: int, rule: Rule, first: datetime, now: datetime, *, outcome: Fired, note: str
) -> list[Mapping[str, Any]]:
    """What is recorded of the slots from `first` up to now.

    Each has a row of its own up to `MOST_ROWS`; the last row says how many there were beside it, counted to a thousand.

    Raises:
        ValueError: the rule cannot be followed.
    """
    slots = [first]
    while len(slots) <= LOOKED_AT and (slot := next_after(rule, slots[-1])) is not None and slot <= now:
        slots.append(slot)
    told = [note[:LONGEST_NOTE]] * min(len(slots), MOST_ROWS)
    if (others := len(slots) - MOST_ROWS) > 0:
        told[-1] = _with_others(note, f"{others:,}" if len(slots) <= LOOKED_AT else f"more than {others - 1:,}")
    return [
        {"schedule_id": schedule_id, "slot": slot, "outcome": outcome.value, "note": one}
        for slot, one in zip(slots, told, strict=False)
    ]


def _with_others(note: str, others: str) -> str:
    ending = f" So it was with {others} others after it."
    return f"{note[: LONGEST_NOTE - len(ending)]}{ending}"
