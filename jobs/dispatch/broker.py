"""The Redis broker, its wake-ups and the order of its middleware.

A message is a wake-up for a queue and carries nothing else; losing one, or getting one ten times, changes nothing
but the pace. Three things differ from Dramatiq's own RedisBroker:

- A consumer with nothing to fetch blocks on a list of tokens instead of polling with a back-off: an idle worker is
  woken within a millisecond and costs next to nothing.
- A consumer that cannot reach Redis asks the ledger instead, and yields a wake-up of its own making.
- Acknowledging never blocks a worker thread while Redis is away: an unacknowledged wake-up is harmless.
"""

import time
from collections.abc import Callable
from typing import Any, ClassVar

import redis
from dramatiq import Message, MessageProxy
from dramatiq.brokers.redis import RedisBroker, _RedisConsumer
from dramatiq.common import dq_name
from dramatiq.logging import get_logger
from dramatiq.middleware import CurrentMessage, Middleware, ShutdownNotifications, TimeLimit

IDLE_WAIT_S = 1.0
LEDGER_LOOK_S = 10.0
FETCH_UNTOLD_S = 5.0
MOST_TOKENS = 64
NOWHERE = "unix:///nonexistent/redis.sock"


class JobOptions(Middleware):
    """Makes the words that the ledger acts upon known as options of actors."""

    actor_options: ClassVar[set[str]] = {"max_retries", "min_backoff", "max_backoff", "batch_size"}


def make_broker(redis_url: str | None, *, namespace: str, has_ready: Callable[[str], bool]) -> "WakeUpBroker":
    """The broker of this process; without a URL it behaves as if Redis were always away."""
    client = redis.Redis.from_url(
        redis_url or NOWHERE,
        socket_timeout=2,
        socket_connect_timeout=1,
        health_check_interval=15,
    )
    broker = WakeUpBroker(
        client=client, middleware=[], namespace=namespace, heartbeat_timeout=15_000, maintenance_chance=100_000
    )
    broker.has_ready = has_ready
    for middleware in (ShutdownNotifications(), TimeLimit(time_limit=float("inf")), CurrentMessage()):
        broker.add_middleware(middleware)
    broker.add_middleware(JobOptions())
    return broker


