"""Sending what a crash or a dead broker left behind."""

from collections.abc import Callable
from datetime import timedelta

from jobs.dispatch.relay import COUNT_AT_MOST, Relay
from jobs.observer import Observer
from tests.jobs.workshop import QUEUE, Workshop
from tests.servers import RedisServer


def relay_of(shop: Workshop, woken: list[tuple[str, int]]) -> Relay:
    return Relay(
        shop.host,
        shop.engine.jobs,
        lambda queue, count: woken.append((queue, count)),
        observer=Observer(),
        steps=shop.engine.workflows,
    )


def test_a_job_becomes_ready_when_its_time_has_come_and_not_before(shop: Workshop) -> None:
    woken: list[tuple[str, int]] = []
    job, relay = shop.noting(), relay_of(shop, woken)
    due = shop.submit_one(job, 1, run_at=shop.now() - timedelta(seconds=1))
    later = shop.submit_one(job, 2, run_at=shop.now() + timedelta(hours=1))
    assert relay.promote() == 1
    assert (shop.state(due, later), woken) == (["ready", "scheduled"], [(QUEUE, 1)])
    assert shop.entry(due).run_at is None


def test_promoting_twice_changes_nothing(shop: Workshop) -> None:
    woken: list[tuple[str, int]] = []
    relay = relay_of(shop, woken)
    shop.submit_one(shop.noting(), run_at=shop.now() - timedelta(seconds=1))
    assert [relay.promote(), relay.promote(), woken] == [1, 0, [(QUEUE, 1)]]


def test_queues_with_ready_jobs_are_topped_up_and_others_are_not(shop: Workshop) -> None:
    woken: list[tuple[str, int]] = []
    many, few, none = (shop.noting(name, queue=name) for name in ("many", "few", "none"))
    shop.submit(many, *range(50))
    shop.submit(few, 1, 2)
    shop.submit_one(none, 1, run_at=shop.now() + timedelta(hours=1))
    relay_of(shop, woken).top_up()
    assert woken == [("few", 2), ("many", COUNT_AT_MOST)]


def test_nobody_is_woken_for_a_kind_nobody_knows(shop: Workshop) -> None:
    woken: list[tuple[str, int]] = []
    newer = Workshop(shop.host)
    newer.submit_one(newer.noting("from_the_future"))
    shop.noting()
    relay_of(shop, woken).top_up()
    assert woken == []


def test_flushed_wake_ups_come_back(open_shop: Callable[..., Workshop], redis_server: RedisServer) -> None:
    shop = open_shop()
    shop.submit(shop.noting(), 1, 2, 3)
    shop.engine.sender.flush()
    redis_server.client().flushall()
    shop.engine.relay.top_up()
    shop.engine.sender.flush()
    assert redis_server.client().llen(f"dramatiq:{QUEUE}") == 3
