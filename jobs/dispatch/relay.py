"""Sending what a crash or a dead broker left behind."""

from collections.abc import Callable, Mapping

from jobs.host import Host
from jobs.ledger import control, reader, writer
from jobs.observer import Observer
from jobs.registry import Job, names_now

from .lanebook import LaneBook
from .outbox import tell_unstarted
from .steps import Steps
from .telling import tell_gave_up

PROMOTE_AT_ONCE = 5_000
EXPIRE_AT_ONCE = 500
AGE_EVERY_S = 600.0
COUNT_AT_MOST = 16


class Relay:
    """Makes due jobs ready, and sees to it that ready jobs have wake-ups. Safe to run twice at once."""

    def __init__(
        self, host: Host, jobs: Mapping[str, Job], wake: Callable[[str, int], None], *, observer: Observer, steps: Steps
    ) -> None:
        self._host = host
        self._jobs = jobs
        self._lanes = LaneBook(host, jobs)
        self._wake = wake
        self._observer = observer
        self._steps = steps

    def promote(self) -> int:
        """Make scheduled jobs whose time has come ready, and wake workers for them; how many."""
        with self._host.inside():
            if not writer.has_due(self._host.reading()):
                return 0
            with self._host.transaction(durable=False) as session:
                counts = writer.promote_due(session, limit=PROMOTE_AT_ONCE)
        for queue, count in counts.items():
            self._wake(queue, count)
        return sum(counts.values())

    def expire(self) -> int:
        """Cancel what should have started by now, and tell the host; how many."""
        with self._host.inside():
            if not control.has_late(self._host.reading()):
                return 0
            with self._host.transaction() as session:
                expired = control.expire(session, limit=EXPIRE_AT_ONCE)
                if expired:
                    tell_unstarted(session, self._observer, "expired", [one.id for one in expired])
                    self._steps.failed(session, [one.id for one in expired])
                for one in expired:
                    kind = names_now(self._jobs).get(one.kind, one.kind)
                    tell_gave_up(self._host, session, kind, one.args, control.EXPIRED)
        return len(expired)

    def age(self) -> int:
        """Raise what has waited long; how many jobs."""
        with self._host.inside():
            overdue = control.overdue(self._host.reading(), every_s=AGE_EVERY_S)
            with self._host.transaction(durable=False) as session:
                return control.age(session, every_s=AGE_EVERY_S, overdue=overdue)

    def top_up(self) -> None:
        """Wake workers for every queue that holds ready jobs, whatever became of the wake-ups sent before."""
        with self._host.inside():
            if not reader.has_any_ready(self._host.reading()):
                return
            for queue in sorted({job.queue_name for job in self._jobs.values()}):
                kinds = self._lanes.kinds_in(queue)
                kinds += [alias for alias, name in names_now(self._jobs).items() if name in kinds]
                count = reader.ready_up_to(self._host.reading(), queue, kinds, limit=COUNT_AT_MOST)
                if count:
                    self._wake(queue, count)
