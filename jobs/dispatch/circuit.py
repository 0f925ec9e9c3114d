"""A kind most of whose runs fail is paused: what it needs is away, and every further try only costs."""

from collections import deque
from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from jobs.host import Host
from jobs.ledger import lanes, reader
from jobs.ledger.states import Outcome
from jobs.log import get_logger
from jobs.registry import Job

log = get_logger(__name__)

BY = "circuit"
LAST = 20
LEAST = 10
ENDS: Mapping[Outcome, bool] = {Outcome.SUCCEEDED: True, Outcome.FAILED: False, Outcome.GAVE_UP: False}
"""What counts, and as what; who snoozes, was interrupted or cancelled says nothing about the kind."""


class Circuit:
    """What became of the last runs of each kind in this process. Kinds without `circuit_pause` are not looked at."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._ends: dict[str, deque[bool]] = {}

    def learn(self, job: Job, outcome: Outcome, count: int) -> None:
        """Take in how runs ended; when more than half of the last ones failed, ten at least, pause the kind."""
        if not job.circuit_pause or outcome not in ENDS:
            return
        ends = self._ends.setdefault(job.name, deque(maxlen=LAST))
        ends.extend([ENDS[outcome]] * count)
        failed = ends.count(False)
        if failed >= LEAST and 2 * failed > len(ends):
            ends.clear()
            self._open(job, failed)

    def _open(self, job: Job, failed: int) -> None:
        reason = f"Most of its last runs failed ({failed})."
        try:
            with self._host.inside(), self._host.transaction() as session:
                look = lanes.all_of(session).get(("kind", job.name))
                if look is not None and look.is_paused:
                    return  # what somebody decided stands
                until = reader.now(session) + timedelta(milliseconds=job.circuit_pause)
                lanes.pause(session, ("kind", job.name), by=BY, reason=reason, until=until)
        except SQLAlchemyError as error:
            log.warning("could not pause a failing kind", extra={"kind": job.name, "error": str(error)})
            return
        log.warning("paused a failing kind", extra={"kind": job.name, "failed": failed, "until": until.isoformat()})
