"""A worker boots, drains, stops."""

import threading
import time
from collections.abc import Callable

from dramatiq import Worker

from jobs.ledger import reader
from tests.jobs.workshop import QUEUE, Workshop
from tests.waiting import wait_until

SOON_S = 15.0


def started(shop: Workshop) -> Worker:
    worker = Worker(shop.engine.broker, worker_timeout=50, worker_threads=2)
    worker.start()
    return worker


def names(shop: Workshop) -> list[str]:
    with shop.host.inside():
        return [row.name for row in reader.workers(shop.host.reading(), seen_within_s=3_600)]


def test_a_stopping_worker_finishes_what_is_short_gives_back_what_is_long_and_signs_off(
    open_shop: Callable[..., Workshop],
) -> None:
    shop = open_shop(heartbeat_s=0.1)
    release, started_jobs = threading.Event(), threading.Semaphore(0)

    def short(number: int) -> None:
        started_jobs.release()
        time.sleep(0.4)
        shop.note(number)

    def long(number: int) -> None:
        started_jobs.release()
        release.wait(SOON_S)
        shop.note(number)

    brief, lasting = shop.job(short), shop.job(long)
    worker = started(shop)
    wait_until(lambda: names(shop) == [shop.engine.runner.worker])
    first, second = shop.submit_one(brief, 1), shop.submit_one(lasting, 2)
    for _ in range(2):
        assert started_jobs.acquire(timeout=SOON_S)
    third = shop.submit_one(brief, 3)
    worker.stop(timeout=1_500)
    assert shop.state(first, second, third) == ["succeeded", "ready", "ready"]
    assert (shop.effects(), shop.outcomes(second), shop.entry(second).failures) == ([1], ["interrupted"], 0)
    assert names(shop) == []
    release.set()
    for thread in worker.workers:
        thread.join(SOON_S)
    assert (shop.effects(), shop.state(second), shop.outcomes(second)) == ([1], "ready", ["interrupted"])


def test_a_booting_worker_looks_at_once_for_what_waits(open_shop: Callable[..., Workshop]) -> None:
    shop = open_shop()
    asleep = Workshop(shop.host)
    asleep.submit(asleep.noting(), 1, 2)
    shop.noting()
    worker = started(shop)
    wait_until(lambda: shop.effects() == [1, 2])
    worker.stop(timeout=5_000)


def test_a_worker_of_some_queues_leaves_the_others_alone(open_shop: Callable[..., Workshop]) -> None:
    shop = open_shop()
    here, there = shop.noting("here"), shop.noting("there", queue="side")
    worker = Worker(shop.engine.broker, queues={QUEUE}, worker_timeout=50, worker_threads=2)
    worker.start()
    left, done = shop.submit_one(there, 2), shop.submit_one(here, 1)
    wait_until(lambda: shop.state(done) == "succeeded")
    with shop.host.inside():
        assert [row.queues for row in reader.workers(shop.host.reading(), seen_within_s=60)] == [QUEUE]
    worker.stop(timeout=5_000)
    assert (shop.state(left), shop.effects()) == ("ready", [1])