class WakeUpBroker(RedisBroker):
    """A RedisBroker whose consumers block until something comes, and survive without Redis."""

    has_ready: Callable[[str], bool]
    is_quiet: Callable[[], bool] = bool
    """Whether this process leaves wake-ups to others for now."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self._held: dict[str, int] = {}  # by queue: how many wake-ups it held when this process last put one there

    @property
    def consumer_class(self) -> type["WakeUpConsumer"]:
        """The consumer that blocks on tokens."""
        return WakeUpConsumer

    def token_key(self, queue_name: str) -> str:
        """The list whose elements wake blocked consumers of the queue."""
        return f"{self._key(queue_name)}.tokens"

    def _key(self, queue_name: str) -> str:
        return f"{self.namespace}:{queue_name}"

    def wake_up_for(self, queue_name: str) -> Message[None]:
        """A message that wakes one worker thread for the queue."""
        return Message(queue_name=queue_name, actor_name=wake_up_actor(queue_name), args=(), kwargs={}, options={})

    def send_wake_ups(self, queue_name: str, count: int, *, at_most: int) -> bool:
        """Put wake-ups for the queue into Redis, until it holds `at_most`; whether it held as many before.

        Several processes that do so at once may each put one too many.

        Raises:
            redis.RedisError: Redis is away.
        """
        held = self._held.get(queue_name, at_most)
        if held + count > at_most:  # where it was nearly empty a moment ago, nobody waits for this question
            held = int(self.client.llen(self._key(queue_name)))
        for _ in range(min(count, at_most - held)):
            self.enqueue(self.wake_up_for(queue_name))
            if self._held[queue_name] >= at_most:
                break
        return held >= at_most

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        """Enqueue the message and leave a token, so that a blocked consumer looks at once."""
        sent = super().enqueue(message, delay=delay)
        queue_name = message.queue_name if delay is None else dq_name(message.queue_name)
        with self.client.pipeline(transaction=False) as pipe:
            pipe.lpush(self.token_key(queue_name), 1)
            pipe.ltrim(self.token_key(queue_name), 0, MOST_TOKENS - 1)
            pipe.llen(self._key(queue_name))
            self._held[queue_name] = int(pipe.execute()[-1])
        return sent

    def is_reachable(self) -> bool:
        """Whether Redis answers."""
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False


def wake_up_actor(queue_name: str) -> str:
    """The name of the actor that a wake-up for the queue runs."""
    return f"jobs.wake.{queue_name}"


class WakeUpConsumer(_RedisConsumer):
    """Yields wake-ups from Redis, or from a look into the ledger while Redis is away."""

    broker: WakeUpBroker

    def __init__(self, broker: WakeUpBroker, queue_name: str, prefetch: int, timeout: int) -> None:
        super().__init__(broker, queue_name, prefetch, timeout)  # type: ignore[no-untyped-call]
        self.logger = get_logger(__name__, type(self))  # type: ignore[no-untyped-call]
        self._is_cut_off = False
        self._is_told = True
        self._next_fetch = 0.0
        self._next_look = time.monotonic() + LEDGER_LOOK_S

    def __next__(self) -> MessageProxy | None:
        if self.broker.is_quiet():
            time.sleep(IDLE_WAIT_S)
            return None
        try:
            message = self._from_redis()
        except redis.RedisError as error:
            self._say_cut_off(error)
            time.sleep(IDLE_WAIT_S)
            return self._from_ledger()
        if self._is_cut_off:
            self._is_cut_off = False
            self.logger.warning("Redis answers again on queue %r.", self.queue_name)
        if message is None and time.monotonic() > self._next_look:
            return self._from_ledger()
        return message

    def _from_redis(self) -> MessageProxy | None:
        if not self.message_cache:
            room = self.prefetch - self.outstanding_message_count
            if room <= 0:
                time.sleep(0.02)
                return None
            if self._is_told or time.monotonic() > self._next_fetch:
                self._next_fetch = time.monotonic() + FETCH_UNTOLD_S
                self.message_cache = self.broker.do_fetch(self.queue_name, room)
            if not self.message_cache:
                token = self.broker.client.blpop([self.broker.token_key(self.queue_name)], timeout=IDLE_WAIT_S)
                self._is_told = token is not None
                return None
            self._is_told = True
        return self._read(self.message_cache.pop(0))

    def _read(self, data: bytes | None) -> MessageProxy | None:
        if data is None:
            return None
        message = self._wake_up_in(data)
        if message is None:
            self.logger.error("Dropped something on queue %r that is no wake-up.", self.queue_name)
            return None
        self.queued_message_ids.add(message.message_id)
        return MessageProxy(message)

    def _wake_up_in(self, data: bytes) -> Message[Any] | None:
        """A wake-up for this very queue, to the letter: Redis may hold anything, and a job runs by the ledger only."""
        try:
            message = Message.decode(data)
        except Exception:  # noqa: BLE001 -- garbage must not end the consumer
            return None
        ours = self.broker.wake_up_for(self.queue_name)
        is_ours = (message.queue_name, message.actor_name) == (ours.queue_name, ours.actor_name)
        carries = (message.args, message.kwargs, list(message.options or ()))
        is_named = isinstance(message.message_id, str)
        return message if is_ours and is_named and carries == ((), {}, ["redis_message_id"]) else None

    def _from_ledger(self) -> MessageProxy | None:
        self._next_look = time.monotonic() + LEDGER_LOOK_S
        if self.queue_name not in self.broker.queues or self.outstanding_message_count:
            return None
        if not self.broker.has_ready(self.queue_name):
            return None
        message = self.broker.wake_up_for(self.queue_name)
        self.queued_message_ids.add(message.message_id)
        return MessageProxy(message)

    def _say_cut_off(self, error: Exception) -> None:
        if not self._is_cut_off:
            self._is_cut_off = True
            self.logger.warning("Redis is away (%s); queue %r asks the ledger.", error, self.queue_name)

    def ack(self, message: MessageProxy) -> None:
        """Be done with a wake-up; while Redis is away it simply stays behind."""
        self.queued_message_ids.discard(message.message_id)
        redis_id = message.options.get("redis_message_id")
        if redis_id is None or self._is_cut_off:
            return
        try:
            self.broker.do_ack(self.queue_name, redis_id)
        except redis.RedisError as error:
            self._say_cut_off(error)

    def nack(self, message: MessageProxy) -> None:
        """Be done with a wake-up that could not be run: it is nobody's dead letter."""
        self.ack(message)

    def requeue(self, messages: Any) -> None:
        """Forget wake-ups that were not run: the ledger knows what is ready, and the relay tells others."""
        for message in messages:
            self.ack(message)
