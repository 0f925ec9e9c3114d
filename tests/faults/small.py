"""The small host's jobs, for processes that are killed, frozen and cut off."""

import faulthandler
import os
import signal
import time
from collections.abc import Callable

from sqlalchemy import insert

from jobs import Engine, JobGroup, current
from tests.jobs.host import SmallHost, effects

from . import storage
from .hazards import declare_hazards

QUEUE = "small"
LEASE_S, HEARTBEAT_S, REAP_EVERY_S = 5.0, 1.5, 1.0
BATCH = 20
WAYS_TO_DIE: dict[str, Callable[[], object]] = {
    "killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "exits": lambda: os._exit(3),
    "recurses without end": faulthandler._stack_overflow,  # type: ignore[attr-defined]
}
OLD_BUILD = "OLD_BUILD"
"""A setting: the process lacks the kinds that came last, as one from before a deploy."""


def build(host: SmallHost, redis_url: str) -> Engine:
    """The engine of the small host: jobs that write their number down, quickly, slowly, in batches or never."""
    engine = Engine(host, redis_url=redis_url, namespace="small", lease_s=LEASE_S, heartbeat_s=HEARTBEAT_S)
    group = JobGroup("small")

    def write_down(*numbers: int) -> None:
        with host.transaction() as session:
            session.execute(insert(effects), [{"number": number} for number in numbers])

    @group.actor(queue_name=QUEUE)
    def note(number: int) -> None:
        write_down(number)

    @group.actor(queue_name=QUEUE)
    def slow(number: int, seconds: float) -> None:
        """Works first and writes at the end."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(0.01)
        write_down(number)

    @group.actor(queue_name=QUEUE)
    def held(number: int, seconds: float) -> None:
        """Writes first and keeps its transaction open."""
        write_down(number)
        time.sleep(seconds)

    @group.actor(queue_name=QUEUE, batch_size=BATCH)
    def many(numbers: list[int]) -> None:
        write_down(*numbers)

    @group.actor(queue_name=QUEUE, priority=0)
    def poison(number: int, how: str = "killed") -> None:
        """Ends the process that runs it."""
        write_down(number)
        WAYS_TO_DIE[how]()

    _declare_long_ones(group, write_down)
    declare_hazards(group, QUEUE, write_down)
    if not os.environ.get(OLD_BUILD):
        _declare_new_ones(group, write_down)
    engine.include(group)
    return engine


def _declare_long_ones(group: JobGroup, write_down: Callable[..., None]) -> None:
    @group.actor(queue_name=QUEUE, atomic=False)
    def stepping(number: int, steps: int) -> None:
        """Looks up between its steps, and goes on where an attempt before it was."""
        for step in range(current().checkpoint or 0, steps):
            time.sleep(0.1)
            current().progress(step + 1, steps)
            current().keep(step + 1)
        write_down(number)

    @group.actor(queue_name=QUEUE, atomic=False, time_limit=1_000)
    def stuck(number: int) -> None:
        """Waits in the system, where no exception reaches it."""
        time.sleep(600)
        write_down(number)


def _declare_new_ones(group: JobGroup, write_down: Callable[..., None]) -> None:
    @group.actor(queue_name=QUEUE, priority=1)
    def novel(number: int) -> None:
        """Came with the last deploy."""
        write_down(number)


def from_environment() -> Engine:
    """The engine of a worker or scheduler process."""
    host = SmallHost(os.environ["DATABASE_URL"])
    storage.prepare(host.database)
    return build(host, os.environ["REDIS_URL"])
