"""What becomes of a job whose attempt ended in an error."""

import random
import traceback
from dataclasses import dataclass

from dramatiq.middleware import Interrupt, TimeLimitExceeded
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from jobs.errors import GiveUp, Interrupted, Snooze
from jobs.ledger.states import Outcome
from jobs.ledger.writer import MAX_ERROR_LENGTH, MAX_TRACEBACK_LENGTH, Claim, Failure
from jobs.registry import Job

from .backoff import backoff_s

MOST_ATTEMPTS = 25
MAX_CLASS_LENGTH = 200
DATABASE_PAUSE_S = 1.0
PASSING_SQLSTATES = ("08", "26000", "40001", "40P01", "53300", "55P03", "57P")


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the attempt ended, and in how many seconds the next one may start; None means never."""

    outcome: Outcome
    retry_in_s: float | None
    failure: Failure


def verdict_on(error: BaseException, job: Job, claim: Claim, *, chance: random.Random) -> Verdict:
    """Judge an attempt by the job's policy.

    A failure is tried again as often as the job says; what is no fault of its own, up to `MOST_ATTEMPTS` in all.
    """
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
    if failures > claim.max_retries:
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
    )


def _text_of(error: BaseException) -> str:
    try:
        return str(error) or type(error).__name__
    except BaseException:  # noqa: BLE001 -- an exception whose text cannot be read is still a failure to be told
        return f"{type(error).__name__} (its message cannot be read)"


def _storable(text: str) -> str:
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")
