"""Taking back jobs from workers that died."""

import time
from collections.abc import Callable

from sqlalchemy import literal, select

from jobs.host import Host
from jobs.ledger import writer
from jobs.ledger.models import Entry
from jobs.ledger.writer import Rescued
from jobs.log import get_logger
from jobs.observer import Asked, Observer
from jobs.transactions import retrying

from .steps import Steps
from .telling import Regrets, tell_gave_up

RESCUE_AT_ONCE = 500

log = get_logger(__name__)


class Reaper:
    """Rescues jobs whose lease ran out. Safe to run twice at once."""

    def __init__(
        self,
        host: Host,
        wake: Callable[[str, int], None],
        *,
        lease_s: float,
        observer: Observer,
        steps: Steps,
        regret: Regrets,
    ) -> None:
        self._host = host
        self._wake = wake
        self._lease_s = lease_s
        self._observer = observer
        self._steps = steps
        self._regret = regret
        self._not_before = 0.0

    def reap(self) -> int:
        """Take back what lost its worker; how many jobs.

        Once the database is back after having been away it waits one lease first: the workers could not renew theirs
        meanwhile either, and are not dead for that.

        Raises:
            SQLAlchemyError: the database is away.
        """
        try:
            if time.monotonic() < self._not_before:
                self._look()
                return 0
            rescued = self._rescue()
        except Exception:
            self._not_before = time.monotonic() + self._lease_s
            raise
        for one in rescued:
            log.warning("lease lost", extra={"job": one.uid, "kind": one.kind, "parked": one.is_parked})
            asked = Asked(one.uid, one.request_id, one.requested_by)
            self._observer.rescued(one.queue, one.kind, is_parked=one.is_parked, asked=asked)
            self._wake(one.queue, 1)
        return len(rescued)

    def _look(self) -> None:
        """See whether the database is still away: then the lease to wait for has not begun yet."""
        with self._host.inside():
            self._host.reading().execute(select(literal(1)))

    @retrying
    def _rescue(self) -> list[Rescued]:
        with self._host.inside(), self._host.transaction() as session:
            rescued = writer.rescue_expired(session, limit=RESCUE_AT_ONCE)
            self._steps.failed(session, [one.id for one in rescued if one.workflow_id is not None])
            if rescued:
                self._regret(session, Entry.id.in_([one.id for one in rescued]))
            for one in rescued:
                if one.is_parked:
                    tell_gave_up(self._host, session, one.kind, one.args, "The worker died three times running it.")
        return rescued
