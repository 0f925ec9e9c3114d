"""What a worker knows of kinds, pauses, limits and guests: looked up once a second, however often it claims."""

import json
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from jobs.host import Host
from jobs.ledger import lanes
from jobs.ledger.allowances import Rate
from jobs.ledger.lanes import Key, LaneLook, Limits
from jobs.log import get_logger
from jobs.registry import Job, names_now

log = get_logger(__name__)

GOOD_FOR_S = 1.0
NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms this build claims from one queue.

    Of `kinds`, `paused` are those of which nothing may start. `most_per_key` and `rates_per_key` are as a `Wish` has
    them.
    """

    kinds: list[str]
    paused: Collection[str]
    guards: Mapping[Key, Limits]
    most_per_key: str
    rates_per_key: Mapping[str, Rate]
    names_now: Mapping[str, str]


class LaneBook:
    """The pauses and limits that hold, and which kinds are in which queue, a second old at most."""

    def __init__(self, host: Host, jobs: Mapping[str, Job]) -> None:
        self._host, self._jobs = host, jobs
        self._lanes: Mapping[Key, LaneLook] = {}
        self._guests: Mapping[str, Collection[str]] = {}
        self._good_until = 0.0
        self._known: list[Job] = []
        self._terms: dict[str, Terms] = {}

    def terms(self, queue: str) -> Terms:
        """On which terms to claim from the queue at this moment."""
        self._now()
        known = list(self._jobs.values())
        if known != self._known:
            self._known, self._terms = known, {}
        book = self._terms  # taken first: what another thread finds out meanwhile is in a new one
        found = book.get(queue)
        if found is None:
            found = book[queue] = self._worked_out(queue)
        return found

    def look_ahead(self) -> None:
        """Look now what is half out of date, so that the next claim need not: nobody waits at this moment."""
        if time.monotonic() > self._good_until - GOOD_FOR_S / 2:
            self._look()

    def kinds_in(self, queue: str) -> list[str]:
        """The kinds this build knows that are declared for the queue, or of which jobs have been put there."""
        return list(self.terms(queue).kinds)

    def _worked_out(self, queue: str) -> Terms:
        before = names_now(self._jobs)
        guests = {before.get(one, one) for one in self._guests.get(queue, ())}
        kinds = [one.name for one in self._known if one.queue_name == queue or one.name in guests]
        paused = {kind for kind in kinds if self._is_paused(kind, queue)}
        most = {name: job.most_per_key for job in self._known for name in (job.name, *job.aliases)}
        rates = {name: job.rate_per_key for name, job in self._jobs.items() if job.rate_per_key}
        guards = self._guards([kind for kind in kinds if kind not in paused], queue)
        return Terms(kinds, paused, guards, json.dumps(most), rates, before)

    def _is_paused(self, kind: str, queue: str) -> bool:
        looks = (self._lanes.get(("queue", queue)), self._lanes.get(("kind", kind)))
        return any(look is not None and look.is_paused for look in looks)

    def _guards(self, kinds: Iterable[str], queue: str) -> dict[Key, Limits]:
        """The limits that a claim of these kinds is under, and the kinds whose keys it has to hold."""
        declared = {("kind", kind): _declared(self._jobs[kind]) for kind in kinds}
        keys: dict[Key, Limits] = {("queue", queue): NO_LIMITS, **declared}  # type: ignore[dict-item]
        merged = {key: lanes.merged(limits, self._lanes.get(key)) for key, limits in keys.items()}
        keyed: set[Key] = {("kind", kind) for kind in kinds if self._jobs[kind].concurrency_by}
        return {key: limits for key, limits in merged.items() if limits or key in keyed}

    def _now(self) -> None:
        if time.monotonic() > self._good_until:
            self._look()

    def _look(self) -> None:
        self._good_until = time.monotonic() + GOOD_FOR_S
        try:
            with self._host.inside():
                looked, guests = lanes.all_of(self._host.reading()), lanes.guests(self._host.reading())
        except SQLAlchemyError as error:  # the claim that follows says it louder; until then the last known holds
            log.debug("cannot look up pauses and limits", extra={"error": str(error)})
        else:
            if (looked, guests) != (self._lanes, self._guests):
                self._lanes, self._guests, self._terms = looked, guests, {}


def _declared(job: Job) -> Limits:
    count, period_s = job.rate or (None, None)
    return Limits(job.most_running, count, period_s)
