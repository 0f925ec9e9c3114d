"""Running jobs inside tests."""

from collections.abc import Iterator
from contextlib import contextmanager

from dramatiq import Worker

from jobs.engine import Engine


def run_ready(engine: Engine) -> None:
    """Run, in this thread, every job that is ready or due, and those they cause, until none is left.

    Retries that are not due yet stay where they are.
    """
    while True:
        engine.relay.promote()
        for queue in engine.queues:
            engine.runner.drain(queue)
        if not any(engine.has_ready(queue) for queue in engine.queues):
            return


@contextmanager
def working(engine: Engine, *, threads: int = 2) -> Iterator[Worker]:
    """A real Dramatiq worker in this process, fed through the engine's real Redis, for as long as the block runs."""
    worker = Worker(engine.broker, worker_threads=threads, worker_timeout=100)
    worker.start()
    try:
        yield worker
    finally:
        worker.stop(timeout=10_000)
