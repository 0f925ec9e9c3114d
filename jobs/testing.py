"""Running jobs inside tests."""

from collections.abc import Iterator
from contextlib import contextmanager

from dramatiq import Worker
from sqlalchemy import update

from jobs.engine import Engine
from jobs.ledger.models import Entry, in_state
from jobs.ledger.moments import db_now
from jobs.ledger.states import State


def run_ready(engine: Engine) -> None:
    """Run, in this thread, every job that is ready or due, and those they cause, until none is left.

    Schedules that are due fire. Retries that are not due yet stay where they are; see `make_due`.
    """
    while True:
        engine.firing.fire_due()
        engine.relay.promote()
        for queue in engine.queues:
            run_queue(engine, queue)
        if not any(engine.has_ready(queue) for queue in engine.queues):
            return


def run_queue(engine: Engine, queue: str) -> None:
    """Run, in this thread, every job of the queue that is ready, and those they cause there, until none is left."""
    while not engine.runner.drain(queue):
        pass


def make_due(engine: Engine) -> None:
    """Let the time come of every job that waits for one: what was put off, and retries."""
    scheduled = update(Entry).where(in_state(State.SCHEDULED)).values(run_at=db_now())
    with engine.host.inside(), engine.host.transaction() as session:
        session.connection().execute(scheduled)


def settled(engine: Engine, uid: str, *, within_s: float = 30) -> Entry:
    """The job, once a worker has brought it to its end.

    Raises:
        NoSuchJob
        TimeoutError: it has not come to its end by then; the text says where it stands.
    """
    with engine.host.inside():
        is_settled = engine.inspector.wait(uid, seconds=within_s)
        entry = engine.inspector.job(uid)
    if not is_settled:
        raise TimeoutError(f"{entry.kind} is {entry.state} after {within_s:g} s")
    return entry


@contextmanager
def working(engine: Engine, *, threads: int = 2) -> Iterator[Worker]:
    """A real Dramatiq worker in this process, fed through the engine's real Redis, for as long as the block runs."""
    worker = Worker(engine.broker, worker_threads=threads, worker_timeout=100)
    worker.start()
    try:
        yield worker
    finally:
        worker.stop(timeout=10_000)
