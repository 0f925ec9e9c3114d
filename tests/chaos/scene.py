"""The processes that are killed and frozen, and the servers that go away."""

import os
import signal
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import OperationalError

from jobs.ledger.states import LIVE
from tests.faults.processes import Process
from tests.faults.stage import Stage
from tests.servers import PostgresServer, RedisServer
from tests.waiting import wait_until

from .plan import SCHEDULERS, WORKERS, Happening


def holder(url: str) -> Connection:
    """A connection that can take SQLite for itself; it waits a second for whoever writes."""
    connection = create_engine(url, isolation_level="AUTOCOMMIT").connect()
    connection.exec_driver_sql("PRAGMA busy_timeout = 1000")
    return connection


class Scene:
    """Two workers and two schedulers that are started again when they end, a Redis and a database."""

    def __init__(self, folder: Path, database: str) -> None:
        self._open = ExitStack()
        self.postgres = self._open.enter_context(PostgresServer()) if database == "postgresql" else None
        self.redis = self._open.enter_context(RedisServer())
        self.url = self.postgres.create("chaos") if self.postgres else f"sqlite:///{folder / 'chaos.db'}"
        self.stage = Stage(self.url, self.redis, folder)
        self._open.callback(self.stage.close)
        self._holder = None if self.postgres else self._open.enter_context(holder(self.url))
        self._is_held = False
        self.workers = [self.stage.worker() for _ in range(WORKERS)]
        self.schedulers = [self.stage.scheduler() for _ in range(SCHEDULERS)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def supervise(self) -> None:
        """Start again what has ended."""
        self.workers = [one if one.code is None else self.stage.worker() for one in self.workers]
        self.schedulers = [one if one.code is None else self.stage.scheduler() for one in self.schedulers]

    def let_happen(self, one: Happening) -> None:
        """Do to the processes what the plan says."""
        target, how = one.what.split()
        if target == "Redis":
            self._harm_redis(how, is_end=one.is_end)
        elif target == "database":
            self._take_database(is_end=one.is_end)
        else:
            process = (self.workers if target == "worker" else self.schedulers)[one.which]
            self._harm(process, how, is_end=one.is_end)

    def calm(self) -> None:
        """End what still lasts, and see that everybody is there."""
        for process in (*self.workers, *self.schedulers):
            process.tell_all(signal.SIGCONT)
        self.supervise()

    def _harm(self, process: Process, how: str, *, is_end: bool) -> None:
        if how == "killed":
            process.kill()
        elif how == "stopped":
            process.tell(signal.SIGTERM)
        else:
            process.tell_all(signal.SIGCONT if is_end else signal.SIGSTOP)

    def _harm_redis(self, how: str, *, is_end: bool) -> None:
        if how == "flushed":
            self.redis.client().flushall()
        elif how == "frozen":
            os.kill(self.redis.pid, signal.SIGCONT if is_end else signal.SIGSTOP)
        elif is_end:
            self.redis.start()
        else:
            self.redis.kill()

    def _take_database(self, *, is_end: bool) -> None:
        """PostgreSQL ends as in a power cut; SQLite is held by somebody else."""
        if self._holder is not None:
            self._hold(self._holder, is_end=is_end)
        elif self.postgres is not None and is_end:
            self.postgres.start()
            self.stage.host.database.dispose()
        elif self.postgres is not None:
            os.kill(self.postgres.pid, signal.SIGQUIT)
            wait_until(self.postgres.has_ended)

    def _hold(self, holder: Connection, *, is_end: bool) -> None:
        if is_end and self._is_held:
            holder.exec_driver_sql("ROLLBACK")
            self._is_held = False
        elif not is_end:
            # Somebody may have been frozen while he wrote: then SQLite is held already.
            with suppress(OperationalError):
                holder.exec_driver_sql("BEGIN IMMEDIATE")
                self._is_held = True

    def settle(self, *, within_s: float) -> float:
        """Wait until everything came to an end; who was told to stop a moment ago is started again when it has."""
        self.stage.host.database.dispose()
        return wait_until(self._is_over, within_s=within_s, what="not everything came to an end")

    def _is_over(self) -> bool:
        self.supervise()
        return self.stage.count(*LIVE) == 0
