"""How far something tried on the workbench is, and the words for it."""

import json
from typing import Any

LANES = {
    "blocked": ("queued", "Waiting for others"),
    "scheduled": ("scheduled", "Scheduled"),
    "ready": ("queued", "Waiting"),
    "running": ("running", "Running"),
    "succeeded": ("done", "Done"),
    "cancelled": ("cancelled", "Cancelled"),
    "dead": ("failed", "Failed"),
    "parked": ("failed", "Needs a person"),
    "failed": ("failed", "Failed"),
    "compensating": ("retrying", "Taking back"),
    "compensated": ("failed", "Taken back"),
}
OLDER = {
    "blocked": "PENDING",
    "scheduled": "PENDING",
    "ready": "PENDING",
    "running": "STARTED",
    "succeeded": "SUCCESS",
    "cancelled": "REVOKED",
}
LONGEST_SHOWN = 4_000


def lane(state: str, *, failures: int = 0, is_ending: bool = False) -> tuple[str, str]:
    """The key of the state's pill and the word beside it."""
    if is_ending and state == "running":
        return "running", "Being cancelled"
    if failures and state in {"scheduled", "ready"}:
        return "retrying", "Trying again"
    return LANES.get(state, ("queued", state.capitalize()))


def older_status(state: str, *, failures: int = 0, has_progress: bool = False) -> str:
    """The state in the words of other job systems: PENDING, STARTED, PROGRESS, RETRY, SUCCESS, FAILURE, REVOKED."""
    if failures and state in {"scheduled", "ready"}:
        return "RETRY"
    if has_progress and state == "running":
        return "PROGRESS"
    return OLDER.get(state, "FAILURE")


def percent(current: int | None, total: int | None) -> int | None:
    """How far, from 0 to 100; None when nobody knows."""
    return None if current is None or not total else max(0, min(100, current * 100 // total))


def shown(value: Any) -> str:
    """A result as people read it."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
