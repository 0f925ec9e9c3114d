"""Handing written jobs to the broker."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from jobs import JobRequest
from jobs.dispatch.sender import MOST_AT_ONCE, MOST_HELD, Sender
from tests.jobs.host import SmallHost
from tests.jobs.workshop import QUEUE, Workshop
from tests.servers import RedisServer
from tests.waiting import wait_until


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """A Redis that the test may stop."""
    with RedisServer() as server:
        yield server


@contextmanager
def nobody_writes(host: SmallHost) -> Iterator[None]:
    """Whoever wants to write jobs down waits meanwhile."""
    with host.database.connect() as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(text("LOCK TABLE job IN EXCLUSIVE MODE"))
        else:
            connection.execute(text("SELECT 1"))
        yield


def wake_ups(redis: RedisServer) -> int:
    return int(redis.client().llen(f"dramatiq:{QUEUE}"))


def test_a_commit_puts_one_wake_up_for_each_ready_job(
    open_shop: Callable[..., Workshop], redis_server: RedisServer
) -> None:
    shop = open_shop()
    shop.submit(shop.noting(), 1, 2, 3)
    shop.engine.sender.flush()
    assert wake_ups(redis_server) == 3


def test_redis_never_holds_more_wake_ups_than_are_of_use(
    open_shop: Callable[..., Workshop], redis_server: RedisServer
) -> None:
    shop = open_shop()
    job = shop.noting()
    shop.submit(job, *range(1_000))
    shop.engine.sender.flush()
    assert wake_ups(redis_server) == MOST_AT_ONCE
    for _ in range(5):
        shop.submit(job, *range(100))
        shop.engine.sender.flush()
    assert wake_ups(redis_server) == MOST_HELD


def test_nobody_waits_for_a_frozen_redis(host: SmallHost, own_redis: RedisServer) -> None:
    shop = Workshop(host, own_redis.url)
    job = shop.noting()
    os.kill(own_redis.pid, signal.SIGSTOP)
    started = time.monotonic()
    for number in range(50):
        shop.submit_one(job, number)
    took_s = time.monotonic() - started
    os.kill(own_redis.pid, signal.SIGCONT)
    shop.work()
    assert shop.effects() == list(range(50))
    assert took_s < 2


def test_what_redis_could_not_take_is_sent_again_by_the_relay(host: SmallHost, own_redis: RedisServer) -> None:
    shop = Workshop(host, own_redis.url)
    own_redis.kill()
    shop.submit(shop.noting(), 1, 2)
    shop.engine.sender.flush()
    own_redis.start()
    assert wake_ups(own_redis) == 0
    deadline = time.monotonic() + 10
    while wake_ups(own_redis) < 2 and time.monotonic() < deadline:
        shop.engine.relay.top_up()
        shop.engine.sender.flush()
    assert wake_ups(own_redis) >= 2


def test_what_piles_up_meanwhile_goes_out_together() -> None:
    sent: list[tuple[str, int]] = []
    is_open, may_go_on = threading.Event(), threading.Event()

    def send(queue: str, count: int, *, at_most: int) -> None:
        sent.append((queue, count))
        is_open.set()
        may_go_on.wait(5)

    sender = Sender(send)
    sender.wake("a")
    is_open.wait(5)
    for _ in range(4):
        sender.wake("a")
    sender.wake("b", 2)
    may_go_on.set()
    sender.flush(5)
    assert sent == [("a", 1), ("a", 4), ("b", 2)]


def test_a_wake_up_goes_ahead_of_a_commit_that_follows_at_once_and_another_after_it(
    open_shop: Callable[..., Workshop], host: SmallHost, redis_server: RedisServer
) -> None:
    shop = open_shop()
    job, of_later = shop.noting(), datetime.now(UTC) + timedelta(hours=1)
    shop.engine.enqueue(JobRequest(job, {"number": 1}))  # nothing goes ahead of it: this sender knows of no Redis yet
    shop.engine.sender.flush()
    shop.engine.enqueue(JobRequest(job, {"number": 2}, run_at=of_later))
    shop.submit(job, 3)
    shop.engine.sender.flush()
    assert wake_ups(redis_server) == 2
    with nobody_writes(host):
        asking = threading.Thread(target=lambda: shop.engine.enqueue(JobRequest(job, {"number": 4})))
        asking.start()
        wait_until(lambda: wake_ups(redis_server) == 3)
        assert asking.is_alive()
    asking.join()
    shop.engine.sender.flush()
    assert wake_ups(redis_server) == 4
    shop.work()
    assert shop.effects() == [1, 3, 4]


class Recorded:
    """What a sender sent; it takes so long as the test holds it up."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, int]] = []
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.sender = Sender(self._send)
        self.sender.wake("first")
        self.sender.flush(5)

    def _send(self, queue: str, count: int, *, at_most: int) -> bool:
        self.sent.append((queue, count))
        return not self.may_go_on.wait(5)

    def hold_up(self, say: Callable[[str], None]) -> None:
        """Return while what was said is being sent."""
        before = len(self.sent)
        self.may_go_on.clear()
        say("held up")
        wait_until(lambda: len(self.sent) > before)


