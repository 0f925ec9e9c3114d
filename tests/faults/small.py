"""The small host's jobs, for processes that are killed, frozen and cut off."""

import os
import signal
import time

from sqlalchemy import insert

from jobs import Engine, JobGroup
from tests.jobs.host import SmallHost, effects

QUEUE = "small"
LEASE_S, HEARTBEAT_S, REAP_EVERY_S = 5.0, 1.5, 1.0
BATCH = 20


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
    def poison(number: int) -> None:
        """Kills the process that runs it."""
        write_down(number)
        os.kill(os.getpid(), signal.SIGKILL)

    engine.include(group)
    return engine


def from_environment() -> Engine:
    """The engine of a worker or scheduler process."""
    return build(SmallHost(os.environ["DATABASE_URL"]), os.environ["REDIS_URL"])
