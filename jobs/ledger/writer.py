"""Every move in the ledger: a conditional update, and the rows that tell of it.

All statements run in the caller's transaction. A guard that matches fewer rows than it should raises `Superseded`:
the job is somebody else's by now, and the caller must roll everything back.
"""

import json
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    and_,
    case,
    exists,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import CursorResult, RowMapping
from sqlalchemy.orm import Session

from jobs.errors import Crowded, NoSuchJob, Superseded, WrongState

from . import allowances, hot, lanes, turns
from .models import Attempt, Entry, Move, PeriodKey, in_state, spelled
from .moments import db_now
from .states import LIVE, RETRYABLE, WAITING, Outcome, State

job = cast("Table", Entry.__table__)
attempt = cast("Table", Attempt.__table__)

MAX_ERROR_LENGTH = 2_000
MAX_TRACEBACK_LENGTH = 20_000
FINGERPRINT_LENGTH = 16
PARK_AFTER_CRASHES = 3
MOST_LOOKS = 20
KEYS = {"unique_key": WAITING, "live_key": LIVE}
"""The states in which a job keeps another with the same key from being made."""
SUSPECTS_APART = 8
APART_S = 3


@dataclass(frozen=True, slots=True)
class Claim:
    """A job this worker may run now; `owner` and `attempt` are what its finish is fenced with.

    `claimed_at` is of this process's monotonic clock.
    """

    id: int
    uid: str
    kind: str
    queue: str
    args: Mapping[str, Any]
    attempt: int
    failures: int
    crashes: int
    max_retries: int
    request_id: str | None
    requested_by: str | None
    workflow_id: int | None
    step: str | None
    checkpoint: Any
    owner: str
    waited_s: float = 0.0
    claimed_at: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt did not succeed, cut to what the ledger keeps."""

    error_class: str
    error_message: str
    traceback: str | None = None
    fingerprint: str | None = None
    version: str | None = None


def fingerprint(text: str) -> str:
    """What the failures have in common of which the same can be said."""
    return sha256(text.encode("utf-8", "replace")).hexdigest()[:FINGERPRINT_LENGTH]


@dataclass(frozen=True, slots=True)
class Written:
    """What came of writing jobs down: a public id for each, and in which queue how many twins are held.

    A ready twin that is held is passed by those who claim until the caller commits; then somebody has to look again.
    """

    uids: list[str]
    held: Mapping[str, int]


def insert_jobs(
    session: Session, rows: Sequence[Mapping[str, Any]], *, periods_s: Sequence[float], alone: bool = False
) -> Written:
    """Write jobs down with one statement; the public id of each, or of the job that stands for it already.

    A job stands for another as long as it holds the same key in a state that counts, or, where `periods_s` says so,
    for so many seconds since it was asked for. One that waits does not start before the caller's transaction ends:
    when it runs, it sees what it was asked for. What is `alone` in its transaction may be committed when this returns.

    Raises:
        Crowded: twins came and went for as long as it was tried.
    """
    stand_ins = {
        row["uid"]: found
        for row, period_s in zip(rows, periods_s, strict=True)
        if period_s and (found := _asked_for_lately(session, row, period_s))
    }
    new = [row for row in rows if row["uid"] not in stand_ins]
    held: Mapping[str, int] = {}
    if new and hot.insert(session.connection(), new, alone=alone and not session.in_transaction()) < len(new):
        twins, held = _make_or_find(session, new)
        noted = [row for row, period_s in zip(rows, periods_s, strict=True) if period_s and row["uid"] in twins]
        for row in noted:  # the note holds a job that is not made; its twin stands there instead
            of_its_own = and_(PeriodKey.key == _key_of(row), PeriodKey.uid == row["uid"])
            session.connection().execute(update(PeriodKey).where(of_its_own).values(uid=twins[row["uid"]]))
        stand_ins = {uid: twins.get(found, found) for uid, found in stand_ins.items()} | twins
    return Written([stand_ins.get(row["uid"], row["uid"]) for row in rows], held)


def _asked_for_lately(session: Session, row: Mapping[str, Any], period_s: float) -> str | None:
    """The job that holds the row's key for its period; None once the row holds it itself."""
    key = _key_of(row)
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    note = dialect.insert(PeriodKey).values(key=key, uid=row["uid"], until=db_now(period_s))
    holder = session.connection().execute(
        note.on_conflict_do_update(
            index_elements=["key"],
            set_={"uid": note.excluded.uid, "until": note.excluded.until},
            where=PeriodKey.until <= db_now(),
        ).returning(PeriodKey.uid)
    )
    if holder.scalar() is not None:
        return None
    return session.connection().execute(select(PeriodKey.uid).where(PeriodKey.key == key)).scalar_one()


