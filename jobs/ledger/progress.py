"""How far a running job is, and how long it will take yet."""

from dataclasses import dataclass
from datetime import datetime

from .models import Entry
from .states import State


@dataclass(frozen=True, slots=True)
class Progress:
    """What a job told last; `percent` is 0 to 100, `eta_s` the seconds that are left at the pace so far."""

    current: int | None
    total: int | None
    percent: float | None
    note: str | None
    eta_s: float | None
    updated_at: datetime | None


def progress_of(entry: Entry, now: datetime) -> Progress:
    """How far the job is at this moment of the database's clock. A job that succeeded is there."""
    current, total = entry.progress_current, entry.progress_total
    is_done = entry.state == State.SUCCEEDED
    return Progress(
        current=current,
        total=total,
        percent=100.0 if is_done else percent_of(current, total),
        note=entry.progress_note,
        eta_s=_left_s(entry, now),
        updated_at=entry.progressed_at,
    )


def percent_of(current: int | None, total: int | None) -> float | None:
    """The part of the whole, 0 to 100 with a tenth; None when either is unknown or there is no whole."""
    if current is None or total is None or total <= 0:
        return None
    return round(max(0.0, min(100.0, current * 100 / total)), 1)


def _left_s(entry: Entry, now: datetime) -> float | None:
    """At the pace from the start to the last word; what passed since then is taken off."""
    current, total = entry.progress_current, entry.progress_total
    if entry.state != State.RUNNING or not current or total is None or current < 0:
        return None
    if entry.started_at is None or entry.progressed_at is None or entry.progressed_at < entry.started_at:
        return None
    took_s = (entry.progressed_at - entry.started_at).total_seconds()
    silent_s = (now - entry.progressed_at).total_seconds()
    return round(max(0.0, took_s * max(0, total - current) / current - silent_s), 1)
