"""A bell that every process hears at once, through Redis: that something has changed, and never what."""

import time
from typing import Any

import redis

from .broker import WakeUpBroker


class Bell:
    """One bell of the engine's Redis. It is only speed: who waits for it looks by the clock as well.

    Each process rings with any number of threads, and waits with one.
    """

    def __init__(self, broker: WakeUpBroker, name: str) -> None:
        self._client: Any = broker.client
        self._channel = f"{broker.namespace}:{name}.bell"
        self._ear: Any = None

    def ring(self) -> bool:
        """Have everybody look now; whether Redis told them."""
        try:
            self._client.publish(self._channel, 1)
        except redis.RedisError:
            return False
        return True

    def wait(self, timeout_s: float) -> bool:
        """Wait until it rings, for so long at most; whether it rang. While Redis is away it does not."""
        until = time.monotonic() + timeout_s
        try:
            ear = self._listening()
            while (left_s := until - time.monotonic()) > 0:
                if ear.get_message(timeout=left_s) is not None:
                    return True
        except redis.RedisError:
            self._ear = None
            time.sleep(max(0.0, until - time.monotonic()))
        return False

    def _listening(self) -> Any:
        if self._ear is None:
            ear = self._client.pubsub(ignore_subscribe_messages=True)
            ear.subscribe(self._channel)
            self._ear = ear
        return self._ear
