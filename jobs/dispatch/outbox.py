"""Writing a job down with the work that caused it.

The row is the outbox: it commits or rolls back with the business change. After the commit workers hear of it through
a wake-up; one may go ahead of a commit that follows at once, and finds nothing where it comes too early.
"""

import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import event, select
from sqlalchemy.orm import Session

from jobs.ledger import hot, lanes, writer
from jobs.ledger.hot import Cause
from jobs.ledger.models import Entry
from jobs.ledger.states import State
from jobs.observer import Asked, Observer
from jobs.registry import Job, Unique

MARK = "jobs.ready"
TOLD = "jobs.told"
ALIKE = itemgetter("queue", "kind", "request_id", "requested_by")

Tell = Callable[[str, str, int, Asked], None]
"""Hears a queue, a kind, a number of jobs, and who asked for them."""
LONGEST_KEY = 200
UID = re.compile(r"[0-9a-f]{32}")
"""What a public id looks like: no database is asked for what can be none."""
VARIANTS = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))
UNMADE = 0
"""Stands for the id of a row that is not there yet."""
KEY_END = f"{UNMADE})]"
"""How the key of a job ends whose only argument that is."""
BEGINNING_S = 1_577_836_800
"""2020: no job was asked for before."""


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What should run: a job, its arguments by name, and what it is about.

    It is put into its kind's queue, or into `queue`, whose workers then take it. With `run_at` it waits for that
    moment, with `pending_deps` for that many others; it does not start after `expires_at`. `unique` is a key of its own
    beside the arguments: while a job of the kind with this key lives, no second one is made. Jobs of one `requested_by`
    take turns with everybody else's.
    """

    job: Job
    args: Mapping[str, Any] = field(default_factory=dict)
    subject_kind: str | None = None
    subject_id: int | None = None
    priority: int | None = None
    queue: str | None = None
    run_at: datetime | None = None
    expires_at: datetime | None = None
    unique: str | None = None
    requested_by: str | None = None
    request_id: str | None = None
    workflow_id: int | None = None
    step: str | None = None
    pending_deps: int = 0
    schedule_id: int | None = None
    slot: datetime | None = None
    retry_of: int | None = None


def new_uid() -> str:
    """A public id for a job: 32 hex digits that sort by time (UUID version 7 without the dashes)."""
    return new_uids(1)[0]


def new_uids(count: int) -> list[str]:
    """So many of them, at the price of one."""
    begin = f"{time.time_ns() // 1_000_000:012x}7"
    chance = os.urandom(10 * count).hex()
    return [
        f"{begin}{chance[at + 1 : at + 4]}{VARIANTS[chance[at]]}{chance[at + 4 : at + 19]}"
        for at in range(0, 20 * count, 20)
    ]


def asked_for_at(uid: str) -> datetime | None:
    """When the job with this public id was asked for, whether it is still kept or not; None if no job has such an id.

    An id that is well made and of the past was given to a job that did not come about, or is forgotten.
    """
    if not UID.fullmatch(uid) or uid[12] != "7" or uid[16] not in "89ab":
        return None
    since_1970_s = int(uid[:12], 16) / 1000
    return datetime.fromtimestamp(since_1970_s, UTC) if BEGINNING_S < since_1970_s <= time.time() else None


def write_down(
    session: Session,
    requests: Sequence[JobRequest],
    *,
    wake: Callable[[str, int], None],
    tell: Tell,
    ahead: Callable[[str], None] | None = None,
) -> list[str]:
    """Write the jobs into the session's transaction with one statement; their public ids, in order.

    When, and only when, the transaction commits, `wake` hears how many jobs became ready in which queue, and `tell`
    how many were written down in which queue and of which kind.

    A unique job whose twin is there already is not written a second time; the id given for it is its twin's. A twin
    that is ready is passed by until then, so `wake` hears of it too.

    With `ahead` nothing else is in the transaction. Then it may be committed when this returns, and `ahead` hears of
    each queue in which jobs are about to become ready.
    """
    rows = [_row(request, uid) for request, uid in zip(requests, new_uids(len(requests)), strict=True)]
    lanes.welcome(
        session, ((one.queue, one.job.name) for one in requests if one.queue not in {None, one.job.queue_name})
    )
    periods_s = [request.job.unique_for / 1000 for request in requests]
    _tell_ahead(ahead, rows)
    written = writer.insert_jobs(session, rows, periods_s=periods_s, alone=ahead is not None)
    uids = written.uids
    made = [row for row, uid in zip(rows, uids, strict=True) if row["uid"] == uid]
    wake_at_commit(session, wake, written.held)
    _hear_at_commit(session, made, wake=wake, tell=tell)
    return uids


def write_down_with(
    session: Session,
    cause: Cause,
    request: JobRequest,
    *,
    wake: Callable[[str, int], None],
    tell: Tell,
    ahead: Callable[[str], None] | None = None,
) -> tuple[int, str] | None:
    """On PostgreSQL, make a row and write the job about it into the session's transaction with one statement.

    The row's id is the job's subject and its only argument, for which `UNMADE` stands in the request. The ids of both;
    None if no row was made, or if this job takes more than one statement: then nothing is written. Otherwise as
    `write_down`.
    """
    row = _row(request, new_uid())
    if not _is_of_one_statement(request, row):
        return None
    begun = {name: row[name] and row[name].removesuffix(KEY_END) for name in hot.KEYS}
    _tell_ahead(ahead, [row])
    made = hot.insert_caused(
        session.connection(),
        cause,
        row | begun,
        argument=next(iter(row["args"])),
        key_end=KEY_END.removeprefix(str(UNMADE)),
        alone=ahead is not None and not session.in_transaction(),
    )
    if made is None:
        return None
    _hear_at_commit(session, [row], wake=wake, tell=tell)
    return made, row["uid"]


def _is_of_one_statement(request: JobRequest, row: Mapping[str, Any]) -> bool:
    """Whether the job takes the id of the row it is about and nothing more, and is asked for without conditions."""
    is_ready = row["state"] == State.READY and request.queue is None and not request.job.unique_for
    ends = {key[-len(KEY_END) :] for name in hot.KEYS if (key := row[name])}
    is_bare = {row[name] for name in hot.EMPTY_IF_CAUSED} == {None}
    return is_ready and is_bare and [*row["args"].values()] == [UNMADE] and ends <= {KEY_END}


def _tell_ahead(ahead: Callable[[str], None] | None, rows: Iterable[Mapping[str, Any]]) -> None:
    if ahead is not None:
        for queue in {row["queue"] for row in rows if row["state"] == State.READY}:
            ahead(queue)


def _hear_at_commit(
    session: Session, made: Iterable[Mapping[str, Any]], *, wake: Callable[[str, int], None], tell: Tell
) -> None:
    waiting: Counter[tuple[Any, ...]] = session.info.setdefault(MARK, Counter())
    for (queue, kind, request_id, by), same in groupby(made, key=ALIKE):
        alike = list(same)
        if ready := sum(row["state"] == State.READY for row in alike):
            waiting[wake, queue] += ready
        _tell_at_commit(session, tell, (queue, kind), Asked(alike[0]["uid"], request_id, by), count=len(alike))


def tell_unstarted(session: Session, observer: Observer, outcome: str, ids: Iterable[int]) -> None:
    """Have the observer hear, when and only when the transaction commits, that these jobs ended while they waited."""
    if not (these := list(ids)):
        return
    columns = (Entry.queue, Entry.kind, Entry.uid, Entry.request_id, Entry.requested_by)
    rows = session.execute(select(*columns).where(Entry.id.in_(these)).order_by(Entry.id))
    for queue, kind, uid, request_id, by in rows:
        _tell_at_commit(session, observer.unstarted, (queue, kind, outcome), Asked(uid, request_id, by))


def _tell_at_commit(
    session: Session, hear: Callable[..., None], what: tuple[str, ...], one: Asked, *, count: int = 1
) -> None:
    """What is alike in one transaction is told as one."""
    told: dict[tuple[Any, ...], tuple[int, Asked]] = session.info.setdefault(TOLD, {})
    key = (hear, *what)
    before = told.get(key)
    told[key] = (count, one) if before is None else (before[0] + count, before[1].beside(one))


def wake_at_commit(session: Session, wake: Callable[[str, int], None], ready: Mapping[str, int]) -> None:
    """Have `wake` hear, when and only when the transaction commits, how many jobs became ready in which queue."""
    session.info.setdefault(MARK, Counter()).update({(wake, queue): count for queue, count in ready.items()})


def _row(request: JobRequest, uid: str) -> dict[str, Any]:
    job = request.job
    args = job.taken(request.args)
    key = _key(job, request, args)
    return {
        "uid": uid,
        "queue": request.queue or job.queue_name,
        "kind": job.name,
        "state": _first_state(request).value,
        "priority": job.priority if request.priority is None else request.priority,
        "args": dict(args),
        "run_at": request.run_at,
        "max_retries": job.max_retries,
        "expires_at": request.expires_at,
        "unique_key": key if job.unique is Unique.WAITING and not request.unique else None,
        "live_key": key if job.unique is Unique.LIVE or request.unique else None,
        "concurrency_key": job.concurrency_key_of(args),
        "subject_kind": request.subject_kind,
        "subject_id": request.subject_id,
        "requested_by": request.requested_by,
        "request_id": request.request_id,
        "workflow_id": request.workflow_id,
        "step": request.step,
        "pending_deps": request.pending_deps,
        "schedule_id": request.schedule_id,
        "slot": request.slot,
        "retry_of": request.retry_of,
    }


def _first_state(request: JobRequest) -> State:
    if request.pending_deps:
        return State.BLOCKED
    return State.READY if request.run_at is None else State.SCHEDULED


def _key(job: Job, request: JobRequest, args: Mapping[str, Any]) -> str | None:
    """What tells this job from another of its kind that may stand beside it; None when any may."""
    if request.unique is None and job.unique is None:
        return None
    told = f"{job.name}:{request.unique if request.unique is not None else sorted(args.items())!r}"
    return told if len(told) <= LONGEST_KEY else f"{job.name}:{sha256(told.encode('utf-8', 'replace')).hexdigest()}"


@event.listens_for(Session, "after_commit")
def _committed(session: Session) -> None:
    if session.in_nested_transaction():
        return  # a savepoint was kept; only the commit around it makes the jobs real
    for (hear, *what), count in session.info.pop(MARK, {}).items():
        hear(*what, count)
    for (hear, *what), (count, asked) in session.info.pop(TOLD, {}).items():
        hear(*what, count, asked)


@event.listens_for(Session, "after_rollback")
def _rolled_back(session: Session) -> None:
    if session.in_nested_transaction():
        return  # a savepoint was given up; waking too many at the commit is harmless, waking nobody is slow
    session.info.pop(MARK, None)
    session.info.pop(TOLD, None)
