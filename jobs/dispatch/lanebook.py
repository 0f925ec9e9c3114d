"""What a worker knows of pauses, limits and guests: looked up once a second, however often it claims."""

import time
from collections.abc import Collection, Iterable, Mapping

from sqlalchemy.exc import SQLAlchemyError

from jobs.host import Host
from jobs.ledger import lanes
from jobs.ledger.lanes import Key, LaneLook, Limits
from jobs.log import get_logger
from jobs.registry import Job, names_now

log = get_logger(__name__)

GOOD_FOR_S = 1.0
NO_LIMITS = Limits()


class LaneBook:
    """The pauses and limits that hold, and which kinds are in which queue, a second old at most."""

    def __init__(self, host: Host, jobs: Mapping[str, Job]) -> None:
        self._host, self._jobs = host, jobs
        self._lanes: Mapping[Key, LaneLook] = {}
        self._guests: Mapping[str, Collection[str]] = {}
        self._good_until = 0.0

    def kinds_in(self, queue: str) -> list[str]:
        """The kinds this build knows that are declared for the queue, or of which jobs have been put there."""
        self._now()
        before = names_now(self._jobs)
        guests = {before.get(one, one) for one in self._guests.get(queue, ())}
        return [one.name for one in self._jobs.values() if one.queue_name == queue or one.name in guests]

    def is_paused(self, kind: str, queue: str) -> bool:
        """Whether nothing of this kind may start in this queue."""
        looks = (self._now().get(("queue", queue)), self._now().get(("kind", kind)))
        return any(look is not None and look.is_paused for look in looks)

    def guards(self, kinds: Iterable[str], queue: str) -> dict[Key, Limits]:
        """The limits that a claim of these kinds is under, and the kinds whose keys it has to hold."""
        declared = {("kind", kind): _declared(self._jobs[kind]) for kind in kinds}
        keys: dict[Key, Limits] = {("queue", queue): NO_LIMITS, **declared}  # type: ignore[dict-item]
        merged = {key: lanes.merged(limits, self._now().get(key)) for key, limits in keys.items()}
        keyed: set[Key] = {("kind", kind) for kind in kinds if self._jobs[kind].concurrency_by}
        return {key: limits for key, limits in merged.items() if limits or key in keyed}

    def _now(self) -> Mapping[Key, LaneLook]:
        if time.monotonic() > self._good_until:
            self._good_until = time.monotonic() + GOOD_FOR_S
            try:
                with self._host.inside():
                    self._lanes = lanes.all_of(self._host.reading())
                    self._guests = lanes.guests(self._host.reading())
            except SQLAlchemyError as error:  # the claim that follows says it louder; until then the last known holds
                log.debug("cannot look up pauses and limits", extra={"error": str(error)})
        return self._lanes


def _declared(job: Job) -> Limits:
    count, period_s = job.rate or (None, None)
    return Limits(job.most_running, count, period_s)
