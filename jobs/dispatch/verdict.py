"""What becomes of a job whose attempt ended in an error."""

import random
import traceback
from dataclasses import dataclass

from dramatiq.middleware import Interrupt, TimeLimitExceeded
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from jobs.errors import GiveUp, Interrupted, Snooze
from jobs.ledger.states import Outcome
from jobs.ledger.writer import MAX_ERROR_LENGTH, MAX_TRACEBACK_LENGTH, Claim, Failure
from jobs.registry import Job

from .backoff import backoff_s

MOST_ATTEMPTS = 25
DATABASE_PAUSE_S = 1.0
PASSING_SQLSTATES = {"40001", "40P01", "55P03"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the attempt ended, and in how many seconds the next one may start; None means never."""

    outcome: Outcome
    retry_in_s: float | None
    failure: Failure


def verdict_on(error: BaseException, job: Job, claim: Claim, *, chance: random.Random) -> Verdict:
    """Judge an attempt by the job's policy; nothing is tried more than `MOST_ATTEMPTS` times, whatever the reason."""
    failure = describe(error, job)
    if isinstance(error, GiveUp):
        return Verdict(Outcome.GAVE_UP, None, failure)
    is_last = claim.attempt >= MOST_ATTEMPTS
    if isinstance(error, Snooze):
        return Verdict(Outcome.SNOOZED, None if is_last else error.delay_s, failure)
    if is_interruption(error):
        return Verdict(Outcome.INTERRUPTED, None if is_last else 0.0, failure)
    if is_outage(error):
        return Verdict(Outcome.INTERRUPTED, None if is_last else DATABASE_PAUSE_S, failure)
    failures = claim.failures + 1
    if is_last or failures > claim.max_retries:
        return Verdict(Outcome.FAILED, None, failure)
    delay_s = backoff_s(failures, min_backoff=job.min_backoff, max_backoff=job.max_backoff, chance=chance)
    return Verdict(Outcome.FAILED, delay_s, failure)


def is_interruption(error: BaseException) -> bool:
    """Whether a shutdown cut the attempt short."""
    return isinstance(error, Interrupted) or (isinstance(error, Interrupt) and not isinstance(error, TimeLimitExceeded))


def is_outage(error: BaseException) -> bool:
    """Whether the database was away or busy, which is no fault of the job's."""
    if isinstance(error, PoolTimeout):
        return True
    if not isinstance(error, DBAPIError):
        return False
    sqlstate = getattr(error.orig, "pgcode", None)
    return error.connection_invalidated or sqlstate in PASSING_SQLSTATES or "database is locked" in str(error.orig)


def describe(error: BaseException, job: Job) -> Failure:
    """The error as the ledger keeps it: cut, and safe to store."""
    if isinstance(error, TimeLimitExceeded):
        message = f"It took longer than its time limit of {job.time_limit / 1000:g} seconds."
    else:
        message = _text_of(error)
    lines = "".join(traceback.format_exception(type(error), None, error.__traceback__))
    return Failure(
        type(error).__name__, _storable(message)[:MAX_ERROR_LENGTH], _storable(lines)[-MAX_TRACEBACK_LENGTH:]
    )


def _text_of(error: BaseException) -> str:
    try:
        return str(error) or type(error).__name__
    except Exception:  # noqa: BLE001 -- an exception whose text cannot be read is still a failure to be told
        return f"{type(error).__name__} (its message cannot be read)"


def _storable(text: str) -> str:
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")
