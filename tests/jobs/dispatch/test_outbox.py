"""Writing a job down with the work that caused it."""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, update
from sqlalchemy.exc import SQLAlchemyError, StatementError
from sqlalchemy.orm import Session

from jobs import Entry, Job, JobRequest, UnknownJob
from jobs.dispatch.outbox import new_uid, write_down
from jobs.observer import Asked
from jobs.registry import JobGroup, Unique
from tests.jobs.host import effects
from tests.jobs.workshop import QUEUE, Workshop


class ChangedMyMindError(Exception):
    """The business transaction does not want to commit."""


@pytest.fixture
def woken() -> list[tuple[str, int]]:
    """Who was woken, in order."""
    return []


@pytest.fixture
def write(shop: Workshop, woken: list[tuple[str, int]]) -> Callable[..., list[str]]:
    """Writes jobs of several queues down in the open transaction."""
    jobs = {queue: shop.noting(f"note_{queue}", queue=queue) for queue in ("a", "b")}

    def wake(queue: str, count: int) -> None:
        woken.append((queue, count))

    def tell(queue: str, kind: str, count: int, asked: Asked) -> None:
        pass

    def run(*queues: str, **options: Any) -> list[str]:
        requests = [JobRequest(jobs[queue], {"number": 1}, **options) for queue in queues]
        with shop.host.transaction() as session:
            return write_down(session, requests, wake=wake, tell=tell)

    return run


def test_workers_hear_of_jobs_at_the_commit_and_not_before(shop: Workshop, write: Any, woken: list[Any]) -> None:
    with shop.host.transaction():
        write("a", "b", "a")
        write("b")
        assert woken == []
    assert woken == [("a", 2), ("b", 2)]


def test_a_rollback_takes_the_jobs_back_and_wakes_nobody(shop: Workshop, write: Any, woken: list[Any]) -> None:
    def change_my_mind() -> None:
        with shop.host.transaction():
            shop.note(1)
            write("a")
            raise ChangedMyMindError

    with pytest.raises(ChangedMyMindError):
        change_my_mind()
    with shop.host.transaction():
        shop.note(2)
    assert (shop.effects(), shop.claim("a"), woken) == ([2], [], [])


def test_a_savepoint_that_is_kept_wakes_at_the_commit(shop: Workshop, write: Any, woken: list[Any]) -> None:
    with shop.host.transaction() as session:
        with session.begin_nested():
            write("a")
        assert woken == []
    assert woken == [("a", 1)]


def test_a_savepoint_that_is_given_up_takes_nobody_elses_wake_up(shop: Workshop, write: Any, woken: list[Any]) -> None:
    with shop.host.transaction() as session:
        (uid,) = write("a")
        with suppress(ChangedMyMindError), session.begin_nested():
            shop.note(1)
            raise ChangedMyMindError
    assert (shop.state(uid), shop.effects(), woken) == ("ready", [], [("a", 1)])


def test_a_later_commit_does_not_wake_for_what_was_rolled_back(shop: Workshop, write: Any, woken: list[Any]) -> None:
    with shop.host.transaction() as session:
        with suppress(ChangedMyMindError), session.begin_nested():
            write("a")
            raise ChangedMyMindError
        write("b")
    assert ("b", 1) in woken
    assert shop.claim("a") == []


def test_a_session_that_goes_on_after_a_rollback_wakes_nobody_for_what_is_gone(shop: Workshop) -> None:
    woken: list[str] = []
    job = shop.noting()
    with Session(shop.host.database) as session:
        write_down(
            session,
            [JobRequest(job, {"number": 1})],
            wake=lambda queue, count: woken.append(queue),
            tell=lambda queue, kind, count, asked: woken.append(kind),
        )
        session.rollback()
        session.execute(insert(effects).values(number=2))
        session.commit()
    assert (shop.effects(), shop.claim(), woken) == ([2], [], [])


def test_nobody_is_woken_for_later(shop: Workshop, write: Any, woken: list[Any]) -> None:
    (uid,) = write("a", run_at=shop.now() + timedelta(hours=1))
    assert (shop.state(uid), woken) == ("scheduled", [])


def test_a_job_keeps_what_it_is_about_and_who_asked(shop: Workshop) -> None:
    job = shop.noting(priority=3, max_retries=7)
    uid = shop.submit_one(job, subject_kind="activity", subject_id=42, requested_by="ada", request_id="r-1")
    entry = shop.entry(uid)
    assert (
        entry.kind,
        entry.queue,
        entry.priority,
        entry.max_retries,
        entry.args,
        entry.subject_kind,
        entry.subject_id,
        entry.requested_by,
        entry.request_id,
        entry.attempt,
        entry.failures,
        entry.crashes,
    ) == ("shop.note", QUEUE, 3, 7, {"number": 1}, "activity", 42, "ada", "r-1", 0, 0, 0)
    assert abs((entry.created_at - shop.now()).total_seconds()) < 60


