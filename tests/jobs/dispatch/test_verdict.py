"""What becomes of a job whose attempt ended in an error."""

import random
import sqlite3
from typing import Any

import psycopg2
import pytest
from dramatiq.middleware import Shutdown, TimeLimitExceeded
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from jobs import GiveUp, Snooze
from jobs.dispatch.verdict import MOST_ATTEMPTS, Verdict, describe, is_outage, verdict_on
from jobs.errors import Interrupted
from jobs.ledger.states import Outcome
from jobs.ledger.writer import Claim
from jobs.registry import Job

JOB = Job(name="shop.note", run=lambda: None, queue_name="work", min_backoff=10_000, time_limit=1_500)


def judge(error: BaseException, *, attempt: int = 1, failures: int = 0, max_retries: int = 3) -> Verdict:
    claim = Claim(
        1, "u", "shop.note", "work", {}, attempt, failures, 0, max_retries, None, None, None, None, None, "me"
    )
    return verdict_on(error, JOB, claim, chance=random.Random(7))


def test_a_failure_is_tried_again_until_its_retries_are_used_up() -> None:
    delays = [judge(ValueError("no"), attempt=n + 1, failures=n).retry_in_s for n in range(4)]
    assert [None if delay is None else round(delay / 10) for delay in delays] == [1, 2, 4, None]
    assert {judge(ValueError("no"), failures=n).outcome for n in range(4)} == {Outcome.FAILED}


def test_a_job_without_retries_fails_once() -> None:
    assert judge(ValueError("no"), max_retries=0).retry_in_s is None


def test_all_retries_asked_for_are_given() -> None:
    assert judge(ValueError("no"), attempt=80, failures=79, max_retries=100).retry_in_s is not None
    assert judge(ValueError("no"), attempt=101, failures=100, max_retries=100).retry_in_s is None


def test_giving_up_ends_it_at_once() -> None:
    verdict = judge(GiveUp("There is no such person."))
    assert (verdict.outcome, verdict.retry_in_s) == (Outcome.GAVE_UP, None)
    assert verdict.failure.error_message == "There is no such person."


@pytest.mark.parametrize(
    ("error", "outcome", "delay_s"),
    [
        (Snooze(minutes=5, seconds=1), Outcome.SNOOZED, 301),
        (Interrupted("stop"), Outcome.INTERRUPTED, 0),
        (Shutdown(), Outcome.INTERRUPTED, 0),
        (PoolTimeout("no connection left"), Outcome.INTERRUPTED, 1),
    ],
)
def test_what_is_no_fault_of_the_job_is_tried_again_but_not_for_ever(
    error: BaseException, outcome: Outcome, delay_s: float
) -> None:
    verdict = judge(error, failures=3)
    assert (verdict.outcome, verdict.retry_in_s) == (outcome, delay_s)
    assert judge(error, attempt=MOST_ATTEMPTS).retry_in_s is None


def test_a_time_limit_counts_as_a_failure_and_says_so() -> None:
    verdict = judge(TimeLimitExceeded())
    assert verdict.outcome is Outcome.FAILED
    assert verdict.failure.error_message == "It took longer than its time limit of 1.5 seconds."


# -- outages


def sent(orig: BaseException, *, invalidated: bool = False) -> DBAPIError:
    return OperationalError("SELECT 1", {}, orig, connection_invalidated=invalidated)


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (sent(sqlite3.OperationalError("database is locked")), True),
        (sent(sqlite3.OperationalError("database or disk is full")), True),
        (sent(sqlite3.OperationalError("no such table: activity")), False),
        (sent(psycopg2.OperationalError("server closed the connection"), invalidated=True), True),
        (ValueError("database is locked"), False),
    ],
)
def test_a_database_that_is_away_or_busy_is_an_outage(error: BaseException, answer: bool) -> None:
    assert is_outage(error) is answer


