"""Wake-ups: what is lost or doubled of them changes nothing but the pace.

Real Dramatiq workers, in this process, with a real Redis.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from dramatiq import Message, Worker

from jobs.dispatch.broker import wake_up_actor
from tests.jobs.host import SmallHost
from tests.jobs.workshop import QUEUE, Workshop
from tests.servers import RedisServer
from tests.waiting import wait_until


@contextmanager
def worker_of(shop: Workshop, *, threads: int = 2) -> Iterator[Worker]:
    worker = Worker(shop.engine.broker, worker_timeout=50, worker_threads=threads)
    worker.start()
    try:
        yield worker
    finally:
        worker.stop(timeout=5_000)


def message(**fields: Any) -> bytes:
    told = {
        "queue_name": QUEUE,
        "actor_name": wake_up_actor(QUEUE),
        "args": [],
        "kwargs": {},
        "options": {"redis_message_id": "x"},
        "message_id": "x",
        "message_timestamp": 1,
    }
    return json.dumps({**told, **fields}).encode()


GARBAGE = {
    "no text": b"\xff\xfe\x00",
    "no JSON": b"{",
    "a list": b"[1, 2]",
    "null": b"null",
    "nothing in it": b"{}",
    "another queue": message(queue_name="elsewhere"),
    "an unknown actor": message(actor_name="nobody"),
    "a job by its name": message(actor_name="shop.note", kwargs={"number": 13}),
    "a wake-up with arguments": message(args=[1, 2]),
    "options that are none": message(options=None),
    "options that are a list": message(options=[1]),
    "a time to come": message(options={"redis_message_id": "x", "eta": 99_999_999_999_999}),
    "a megabyte": message(kwargs={"a": "x" * 1_000_000}),
    "an id that is no id": message(message_id=None, options={"redis_message_id": {"a": 1}}),
}


def test_a_submitted_job_runs_at_once_and_every_wake_up_may_come_ten_times(
    open_shop: Callable[..., Workshop],
) -> None:
    shop = open_shop()
    job = shop.noting()
    with worker_of(shop):
        shop.submit(job, *range(20))
        for _ in range(10):
            for _ in range(20):
                shop.engine.broker.enqueue(shop.engine.broker.wake_up_for(QUEUE))
        took_s = wait_until(lambda: len(shop.effects()) == 20)
    print(f"20 jobs in {took_s:.2f} s")
    assert shop.effects() == list(range(20))


def test_a_queue_holds_no_more_wake_ups_than_it_may_but_one_of_each_other_process(
    open_shop: Callable[..., Workshop], redis_server: RedisServer
) -> None:
    ours, theirs = open_shop().engine.broker, open_shop().engine.broker
    redis = redis_server.client()
    for broker in (ours, theirs):
        broker.declare_queue(QUEUE)
    assert theirs.send_wake_ups(QUEUE, 1, at_most=16) is False
    was_full = [ours.send_wake_ups(QUEUE, 8, at_most=16) for _ in range(4)]
    assert (was_full, redis.llen(f"dramatiq:{QUEUE}")) == ([False, False, True, True], 16)
    was_full = [theirs.send_wake_ups(QUEUE, 8, at_most=16) for _ in range(3)]
    assert (was_full, redis.llen(f"dramatiq:{QUEUE}")) == ([False, True, True], 17)
    redis.delete(f"dramatiq:{QUEUE}")
    assert (ours.send_wake_ups(QUEUE, 8, at_most=16), redis.llen(f"dramatiq:{QUEUE}")) == (False, 8)


def test_garbage_in_redis_is_passed_over_and_no_thread_dies(
    open_shop: Callable[..., Workshop], redis_server: RedisServer
) -> None:
    shop = open_shop()
    job, redis = shop.noting(), redis_server.client()
    for name, data in GARBAGE.items():
        redis.hset(f"dramatiq:{QUEUE}.msgs", name, data)
        redis.rpush(f"dramatiq:{QUEUE}", name)
    redis.rpush(f"dramatiq:{QUEUE}", "an id without a message", b"\xff")
    with worker_of(shop) as worker:
        threads = [*worker.workers, *worker.consumers.values()]
        wait_until(lambda: redis.llen(f"dramatiq:{QUEUE}") == 0)
        shop.submit(job, 1, 2)
        shop.engine.sender.flush()
        took_s = wait_until(lambda: len(shop.effects()) >= 2, within_s=5)
        assert [thread for thread in threads if not thread.is_alive()] == []
    print(f"neighbours done after {took_s:.2f} s")
    assert shop.effects() == [1, 2]


def test_keys_of_the_wrong_type_do_not_stop_the_work(
    open_shop: Callable[..., Workshop], redis_server: RedisServer
) -> None:
    shop = open_shop()
    job, redis = shop.noting(), redis_server.client()
    redis.set(f"dramatiq:{QUEUE}", "a string")
    redis.set(f"dramatiq:{QUEUE}.tokens", "a string")
    with worker_of(shop):
        shop.submit(job, 1, 2)
        wait_until(lambda: len(shop.effects()) == 2)


def test_without_any_redis_jobs_run_within_seconds(host: SmallHost) -> None:
    shop = Workshop(host)
    job = shop.noting()
    with worker_of(shop):
        shop.submit(job, *range(5))
        took_s = wait_until(lambda: len(shop.effects()) == 5)
    print(f"5 jobs without Redis in {took_s:.2f} s")
    assert shop.effects() == list(range(5))


def test_a_lost_wake_up_is_made_up_for_by_the_workers_own_look(
    open_shop: Callable[..., Workshop], redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.dispatch.broker.LEDGER_LOOK_S", 0.5)
    shop = open_shop()
    job = shop.noting()
    with worker_of(shop):
        asleep = Workshop(shop.host)
        asleep.submit_one(asleep.noting(), 1)
        wait_until(lambda: shop.effects() == [1])
    assert job.name == "shop.note"


def test_a_database_that_is_away_does_not_end_a_consumer(
    open_shop: Callable[..., Workshop], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("jobs.dispatch.broker.LEDGER_LOOK_S", 0.1)
    shop = open_shop()
    job = shop.noting()
    with worker_of(shop):
        with monkeypatch.context() as broken:
            away = SmallHost("sqlite:////nonexistent/none.db")
            broken.setattr(shop.host, "database", away.database)
            broken.setattr(shop.host, "autocommit", away.autocommit)
            time.sleep(0.6)
        shop.submit_one(job, 1)
        wait_until(lambda: shop.effects() == [1])
    assert [one.message for one in caplog.records if one.exc_info] == []


def test_wake_ups_carry_nothing(open_shop: Callable[..., Workshop], redis_server: RedisServer) -> None:
    shop = open_shop()
    shop.submit_one(shop.noting(), 42)
    shop.engine.sender.flush()
    (stored,) = redis_server.client().hvals(f"dramatiq:{QUEUE}.msgs")
    told = Message.decode(stored)
    assert (told.actor_name, told.args, told.kwargs) == (wake_up_actor(QUEUE), (), {})
    assert b"42" not in json.dumps(told.kwargs).encode()


def test_a_redis_that_forgot_its_scripts_is_told_them_again(
    open_shop: Callable[..., Workshop], redis_server: RedisServer
) -> None:
    broker, redis = open_shop().engine.broker, redis_server.client()
    broker.declare_queue(QUEUE)
    broker.send_wake_ups(QUEUE, 1, at_most=16)
    redis.script_flush()
    assert broker.send_wake_ups(QUEUE, 2, at_most=16) is False
    redis.script_flush()
    was_told, fetched = broker.wait_and_fetch(QUEUE, 8, wait_s=1.0)
    woken = [Message.decode(one).actor_name for one in fetched if one]
    assert (was_told, woken) == (True, [wake_up_actor(QUEUE)] * 3)
    assert redis.llen(f"dramatiq:{QUEUE}") == 0


def test_many_wake_ups_are_put_down_in_two_conversations(
    open_shop: Callable[..., Workshop], redis_server: RedisServer
) -> None:
    broker, redis = open_shop().engine.broker, redis_server.client()
    broker.declare_queue(QUEUE)
    broker.send_wake_ups(QUEUE, 1, at_most=16)
    redis.config_resetstat()
    broker.send_wake_ups(QUEUE, 8, at_most=16)
    calls = {name.removeprefix("cmdstat_"): one["calls"] for name, one in redis.info("commandstats").items()}
    asked = {name: calls.get(name) for name in ("evalsha", "lpush", "ltrim", "llen")}
    assert asked == {"evalsha": 8, "lpush": 2, "ltrim": 2, "llen": 2}
    assert (redis.llen(f"dramatiq:{QUEUE}"), redis.llen(f"dramatiq:{QUEUE}.tokens")) == (9, 9)


def test_what_no_token_tells_of_is_fetched_with_what_one_tells_of(
    open_shop: Callable[..., Workshop], redis_server: RedisServer
) -> None:
    shop = open_shop()
    job = shop.noting()
    with worker_of(shop, threads=1):
        shop.submit_one(job, 1)
        wait_until(lambda: shop.effects() == [1])
        shop.engine.broker.send_wake_ups(QUEUE, 5, at_most=16)
        redis_server.client().delete(f"dramatiq:{QUEUE}.tokens")
        shop.submit_one(job, 2)
        wait_until(lambda: shop.effects() == [1, 2])
        wait_until(lambda: redis_server.client().llen(f"dramatiq:{QUEUE}") == 0, within_s=3)


def test_a_worker_that_was_told_of_nothing_for_a_while_is_still_woken(
    open_shop: Callable[..., Workshop], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.dispatch.broker.LIVELY_S", 0.0)
    shop = open_shop()
    job = shop.noting()
    with worker_of(shop):
        for number in (1, 2, 3):
            shop.submit_one(job, number)
            assert wait_until(lambda number=number: len(shop.effects()) == number) < 1  # type: ignore[misc]