def _key_of(row: Mapping[str, Any]) -> str | None:
    """The key a row may not share: it has one of the two, or none."""
    key: str | None = row["live_key"] or row["unique_key"]
    return key


def _make_or_find(session: Session, rows: Sequence[Mapping[str, Any]]) -> tuple[dict[str, str], Mapping[str, int]]:
    """Of rows some of which were left out: by public id the job that stands for it; and by queue, how many are held.

    What was in the way may have settled before it is found. Then nothing is in the way any more.
    """
    own = {row["uid"] for row in rows}
    stand_ins: dict[str, str] = {}
    held: dict[str, str] = {}
    missing = [row for row in rows if _key_of(row)]
    for _ in range(MOST_LOOKS):
        found = {(name, one[name]): one for one in _holders(session, missing) for name in KEYS if one[name] is not None}
        holders = {row["uid"]: found.get(_named_key(row)) for row in missing}
        others = {uid: one for uid, one in holders.items() if one is not None and one["uid"] not in own}
        stand_ins |= {uid: one["uid"] for uid, one in holders.items() if one is not None and one["uid"] != uid}
        held |= {one["uid"]: one["queue"] for one in others.values() if one["state"] == State.READY}
        missing = [row for row in missing if holders[row["uid"]] is None]
        if not missing or hot.insert(session.connection(), missing) == len(missing):
            return stand_ins, Counter(held.values())
    raise Crowded("Others ask for the same at this moment, again and again.")


def _named_key(row: Mapping[str, Any]) -> tuple[str, Any]:
    return next((name, row[name]) for name in KEYS if row[name])


def _holders(session: Session, rows: Sequence[Mapping[str, Any]]) -> list[RowMapping]:
    """The jobs that have the keys of these rows.

    Those that wait are locked, in the order of their ids, until the transaction ends. FOR KEY SHARE is enough: a claim
    skips what is locked in any way, and other askers, or a person who cancels, are not kept waiting. Those that run are
    not locked: their heartbeat would pass them by.
    """
    columns = select(job.c.id, job.c.uid, job.c.unique_key, job.c.live_key, job.c.state, job.c.queue)
    has_key = {
        name: and_(job.c[name].in_(keys), in_state(*states))
        for name, states in KEYS.items()
        if (keys := {row[name] for row in rows if row[name]})
    }
    waiting = columns.where(or_(*has_key.values()), in_state(*WAITING)).order_by(job.c.id)
    found = list(session.connection().execute(waiting.with_for_update(read=True, key_share=True)).mappings())
    if "live_key" in has_key:
        found += session.connection().execute(columns.where(has_key["live_key"], in_state(State.RUNNING))).mappings()
    return found


@dataclass(frozen=True, slots=True)
class Wish:
    """What a worker would claim: from which queue, which kinds and how many of each at once, and in whose name.

    `names_now` says, by the name it had before, what a kind is called: what waits under the old name is claimed as
    well, and has the new one from then on.
    """

    queue: str
    batch_sizes: Mapping[str, int]
    owner: str
    worker: str
    lease_s: float
    most_per_key: str = "{}"
    rates_per_key: Mapping[str, allowances.Rate] = field(default_factory=dict)
    guards: Mapping[lanes.Key, lanes.Limits] = field(default_factory=dict)
    names_now: Mapping[str, str] = field(default_factory=dict)


