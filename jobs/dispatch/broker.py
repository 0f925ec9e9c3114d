"""The Redis broker, its wake-ups and the order of its middleware.

A message is a wake-up for a queue and carries nothing else; losing one, or getting one ten times, changes nothing
but the pace. Three things differ from Dramatiq's own RedisBroker:

- A consumer with nothing to fetch blocks on a list of tokens instead of polling with a back-off: an idle worker is
  woken within a millisecond and costs next to nothing.
- A consumer that cannot reach Redis asks the ledger instead, and yields a wake-up of its own making.
- Acknowledging never blocks a worker thread while Redis is away: an unacknowledged wake-up is harmless.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar
from uuid import uuid4

import redis
from dramatiq import Message, MessageProxy
from dramatiq.brokers.redis import RedisBroker, _RedisConsumer
from dramatiq.common import current_millis, dq_name
from dramatiq.logging import get_logger
from dramatiq.middleware import CurrentMessage, Middleware, ShutdownNotifications, TimeLimit
from redis.exceptions import NoScriptError

IDLE_WAIT_S = 1.0
LEDGER_LOOK_S = 10.0
FETCH_UNTOLD_S = 5.0
LIVELY_S = 5.0
"""For so long after a token, the next one and its message are waited for together: it costs Redis a look a second."""
HAND_OVER_S = 0.0002
"""The thread that was given a wake-up begins with it before this one prepares to wait for the next."""
MOST_TOKENS = 64
NOWHERE = "unix:///nonexistent/redis.sock"

Command = tuple[Any, ...]


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
        # What others have put there meanwhile is in the answer to the first, so that each process leaves one too many.
        if (first := min(count, at_most - held, 1)) > 0:
            self._put(queue_name, first)
            self._put(queue_name, min(count - first, at_most - self._held[queue_name]))
        return held >= at_most

    def _put(self, queue_name: str, count: int) -> None:
        """Put so many wake-ups with their tokens there, in one conversation, and learn how many it holds now."""
        if count <= 0:
            return
        commands: list[Command] = []
        for _ in range(count):
            redis_id = str(uuid4())
            wake_up = self.wake_up_for(queue_name).copy(options={"redis_message_id": redis_id})
            commands.append(self._as_command("enqueue", queue_name, redis_id, wake_up.encode()))
        key = self.token_key(queue_name)
        commands += [("LPUSH", key, *[1] * count), ("LTRIM", key, 0, MOST_TOKENS - 1), ("LLEN", self._key(queue_name))]
        answers = self._at_once(commands)
        if any(isinstance(one, NoScriptError) for one in answers):  # a Redis that was started anew or flushed
            self.client.script_load(self.scripts["dispatch"].script)
            answers = self._at_once(commands)
        self._held[queue_name] = int(_unless_error(answers)[-1])

    def wait_and_fetch(self, queue_name: str, room: int, *, wait_s: float) -> tuple[bool, list[bytes | None]]:
        """Wait for a token, at most so long, and then fetch, in one conversation: whether one came, and the messages.

        Raises:
            redis.RedisError: Redis is away.
        """
        wait: Command = ("BLPOP", self.token_key(queue_name), wait_s)
        token, fetched = self._at_once([wait, self._as_command("fetch", queue_name, room)])
        if isinstance(fetched, NoScriptError):
            fetched = self.do_fetch(queue_name, room)
        _unless_error([token, fetched])
        return token is not None, fetched

    def _as_command(self, command: str, queue_name: str, *values: Any) -> Command:
        """What Dramatiq's own `do_…` asks of Redis, to be asked together with other things."""
        told = (self.broker_id, self.heartbeat_timeout, self.dead_message_ttl, self._should_do_maintenance(command))
        most: int = self._max_unpack_size()  # type: ignore[no-untyped-call]
        given = (command, current_millis(), queue_name, *told, most, *values)
        return ("EVALSHA", self.scripts["dispatch"].sha, 1, self.namespace, *given)

    def _at_once(self, commands: Sequence[Command]) -> list[Any]:
        """The answers in one conversation; where a command failed, its error is the answer."""
        with self.client.pipeline(transaction=False) as pipe:
            for command in commands:
                pipe.execute_command(*command)
            return list(pipe.execute(raise_on_error=False))

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        """Enqueue the message and leave a token, so that a blocked consumer looks at once."""
        sent = super().enqueue(message, delay=delay)
        key = self.token_key(message.queue_name if delay is None else dq_name(message.queue_name))
        _unless_error(self._at_once([("LPUSH", key, 1), ("LTRIM", key, 0, MOST_TOKENS - 1)]))
        return sent

    def is_reachable(self) -> bool:
        """Whether Redis answers."""
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False


def _unless_error(answers: list[Any]) -> list[Any]:
    for one in answers:
        if isinstance(one, Exception):
            raise one
    return answers


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
        self._lively_until = 0.0
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
            self.message_cache = self._fetched(room) or self._waited_for(room)
            if not self.message_cache:
                return None
        return self._read(self.message_cache.pop(0))

    def _fetched(self, room: int) -> list[bytes | None]:
        """What is there, if there is a reason to look."""
        if not self._is_told and time.monotonic() <= self._next_fetch:
            return []
        self._next_fetch = time.monotonic() + FETCH_UNTOLD_S
        found: list[bytes | None] = self.broker.do_fetch(self.queue_name, room)
        self._is_told = bool(found)
        return found

    def _waited_for(self, room: int) -> list[bytes | None]:
        """What comes next, if it comes within a second while there is much to do; else only word that it came."""
        if time.monotonic() > self._lively_until:
            token = self.broker.client.blpop([self.broker.token_key(self.queue_name)], timeout=IDLE_WAIT_S)
            was_told = self._is_told = token is not None
            found: list[bytes | None] = []
        else:
            time.sleep(HAND_OVER_S)
            was_told, found = self.broker.wait_and_fetch(self.queue_name, room, wait_s=IDLE_WAIT_S)
            self._next_fetch = time.monotonic() + FETCH_UNTOLD_S
            # There may be more than tokens tell of.
            self._is_told = len(found) == room or (bool(found) and not was_told)
        if was_told:
            self._lively_until = time.monotonic() + LIVELY_S
        return found

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
        is_ours = (message.queue_name, message.actor_name) == (self.queue_name, wake_up_actor(self.queue_name))
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
