"""A Redis that forgets, dies, freezes, refuses, and says everything ten times."""

import os
import signal
import time

import pytest
import redis

from jobs import State
from tests.waiting import wait_until

from .small import QUEUE
from .stage import Stage


def test_every_wake_up_may_come_many_times(stage: Stage) -> None:
    """F18."""
    stage.worker()
    stage.worker()
    for start in range(0, 200, 20):
        stage.submit("note", *range(start, start + 20))
        for _ in range(100):
            stage.engine.broker.enqueue(stage.engine.broker.wake_up_for(QUEUE))
    stage.wait_for_all()
    account = stage.check("F18 every wake-up ten times")
    assert set(map(tuple, account.outcomes.values())) == {("succeeded",)}


def test_a_flushed_redis_loses_nothing(stage: Stage) -> None:
    """F3."""
    stage.scheduler()
    stage.submit("slow", *range(2_000), seconds=0.003)
    stage.worker()
    for done in (50, 300, 600):
        wait_until(lambda done=done: stage.count(State.SUCCEEDED) >= done)  # type: ignore[misc]
        stage.redis.client().flushall()
    flushed_at = time.monotonic()
    stage.wait_for_all()
    print(f"\nall done {time.monotonic() - flushed_at:.1f} s after the last flush")
    account = stage.check("F3 Redis flushed three times")
    assert set(map(tuple, account.outcomes.values())) == {("succeeded",)}


NUMBERS = {"dead": "F4, F5", "frozen": "F6", "full": "F7", "without its replica": "F7"}
REFUSALS = {"full": ("maxmemory", 1), "without its replica": ("min-replicas-to-write", 1)}
"""What is set, and to what, for Redis to refuse what is written; 0 is how it was."""


def go_away(stage: Stage, how: str) -> None:
    if how == "dead":
        stage.redis.kill()
    elif how == "frozen":
        os.kill(stage.redis.pid, signal.SIGSTOP)
    else:
        stage.redis.client().config_set(*REFUSALS[how])
        with pytest.raises(redis.ResponseError):
            stage.redis.client().set("any", "thing")


def come_back(stage: Stage, how: str) -> None:
    if how == "dead":
        stage.redis.start()
    elif how == "frozen":
        os.kill(stage.redis.pid, signal.SIGCONT)
    else:
        stage.redis.client().config_set(REFUSALS[how][0], 0)


@pytest.mark.parametrize(
    "how",
    ["dead", *(pytest.param(one, marks=pytest.mark.everyfault) for one in ("frozen", *REFUSALS))],
)
def test_without_redis_people_submit_and_workers_go_on(stage: Stage, how: str) -> None:
    """F4, F5, F6, F7."""
    stage.scheduler()
    worker = stage.worker()
    stage.submit("note", 0)
    stage.wait_for_all()
    running = stage.submit("slow", 1, 2, seconds=2.0)
    stage.wait_for_running(2)
    go_away(stage, how)
    slowest_s = 0.0
    for number in range(100, 150):
        started = time.monotonic()
        stage.submit("note", number)
        slowest_s = max(slowest_s, time.monotonic() - started)
    without_s = stage.wait_for_all(within_s=30)
    come_back(stage, how)
    time.sleep(3)
    started = time.monotonic()
    stage.submit("note", 200)
    stage.wait_for_all()
    with_s = time.monotonic() - started
    print(
        f"\nRedis {how}: slowest submit {slowest_s * 1000:.0f} ms, all done after {without_s:.1f} s,"
        f" the next after {with_s:.2f} s"
    )
    account = stage.check(f"{NUMBERS[how]} Redis {how} during submits")
    assert stage.outcomes(account, running) == [["succeeded"]] * 2
    assert slowest_s < 2
    assert worker.code is None
    assert "Traceback" not in worker.log()
