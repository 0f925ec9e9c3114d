"""One job that stands for others: whoever is given its id finds it, and what they asked for is seen when it runs."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, select, text

from jobs import Entry, Job, JobRequest, Unique
from jobs.dispatch.outbox import write_down
from tests.jobs.host import SmallHost
from tests.jobs.ledger.test_races import overlap
from tests.jobs.workshop import QUEUE, Workshop

ASKERS, ASKS = 3, 60
ROUNDS = 60


@contextmanager
def after_the_first_insert(host: SmallHost, act: Callable[[], Any]) -> Iterator[None]:
    """Let somebody else act, and commit, when the first job has been written down or left out."""
    left = [act]

    def after(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if left and statement.startswith("EXECUTE jobs_insert"):
            with ThreadPoolExecutor(1) as pool:
                pool.submit(left.pop()).result(timeout=10)

    event.listen(host.database, "after_cursor_execute", after)
    try:
        yield
    finally:
        event.remove(host.database, "after_cursor_execute", after)


@contextmanager
def working(shop: Workshop, threads: int) -> Iterator[None]:
    """Threads that run whatever is ready, as long as the block lasts."""
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            shop.work()
            over.wait(0.001)

    with ThreadPoolExecutor(threads) as pool:
        runs = [pool.submit(work) for _ in range(threads)]
        try:
            yield
        finally:
            over.set()
        for run in runs:
            run.result(timeout=30)


def known(shop: Workshop) -> set[str]:
    with shop.host.inside():
        return set(shop.host.reading().scalars(select(Entry.uid)))


def reading_job(shop: Workshop, seen: list[list[int]]) -> Job:
    """A job that is unique while it waits, and sees what is there when it runs."""

    def see(number: int) -> None:
        seen.append(shop.effects())

    return shop.job(see, unique=Unique.WAITING)


def note_and_ask(shop: Workshop, job: Job, number: int) -> str:
    with shop.host.transaction():
        shop.note(number)
        return shop.submit_one(job)


@pytest.mark.parametrize("others", [(), (2, 3)], ids=["one", "among others"])
def test_what_settles_while_it_is_in_the_way_is_made_anew(
    shop: Workshop, database_kind: str, others: tuple[int, ...]
) -> None:
    if database_kind != "postgresql":
        pytest.skip("SQLite has one writer: nothing settles while another writes")
    job = shop.noting(unique=Unique.LIVE)
    first = shop.submit_one(job, 1)
    claims = shop.claim()
    with after_the_first_insert(shop.host, lambda: shop.finish(claims, 1)):
        uids = shop.submit(job, 1, *others)
    assert known(shop) == {first, *uids}
    assert (shop.state(first), [shop.state(uid) for uid in uids]) == ("succeeded", ["ready"] * len(uids))


@pytest.mark.parametrize("unique", list(Unique))
def test_every_id_that_is_given_is_of_a_job_that_is_there(shop: Workshop, unique: Unique) -> None:
    job = shop.noting(unique=unique)

    def ask(_: int) -> list[str]:
        return [shop.submit_one(job, number % 2) for number in range(ASKS)]

    with working(shop, 2), ThreadPoolExecutor(ASKERS) as pool:
        given = {uid for uids in pool.map(ask, range(ASKERS)) for uid in uids}
    assert given - known(shop) == set()
    shop.work()
    assert len(shop.effects()) == len(given)


def test_a_twin_does_not_start_before_what_it_is_asked_for_is_there(shop: Workshop) -> None:
    seen: list[list[int]] = []
    job = reading_job(shop, seen)
    first = shop.submit_one(job)
    overlap(shop, lambda: note_and_ask(shop, job, 7), shop.work)
    shop.work()
    assert (seen, shop.state(first)) == ([[7]], "succeeded")


def test_a_twin_is_free_again_when_its_asker_thinks_again(shop: Workshop) -> None:
    seen: list[list[int]] = []
    job = reading_job(shop, seen)
    first = shop.submit_one(job)
    with shop.host.transaction() as session:
        note_and_ask(shop, job, 7)
        session.rollback()
    shop.work()
    assert (seen, shop.state(first)) == ([[]], "succeeded")


def test_a_twin_that_is_asked_for_can_be_cancelled_meanwhile(shop: Workshop) -> None:
    job = shop.noting(unique=Unique.WAITING)
    first = shop.submit_one(job)
    assert overlap(shop, lambda: shop.submit_one(job), lambda: shop.engine.cancel(first, by="Ada")) is True
    assert shop.state(first) == "cancelled"


def test_a_running_twin_is_finished_while_its_asker_has_not_committed(shop: Workshop, database_kind: str) -> None:
    if database_kind != "postgresql":
        pytest.skip("SQLite has one writer: everything waits, and nothing for each other")
    job = shop.noting(unique=Unique.LIVE)
    first = shop.submit_one(job)
    claims = shop.claim()
    with ThreadPoolExecutor(1) as pool, shop.host.transaction():
        assert shop.submit_one(job) == first
        pool.submit(shop.finish, claims, 1).result(timeout=10)
    assert (shop.state(first), shop.effects()) == ("succeeded", [1])


def test_workers_are_woken_for_a_twin_that_was_held(shop: Workshop) -> None:
    job = shop.noting(unique=Unique.WAITING)
    elsewhere = shop.noting("other", queue="elsewhere")
    woken: list[tuple[str, int]] = []

    def ask(*numbers: int) -> None:
        with shop.host.transaction() as session:
            requests = [JobRequest(job, {"number": number}) for number in numbers]
            write_down(session, requests, wake=lambda *told: woken.append(told), tell=lambda *_: None)
            assert woken == []

    first = shop.submit_one(job, 1)
    ask(1, 1, 2)
    assert woken == [(QUEUE, 2)]
    woken.clear()
    shop.submit_one(elsewhere)
    shop.engine.move(first, "elsewhere", by="Ada")
    ask(1)
    assert woken == [("elsewhere", 1)]
    woken.clear()
    shop.submit_one(job, 3, run_at=shop.now())
    ask(3)
    assert woken == []


def test_what_was_asked_for_last_is_always_seen(shop: Workshop) -> None:
    seen: list[list[int]] = []
    job = reading_job(shop, seen)
    missed: list[int] = []
    with working(shop, 2):
        for number in range(ROUNDS):
            shop.submit_one(job)
            uid = note_and_ask(shop, job, number)
            with shop.host.inside():
                assert shop.engine.inspector.wait(uid, seconds=10)
            if not any(number in one for one in seen):
                missed.append(number)
    assert missed == []


def test_a_period_that_begins_while_a_twin_lives_gives_the_twins_id(shop: Workshop) -> None:
    job = shop.noting(unique=Unique.LIVE, unique_for=3_600_000)
    first = shop.submit_one(job, 7)
    with shop.host.transaction() as session:
        session.execute(text("UPDATE job_period_key SET until = (SELECT min(created_at) FROM job)"))
    assert shop.submit(job, 7, 7) == [first, first]
    shop.work()
    assert (shop.submit_one(job, 7), shop.effects()) == (first, [7])
