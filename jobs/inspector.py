"""Looking at an engine's jobs, queues, kinds and workers, for whoever shows them: an API, a page, a terminal."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select

from .dispatch.outbox import UID
from .errors import NoSuchJob
from .host import Host
from .ledger import allowances, browsing, census, failures, lanes, listing, reader
from .ledger.failures import ErrorGroup
from .ledger.lanes import LaneLook, Limits
from .ledger.listing import Place, Wanted
from .ledger.models import Attempt, Entry, LogRow, Move, WorkerRow
from .ledger.progress import Progress, progress_of
from .ledger.selection import Selection
from .ledger.states import LIVE, SETTLED, State
from .registry import Job, in_words, names_now

DAY_S = 86_400
LOOK_AGAIN_S = (0.05, 0.25)
"""Seconds between two looks at a job that is waited for: in the first two seconds, and later."""
BRISK_FOR_S = 2.0


@dataclass(frozen=True, slots=True)
class QueueLook:
    """A queue: how many jobs wait or run in it, since when the oldest waits, and what people decided about it."""

    name: str
    counts: Mapping[State, int]
    oldest_ready_s: float
    lane: LaneLook
    kinds: Sequence[str]


@dataclass(frozen=True, slots=True)
class KindLook:
    """A kind of job: whose it is, what its function says and takes (JSON schema), its policy, what was decided."""

    name: str
    queue: str
    owner: str
    doc: str
    arguments: Mapping[str, Any]
    policy: Mapping[str, Any]
    lane: LaneLook


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything at a glance; counts of what is settled go no further than ten thousand."""

    now: datetime
    counts: Mapping[State, int]
    retrying: int
    failed_today: int
    oldest_ready_s: float
    overdue_s: float
    workers: int
    schedulers: int