def claim(session: Session, wish: Wish, *, alone: bool = False) -> list[Claim]:
    """Take the best ready job of the queue, by (rank, turn, id), and as many of its kind as its batch holds.

    The rank is the priority, raised while a job waits long; the turn shares a queue among those who ask. Only kinds
    in the wish are taken. The mates of a batch have the rank of the best, so that a batch never
    carries work past something more urgent.

    A claim that is `alone` in its transaction may be committed when this returns.
    """
    if wish.guards:
        sizes = lanes.admitted(session, wish.guards, wish.batch_sizes, wish.queue)
        wish = replace(wish, batch_sizes=sizes)
    if not wish.batch_sizes:
        return []
    alone = alone and not (wish.guards or wish.names_now or wish.rates_per_key)
    _, taken = hot.finish_and_claim(session.connection(), finish=None, claim=_spelled_out(wish), alone=alone)
    claims = _claimed(session, taken, wish)
    if claims and wish.guards:
        lanes.spend(session, wish.guards, [one.kind for one in claims], wish.queue)
    if claims and (rate := wish.rates_per_key.get(claims[0].kind)):
        allowances.spend(session, claims[0].id, rate)  # what has a key is claimed alone
    return claims


def succeed(
    session: Session, claims: Sequence[Claim], result: Any = None, then: Wish | None = None, *, alone: bool = False
) -> list[Claim]:
    """Finish the jobs of one claim, in the transaction that holds their effect; with it, claim what comes next.

    Where there is no effect in the transaction, and `alone` says that nothing else is, one job may be finished for good
    when this returns.

    Raises:
        Superseded: at least one of them is not this worker's any more; roll back.
    """
    finish = {
        "ids": [one.id for one in claims],
        "owner": claims[0].owner,
        "result": None if result is None else json.dumps(result),
    }
    together = then if then and then.batch_sizes and not then.guards else None
    alone = alone and len(claims) == 1 and not session.in_transaction()
    finished, taken = hot.finish_and_claim(
        session.connection(),
        finish=finish,
        claim=None if together is None else _spelled_out(together),
        alone=alone and (then is None or (together is not None and not together.names_now)),
    )
    if finished != len(claims):
        raise Superseded(f"{len(claims) - finished} of {len(claims)} jobs are not this worker's any more")
    if together:
        return _claimed(session, taken, together)
    return claim(session, then) if then else []


def _claimed(session: Session, taken: Sequence[hot.Taken], wish: Wish) -> list[Claim]:
    if taken and taken[0].kind in wish.names_now:  # what is claimed together is of one kind
        name = wish.names_now[taken[0].kind]
        session.connection().execute(update(job).where(job.c.id.in_([one.id for one in taken])).values(kind=name))
        taken = [one._replace(kind=name) for one in taken]
    return [Claim(*one[:-1], wish.owner, one.waited_s) for one in taken]


def _spelled_out(wish: Wish) -> dict[str, Any]:
    before = {old: wish.batch_sizes[name] for old, name in wish.names_now.items() if name in wish.batch_sizes}
    sizes = {**wish.batch_sizes, **before}
    return {
        "queue": wish.queue,
        "kinds": list(sizes),
        "sizes": list(sizes.values()),
        "next_owner": wish.owner,
        "worker": wish.worker,
        "lease_s": wish.lease_s,
        "most_per_key": wish.most_per_key,
        "refill_per_key": _refills(wish) if wish.rates_per_key else "{}",
    }


def _refills(wish: Wish) -> str:
    refills = {name: count / period_s for name, (count, period_s) in wish.rates_per_key.items()}
    before = {old: refills[name] for old, name in wish.names_now.items() if name in refills}
    return json.dumps({**refills, **before})


def _mine(claims: Sequence[Claim]) -> ColumnElement[bool]:
    """The fence: still running, still ours, still this very attempt."""
    owner, number = claims[0].owner, claims[0].attempt
    return and_(
        job.c.id.in_([one.id for one in claims]),
        in_state(State.RUNNING),
        job.c.lease_owner == owner,
        job.c.attempt == number,
    )


def _by_attempt(claims: Iterable[Claim]) -> list[list[Claim]]:
    groups: dict[int, list[Claim]] = {}
    for one in claims:
        groups.setdefault(one.attempt, []).append(one)
    return list(groups.values())


def _record_attempts(session: Session, ids: Collection[int], outcome: Outcome, failure: Failure | None = None) -> None:
    columns = ["job_id", "attempt", "outcome", "worker", "ready_at", "started_at", "finished_at"]
    source: Select[Any] = select(
        job.c.id,
        job.c.attempt,
        literal(str(outcome)),
        job.c.worker,
        job.c.ready_at,
        job.c.started_at,
        func.coalesce(job.c.finished_at, db_now()),
    ).where(job.c.id.in_(ids))
    if failure is not None:
        columns += ["error_class", "error_message", "traceback"]
        source = source.add_columns(
            literal(failure.error_class), literal(failure.error_message), literal(failure.traceback)
        )
    session.connection().execute(insert(attempt).from_select(columns, source))


