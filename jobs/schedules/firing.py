"""Turning slots that are due into jobs, each once, however many schedulers run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

from sqlalchemy.exc import DataError, IntegrityError, StatementError
from sqlalchemy.orm import Session

from jobs.dispatch.outbox import JobRequest, tell_unstarted
from jobs.dispatch.telling import Regrets
from jobs.errors import JobError
from jobs.host import Host
from jobs.ledger import reader
from jobs.ledger.models import Entry
from jobs.log import get_logger
from jobs.observer import Observer
from jobs.registry import Job

from . import shelf
from .decision import Decision, Policies, Standing, decide
from .models import MADE_A_JOB, Fired, Misfire, Overlap, Schedule
from .passed import fires_of_passed
from .rules import Rule, next_after

AT_ONCE = 500
MOST_ROUNDS = 2_000
BROKEN_AGAIN = timedelta(minutes=5)
BY = "schedule"
BROKEN = (JobError, ValueError, TypeError, ArithmeticError, LookupError)
REFUSED = (*BROKEN, IntegrityError, DataError)

log = get_logger(__name__)

Write = Callable[[Session, Sequence[JobRequest]], list[str]]


@dataclass(frozen=True, slots=True)
class Due:
    """A schedule that is due, the job it makes, and what was decided about its slots."""

    schedule: Schedule
    rule: Rule
    job: Job
    decision: Decision


class Done(NamedTuple):
    """What came of some schedules: how many were taken, how many jobs made, and how many slots came too late."""

    taken: int = 0
    made: int = 0
    missed: int = 0


class Firing:
    """Fires the slots of schedules. Safe to run twice at once."""

    def __init__(
        self, host: Host, job_named: Callable[[str], Job], write_down: Write, observer: Observer, regret: Regrets
    ) -> None:
        self._host = host
        self._job_named = job_named
        self._write_down = write_down
        self._observer = observer
        self._regret = regret

    def fire_due(self, limit: int = AT_ONCE) -> int:
        """Fire every slot that is due, so many schedules in one transaction; how many jobs were made.

        A schedule that cannot be followed is marked with its problem, and holds nobody up.
        """
        made = 0
        for _ in range(MOST_ROUNDS):
            with self._host.inside():
                if not shelf.has_work(self._host.reading()):
                    break
                with self._host.transaction() as session:
                    done = self._fire_some(session, limit)
            made += done.made
            if done.missed:
                self._observer.missed(done.missed)
            if not done.taken:
                break
        return made

    def _fire_some(self, session: Session, limit: int) -> Done:
        now = reader.now(session)
        queued = shelf.take_queued(session, limit=limit)
        made = sum(self._fire_queued(session, one) for one in queued)
        taken = shelf.take_due(session, now, limit=limit)
        if not taken:
            return Done(len(queued), made)
        due = self._decided(session, taken, now)
        try:
            with session.begin_nested():
                done = [self._fire(session, due, now)]
        except REFUSED as error:
            log.debug("fired one by one", extra={"error": str(error)})
            done = [self._fire_alone(session, one, now) for one in due]
        return Done(len(taken), made + sum(one.made for one in done), sum(one.missed for one in done))

    def _decided(self, session: Session, taken: Sequence[Schedule], now: datetime) -> list[Due]:
        ids = [one.id for one in taken]
        live = shelf.with_live_jobs(session, [one.id for one in taken if one.overlap != Overlap.ALLOW])
        slots_taken = shelf.slots_taken(session, ids)
        due: list[Due] = []
        for one in taken:
            try:
                standing = Standing(one.fired, one.id in live, one.queued_slot is not None)
                due.append(self._decide(one, now, standing, slots_taken.get(one.id, set())))
            except BROKEN as error:
                self._mark(session, one, now, error)
        return due

    def _decide(self, one: Schedule, now: datetime, standing: Standing, taken: set[datetime]) -> Due:
        job = self._job_named(one.kind)
        job.check(one.args)
        policies = Policies(Misfire(one.misfire), one.most_missed, Overlap(one.overlap))
        assert one.next_at is not None
        rule = one.rule
        return Due(one, rule, job, decide(rule, one.next_at, now, policies=policies, standing=standing, taken=taken))

    def _fire(self, session: Session, due: Sequence[Due], now: datetime) -> Done:
        """Record the slots, write the jobs of those that are ours, and move the schedules on."""
        won = shelf.record(
            session,
            [
                {"schedule_id": one.schedule.id, "slot": slot, "outcome": outcome.value, "note": None}
                for one in due
                for slot, outcome in one.decision.slots
            ],
        )
        mine = {
            one.schedule.id: [(slot, fate) for slot, fate in one.decision.slots if (one.schedule.id, slot) in won]
            for one in due
        }
        replacing = [of for of, fates in mine.items() if any(fate is Fired.REPLACED for _, fate in fates)]
        if cancelled := shelf.clear_the_way(session, replacing, by=BY):
            tell_unstarted(session, self._observer, "cancelled", cancelled)
            self._regret(session, Entry.id.in_(cancelled))
        slots = [
            (one, slot) for one in due for slot, fate in mine[one.schedule.id] if fate in (Fired.FIRED, Fired.REPLACED)
        ]
        self._make(session, [(one.schedule, one.job, slot) for one, slot in slots], now)
        shelf.move_on(session, [_move(one, mine[one.schedule.id], now) for one in due])
        missed = sum(fate is Fired.SKIPPED_LATE for fates in mine.values() for _, fate in fates)
        return Done(made=len(slots), missed=missed)

    def _make(self, session: Session, slots: Sequence[tuple[Schedule, Job, datetime]], now: datetime) -> None:
        if slots:
            uids = self._write_down(session, [request_for(one, job, slot, now) for one, job, slot in slots])
            named = {(one.id, slot): uid for (one, _, slot), uid in zip(slots, uids, strict=True)}
            shelf.name_jobs(session, named)

    def _fire_alone(self, session: Session, one: Due, now: datetime) -> Done:
        try:
            with session.begin_nested():
                return self._fire(session, [one], now)
        except REFUSED as error:
            self._mark(session, one.schedule, now, error)
        return Done()

    def _fire_queued(self, session: Session, one: Schedule) -> int:
        """Make the job of the slot that waited until no other job of its schedule lived; how many were made."""
        slot = one.queued_slot
        assert slot is not None
        try:
            with session.begin_nested():
                now = reader.now(session)
                self._make(session, [(one, self._job_named(one.kind), slot)], now)
                shelf.move_on(session, [{"id": one.id, "queued_slot": None, "last_fired_at": now}])
            return 1
        except REFUSED as error:
            shelf.note_failure(session, (one.id, slot), note=_told(error))
            shelf.move_on(session, [{"id": one.id, "queued_slot": None, "problem": _told(error)}])
        return 0

    def _mark(self, session: Session, one: Schedule, now: datetime, error: Exception) -> None:
        """Say what is wrong with a schedule, and let it come again later."""
        problem = _told(error)
        log.warning("schedule is broken", extra={"schedule": one.uid, "error": problem})
        shelf.record(session, _failed(one, now, problem))
        shelf.move_on(
            session, [{"id": one.id, "next_at": _after_problem(one, now), "checked_at": now, "problem": problem}]
        )


def request_for(
    one: Schedule, job: Job, slot: datetime | None, now: datetime, *, with_jitter: bool = True
) -> JobRequest:
    """The job that a slot of the schedule asks for."""
    run_at = slot + jitter(one.uid, slot, one.jitter_s) if slot is not None and with_jitter else None
    return JobRequest(
        job,
        one.args,
        priority=one.priority,
        queue=one.queue,
        run_at=run_at if run_at is not None and run_at > now else None,
        requested_by=one.requested_by or None,
        schedule_id=one.id,
        slot=slot,
    )


def jitter(uid: str, slot: datetime, most_s: int) -> timedelta:
    """By how much the run of a slot is put off: between nothing and so many seconds, always the same for a slot."""
    if not most_s:
        return timedelta()
    chance = int.from_bytes(sha256(f"{uid} {slot.isoformat()}".encode()).digest()[:8])
    return timedelta(milliseconds=chance % (most_s * 1000 + 1))


def _move(one: Due, fates: Sequence[tuple[datetime, Fired]], now: datetime) -> Mapping[str, Any]:
    fired = [slot for slot, fate in fates if fate in MADE_A_JOB]
    queued = [slot for slot, fate in fates if fate is Fired.QUEUED]
    return {
        "id": one.schedule.id,
        "next_at": one.decision.next_at,
        "checked_at": now,
        "fired": one.schedule.fired + len(fired),
        "last_fired_at": now if fired else one.schedule.last_fired_at,
        "queued_slot": queued[0] if queued else one.schedule.queued_slot,
        "problem": None,
    }


def _failed(one: Schedule, now: datetime, problem: str) -> list[Mapping[str, Any]]:
    """What is recorded of the slots that are due; of a rule that cannot be followed, the one that is known."""
    assert one.next_at is not None
    try:
        return fires_of_passed(one.id, one.rule, one.next_at, now, outcome=Fired.FAILED, note=problem)
    except BROKEN:
        return [{"schedule_id": one.id, "slot": one.next_at, "outcome": Fired.FAILED.value, "note": problem[:200]}]


def _after_problem(one: Schedule, now: datetime) -> datetime | None:
    """The schedule's next slot; where even that cannot be told, a while from now."""
    try:
        return next_after(one.rule, now)
    except BROKEN:
        return now + BROKEN_AGAIN


def _told(error: Exception) -> str:
    cause = error.orig if isinstance(error, StatementError) and error.orig is not None else error
    return f"{type(cause).__name__}: {cause}"[:2_000]