class Inspector:
    """What an engine knows, read from the ledger inside `host.inside()`. It changes nothing."""

    def __init__(self, host: Host, jobs: Mapping[str, Job], *, lease_s: float) -> None:
        self._host, self._jobs, self._lease_s = host, jobs, lease_s

    # -- jobs -------------------------------------------------------------------------------------------------------

    def job(self, uid: str) -> Entry:
        """The job with this public id, as it is now.

        Raises:
            NoSuchJob
        """
        found = self.jobs([uid])
        if not found:
            raise NoSuchJob(uid)
        return found[0]

    def jobs(self, uids: Sequence[str]) -> list[Entry]:
        """The jobs with these public ids that there are, in the order of the ids."""
        uids = [uid for uid in uids if UID.fullmatch(uid)]
        query = select(Entry).where(Entry.uid.in_(uids)).execution_options(populate_existing=True)
        found = {one.uid: one for one in self._host.reading().scalars(query)}
        return [found[uid] for uid in uids if uid in found]

    def page(self, wanted: Wanted, *, below: Place | None = None, limit: int = 25) -> tuple[list[Entry], Place | None]:
        """Up to `limit` jobs from below a place, and where the page after them begins; None when there is none."""
        wanted = self._by_kinds(wanted)
        if wanted.queue and not (wanted.kinds or wanted.is_narrow):
            return [], None
        entries, has_more = listing.page(self._host.reading(), wanted, below=below, limit=limit)
        return entries, wanted.place_of(entries[-1]) if has_more else None

    def find(
        self, meant: Selection, *, below: Place | None = None, limit: int = 25
    ) -> tuple[list[Entry], Place | None]:
        """Up to `limit` jobs of a selection from below a place, and where the page after them begins.

        What no index tells is looked for among a few thousand jobs at a time: a page may hold less than the limit, or
        nothing, and still have one after it.
        """
        found = browsing.page(self._host.reading(), meant, below=below, limit=limit)
        return list(found.entries), found.below

    def _by_kinds(self, wanted: Wanted) -> Wanted:
        """A queue is asked for by the kinds that are in it, because jobs are indexed by kind."""
        if wanted.queue is None or wanted.kinds or wanted.is_narrow:
            return wanted
        return replace(wanted, kinds=self.kinds_in(wanted.queue))

    def kinds_in(self, queue: str) -> tuple[str, ...]:
        """The kinds that are declared for the queue, or of which jobs have been put there."""
        guests = lanes.guests(self._host.reading()).get(queue, ())
        return tuple(one.name for one in self._jobs.values() if one.queue_name == queue or one.name in guests)

    def attempts(self, entry: Entry) -> Sequence[Attempt]:
        """Every ended try of a job, oldest first."""
        return reader.attempts_of(self._host.reading(), entry.id)

    def logs(self, entry: Entry) -> Sequence[LogRow]:
        """What every try of a job logged, oldest first; of the one that runs, what it logged so far."""
        return reader.logs_of(self._host.reading(), entry.id)

    def moves(self, entry: Entry) -> Sequence[Move]:
        """What people and rescues did to a job, oldest first."""
        return reader.moves_of(self._host.reading(), entry.id)

    def progress(self, entry: Entry) -> Progress:
        """How far a job is."""
        return progress_of(entry, self.now())

    def why_waiting(self, entry: Entry) -> str | None:
        """Why a job that could run does not, where that is known."""
        if entry.state != State.READY:
            return None
        kind = self._jobs.get(names_now(self._jobs).get(entry.kind, entry.kind))
        if kind is None:
            return "No worker of this build knows this kind."
        return None if entry.concurrency_key is None else self._why_its_key_waits(kind, entry.concurrency_key)

    def _why_its_key_waits(self, kind: Job, key: str) -> str | None:
        if kind.rate_per_key is None:
            return None
        free_in_s = allowances.free_in_s(self._host.reading(), key, kind.rate_per_key)
        if not free_in_s:
            return None
        return f"Of its key no more than {in_words(kind.rate_per_key)} may start; the next in {math.ceil(free_in_s)} s."

    def now(self) -> datetime:
        """The database's clock."""
        return reader.now(self._host.reading())

    def wait(self, uid: str, *, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
        """Return as soon as the job has settled (True) or is gone; else after so many seconds, or when `until` says so.

        It looks several times a second at one row, and holds nothing of the database between two looks.
        """
        began = time.monotonic()
        while (state := self._state(uid)) is not None and state not in SETTLED:
            passed = time.monotonic() - began
            if passed >= seconds or until():
                return False
            time.sleep(min(LOOK_AGAIN_S[passed > BRISK_FOR_S], seconds - passed))
        return True

    def _state(self, uid: str) -> str | None:
        return self._host.reading().connection().execute(select(Entry.state).where(Entry.uid == uid)).scalar()

    # -- what runs them ---------------------------------------------------------------------------------------------

    def queues(self) -> list[QueueLook]:
        """Every queue that a kind is declared for, a job waits in or a worker listens to, by name."""
        session = self._host.reading()
        live, decided = census.live_counts(session), lanes.all_of(session)
        declared = {one.queue_name for one in self._jobs.values()}
        names = sorted(declared | {queue for queue, _ in live} | self._listened_to())
        oldest = census.oldest_ready_s(session, [name for name in names if live.get((name, State.READY))])
        return [
            QueueLook(
                name=name,
                counts={state: live.get((name, state), 0) for state in LIVE},
                oldest_ready_s=round(oldest.get(name, 0.0), 1),
                lane=decided.get(("queue", name), LaneLook(Limits())),
                kinds=sorted(one.name for one in self._jobs.values() if one.queue_name == name),
            )
            for name in names
        ]

    def _listened_to(self) -> set[str]:
        workers = (one for one in self.workers() if one.role == "worker")
        return {queue for one in workers for queue in one.queues.split(",") if queue}

    def kinds(self) -> list[KindLook]:
        """Every kind that this build declares, by name."""
        decided = lanes.all_of(self._host.reading())
        return [
            KindLook(
                name=one.name,
                queue=one.queue_name,
                **one.told(),
                lane=decided.get(("kind", one.name), LaneLook(Limits(one.most_running, *(one.rate or (None, None))))),
            )
            for _, one in sorted(self._jobs.items())
        ]

    def workers(self) -> Sequence[WorkerRow]:
        """The processes of the engine that were heard of within the length of a lease."""
        return census.alive(self._host.reading(), within_s=self._lease_s)

    def overview(self) -> Overview:
        """The engine at a glance. Reads only the ends of indexes."""
        session = self._host.reading()
        roles = [one.role for one in self.workers()]
        counts = reader.counts_by_state(session)
        live = census.live_counts(session)
        ready = sorted({queue for queue, state in live if state is State.READY})
        for state in LIVE:
            counts[state] = sum(count for (_, one), count in live.items() if one is state)
        return Overview(
            now=reader.now(session),
            counts=counts,
            retrying=census.retrying(session),
            failed_today=census.failed_within(session, DAY_S),
            oldest_ready_s=round(max(census.oldest_ready_s(session, ready).values(), default=0.0), 1),
            overdue_s=round(census.overdue_s(session), 1),
            workers=roles.count("worker"),
            schedulers=roles.count("scheduler"),
        )

    def errors(self, *, limit: int = 100, below_id: int | None = None) -> list[ErrorGroup]:
        """What went wrong, alike errors together, the one met last first, from below the place of another one."""
        return failures.groups(self._host.reading(), limit=limit, below_id=below_id)