def test_thousands_of_jobs_are_written_at_once_and_in_order(shop: Workshop) -> None:
    uids = shop.submit(shop.noting(), *range(3_000))
    assert len(set(uids)) == 3_000
    assert [shop.entry(uid).args["number"] for uid in (uids[0], uids[1], uids[-1])] == [0, 1, 2_999]
    assert [one.args["number"] for _ in range(3) for one in shop.claim()] == [0, 1, 2]


def test_nothing_asked_for_is_nothing_written(shop: Workshop) -> None:
    assert shop.submit(shop.noting()) == []


def test_a_job_that_is_not_declared_is_refused(shop: Workshop) -> None:
    strange: Job = JobGroup("elsewhere").actor(queue_name=QUEUE)(lambda number: None)
    with pytest.raises(UnknownJob, match="No job is called"):
        shop.submit(strange, 1)


def test_the_options_of_this_engine_decide_and_not_those_of_the_declaration(shop: Workshop) -> None:
    group = JobGroup("letters")

    @group.actor(queue_name=QUEUE, max_retries=3)
    def send(number: int) -> None:
        pass

    shop.engine.include(group, send={"max_retries": 9})
    assert shop.entry(shop.submit_one(send)).max_retries == 9


@pytest.mark.parametrize("text", ["", "é ✓ 😀", "'; DROP TABLE job; --", "%s %(x)s :x ?", "\\", "x" * 30_000])
def test_arguments_arrive_as_they_were_given(shop: Workshop, text: str) -> None:
    seen: list[Any] = []

    def read(**args: Any) -> None:
        seen.append(args)

    args = {"text": text, "nested": {"list": [1, None, True, 2.5, text]}}
    with shop.host.transaction() as session:
        shop.engine.write_down(session, [JobRequest(shop.job(read), args)])
    shop.work()
    assert seen == [args]


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes"])
def test_an_argument_that_is_no_plain_value_is_refused_and_nothing_is_written(shop: Workshop, value: Any) -> None:
    def read(number: Any) -> None:
        pass

    job = shop.job(read)
    with pytest.raises((TypeError, StatementError)):
        shop.submit(job, 1, value)
    assert shop.claim() == []


@pytest.mark.parametrize("value", ["\x00", "\ud800", float("nan")])
def test_an_argument_a_database_cannot_keep_is_refused_or_arrives(shop: Workshop, value: Any) -> None:
    seen: list[Any] = []

    def read(number: Any) -> None:
        seen.append(number)

    try:
        shop.submit(shop.job(read), value)
    except (SQLAlchemyError, ValueError):
        assert shop.claim() == []
    else:
        shop.work()
        assert [repr(one) for one in seen] == [repr(value)]


def test_public_ids_are_thirty_two_hex_digits_and_sort_by_time() -> None:
    first = new_uid()
    time.sleep(0.002)
    second = new_uid()
    assert first < second
    assert (len(first), first[12]) == (32, "7")
    int(first, 16)


def test_twins_of_a_batched_kind_meet_whatever_they_call_their_argument(shop: Workshop) -> None:
    seen: list[list[int]] = []

    def run(numbers: list[int]) -> None:
        seen.append(numbers)

    job = shop.batched(run, unique=Unique.WAITING)
    requests = [JobRequest(job, {"number": 1}), JobRequest(job, {"numbers": 1}), JobRequest(job, {"number": 2})]
    with shop.host.transaction() as session:
        first, twin, other = shop.engine.write_down(session, requests)
    assert first == twin != other
    assert [shop.entry(uid).args for uid in (first, other)] == [{"numbers": 1}, {"numbers": 2}]
    shop.work()
    assert seen == [[1, 2]]


def test_a_job_that_was_written_down_under_another_name_of_its_argument_runs(shop: Workshop) -> None:
    seen: list[list[int]] = []

    def run(numbers: list[int]) -> None:
        seen.append(numbers)

    uid = shop.submit_one(shop.batched(run), 7)
    with shop.host.transaction() as session:
        session.execute(update(Entry).where(Entry.uid == uid).values(args={"number": 7}))
    shop.work()
    assert (seen, shop.state(uid)) == ([[7]], "succeeded")
