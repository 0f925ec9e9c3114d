"""What lies in Redis: wake-ups, those on their way, heartbeats and leftovers; to look at and to tidy up.

Nothing here is ever needed for a job to run: a wake-up that is lost is made again from the ledger.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import redis
from dramatiq.common import dq_name, xq_name

from jobs.redaction import without_secrets

from .broker import WakeUpBroker

RAW_SHOWN = 5
LONGEST_RAW = 2_000
SCANNED = 5_000
SILENT_AFTER_S = 60.0


@dataclass(frozen=True, slots=True)
class Shelf:
    """One queue: wake-ups that wait, delayed ones, those a process holds, dead letters, tokens, and what nobody holds.

    `orphans` are messages that no list and no living process knows, counted among the first few thousand.
    """

    queue: str
    wake_ups: int
    delayed: int
    held: Mapping[str, int]
    dead_letters: int
    tokens: int
    messages: int
    orphans: int
    raw: Sequence[str]


@dataclass(frozen=True, slots=True)
class Beat:
    """A process of the broker, and since how long Redis has not heard of it. Below zero its clock is ahead."""

    broker_id: str
    silent_s: float

    @property
    def is_silent(self) -> bool:
        """Whether it must be gone."""
        return self.silent_s > SILENT_AFTER_S


@dataclass(frozen=True, slots=True)
class RedisLook:
    """Redis as the engine sees it; `problem` says why nothing is known."""

    problem: str | None = None
    version: str = ""
    memory_bytes: int = 0
    most_bytes: int = 0
    policy: str = ""
    keys: int = 0
    clients: int = 0
    now_s: float = 0.0
    shelves: Sequence[Shelf] = ()
    beats: Sequence[Beat] = ()


def look(broker: WakeUpBroker, queues: Sequence[str]) -> RedisLook:
    """Everything that lies there, bounded; while Redis is away only that it is."""
    try:
        return _look(broker, queues)
    except redis.RedisError as error:
        return RedisLook(problem=str(error) or type(error).__name__)


def _look(broker: WakeUpBroker, queues: Sequence[str]) -> RedisLook:
    client: Any = broker.client
    server, memory = client.info("server"), client.info("memory")
    seconds, micros = client.time()
    now_s = seconds + micros / 1_000_000
    held = client.zrange(f"{broker.namespace}:__heartbeats__", 0, 99, withscores=True)
    beats = [Beat(name.decode(), round(now_s - score / 1_000, 1)) for name, score in held]
    return RedisLook(
        version=str(server.get("redis_version", "")),
        memory_bytes=int(memory.get("used_memory", 0)),
        most_bytes=int(memory.get("maxmemory", 0)),
        policy=str(memory.get("maxmemory_policy", "")),
        keys=int(client.dbsize()),
        clients=int(client.info("clients").get("connected_clients", 0)),
        now_s=now_s,
        shelves=[_shelf(broker, queue, [one.broker_id for one in beats]) for queue in queues],
        beats=beats,
    )


def _shelf(broker: WakeUpBroker, queue: str, brokers: Sequence[str]) -> Shelf:
    client: Any = broker.client
    name = f"{broker.namespace}:{queue}"
    with client.pipeline(transaction=False) as pipe:
        pipe.llen(name)
        pipe.llen(f"{broker.namespace}:{dq_name(queue)}")
        pipe.zcard(f"{broker.namespace}:{xq_name(queue)}")
        pipe.llen(broker.token_key(queue))
        pipe.hlen(f"{name}.msgs")
        for broker_id in brokers:
            pipe.scard(_acks(broker, broker_id, queue))
        wake_ups, delayed, dead, tokens, messages, *held = pipe.execute()
    known = [one.decode() for one in client.lrange(name, 0, RAW_SHOWN - 1)]
    raw = [_masked(one) for one in client.hmget(f"{name}.msgs", known) if one] if known else []
    return Shelf(
        queue=queue,
        wake_ups=wake_ups,
        delayed=delayed,
        held={broker_id: count for broker_id, count in zip(brokers, held, strict=True) if count},
        dead_letters=dead,
        tokens=tokens,
        messages=messages,
        orphans=len(_orphans(broker, queue, brokers)) if messages else 0,
        raw=raw,
    )


def tidy_up(broker: WakeUpBroker, queues: Sequence[str]) -> int:
    """Remove what nobody holds and what processes that are gone left behind; how many messages.

    Raises:
        redis.RedisError: Redis is away.
    """
    client: Any = broker.client
    seconds, _ = client.time()
    beats = f"{broker.namespace}:__heartbeats__"
    gone = [one.decode() for one in client.zrangebyscore(beats, 0, (seconds - SILENT_AFTER_S) * 1_000)]
    living = [one.decode() for one in client.zrange(beats, 0, -1) if one.decode() not in gone]
    removed = 0
    for queue in queues:
        orphans = _orphans(broker, queue, living)
        if orphans:
            removed += client.hdel(f"{broker.namespace}:{queue}.msgs", *orphans)
        for broker_id in gone:
            client.delete(_acks(broker, broker_id, queue))
    if gone:
        client.zrem(beats, *gone)
    return removed


def is_reachable_error(error: Exception) -> bool:
    """Whether this says that Redis is away."""
    return isinstance(error, redis.RedisError)


def _orphans(broker: WakeUpBroker, queue: str, brokers: Sequence[str]) -> list[bytes]:
    """Messages that wait in no list and are held by no process, among the first few thousand."""
    client: Any = broker.client
    name = f"{broker.namespace}:{queue}"
    messages: set[bytes] = set()
    for message_id, _ in client.hscan_iter(f"{name}.msgs", count=500):
        messages.add(message_id)
        if len(messages) >= SCANNED:
            break
    # What was there first and is in neither place afterwards was there for nobody: lists are read after messages.
    messages -= set(client.lrange(name, 0, -1))
    for broker_id in brokers:
        messages -= set(client.smembers(_acks(broker, broker_id, queue)))
    return sorted(messages)


def _acks(broker: WakeUpBroker, broker_id: str, queue: str) -> str:
    return f"{broker.namespace}:__acks__.{broker_id}.{queue}"


def _masked(data: bytes) -> str:
    """A message as text, without secrets; whatever lies there may be no message at all."""
    text = data[:LONGEST_RAW].decode("utf-8", "replace")
    try:
        return json.dumps(without_secrets(json.loads(text)), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return text