def _settle(session: Session, claims: Sequence[Claim], values: Mapping[str, Any]) -> None:
    for group in _by_attempt(claims):
        done: CursorResult[Any] = session.connection().execute(
            update(job).where(_mine(group)).values(lease_owner=null(), lease_until=null(), **values)
        )
        if done.rowcount != len(group):
            raise Superseded(f"{len(group) - done.rowcount} of {len(group)} jobs are not this worker's any more")


def retry_later(session: Session, one: Claim, *, outcome: Outcome, delay_s: float, failure: Failure | None) -> None:
    """Put a running job back, to be ready again in `delay_s` seconds; only `FAILED` counts as a failure."""
    values: dict[str, Any] = (
        {"state": State.SCHEDULED} if delay_s > 0 else {"state": State.READY, "run_at": null(), "ready_at": db_now()}
    )
    values |= {"rank": job.c.priority, "state": _unless_asked_to_end(values["state"])}
    values["finished_at"] = _when_asked_to_end()
    if delay_s > 0:
        values["run_at"] = case((job.c.cancel_requested_at.is_not(None), null()), else_=db_now(delay_s))
    if outcome is Outcome.FAILED:
        values["failures"] = job.c.failures + 1
    elif outcome is Outcome.INTERRUPTED:
        values["interruptions"] = job.c.interruptions + 1
    if failure is not None:
        values |= _told(failure)
    _settle(session, [one], {**values, "unique_key": _key_without_twin()})
    _record_attempts(session, [one.id], outcome, failure)


def _unless_asked_to_end(state: State) -> ColumnElement[str]:
    return case((job.c.cancel_requested_at.is_not(None), literal(str(State.CANCELLED))), else_=literal(str(state)))


def _when_asked_to_end() -> ColumnElement[Any]:
    return case((job.c.cancel_requested_at.is_not(None), db_now()), else_=null())


def cancel_running(session: Session, one: Claim) -> None:
    """Settle a running job as cancelled: it was asked to end, and ended.

    Raises:
        Superseded
    """
    _settle(session, [one], {"state": State.CANCELLED, "finished_at": db_now()})
    _record_attempts(session, [one.id], Outcome.CANCELLED)


def hand_back(session: Session, claims: Sequence[Claim]) -> None:
    """Make claimed jobs that were not begun ready again, as if nobody had claimed them.

    Raises:
        Superseded
    """
    if claims:
        values = {
            "state": _unless_asked_to_end(State.READY),
            "finished_at": _when_asked_to_end(),
            "attempt": job.c.attempt - 1,
            "worker": null(),
            "started_at": null(),
        }
        _settle(session, claims, {**values, "unique_key": _key_without_twin()})


def bury(session: Session, one: Claim, *, outcome: Outcome, failure: Failure, end: State = State.DEAD) -> None:
    """Settle a running job as dead, out of tries or not worth another; or as parked, for a person to look at."""
    _settle(
        session,
        [one],
        {
            "state": end,
            "finished_at": db_now(),
            "failures": job.c.failures + 1,
            **_told(failure),
        },
    )
    _record_attempts(session, [one.id], outcome, failure)


def _told(failure: Failure) -> dict[str, Any]:
    return {
        "error_class": failure.error_class,
        "error_message": failure.error_message,
        "error_fingerprint": failure.fingerprint,
        "error_version": failure.version or null(),
    }


def _key_without_twin() -> ColumnElement[str | None]:
    """The unique key of a job that goes back to waiting: given up when a live twin has taken its place.

    A twin that runs counts too, for it may be going back in the same statement.
    """
    twin = job.alias("twin")
    same = select(literal(1)).where(twin.c.unique_key == job.c.unique_key, twin.c.id != job.c.id)
    waits = same.where(text(f"twin.state IN ({spelled(*WAITING)})")).exists()
    runs = same.where(text(f"twin.state = '{State.RUNNING}'")).exists()
    return case((or_(waits, runs), null()), else_=job.c.unique_key)


