"""Many jobs at once, and nobody there to run them."""

import threading
import time

import pytest

from jobs import State
from tests.waiting import wait_until

from .stage import Stage

pytestmark = pytest.mark.everyfault

THREADS, AT_ONCE = 8, 25
MOST_WAKE_UPS = 30
MIB = 1024 * 1024


def test_without_workers_people_submit_and_nothing_is_tried_in_vain(stage: Stage) -> None:
    """F2."""
    stage.scheduler()
    for number in range(100):
        stage.submit("note", number)
    time.sleep(6)
    with stage.host.inside():
        assert stage.engine.inspector.overview().workers == 0
    assert stage.count(State.READY) == 100
    stage.worker()
    stage.wait_for_all()
    account = stage.check("F2 no worker for longer than a lease")
    assert set(map(tuple, account.outcomes.values())) == {("succeeded",)}


def test_a_burst_keeps_redis_small_and_lets_the_urgent_through(stage: Stage, database_kind: str) -> None:
    """F33."""
    count = 10_000 if database_kind == "postgresql" else 1_000
    client = stage.redis.client()
    stage.scheduler()
    worker = stage.worker()
    stage.submit("note", 0)
    stage.wait_for_all()
    before = client.info("memory")["used_memory"]
    per_thread = count // THREADS
    errors: list[BaseException] = []

    def submit(first: int) -> None:
        try:
            for start in range(first, first + per_thread, AT_ONCE):
                stage.submit("slow", *range(start, start + AT_ONCE), seconds=0.0)
        except BaseException as error:  # noqa: BLE001 -- told by the test's own thread
            errors.append(error)

    threads = [threading.Thread(target=submit, args=(1 + number * per_thread,)) for number in range(THREADS)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    longest = client.llen("small:small")
    (urgent,) = stage.submit("novel", count + 1)
    wait_until(lambda: stage.entry(urgent).state == State.SUCCEEDED)
    waiting = stage.count(State.READY)
    stage.wait_for_all()
    grown = client.info("memory")["used_memory"] - before
    print(f"\n{waiting} still waited when the urgent one was done; {longest} wake-ups; Redis grew by {grown} bytes")
    account = stage.check(f"F33 {count} jobs at once")
    assert errors == []
    assert (longest <= MOST_WAKE_UPS, grown < MIB) == (True, True)
    assert set(map(tuple, account.outcomes.values())) == {("succeeded",)}
    assert worker.code is None
