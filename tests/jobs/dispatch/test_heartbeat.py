"""Saying which jobs still have a living thread, and that this process lives."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from jobs import Job
from jobs.dispatch.heartbeat import EXIT_THREADS_DEAD, Heartbeat, process_name
from jobs.dispatch.runner import Hold
from jobs.ledger import reader
from jobs.ledger.models import WorkerRow
from tests.jobs.host import SmallHost
from tests.jobs.workshop import Workshop
from tests.waiting import wait_until


def heart_of(shop: Workshop, **options: object) -> Heartbeat:
    told = {
        "name": "here:worker:1:a",
        "role": "worker",
        "queues": ["work", "side"],
        "version": "1.2.3",
        "lease_s": 60.0,
        "interval_s": 0.05,
        "running": shop.engine.runner.running,
        "sees_redis": lambda: True,
        "give_back": shop.engine.runner.give_back,
        "settle_doubts": shop.engine.runner.settle_doubts,
    }
    return Heartbeat(shop.host, **{**told, **options})  # type: ignore[arg-type]


@contextmanager
def another_thread() -> Iterator[threading.Thread]:
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    try:
        yield thread
    finally:
        over.set()
        thread.join()


def rows(shop: Workshop) -> list[WorkerRow]:
    with shop.host.inside():
        return list(reader.workers(shop.host.reading(), seen_within_s=3600))


def left_s(shop: Workshop, uid: str) -> float:
    """For how many seconds the job's lease still runs."""
    until = shop.entry(uid).lease_until
    assert until is not None
    return (until - shop.now()).total_seconds()


def test_a_beat_extends_the_leases_of_living_threads_only(shop: Workshop) -> None:
    living, dead = shop.submit(shop.noting(), 1, 2)
    shop.claim(owner="living", lease_s=10)
    shop.claim(owner="dead", lease_s=10)
    with another_thread() as thread:
        pass
    shop.engine.runner.running.update({"living": Hold(threading.current_thread()), "dead": Hold(thread)})
    heart_of(shop).beat()
    assert left_s(shop, living) > 50
    assert left_s(shop, dead) <= 10


def test_a_thread_far_past_its_time_limit_counts_as_dead(shop: Workshop) -> None:
    uid = shop.submit_one(shop.noting())
    shop.claim(owner="stuck", lease_s=10)
    shop.engine.runner.running["stuck"] = Hold(threading.current_thread(), until=time.monotonic() - 1)
    heart_of(shop).beat()
    assert left_s(shop, uid) <= 10


def test_a_beat_says_who_lives_and_how_much_it_runs(shop: Workshop) -> None:
    shop.submit_one(shop.noting())
    shop.claim(owner="me")
    shop.engine.runner.running["me"] = Hold(threading.current_thread())
    heart = heart_of(shop)
    heart.beat()
    heart.beat()
    (row,) = rows(shop)
    assert (row.name, row.role, row.queues, row.version, row.running, row.sees_redis) == (
        "here:worker:1:a",
        "worker",
        "work,side",
        "1.2.3",
        1,
        True,
    )
    assert row.started_at <= row.seen_at


def test_a_row_that_was_pruned_comes_back(shop: Workshop) -> None:
    heart = heart_of(shop)
    heart.beat()
    started_at = rows(shop)[0].started_at
    with shop.host.transaction() as session:
        session.delete(session.get(WorkerRow, "here:worker:1:a"))
    heart.beat()
    assert rows(shop)[0].started_at == started_at


def test_a_slow_redis_costs_no_lease(shop: Workshop) -> None:
    left: list[float] = []

    def frozen() -> bool:
        left.extend(left_s(shop, uid) for uid in running)
        return False

    running: list[str] = []
    heart = heart_of(shop, sees_redis=frozen)
    heart.beat()
    running.append(shop.submit_one(shop.noting()))
    shop.claim(owner="me", lease_s=10)
    shop.engine.runner.running["me"] = Hold(threading.current_thread())
    heart.beat()
    assert [seconds > 50 for seconds in left] == [True]
    assert not rows(shop)[0].sees_redis


