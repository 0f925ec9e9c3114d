"""The process that turns times into work.

APScheduler is only the clock: every sweep it calls is a set of conditional updates in the ledger, so that any number
of tickers may run at once.
"""

import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from jobs.dispatch.verdict import is_outage
from jobs.log import get_logger
from jobs.observer import Observer
from jobs.transactions import retrying

LONGEST_PROBLEM = 200
AWAY = ("OperationalError", "InterfaceError")
"""What every driver calls it."""

log = get_logger(__name__)

FOLLOW_EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class Sweep:
    """Something that runs every so many seconds; a run that could not start within `expires_s` is left out.

    Where `pace` is given, it says both anew, and the ticker follows it within seconds.
    """

    name: str
    every_s: float
    run: Callable[[], Any]
    expires_s: float | None = None
    pace: Callable[[], tuple[float, float | None]] | None = None

    def current_pace(self) -> tuple[float, float | None]:
        """The seconds between two runs, and after how many a late one is left out."""
        return self.pace() if self.pace else (self.every_s, self.expires_s)


class Ticker:
    """Runs sweeps by the clock until it is told to stop; one that raises is logged once, and comes again.

    One that was disturbed by other transactions comes again at once, a few times.
    That the database is away is said without a traceback: it is no fault of the sweep's.
    """

    def __init__(self, sweeps: Sequence[Sweep], observer: Observer) -> None:
        # Only the scheduler's process needs the clock.
        from apscheduler.executors.pool import ThreadPoolExecutor  # noqa: PLC0415 -- slow import
        from apscheduler.schedulers.background import BackgroundScheduler  # noqa: PLC0415 -- slow import

        self._observer = observer
        self._scheduler = BackgroundScheduler(
            timezone="UTC",
            executors={"default": ThreadPoolExecutor(4)},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        self._ended = threading.Event()
        self._failing: set[str] = set()
        self._told = {one.name: {"name": one.name, "every_s": one.every_s} for one in sweeps}
        self._paces: dict[str, tuple[float, float | None]] = {}
        self._changing = [sweep for sweep in sweeps if sweep.pace]
        for sweep in sweeps:
            self._paces[sweep.name] = every_s, expires_s = sweep.current_pace()
            self._scheduler.add_job(
                self._guarded(sweep), "interval", seconds=every_s, id=sweep.name, name=sweep.name, **_grace(expires_s)
            )

    def _follow_paces(self) -> None:
        for sweep in self._changing:
            pace = every_s, expires_s = sweep.current_pace()
            if pace != self._paces[sweep.name]:
                self._paces[sweep.name] = pace
                self._scheduler.modify_job(sweep.name, **_grace(expires_s))
                self._scheduler.reschedule_job(sweep.name, trigger="interval", seconds=every_s)
                log.info("sweep runs at another pace", extra={"sweep": sweep.name, "every_s": every_s})

    def _guarded(self, sweep: Sweep) -> Callable[[], None]:
        def run() -> None:
            started, problem = time.monotonic(), None
            try:
                retrying(sweep.run)()
            except Exception as error:
                problem = f"{type(error).__name__}: {error}"[:LONGEST_PROBLEM]
                told = {"sweep": sweep.name, "error": str(error)}
                if sweep.name in self._failing:
                    log.debug("sweep still fails", extra=told)
                elif is_outage(error) or _is_of_the_driver(error):
                    log.warning("sweep failed, the database is away", extra=told)
                else:
                    log.exception("sweep failed", extra=told)
                self._failing.add(sweep.name)
            else:
                if sweep.name in self._failing:
                    log.warning("sweep works again", extra={"sweep": sweep.name})
                self._failing.discard(sweep.name)
            seconds = time.monotonic() - started
            self._told[sweep.name] |= {"at": time.time(), "took_s": round(seconds, 4), "problem": problem}
            self._observer.swept(sweep.name, seconds)
            log.debug("sweep", extra={"sweep": sweep.name, "seconds": seconds})

        return run

    def told(self) -> list[dict[str, Any]]:
        """Of each sweep: its name, how often it runs, when it ran last (seconds since 1970), how long, what failed."""
        return [dict(one) for one in self._told.values()]

    def run(self) -> None:
        """Tick until SIGTERM or SIGINT; sweeps that run are finished first."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._ended.set())
        self._scheduler.start()
        while not self._ended.wait(FOLLOW_EVERY_S):
            self._follow_paces()
        self._scheduler.shutdown(wait=True)


def _is_of_the_driver(error: Exception) -> bool:
    """Whether the driver itself says that the database is gone, as where a session ends on a lost connection."""
    return not isinstance(error, SQLAlchemyError) and type(error).__name__ in AWAY


def _grace(expires_s: float | None) -> dict[str, int]:
    return {} if expires_s is None else {"misfire_grace_time": max(1, int(expires_s))}