def test_nobody_is_woken_ahead_where_there_is_something_else_to_do() -> None:
    it = Recorded()
    it.hold_up(it.sender.wake)
    it.sender.wake_ahead("a")
    it.sender.wake("b")
    it.sender.wake_ahead("c")
    it.may_go_on.set()
    it.sender.flush(5)
    it.sender.wake_ahead("d")
    it.sender.flush(5)
    assert it.sent == [("first", 1), ("held up", 1), ("b", 1), ("d", 1)]


def test_what_is_committed_while_somebody_is_woken_for_it_is_told_of_afterwards() -> None:
    it = Recorded()
    it.hold_up(it.sender.wake_ahead)
    it.sender.wake("held up", 2)
    it.may_go_on.set()
    it.sender.flush(5)
    assert it.sent == [("first", 1), ("held up", 1), ("held up", 2)]


def test_what_is_committed_before_anybody_was_woken_for_it_is_told_of_once() -> None:
    it = Recorded()
    with it.sender._changed:
        it.sender.wake_ahead("a")
        it.sender.wake("a")
    it.sender.flush(5)
    assert it.sent == [("first", 1), ("a", 1)]


def test_nobody_is_woken_ahead_by_a_sender_that_knows_of_no_redis() -> None:
    sent: list[str] = []

    def send(queue: str, count: int, *, at_most: int) -> bool:
        sent.append(queue)
        if len(sent) == 1:
            raise OSError("no route to host")
        return False

    sender = Sender(send)
    sender.wake_ahead("never tried")
    sender.flush()
    sender.wake("tried")
    sender.flush(5)
    sender.wake_ahead("failed")
    sender.flush()
    sender.wake("tried again")
    sender.flush(5)
    sender.wake_ahead("known")
    sender.flush(5)
    assert sent == ["tried", "tried again", "known"]


def test_a_surprise_does_not_end_the_sender() -> None:
    sent: list[str] = []

    def send(queue: str, count: int, *, at_most: int) -> None:
        if not sent:
            sent.append("surprise")
            raise OSError("no more file descriptors")
        sent.append(queue)

    sender = Sender(send)
    sender.wake("a")
    deadline = time.monotonic() + 10
    while "b" not in sent and time.monotonic() < deadline:
        sender.wake("b")
        sender.flush(2)
    assert sent[:2] == ["surprise", "b"]


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_process_sends_for_itself() -> None:
    read, write = os.pipe()
    sender = Sender(lambda queue, count, *, at_most: os.write(write, queue.encode()))
    sender.wake("p")
    sender.flush(5)
    child = os.fork()
    if child == 0:
        sender.wake("c")
        sender.flush(5)
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 10) == b"pc"
