"""Workers that are killed, frozen, stopped and poisoned."""

import signal
import time

import pytest

from jobs import State
from tests.waiting import wait_until

from .stage import Stage


def test_a_killed_worker_loses_nothing(stage: Stage) -> None:
    """F1."""
    stage.scheduler()
    worker = stage.worker()
    uids = stage.submit("slow", *range(12), seconds=1.0)
    stage.wait_for_running(4)
    worker.kill()
    killed_at = time.monotonic()
    hit = stage.count(State.RUNNING)
    stage.worker()
    stage.wait_for_all()
    print(f"\nall done {time.monotonic() - killed_at:.1f} s after the kill, {hit} were hit")
    account = stage.check("F1 worker killed")
    ways = stage.outcomes(account, uids)
    assert sorted(ways) == sorted([["lost", "succeeded"]] * hit + [["succeeded"]] * (12 - hit))
    assert hit >= 4


@pytest.mark.everyfault
def test_a_worker_killed_again_and_again_loses_nothing_of_its_batches(stage: Stage) -> None:
    """F1."""
    stage.scheduler()
    for round_number in range(3):
        worker = stage.worker()
        stage.submit("many", *range(round_number * 1000, round_number * 1000 + 1000))
        left = stage.count(State.READY)
        wait_until(lambda left=left: stage.count(State.READY) < left)  # type: ignore[misc]
        worker.kill()
    stage.worker()
    stage.wait_for_all()
    stage.check("F1 worker killed three times over batches")


def test_a_stopped_worker_finishes_what_is_short_and_gives_back_what_is_long(stage: Stage) -> None:
    """F36."""
    stage.scheduler()
    worker = stage.worker()
    short = stage.submit("slow", 1, 2, seconds=1.5)
    long = stage.submit("slow", 3, 4, seconds=6.0)
    waiting = stage.submit("slow", 5, 6, 7, seconds=0.1)
    stage.wait_for_running(4)
    worker.tell(signal.SIGTERM)
    stopped_at = time.monotonic()
    assert worker.wait() == 0
    print(f"\nstopped after {time.monotonic() - stopped_at:.1f} s")
    assert (stage.count(State.SUCCEEDED), stage.count(State.READY), stage.count(State.RUNNING)) == (2, 5, 0)
    stage.worker()
    stage.wait_for_all()
    account = stage.check("F36 worker stopped in order")
    assert stage.outcomes(account, short) == [["succeeded"]] * 2
    assert stage.outcomes(account, long) == [["interrupted", "succeeded"]] * 2
    assert stage.outcomes(account, waiting) == [["succeeded"]] * 3


@pytest.mark.everyfault
@pytest.mark.parametrize("name", ["slow", "held"])
def test_a_worker_frozen_past_its_lease_writes_nothing_when_it_thaws(
    stage: Stage, database_kind: str, name: str
) -> None:
    """F26."""
    if (name, database_kind) == ("held", "sqlite"):
        pytest.skip("a process frozen with SQLite's only write lock stops every other one until it is gone")
    stage.scheduler()
    zombie = stage.worker(threads=2)
    uids = stage.submit(name, 1, 2, seconds=2.0)
    stage.wait_for_running(2)
    time.sleep(0.3)
    zombie.tell_all(signal.SIGSTOP)
    stage.worker(threads=2)
    wait_until(lambda: stage.count(State.SUCCEEDED) == 2)
    zombie.tell_all(signal.SIGCONT)
    time.sleep(3)
    last = stage.submit("note", 3)
    stage.wait_for_all()
    account = stage.check(f"F26 worker frozen past its lease ({name})")
    assert stage.outcomes(account, [*uids, *last]) == [["lost", "succeeded"]] * 2 + [["succeeded"]]
    assert zombie.code is None


@pytest.mark.parametrize(
    "how", ["killed", *(pytest.param(how, marks=pytest.mark.everyfault) for how in ("exits", "recurses without end"))]
)
def test_a_job_that_kills_its_process_is_parked_and_the_others_run(stage: Stage, how: str) -> None:
    """F23."""
    stage.scheduler()
    (guilty,) = stage.submit("poison", 666, how=how)
    stage.submit("note", *range(20))
    for crashes in (1, 2, 3):
        worker = stage.worker()
        wait_until(lambda crashes=crashes: stage.crashes(guilty) == crashes)  # type: ignore[misc]
        worker.kill()
    stage.worker()
    stage.wait_for_all()
    account = stage.check(f"F23 poison, {how}", parked=[guilty])
    assert account.outcomes[guilty] == ["lost"] * 3
