"""Dramatiq's hooks: a worker boots, drains, stops."""

from collections.abc import Callable
from typing import Any

from dramatiq import Broker, Worker
from dramatiq.middleware import Middleware
from sqlalchemy.exc import SQLAlchemyError

from jobs.log import get_logger
from jobs.observer import Observer

from .heartbeat import Heartbeat
from .runner import Runner
from .sender import Sender

log = get_logger(__name__)


class Lifecycle(Middleware):
    """Starts the heartbeat with the worker, and lets a stopping worker finish what it runs and give back the rest."""

    def __init__(
        self,
        runner: Runner,
        sender: Sender,
        make_heartbeat: Callable[[Any], Heartbeat],
        *,
        observer: Observer,
    ) -> None:
        self._runner = runner
        self._sender = sender
        self._make_heartbeat = make_heartbeat
        self._observer = observer
        self._heartbeat: Heartbeat | None = None

    def after_worker_boot(self, broker: Broker, worker: Worker) -> None:
        """The threads run: beat for them."""
        self._heartbeat = self._make_heartbeat(worker)
        self._heartbeat.watched = [*worker.workers, *worker.consumers.values()]
        self._heartbeat.start()
        for queue in broker.get_declared_queues():
            self._sender.wake(queue)

    def before_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        """Claim nothing more; what runs may finish."""
        self._runner.stopping.set()
        if self._heartbeat is not None:
            self._heartbeat.watched = []

    def after_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        """Whatever is still running did not make it in time: give it back, so that nobody waits for its lease."""
        left = [*self._runner.running, *self._runner.doubtful]
        try:
            if left:
                count = self._runner.give_back(left)
                log.warning("gave back unfinished jobs", extra={"jobs": count})
        except SQLAlchemyError as error:
            log.error("could not give back unfinished jobs", extra={"error": str(error)})
        if self._heartbeat is not None:
            self._heartbeat.end()
        self._sender.flush()
        self._observer.flush()