def _live_key_without_twin() -> ColumnElement[str | None]:
    twin = job.alias("live_twin")
    same = select(literal(1)).where(twin.c.live_key == job.c.live_key, twin.c.id != job.c.id)
    lives = same.where(text(f"live_twin.state IN ({spelled(*LIVE)})")).exists()
    return case((lives, null()), else_=job.c.live_key)


def give_back(session: Session, owners: Collection[str]) -> int:
    """Make what these owners still run ready again, not counted as a failure; how many that were."""
    mine = and_(in_state(State.RUNNING), job.c.lease_owner.in_(owners))
    ids = list(session.connection().execute(select(job.c.id).where(mine).with_for_update()).scalars())
    if not ids:
        return 0
    _record_attempts(session, ids, Outcome.INTERRUPTED)
    session.connection().execute(
        update(job)
        .where(job.c.id.in_(ids))
        .values(
            state=_unless_asked_to_end(State.READY),
            finished_at=_when_asked_to_end(),
            ready_at=db_now(),
            rank=job.c.priority,
            interruptions=job.c.interruptions + 1,
            lease_owner=null(),
            lease_until=null(),
            unique_key=_key_without_twin(),
        )
    )
    return len(ids)


def still_mine(session: Session, claims: Sequence[Claim]) -> list[Claim]:
    """Those of the claims that are this worker's yet."""
    kept: set[int] = set()
    for group in _by_attempt(claims):
        kept.update(session.connection().execute(select(job.c.id).where(_mine(group))).scalars())
    return [one for one in claims if one.id in kept]


def extend_leases(session: Session, owners: Collection[str], *, lease_s: float) -> int:
    """Say that the threads behind these owners live; how many running jobs that holds.

    A job that is being settled at this moment is passed by: waiting for it, and it for the next, would be a deadlock.
    """
    ids = held(session, owners)
    if ids:
        session.connection().execute(update(job).where(job.c.id.in_(ids)).values(lease_until=db_now(lease_s)))
    return len(ids)


def held(session: Session, owners: Collection[str]) -> Collection[int]:
    """The running jobs of these owners, theirs until this transaction ends; those being settled are passed by."""
    mine = and_(in_state(State.RUNNING), job.c.lease_owner.in_(owners))
    return session.connection().execute(select(job.c.id).where(mine).with_for_update(skip_locked=True)).scalars().all()


@dataclass(frozen=True, slots=True)
class Rescued:
    """A job taken back from a worker that fell silent."""

    id: int
    uid: str
    kind: str
    queue: str
    args: Mapping[str, Any]
    request_id: str | None
    requested_by: str | None
    workflow_id: int | None
    is_parked: bool


RESCUED = ("id", "uid", "kind", "queue", "args", "request_id", "requested_by", "workflow_id")


