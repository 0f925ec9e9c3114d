"""Wake-ups that get lost on the way, are none, or are thrown away."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs import State
from tests.doors import ForgetfulDoor
from tests.servers import RedisServer
from tests.waiting import wait_until

from .small import QUEUE
from .stage import Stage

pytestmark = pytest.mark.everyfault

ANSWERS_OF_A_LIFE = 12
"""More than Redis gives from the submit of a job to the end of its wake-up."""


def test_any_answer_of_redis_may_be_lost(
    staged: Callable[..., Stage], own_redis: RedisServer, tmp_path: Path, database_url: str
) -> None:
    """F8."""
    with ForgetfulDoor(tmp_path, own_redis.socket) as door:
        stage = staged(database_url, redis_url=door.url)
        stage.scheduler()
        worker = stage.worker()
        stage.submit("note", 0)
        stage.wait_for_all()
        for number in range(1, ANSWERS_OF_A_LIFE + 1):
            door.lose(number)
            stage.submit("note", number)
            stage.wait_for_all()
            wait_until(lambda number=number: door.lost == number, what="the answer never came")  # type: ignore[misc]
        account = stage.check("F8 answers of Redis lost, each in turn")
    assert set(map(tuple, account.outcomes.values())) == {("succeeded",)}
    assert worker.code is None


def test_garbage_in_redis_is_dropped(stage: Stage) -> None:
    """F9."""
    stage.scheduler()
    worker = stage.worker()
    stage.submit("note", 0)
    stage.wait_for_all()
    client, key = stage.redis.client(), f"small:{QUEUE}"
    named = {"queue_name": QUEUE, "actor_name": "small.note", "args": [], "kwargs": {"number": 666}, "options": {}}
    garbage = [
        b"no json",
        b"[1, 2]",
        b"\xff\x00",
        b"x" * 1_000_000,
        json.dumps({**named, "message_id": "stranger", "message_timestamp": 0}).encode(),
        json.dumps({"queue_name": "elsewhere"}).encode(),
    ]
    for number, body in enumerate(garbage):
        client.hset(f"{key}.msgs", f"g{number}", body)
        client.rpush(key, f"g{number}")
    client.rpush(key, "unknown", "y" * 100_000)
    for number in range(1, 21):
        stage.submit("note", number)
    stage.wait_for_all()
    wait_until(lambda: client.llen(key) == 0, what="the garbage is still there")
    stage.check("F9 garbage among the wake-ups")
    assert worker.log().count("that is no wake-up") == len(garbage)
    assert worker.code is None


def test_a_redis_that_throws_wake_ups_away_loses_no_job(stage: Stage) -> None:
    """F10."""
    client = stage.redis.client()
    stage.scheduler()
    stage.worker()
    stage.submit("note", 0)
    stage.wait_for_all()
    client.config_set("maxmemory-policy", "allkeys-random")
    client.config_set("maxmemory", client.info("memory")["used_memory"] + 300_000)
    stage.submit("slow", *range(1, 200), seconds=0.03)
    filler = 0
    while stage.count(State.SUCCEEDED) < 150:
        client.set(f"filler:{filler}", "x" * 10_000)
        filler += 1
    stage.submit("note", *range(1_000, 1_100))
    stage.wait_for_all()
    evicted = client.info("stats")["evicted_keys"]
    print(f"\n{evicted} of {filler} keys were thrown away")
    stage.check("F10 Redis throws keys away")
    assert evicted > 0
