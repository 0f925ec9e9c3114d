"""How far the calculation of an activity is, and the words for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

FRESH = timedelta(seconds=10)
SLOW_AFTER = timedelta(minutes=10)


class Status(StrEnum):
    """What other programs are told."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one activity stands: for programs, for the lane (a key of the state pill), and in a word for people."""

    status: Status
    lane: str
    word: str


DONE = Standing(Status.COMPLETED, "done", "Calculated")
FAILED = Standing(Status.FAILED, "failed", "Could not calculate")
RUNNING = Standing(Status.PROCESSING, "running", "Calculating")
RETRYING = Standing(Status.PENDING, "retrying", "Trying again")
# Between two blinks a job waits and then runs; people see one word for it, and "Waiting" only when they really wait.
STARTING = Standing(Status.PENDING, "queued", "Calculating")
WAITING = Standing(Status.PENDING, "queued", "Waiting")
SLOW = Standing(Status.PENDING, "queued", "Taking longer than usual")


def standing(
    energy_kcal: Decimal | None,
    *,
    failed: bool,
    job_state: str | None,
    failures: int = 0,
    waiting_for: timedelta = timedelta(0),
) -> Standing:
    """Where an activity stands, from its own row and its newest job (no job yet: `job_state` is None).

    `waiting_for` is the time since it was logged or last asked to be counted again.
    """
    if energy_kcal is not None:
        return DONE
    if failed:
        return FAILED
    if job_state == "running":
        return RUNNING
    if waiting_for > SLOW_AFTER:
        return SLOW
    if failures and job_state in ("scheduled", "ready"):
        return RETRYING
    return STARTING if waiting_for < FRESH else WAITING


def pace_s(newest: datetime | None, *, now: datetime, usual_s: float) -> float | None:
    """Seconds between two looks at a page, given since when its newest waiting activity waits; None: do not look."""
    if newest is None:
        return None
    waited = now - newest
    if waited < FRESH:
        return min(0.5, usual_s)
    if waited < timedelta(minutes=1):
        return usual_s
    return max(10.0, usual_s) if waited < SLOW_AFTER else max(60.0, usual_s)


def settled_words(settled: Sequence[tuple[str, Decimal | None]]) -> str:
    """What a screen reader is told of activities that just got their number, or did not: names and energies."""
    if not settled:
        return ""
    if len(settled) == 1:
        name, energy_kcal = settled[0]
        return f"{name}: could not calculate" if energy_kcal is None else f"{name}: {energy_kcal:.0f} kcal"
    failed = sum(energy_kcal is None for _, energy_kcal in settled)
    done = len(settled) - failed
    if not done:
        return f"{failed} activities could not be calculated"
    words = f"{done} {'activity' if done == 1 else 'activities'} calculated"
    return f"{words}, {failed} could not be calculated" if failed else words


def failure_words(error_class: str | None, message: str | None, *, job_state: str | None = None) -> str:
    """Why a calculation failed, for people: a sentence that a job gave is theirs to read, a program's own is not.

    Of what was cancelled, the sentence is the engine's, and theirs as well.
    """
    if (error_class == "GiveUp" or job_state == "cancelled") and message:
        return message
    if error_class == "TimeLimitExceeded":
        return "It took too long."
    return "Something unexpected went wrong. The people who run this can see what."
