"""A bell that every process hears."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from jobs import Bell
from tests.jobs.host import SmallHost
from tests.jobs.workshop import Workshop
from tests.servers import RedisServer


def test_everybody_who_waits_hears_it_ring(open_shop: Callable[..., Workshop]) -> None:
    broker = open_shop().engine.broker
    heard: list[bool] = []
    bells = [Bell(broker, "door") for _ in range(2)]
    assert [one.wait(0.05) for one in bells] == [False, False]

    def listen(bell: Bell) -> None:
        heard.append(bell.wait(10))

    threads = [threading.Thread(target=listen, args=[one]) for one in bells]
    for one in threads:
        one.start()
    began = time.monotonic()
    assert Bell(broker, "window").ring()
    assert Bell(broker, "door").ring()
    for one in threads:
        one.join()
    assert heard == [True, True]
    assert time.monotonic() - began < 5


def test_without_redis_it_waits_for_its_time_and_hears_again_when_redis_is_back(host: SmallHost) -> None:
    with RedisServer() as server:
        bell = Bell(Workshop(host, server.url).engine.broker, "door")
        assert bell.wait(0.05) is False
        server.stop()
        began = time.monotonic()
        assert [bell.wait(0.3), bell.ring()] == [False, False]
        assert time.monotonic() - began > 0.25
        server.start()
        assert bell.wait(0.05) is False
        bell.ring()
        assert bell.wait(5) is True
