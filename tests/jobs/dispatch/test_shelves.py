"""What lies in a real Redis, told and tidied up."""

import json
from collections.abc import Callable

import pytest

from jobs.dispatch import shelves
from jobs.dispatch.shelves import RedisLook, Shelf
from tests.jobs.workshop import QUEUE, Workshop

Open = Callable[..., Workshop]


@pytest.fixture
def shop(open_shop: Open) -> Workshop:
    """A workshop with a Redis and one kind, whose wake-ups were handed over."""
    shop = open_shop()
    shop.engine.broker.client.flushall()
    shop.noting()
    return shop


def look(shop: Workshop) -> RedisLook:
    return shelves.look(shop.engine.broker, [QUEUE])


def shelf(shop: Workshop) -> Shelf:
    (found,) = look(shop).shelves
    return found


def wake(shop: Workshop, count: int) -> None:
    shop.engine.broker.send_wake_ups(QUEUE, count, at_most=16)


def test_wake_ups_are_counted_and_shown_without_what_is_secret(shop: Workshop) -> None:
    wake(shop, 3)
    found = shelf(shop)
    assert (found.wake_ups, found.messages, found.orphans, found.dead_letters, found.delayed) == (3, 3, 0, 0, 0)
    assert [json.loads(text)["actor_name"] for text in found.raw] == ["jobs.wake.work"] * 3


def test_what_is_on_its_way_is_told_by_process(shop: Workshop) -> None:
    wake(shop, 2)
    consumer = shop.engine.broker.consume(QUEUE, prefetch=2)
    assert next(consumer) is not None
    told = look(shop)
    assert [beat.is_silent for beat in told.beats] == [False]
    assert told.shelves[0].held == {shop.engine.broker.broker_id: 2}
    assert (told.shelves[0].wake_ups, told.shelves[0].orphans) == (0, 0)


def test_what_nobody_holds_is_removed_and_nothing_else(shop: Workshop) -> None:
    wake(shop, 2)
    client, namespace = shop.engine.broker.client, shop.engine.broker.namespace
    client.hset(f"{namespace}:{QUEUE}.msgs", "lost", b"\xff{")
    client.zadd(f"{namespace}:__heartbeats__", {"gone": 1_000})
    client.sadd(f"{namespace}:__acks__.gone.{QUEUE}", "lost")
    before = look(shop)
    assert [beat.is_silent for beat in before.beats if beat.broker_id == "gone"] == [True]
    assert shelves.tidy_up(shop.engine.broker, [QUEUE]) == 1
    after = look(shop)
    assert (after.shelves[0].wake_ups, after.shelves[0].messages, after.shelves[0].orphans) == (2, 2, 0)
    assert "gone" not in [beat.broker_id for beat in after.beats]
    assert shelves.tidy_up(shop.engine.broker, [QUEUE]) == 0


def test_whatever_lies_there_is_shown_without_secrets(shop: Workshop) -> None:
    client, name = shop.engine.broker.client, f"{shop.engine.broker.namespace}:{QUEUE}"
    for number, data in enumerate((b"\xff\x00", b'{"api_key": "hunter2", "n": 1}', b"x" * 9_000)):
        client.hset(f"{name}.msgs", str(number), data)
        client.rpush(name, str(number))
    raw = shelf(shop).raw
    assert "hunter2" not in "".join(raw)
    assert json.loads(raw[1]) == {"api_key": "…", "n": 1}
    assert len(raw[2]) == shelves.LONGEST_RAW


def test_a_redis_that_is_away_is_said(host: object) -> None:
    found = shelves.look(Workshop(host).engine.broker, [QUEUE])  # type: ignore[arg-type]
    assert found.problem
    assert (found.shelves, found.beats) == ((), ())
