"""What becomes of a job whose attempt ended in an error."""

import random
import traceback
from dataclasses import dataclass
from pathlib import Path

from dramatiq.middleware import Interrupt, TimeLimitExceeded
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from jobs.errors import Cancelled, GiveUp, Interrupted, RetryAfter, Snooze, UnknownOutcome
from jobs.ledger.states import Outcome
from jobs.ledger.writer import MAX_ERROR_LENGTH, MAX_TRACEBACK_LENGTH, Claim, Failure, fingerprint
from jobs.registry import Job

from .backoff import backoff_s

MOST_ATTEMPTS = 25
MAX_CLASS_LENGTH = 200
LONGEST_RETRY_AFTER_S = 900.0
DATABASE_PAUSE_S = 1.0
LONGEST_FULL_PAUSE_S = 600.0
PASSING_SQLSTATES = ("08", "26000", "40001", "40P01", "53300", "55P03", "57P")
DISK_FULL = "53100"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the attempt ended, and in how many seconds the next one may start; None means never."""

    outcome: Outcome
    retry_in_s: float | None
    failure: Failure


def verdict_on(
    error: BaseException, job: Job, claim: Claim, *, chance: random.Random, was_asked_to_end: bool = False
) -> Verdict:
    """Judge an attempt by the job's policy.

    A failure is tried again as often as the job says; what is no fault of its own, up to `MOST_ATTEMPTS` in all. A job
    that was asked to end, and did not reach its end, is cancelled, whatever stopped it.
    """
    failure = describe(error, job)
    if was_asked_to_end:
        return Verdict(Outcome.CANCELLED, None, failure)
    if isinstance(error, GiveUp | UnknownOutcome):
        return Verdict(Outcome.GAVE_UP, None, failure)
    excused = _excuse(error, claim)
    if excused is not None:
        outcome, delay_s = excused
        return Verdict(outcome, None if claim.attempt >= MOST_ATTEMPTS else delay_s, failure)
    failures = claim.failures + 1
    if failures > claim.max_retries or isinstance(error, job.gives_up_on):
        return Verdict(Outcome.FAILED, None, failure)
    if isinstance(error, RetryAfter):
        return Verdict(Outcome.FAILED, min(error.delay_s, LONGEST_RETRY_AFTER_S), failure)
    delay_s = backoff_s(failures, min_backoff=job.min_backoff, max_backoff=job.max_backoff, chance=chance)
    return Verdict(Outcome.FAILED, delay_s, failure)


def _excuse(error: BaseException, claim: Claim) -> tuple[Outcome, float] | None:
    """What is no fault of the job's: how to call it, and in how many seconds it may go on."""
    if isinstance(error, Snooze):
        return Outcome.SNOOZED, error.delay_s
    if is_interruption(error):
        return Outcome.INTERRUPTED, 0.0
    if is_full(error):
        # Whoever makes room takes longer than a restart does, and every attempt needs room too.
        return Outcome.INTERRUPTED, min(DATABASE_PAUSE_S * 2 ** (claim.attempt - 1), LONGEST_FULL_PAUSE_S)
    return (Outcome.INTERRUPTED, DATABASE_PAUSE_S) if is_outage(error) else None


def leaves_doubt(error: BaseException) -> bool:
    """Whether it can have come when the transaction was committed already: the connection's end, or another thread."""
    return is_outage(error) or isinstance(error, Interrupt | Cancelled)


def is_interruption(error: BaseException) -> bool:
    """Whether a shutdown cut the attempt short."""
    return isinstance(error, Interrupted | Cancelled) or (
        isinstance(error, Interrupt) and not isinstance(error, TimeLimitExceeded)
    )


def is_full(error: BaseException) -> bool:
    """Whether the database has no room left."""
    if not isinstance(error, DBAPIError):
        return False
    return getattr(error.orig, "pgcode", "") == DISK_FULL or "disk is full" in str(error.orig)


def is_outage(error: BaseException) -> bool:
    """Whether the database was away, busy or full, which is no fault of the job's."""
    if isinstance(error, PoolTimeout) or is_full(error):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated or "database is locked" in str(error.orig):
        return True
    sqlstate = getattr(error.orig, "pgcode", "")
    if sqlstate is None:  # psycopg2, and no server answered
        return isinstance(error, OperationalError)
    return sqlstate.startswith(PASSING_SQLSTATES)


def describe(error: BaseException, job: Job) -> Failure:
    """The error as the ledger keeps it: cut, and safe to store."""
    if isinstance(error, TimeLimitExceeded):
        message = f"It took longer than its time limit of {job.time_limit / 1000:g} seconds."
    else:
        message = _text_of(error)
    lines = "".join(part[:MAX_ERROR_LENGTH] for part in traceback.format_exception(error))
    return Failure(
        _storable(type(error).__name__)[:MAX_CLASS_LENGTH],
        _storable(message)[:MAX_ERROR_LENGTH],
        _storable(lines)[-MAX_TRACEBACK_LENGTH:],
        fingerprint(f"{job.name}:{type(error).__name__}:{_innermost(error)}"),
    )


def _innermost(error: BaseException) -> str:
    """Where it was raised: the same fault keeps its place while messages, with their numbers and names, differ."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].name}" if frames else ""


def _text_of(error: BaseException) -> str:
    try:
        return str(error) or type(error).__name__
    except BaseException:  # noqa: BLE001 -- an exception whose text cannot be read is still a failure to be told
        return f"{type(error).__name__} (its message cannot be read)"


def _storable(text: str) -> str:
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")
