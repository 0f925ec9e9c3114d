"""Saying which jobs still have a living thread, and that this process lives."""

import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from dramatiq.threading import raise_thread_exception
from sqlalchemy import delete, update
from sqlalchemy.exc import SQLAlchemyError

from jobs.errors import Cancelled, Superseded
from jobs.host import Host
from jobs.ledger import control, writer
from jobs.ledger.models import WorkerRow
from jobs.ledger.moments import db_now
from jobs.ledger.reader import now
from jobs.log import get_logger
from jobs.transactions import retrying

from . import loglines
from .runner import Hold
from .wear import resident_mib

EXIT_THREADS_DEAD = 70
CANCEL_GRACE_S = 10.0
QUIET, STOP = "quiet", "stop"
"""What an operator may wish of a process: to claim nothing more, or to finish what it runs and end."""

log = get_logger(__name__)


class Heartbeat(threading.Thread):
    """A thread that extends the leases of running jobs and keeps the process's row fresh.

    When a thread that should be running jobs has died, the process ends with status 70: its supervisor starts a
    whole one.
    """

    def __init__(  # noqa: PLR0913 -- each by name, each said once
        self,
        host: Host,
        *,
        name: str,
        role: str,
        queues: Sequence[str],
        version: str,
        lease_s: float,
        interval_s: float,
        running: Mapping[str, Hold],
        is_worn: Callable[[], bool] = bool,
        sees_redis: Callable[[], bool],
        give_back: Callable[[Sequence[str]], object],
        threads: int = 0,
        quiet: threading.Event | None = None,
        time_out: Callable[[str], bool] = lambda _: False,
        sweeps: Callable[[], object] = lambda: None,
        settle_doubts: Callable[[], object] = lambda: None,
    ) -> None:
        super().__init__(name="jobs-heartbeat", daemon=True)
        self._host = host
        self._row_name, self._role, self._queues, self._version = name, role, ",".join(queues), version
        self._lease_s, self._interval_s = lease_s, interval_s
        self._running = running
        self._is_worn = is_worn
        self._is_leaving = False
        self._sees_redis = sees_redis
        self._give_back, self._settle_doubts = give_back, settle_doubts
        self._threads, self._sweeps = threads, sweeps
        self._time_out = time_out
        self._quiet = quiet or threading.Event()
        self._started_at: datetime | None = None
        self._redis_seen: bool | None = None
        self._ended = threading.Event()
        self.watched: list[threading.Thread] = []

    def run(self) -> None:
        """Beat until told to end; whatever goes wrong, a database that is away above all, the next beat tries again."""
        is_away = False
        while True:
            self._leave_if_stuck()
            try:
                self.beat()
                self._leave_if_worn()
                is_away = False
            except Exception as error:  # noqa: BLE001 -- without this thread every job of the process would be taken away
                if not is_away:
                    log.warning("heartbeat failed", extra={"error": str(error)})
                is_away = True
            if self._ended.wait(self._interval_s):
                return
            if any(not thread.is_alive() for thread in self.watched):
                log.critical("a worker thread died, leaving so that a whole process can start")
                os._exit(EXIT_THREADS_DEAD)

    def beat(self) -> None:
        """One beat: leases of jobs whose thread lives, the row of this process, and what an operator wishes of it.

        Then claims that their threads never heard of are given back, and what the jobs logged since the last beat is
        kept, so that it can be read while they run.
        Redis is asked afterwards, and told of at the next beat: a frozen one must not cost a lease.
        """
        if self._redis_seen is None:
            self._redis_seen = self._sees_redis()
        alive = {owner: hold for owner, hold in list(self._running.items()) if hold.is_alive()}
        owners = list(alive)
        busy = len({hold.thread for hold in alive.values()})  # who runs something holds what it claims next, too
        asked: Sequence[tuple[str, str]] = ()
        with self._host.inside(), self._host.transaction(durable=False) as session:
            held = writer.extend_leases(session, owners, lease_s=self._lease_s) if owners else 0
            asked = control.cancel_requests(session, owners) if held else ()
            moment, here = now(session), time.time()
            self._started_at = self._started_at or moment
            told = {
                "running": held,
                "sees_redis": self._redis_seen,
                **self._told(busy, here - moment.timestamp()),
            }
            mine = update(WorkerRow).where(WorkerRow.name == self._row_name)
            seen = mine.values(seen_at=db_now(), **told).returning(WorkerRow.wish)
            wish = session.execute(seen.execution_options(synchronize_session=False)).scalar()
            if wish is None:
                session.add(
                    WorkerRow(
                        name=self._row_name,
                        role=self._role,
                        queues=self._queues,
                        version=self._version,
                        started_at=self._started_at,
                        seen_at=db_now(),
                        **told,
                    )
                )
        self._pass_on(asked)
        self._obey(wish or "")
        self._settle_doubts()
        # In a transaction of their own, for lines must not cost a lease.
        holds = [hold for owner in owners if (hold := self._running.get(owner))]
        loglines.keep_so_far(self._host, [one for hold in holds for one in hold.logged()])
        self._redis_seen = self._sees_redis()

    def _told(self, busy: int, skew_s: float) -> dict[str, object]:
        """What a process tells of itself beside its jobs."""
        return {
            "threads": self._threads,
            "busy": busy,
            "memory_mib": round(resident_mib(), 1),
            "skew_s": round(skew_s, 3),
            "sweeps": self._sweeps(),
        }

    def _obey(self, wish: str) -> None:
        """Claim nothing while an operator wishes quiet; stop as if somebody had asked when they wish that."""
        if (wish == QUIET) != self._quiet.is_set():
            log.warning("an operator wishes quiet" if wish == QUIET else "an operator wishes no quiet any more")
            (self._quiet.set if wish == QUIET else self._quiet.clear)()
        if wish == STOP:
            self._leave("an operator wishes this process to stop")

    def _pass_on(self, asked: Sequence[tuple[str, str]]) -> None:
        """Tell runs that they shall end; who does not hear of itself for a while is interrupted."""
        for owner, uid in asked:
            hold = self._running.get(owner)
            if hold is None:
                continue
            since = hold.cancelled.setdefault(uid, time.monotonic())
            if hold.alone == uid and time.monotonic() - since > CANCEL_GRACE_S and hold.thread.ident is not None:
                raise_thread_exception(hold.thread.ident, Cancelled)  # type: ignore[no-untyped-call]

    def _leave_if_stuck(self) -> None:
        """End a process one of whose threads can be brought to an end by nothing else.

        Its job took too long, the others' jobs go back. A database that is away is not waited for longer than a lease:
        then the reaper finds them all.
        """
        stuck = [owner for owner, hold in list(self._running.items()) if hold.is_stuck()]
        if not stuck:
            return
        log.critical("a job cannot be ended, leaving so that a whole process can start", extra={"claims": len(stuck)})
        last_words = threading.Thread(target=self._settle_all, args=(stuck,), daemon=True)
        last_words.start()
        last_words.join(self._lease_s)
        os._exit(EXIT_THREADS_DEAD)

    def _settle_all(self, stuck: Sequence[str]) -> None:
        given_back = [owner for owner in list(self._running) if owner not in stuck]
        for owner in stuck:
            try:
                if retrying(self._time_out)(owner):
                    given_back.append(owner)  # what else it claimed never began, or was rolled back
            except (Superseded, SQLAlchemyError) as error:
                log.error("could not settle the job that hangs", extra={"error": str(error)})
        try:
            self._give_back(given_back)
        except SQLAlchemyError as error:
            log.error("could not give back the other jobs", extra={"error": str(error)})

    def _leave_if_worn(self) -> None:
        """Stop as if somebody had asked: what runs may finish, and whoever supervises starts a fresh process."""
        if self._is_worn():
            self._leave("this process has done enough, or holds too much memory; a fresh one shall take its place")

    def _leave(self, why: str) -> None:
        if not self._is_leaving:
            self._is_leaving = True
            log.warning(why)
            os.kill(os.getpid(), signal.SIGTERM)

    def end(self) -> None:
        """Stop beating and take the row away."""
        self._ended.set()
        if self.is_alive():
            self.join(timeout=2)
        try:
            with self._host.inside(), self._host.transaction() as session:
                session.execute(delete(WorkerRow).where(WorkerRow.name == self._row_name))
        except SQLAlchemyError as error:
            log.warning("could not sign off", extra={"error": str(error)})


def process_name(role: str) -> str:
    """A name for this process that no other one has: host, role, pid and moment of birth."""
    return f"{os.uname().nodename}:{role}:{os.getpid()}:{time.time_ns() // 1_000_000:x}"