def test_it_beats_until_it_is_ended_and_then_signs_off(shop: Workshop) -> None:
    heart = heart_of(shop)
    heart.start()
    time.sleep(0.12)
    first = rows(shop)[0].seen_at
    time.sleep(0.12)
    assert rows(shop)[0].seen_at > first
    heart.end()
    assert (rows(shop), heart.is_alive()) == ([], False)


@pytest.mark.parametrize("trouble", ["the database is away", "something nobody thought of"])
def test_trouble_does_not_end_it(host: SmallHost, monkeypatch: pytest.MonkeyPatch, trouble: str) -> None:
    shop = Workshop(host)

    def surprising() -> bool:
        raise RuntimeError(trouble)

    heart = heart_of(shop)
    with monkeypatch.context() as broken:
        if trouble == "the database is away":
            broken.setattr(host, "database", SmallHost("sqlite:////nonexistent/none.db").database)
        else:
            broken.setattr(heart, "_sees_redis", surprising)
        heart.start()
        time.sleep(0.2)
    deadline = time.monotonic() + 5
    while not rows(shop) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert (len(rows(shop)), heart.is_alive()) == (1, True)
    heart.end()


def test_names_of_processes_are_their_own() -> None:
    assert len({process_name("worker"), process_name("scheduler")}) == 2
    assert len(process_name("worker")) < 160


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_process_whose_worker_threads_died_leaves(host: SmallHost) -> None:
    url = host.database.url.render_as_string(hide_password=False)
    child = os.fork()
    if child == 0:
        heart = heart_of(Workshop(SmallHost(url)))
        heart.watched = [threading.Thread()]
        heart.start()
        time.sleep(20)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == EXIT_THREADS_DEAD


def test_a_job_that_no_limit_can_interrupt_is_taken_over(host: SmallHost) -> None:
    shop = Workshop(host, lease_s=0.4)
    blocked = threading.Event()
    starts: list[int] = []

    def hang(number: int) -> None:
        starts.append(number)
        if len(starts) == 1:
            blocked.wait(15)
        shop.note(number)

    uid = shop.submit_one(shop.job(hang, time_limit=100))
    heart = heart_of(shop, lease_s=0.4)
    thread = threading.Thread(target=shop.work)
    thread.start()

    def is_taken_over() -> bool:
        heart.beat()
        return shop.engine.reaper.reap() == 1

    wait_until(is_taken_over)
    shop.work()
    assert (shop.state(uid), shop.effects()) == ("succeeded", [1])
    blocked.set()
    thread.join()
    heart.end()
    assert (shop.effects(), shop.outcomes(uid)) == ([1], ["lost", "succeeded"])


def hang(shop: Workshop, *, size: int = 1) -> Job:
    def hang_alone(number: int) -> None:
        time.sleep(15)

    def hang_together(numbers: list[int]) -> None:
        time.sleep(15)

    if size == 1:
        return shop.job(hang_alone, time_limit=100)
    return shop.batched(hang_together, size=size, time_limit=100)