def rescue_expired(session: Session, *, limit: int) -> list[Rescued]:
    """Take back jobs whose lease ran out: ready again at once, parked after the third lost worker.

    After the second they come back apart from each other: one of them may be what kills workers, and the others,
    which only ran beside it, shall not be there for its third time.
    """
    connection = session.connection()
    silent = connection.execute(
        select(job.c.id, job.c.kind)
        .where(in_state(State.RUNNING), job.c.lease_until < db_now())
        .order_by(job.c.lease_until)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    if not silent:
        return []
    ids = [one.id for one in silent]
    lost = Failure("WorkerLost", "The worker stopped answering while it ran this job.")
    _record_attempts(session, ids, Outcome.LOST, lost)
    is_last = job.c.crashes + 1 >= PARK_AFTER_CRASHES
    is_suspect = job.c.crashes + 1 == PARK_AFTER_CRASHES - 1
    was_asked = job.c.cancel_requested_at.is_not(None)
    taken = connection.execute(
        update(job)
        .where(job.c.id.in_(ids))
        .values(
            state=case(
                (was_asked, State.CANCELLED.value),
                (is_last, State.PARKED.value),
                (is_suspect, State.SCHEDULED.value),
                else_=State.READY.value,
            ),
            run_at=case((is_suspect, db_now(job.c.id % SUSPECTS_APART * APART_S)), else_=null()),
            finished_at=case((or_(was_asked, is_last), db_now()), else_=null()),
            ready_at=db_now(),
            crashes=job.c.crashes + 1,
            lease_owner=null(),
            lease_until=null(),
            unique_key=_key_without_twin(),
            error_class=lost.error_class,
            error_message=lost.error_message,
            error_fingerprint=case(
                {kind: fingerprint(f"{kind}:{lost.error_class}:") for kind in {one.kind for one in silent}},
                value=job.c.kind,
            ),
            error_version=null(),
        )
        .returning(*(job.c[name] for name in RESCUED), in_state(State.PARKED))
    )
    rescued = [Rescued(*row) for row in taken]
    session.connection().execute(
        insert(Move), [{"job_id": one.id, "what": "lease lost", "by": "reaper"} for one in rescued]
    )
    return rescued


_is_due = in_state(State.SCHEDULED) & (job.c.run_at <= db_now())


def has_due(session: Session) -> bool:
    """Whether there is a scheduled job whose time has come."""
    return bool(session.connection().execute(select(exists().where(_is_due))).scalar())


def promote_due(session: Session, *, limit: int) -> dict[str, int]:
    """Make scheduled jobs whose time has come ready; how many in which queue."""
    due = (
        select(job.c.id, job.c.queue, job.c.priority, job.c.requested_by)
        .where(_is_due)
        .order_by(job.c.run_at, job.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    comers = {row[0]: turns.Party(*row[1:]) for row in session.connection().execute(due)}
    if not comers:
        return {}
    values = {"rank": job.c.priority, "turn": turns.turn_among(session, comers)}
    moved = session.connection().execute(
        update(job)
        .where(job.c.id.in_(comers))
        .values(state=State.READY, ready_at=db_now(), run_at=null(), **values)
        .returning(job.c.queue)
    )
    counts: dict[str, int] = {}
    for queue in moved.scalars():
        counts[queue] = counts.get(queue, 0) + 1
    return counts


def _move_by_hand(
    session: Session, uid: str, *, source: Collection[State], values: Mapping[str, Any], what: str, by: str | None
) -> str:
    moved = (
        session.connection()
        .execute(
            update(job).where(job.c.uid == uid, in_state(*source)).values(**values).returning(job.c.id, job.c.queue)
        )
        .first()
    )
    if moved is None:
        state = session.connection().execute(select(job.c.state).where(job.c.uid == uid)).scalar()
        if state is None:
            raise NoSuchJob(uid)
        raise WrongState(f"The job is {state}; it can only be done while it is {' or '.join(sorted(source))}.")
    session.connection().execute(insert(Move), [{"job_id": moved.id, "what": what, "by": by}])
    return str(moved.queue)


def retry(session: Session, uid: str, *, by: str | None) -> str:
    """Make a dead, parked or cancelled job ready again with all its tries; its queue.

    Raises:
        NoSuchJob, WrongState
    """
    values = retried(session, job.c.uid == uid)
    return _move_by_hand(session, uid, source=RETRYABLE, values=values, what="retried", by=by)


def retried(session: Session, which: ColumnElement[bool]) -> dict[str, Any]:
    """What settled jobs become that shall run again at once, with all their tries; they are held from now on."""
    anew = {"state": State.READY, "run_at": null(), "expires_at": null(), "failures": 0, "crashes": 0}
    return _live_again(session, which) | anew


def put_back(session: Session, which: ColumnElement[bool]) -> dict[str, Any]:
    """What cancelled jobs become that shall be as if nobody had cancelled them: what was put off is put off again."""
    is_due = or_(job.c.run_at.is_(None), job.c.run_at <= db_now())
    return _live_again(session, which) | {
        "state": case((is_due, State.READY), else_=State.SCHEDULED),
        "run_at": case((is_due, null()), else_=job.c.run_at),
    }


def _live_again(session: Session, which: ColumnElement[bool]) -> dict[str, Any]:
    return {
        "ready_at": db_now(),
        "finished_at": null(),
        "rank": job.c.priority,
        "turn": turns.lined_up(session, which, in_state(*RETRYABLE)),
        "cancel_requested_at": null(),
        "cancel_requested_by": null(),
        "unique_key": _key_without_twin(),
        "live_key": _live_key_without_twin(),
    }


def cancel(session: Session, uid: str, *, by: str | None) -> str:
    """Cancel a job that waits; its queue.

    Raises:
        NoSuchJob, WrongState: it runs or has settled already.
    """
    values = {"state": State.CANCELLED, "finished_at": db_now()}
    return _move_by_hand(session, uid, source=WAITING, values=values, what="cancelled", by=by)
