"""Numbers that hang out in Redis for whoever asks often: a copy, gone with Redis and made again from the ledger."""

from collections.abc import Mapping
from typing import Any

import redis

from .broker import WakeUpBroker

KEEPS_ALL = "noeviction"


class Board:
    """One hash in the engine's Redis."""

    def __init__(self, broker: WakeUpBroker, name: str) -> None:
        self._client: Any = broker.client
        self._key = f"{broker.namespace}:{name}"

    def read(self) -> dict[str, str] | None:
        """What hangs there; nothing when it was lost, None while Redis is away."""
        try:
            found = self._client.hgetall(self._key)
        except redis.RedisError:
            return None
        return {name.decode(): value.decode() for name, value in found.items()}

    def write(self, values: Mapping[str, str]) -> bool:
        """Hang these there, and nothing else; whether Redis took them."""
        try:
            with self._client.pipeline(transaction=True) as pipe:
                pipe.delete(self._key)
                pipe.hset(self._key, mapping=dict(values))
                pipe.execute()
        except redis.RedisError:
            return False
        return True


def trouble_with_redis(broker: WakeUpBroker) -> str | None:
    """What is wrong with Redis, in words; None when nothing is."""
    try:
        policy = _policy(broker.client)
    except redis.RedisError as error:
        return f"it does not answer ({str(error) or type(error).__name__})"
    return None if policy == KEEPS_ALL else f"it may throw data away: maxmemory-policy is {policy}, not {KEEPS_ALL}"


def eviction_policy(redis_url: str) -> str | None:
    """What the Redis there throws away when it is full; None when it does not say, being away above all."""
    try:
        with redis.Redis.from_url(redis_url, socket_timeout=2, socket_connect_timeout=1) as client:
            return _policy(client)
    except redis.RedisError:
        return None


def _policy(client: Any) -> str:
    return str(client.info("memory").get("maxmemory_policy", KEEPS_ALL))


def keeps_over_a_restart(broker: WakeUpBroker) -> bool | None:
    """Whether Redis writes down what it holds; None when it does not say."""
    try:
        if broker.client.info("persistence").get("aof_enabled"):
            return True
        return bool(broker.client.config_get("save").get("save"))
    except redis.RedisError:
        return None