def exit_code_beside(host: SmallHost, *, size: int = 1, **options: Any) -> int:
    """How a process ends in which a job hangs, while another of its threads runs what `other` has claimed."""
    url = host.database.url.render_as_string(hide_password=False)
    child = os.fork()
    if child == 0:
        shop = Workshop(SmallHost(url), lease_s=1.0)
        hang(shop, size=size)
        shop.engine.runner.running["other"] = Hold(threading.current_thread())
        threading.Thread(target=shop.work, daemon=True).start()
        time.sleep(0.3)
        heart_of(shop, **{"lease_s": 1.0, "time_out": shop.engine.runner.time_out, **options}).start()
        time.sleep(20)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_job_that_hangs_took_too_long_and_the_others_go_back(host: SmallHost, shop: Workshop) -> None:
    stuck = shop.submit_one(hang(shop))
    beside = shop.submit_one(shop.noting(queue="side"), 2)
    shop.claim("side", owner="other")
    assert exit_code_beside(host) == EXIT_THREADS_DEAD
    entry = shop.entry(stuck)
    assert (entry.state, entry.failures, entry.crashes, shop.outcomes(stuck)) == ("scheduled", 1, 0, ["failed"])
    assert (entry.error_class, entry.error_message) == (
        "TimeLimitExceeded",
        "It took longer than its time limit of 0.1 seconds.",
    )
    assert (shop.state(beside), shop.outcomes(beside)) == ("ready", ["interrupted"])


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_of_a_batch_that_hangs_each_comes_back_alone(host: SmallHost, shop: Workshop) -> None:
    uids = shop.submit(hang(shop, size=3), 1, 2, 3)
    assert exit_code_beside(host, size=3) == EXIT_THREADS_DEAD
    shop.let_time_pass()
    shop.engine.reaper.reap()
    assert [shop.outcomes(uid) for uid in uids] == [["lost"]] * 3
    assert len(shop.claim()) == 1


def away(_: str) -> bool:
    raise OperationalError("UPDATE", None, OSError("gone"))


def silent(_: str) -> bool:
    time.sleep(15)
    return True


def test_a_beat_gives_back_what_was_claimed_in_a_name_that_nobody_works_for(shop: Workshop) -> None:
    uid = shop.submit_one(shop.noting())
    shop.claim(owner="never heard of")
    shop.engine.runner.doubtful.add("never heard of")
    heart_of(shop).beat()
    assert (shop.state(uid), shop.outcomes(uid)) == ("ready", ["interrupted"])


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("time_out", [away, silent])
def test_a_process_with_a_job_that_hangs_leaves_without_its_database(
    host: SmallHost, shop: Workshop, time_out: Callable[[str], bool]
) -> None:
    stuck = shop.submit_one(hang(shop))
    began = time.monotonic()
    assert exit_code_beside(host, time_out=time_out) == EXIT_THREADS_DEAD
    assert time.monotonic() - began < 10
    assert shop.state(stuck) == "running"


# -- what operators wish


def wish(shop: Workshop, wish: str) -> None:
    with shop.host.transaction() as session:
        session.execute(update(WorkerRow).values(wish=wish))


def test_a_process_tells_its_threads_memory_and_clock(shop: Workshop) -> None:
    with another_thread() as thread:
        shop.engine.runner.running |= {"what it runs": Hold(thread), "what it claims next": Hold(thread)}
        heart_of(shop, threads=4, sweeps=lambda: [{"name": "count"}]).beat()
    (row,) = rows(shop)
    assert (row.threads, row.busy, row.sweeps) == (4, 1, [{"name": "count"}])
    assert row.memory_mib is not None
    assert row.memory_mib > 1
    assert row.skew_s is not None
    assert abs(row.skew_s) < 5


def test_a_quiet_process_takes_nothing_until_it_goes_on(shop: Workshop) -> None:
    heart = heart_of(shop, quiet=shop.engine.runner.quiet)
    heart.beat()
    wish(shop, "quiet")
    heart.beat()
    uid = shop.submit_one(shop.noting())
    shop.work()
    assert shop.entry(uid).state == "ready"
    assert shop.engine.broker.is_quiet()
    wish(shop, "")
    heart.beat()
    shop.work()
    assert shop.entry(uid).state == "succeeded"


def test_a_process_that_shall_stop_asks_itself_to_once(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: asked.append((pid, number)))
    heart = heart_of(shop)
    heart.beat()
    assert asked == []
    wish(shop, "stop")
    heart.beat()
    heart.beat()
    assert asked == [(os.getpid(), signal.SIGTERM)]