@pytest.mark.parametrize(("attempt", "pause_s"), [(1, 1.0), (4, 8.0), (20, 600.0)])
def test_a_full_database_is_given_longer_and_longer(attempt: int, pause_s: float) -> None:
    found = judge(sent(sqlite3.OperationalError("database or disk is full")), attempt=attempt)
    assert (found.outcome, found.retry_in_s) == (Outcome.INTERRUPTED, pause_s)


def test_a_database_that_cannot_be_reached_is_an_outage() -> None:
    nowhere = create_engine("postgresql+psycopg2://nobody@/nothing?host=/nonexistent")
    with pytest.raises(OperationalError) as caught:
        nowhere.connect()
    assert is_outage(caught.value)


@pytest.mark.parametrize("sqlstate", ["40001", "40P01", "55P03", "57P01", "57P03"])
def test_passing_troubles_of_the_database_are_outages(shop: Any, database_kind: str, sqlstate: str) -> None:
    if database_kind != "postgresql":
        pytest.skip("PostgreSQL's own codes")
    raised = f"DO $$ BEGIN RAISE EXCEPTION 'passing' USING ERRCODE = '{sqlstate}'; END $$"
    with pytest.raises(DBAPIError) as caught, shop.host.transaction() as session:
        session.execute(text(raised))
    assert is_outage(caught.value)


@pytest.mark.parametrize("sqlstate", ["22012", "23505", "57014"])
def test_a_statement_that_is_wrong_or_too_slow_is_the_jobs_own_fault(
    shop: Any, database_kind: str, sqlstate: str
) -> None:
    if database_kind != "postgresql":
        pytest.skip("PostgreSQL's own codes")
    raised = f"DO $$ BEGIN RAISE EXCEPTION 'lasting' USING ERRCODE = '{sqlstate}'; END $$"
    with pytest.raises(DBAPIError) as caught, shop.host.transaction() as session:
        session.execute(text(raised))
    assert not is_outage(caught.value)


# -- telling


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:  # noqa: BLE001 -- hostile ones are what is wanted here
        return caught


def test_the_traceback_leads_to_the_line_and_names_the_error() -> None:
    failure = describe(raised(ValueError("no such kilo")), JOB)
    assert (failure.error_class, failure.error_message) == ("ValueError", "no such kilo")
    assert failure.traceback is not None
    lines = failure.traceback.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1] == "ValueError: no such kilo"
    assert any("test_verdict.py" in line for line in lines)


def test_the_traceback_tells_the_cause_too() -> None:
    def chained() -> None:
        try:
            raise KeyError("first")
        except KeyError as error:
            raise ValueError("second") from error

    try:
        chained()
    except ValueError as error:
        failure = describe(error, JOB)
    assert failure.traceback is not None
    assert failure.traceback.index("KeyError: 'first'") < failure.traceback.index("ValueError: second")


def test_a_long_message_is_cut_and_leaves_the_traceback_readable() -> None:
    failure = describe(raised(ValueError("x" * 10_000_000)), JOB)
    assert failure.error_message == "x" * 2_000
    assert failure.traceback is not None
    assert len(failure.traceback) <= 20_000
    assert "test_verdict.py" in failure.traceback


class SilentError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("I say nothing")


class HostileError(Exception):
    def __str__(self) -> str:
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (SilentError(), "SilentError (its message cannot be read)"),
        (HostileError(), "HostileError (its message cannot be read)"),
        (ValueError(), "ValueError"),
        (ValueError("a\x00b"), "a\N{REPLACEMENT CHARACTER}b"),
        (ValueError("a\ud800b"), "a?b"),
    ],
)
def test_any_message_can_be_stored(error: BaseException, message: str) -> None:
    failure = describe(raised(error), JOB)
    assert failure.error_message == message
    for part in (failure.error_message, failure.traceback or ""):
        assert "\x00" not in part
        part.encode()


def test_a_long_name_of_an_error_can_be_stored() -> None:
    failure = describe(raised(type("E" * 300, (Exception,), {})("no")), JOB)
    assert failure.error_class == "E" * 200
