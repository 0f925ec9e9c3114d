"""What people and operators can do with schedules."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, null, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from jobs.dispatch.outbox import new_uid
from jobs.errors import NameTaken, NoSuchSchedule
from jobs.host import Host
from jobs.ledger import audit, reader
from jobs.ledger.models import Entry
from jobs.ledger.moments import db_now
from jobs.redaction import masked, without_secrets
from jobs.registry import HIGHEST, LOWEST, Job
from jobs.transactions import retrying

from . import shelf
from .decision import MOST_MISSED
from .firing import Write, request_for
from .models import MADE_A_JOB, Fired, Misfire, Overlap, Schedule, ScheduleFire
from .passed import fires_of_passed
from .rules import Rule, RuleKind, Upcoming, next_after, upcoming
from .words import in_words

LONGEST_NAME = 80
LONGEST_REASON = 200
WAS_PAUSED = "The schedule was paused."
MOST_BACKFILLED = 1_000
ON_A_PAGE = 50


@dataclass(frozen=True, slots=True)
class ScheduleRequest:
    """What should run when: a kind of job by its name, its arguments, and a rule.

    `priority` and `queue` are the kind's own unless given. Slots that were missed while no scheduler ran are skipped,
    made up for by the latest one, or by all of them up to `most_missed`. A slot whose forerunner still lives makes its
    job all the same, is skipped, waits (one at most), or replaces it.
    """

    name: str
    kind: str
    rule: Rule
    args: Mapping[str, Any] = field(default_factory=dict)
    priority: int | None = None
    misfire: Misfire = Misfire.ONE
    most_missed: int = 10
    overlap: Overlap = Overlap.ALLOW
    queue: str | None = None


class ScheduleBook:
    """The schedules of an engine."""

    def __init__(
        self, host: Host, job_named: Callable[[str], Job], queues: Callable[[], Sequence[str]], write_down: Write
    ) -> None:
        self._host = host
        self._job_named = job_named
        self._queues = queues
        self._write_down = write_down

    # -- changing ---------------------------------------------------------------------------------------------------

    @retrying
    def create(
        self,
        request: ScheduleRequest,
        *,
        requested_by: str | None = None,
        by: str | None = None,
        reason: str | None = None,
    ) -> str:
        """Add a schedule; its public id. It is `requested_by`'s, and made by somebody else when `by` says so.

        Raises:
            UnknownJob, BadArguments, NameTaken
            ValueError: something is out of range, or the rule has no run to come; the text names the field.
        """
        with self._host.transaction() as session:
            values = {**self._values(request), **_timed(request.rule, reader.now(session))}
            uid = self._insert(session, {**values, "uid": new_uid(), "requested_by": requested_by or ""})
            one = _locked(session, uid)
            _note(session, one, "create", by=by or requested_by, before=None, after=_told(one), reason=reason)
            return uid

    @retrying
    def change(self, uid: str, *, by: str | None = None, reason: str | None = None, **changes: Any) -> None:
        """Change some of a schedule's `ScheduleRequest`; with a new rule, its next slot is told anew from now on.

        Raises:
            NoSuchSchedule, UnknownJob, BadArguments, NameTaken, ValueError
        """
        with self._host.transaction() as session:
            one = _locked(session, uid)
            values = self._values(replace(request_of(one, rule=changes.get("rule")), **changes))
            if "rule" in changes:
                if one.is_paused:
                    _record_passed(session, one, reader.now(session))
                values |= _timed(changes["rule"], reader.now(session), fired=one.fired)
            before = _told(one)
            self._update(session, one, {**values, "changed_at": db_now(), "problem": null()})
            after = _told(_locked(session, uid))
            changed = [name for name in after if after[name] != before[name]]
            told = {word: {name: of[name] for name in changed} for word, of in (("before", before), ("after", after))}
            _note(session, one, "change", by=by, **told, reason=reason)

    @retrying
    def pause(self, uid: str, *, by: str | None, reason: str | None = None) -> None:
        """Let the schedule make no more jobs until it is resumed. Pausing twice changes nothing.

        Raises:
            NoSuchSchedule
        """
        with self._host.transaction() as session:
            one = _locked(session, uid)
            if not one.is_paused:
                told = reason[:LONGEST_REASON] if reason else None
                self._update(session, one, {"paused_at": db_now(), "paused_by": by, "pause_reason": told})
                words: dict[str, Any] = {"before": {"is_paused": False}, "after": {"is_paused": True}}
                self._note_unless_own(session, one, "pause", by=by, **words, reason=told)

    @retrying
    def resume(self, uid: str, *, by: str | None = None, reason: str | None = None) -> None:
        """Let the schedule go on with its next slot from now; slots that passed while it was paused were skipped.

        Raises:
            NoSuchSchedule
        """
        with self._host.transaction() as session:
            one = _locked(session, uid)
            if one.is_paused:
                before = {"is_paused": True, "by": one.paused_by, "reason": one.pause_reason}
                now = reader.now(session)
                _record_passed(session, one, now)
                nobody = {"paused_at": null(), "paused_by": null(), "pause_reason": null()}
                self._update(session, one, {**nobody, "next_at": _resumed_at(one, now)})
                words: dict[str, Any] = {"before": before, "after": {"is_paused": False}}
                self._note_unless_own(session, one, "resume", by=by, **words, reason=reason)

    @retrying
    def delete(self, uid: str, *, by: str | None = None, reason: str | None = None) -> None:
        """Remove a schedule. Its jobs stay.

        Raises:
            NoSuchSchedule
        """
        with self._host.transaction() as session:
            one = _locked(session, uid)
            _note(session, one, "delete", by=by, before=_told(one), after=None, reason=reason)
            shelf.forget(session, one.id)

    # -- making jobs by hand ----------------------------------------------------------------------------------------

    @retrying
    def run_now(self, uid: str, *, by: str | None, reason: str | None = None) -> str:
        """Make a job of the schedule at once, paused or not, beside its slots; the job's public id.

        Raises:
            NoSuchSchedule, UnknownJob, BadArguments
        """
        with self._host.transaction() as session:
            one = _locked(session, uid)
            now = reader.now(session)
            note = f"by hand, by {by}" if by else "by hand"
            shelf.record_anew(session, one.id, [now], note=note[:200])
            job_uid = self._make(session, one, [now], now)[0]
            self._note_unless_own(session, one, "run now", by=by, after={"job": job_uid}, reason=reason)
            return job_uid

    @retrying
    def backfill(
        self, uid: str, *, since: datetime, until: datetime, by: str | None, reason: str | None = None
    ) -> list[tuple[datetime, str]]:
        """Make the jobs of those slots from `since` to `until` that made none; the slots with their jobs' public ids.

        They do not count towards `most_times`. Done twice, the second time finds nothing.

        Raises:
            NoSuchSchedule, UnknownJob, BadArguments
            ValueError: the range is not over yet, or holds too many slots.
        """
        with self._host.transaction() as session:
            one = _locked(session, uid)
            now = reader.now(session)
            slots = _slots_between(one.rule, since, until, now)
            note = f"backfilled by {by}" if by else "backfilled"
            mine = sorted(shelf.record_anew(session, one.id, slots, note=note[:200]))
            made = self._make(session, one, mine, now)
            if made:
                asked = {"since": since.isoformat(), "until": until.isoformat()}
                after = {"jobs": len(made)}
                self._note_unless_own(session, one, "backfill", by=by, **asked, after=after, reason=reason)
            return list(zip(mine, made, strict=True))

    def _note_unless_own(self, session: Session, one: Schedule, action: str, *, by: str | None, **details: Any) -> None:
        """What people do with their own schedules makes no more jobs than these did."""
        if audit.is_of_note(one.requested_by, by=by, is_operator=self._host.allow("act")):
            _note(session, one, action, by=by, **details)

    def _make(self, session: Session, one: Schedule, slots: Sequence[datetime], now: datetime) -> list[str]:
        if not slots:
            return []
        job = self._job_named(one.kind)
        requests = [request_for(one, job, slot, now, with_jitter=False) for slot in slots]
        uids = self._write_down(session, requests)
        shelf.name_jobs(session, {(one.id, slot): uid for slot, uid in zip(slots, uids, strict=True)})
        return uids

    # -- looking ----------------------------------------------------------------------------------------------------

    def get(self, uid: str) -> Schedule:
        """The schedule with this public id.

        Raises:
            NoSuchSchedule
        """
        found = self._host.reading().scalars(select(Schedule).where(Schedule.uid == uid)).first()
        if found is None:
            raise NoSuchSchedule(uid)
        return found

    def page(
        self, *, requested_by: str | None = None, before_id: int | None = None, limit: int = ON_A_PAGE
    ) -> Sequence[Schedule]:
        """Schedules, newest first, from below `before_id`: everybody's, or those of one owner."""
        query = select(Schedule).order_by(Schedule.id.desc()).limit(limit)
        if requested_by is not None:
            query = query.where(Schedule.requested_by == requested_by)
        if before_id is not None:
            query = query.where(Schedule.id < before_id)
        return self._host.reading().scalars(query).all()

    def fires(self, uid: str, *, before: datetime | None = None, limit: int = ON_A_PAGE) -> Sequence[ScheduleFire]:
        """What became of the schedule's slots, newest slot first.

        Raises:
            NoSuchSchedule
        """
        query = select(ScheduleFire).where(ScheduleFire.schedule_id == self.get(uid).id)
        if before is not None:
            query = query.where(ScheduleFire.slot < before)
        return self._host.reading().scalars(query.order_by(ScheduleFire.slot.desc()).limit(limit)).all()

    def jobs(self, uid: str, *, before_id: int | None = None, limit: int = ON_A_PAGE) -> Sequence[Entry]:
        """The jobs the schedule made, newest first.

        Raises:
            NoSuchSchedule
        """
        query = select(Entry).where(Entry.schedule_id == self.get(uid).id)
        if before_id is not None:
            query = query.where(Entry.id < before_id)
        return self._host.reading().scalars(query.order_by(Entry.id.desc()).limit(limit)).all()

    def preview(self, what: Rule | str, *, count: int = 20) -> tuple[str, list[Upcoming]]:
        """A rule, or the schedule with this public id: in words, and its next slots from now on.

        Raises:
            NoSuchSchedule, ValueError
        """
        now = reader.now(self._host.reading())
        if isinstance(what, Rule):
            rule = what.anchored(now)
            return in_words(rule), upcoming(rule, now, count)
        one = self.get(what)
        return in_words(one.rule), upcoming(one.rule, now, count, fired=one.fired)

    def to_backfill(self, uid: str, *, since: datetime, until: datetime) -> list[datetime]:
        """The slots from `since` to `until` that made no job, oldest first: what `backfill` would make jobs of.

        Raises:
            NoSuchSchedule
            ValueError: the range is not over yet, or holds too many slots.
        """
        one, session = self.get(uid), self._host.reading()
        slots = _slots_between(one.rule, since, until, reader.now(session))
        made = select(ScheduleFire.slot).where(
            ScheduleFire.schedule_id == one.id,
            ScheduleFire.slot >= since - timedelta(seconds=1),
            ScheduleFire.slot <= until,
            ScheduleFire.outcome.in_([str(outcome) for outcome in MADE_A_JOB]),
        )
        done = set(session.scalars(made))
        return [slot for slot in slots if slot not in done]

    # -- inside -----------------------------------------------------------------------------------------------------

    def _values(self, request: ScheduleRequest) -> dict[str, Any]:
        """What is stored of a request besides its rule."""
        _check(request)
        job = self._job_named(request.kind)
        job.check(request.args)
        if request.queue is not None and request.queue not in (queues := self._queues()):
            raise ValueError(f"queue: choose one of: {', '.join(queues)}")
        return {
            "name": request.name.strip(),
            "kind": job.name,
            "args": dict(request.args),
            "priority": request.priority,
            "misfire": Misfire(request.misfire).value,
            "most_missed": request.most_missed,
            "overlap": Overlap(request.overlap).value,
            "queue": request.queue,
        }

    def _insert(self, session: Session, values: Mapping[str, Any]) -> str:
        try:
            with session.begin_nested():
                session.connection().execute(insert(shelf.schedule).values(**values))
        except IntegrityError:
            raise NameTaken(f"There is a schedule called {values['name']} already.") from None
        return str(values["uid"])

    def _update(self, session: Session, one: Schedule, values: Mapping[str, Any]) -> None:
        try:
            with session.begin_nested():
                session.connection().execute(
                    update(shelf.schedule).where(shelf.schedule.c.id == one.id).values(**values)
                )
        except IntegrityError:
            raise NameTaken(f"There is a schedule called {values.get('name')} already.") from None


def request_of(one: Schedule, *, rule: Rule | None = None) -> ScheduleRequest:
    """What the schedule was asked to be; with this rule instead of its own, which may be broken.

    Raises:
        ValueError: its own rule is broken.
    """
    plain = {each.name: getattr(one, each.name) for each in fields(ScheduleRequest) if each.name != "rule"}
    words = {"misfire": Misfire(one.misfire), "overlap": Overlap(one.overlap)}
    return ScheduleRequest(**{**plain, **words, "rule": rule or one.rule})


def _told(one: Schedule) -> dict[str, Any]:
    """What the audit log tells of a schedule."""
    plain = ("name", "kind", "args", "priority", "queue", "misfire", "most_missed", "overlap", "requested_by")
    rule = ("rule_kind", "rule_text", "zone", "starts_at", "ends_at", "most_times", "jitter_s")
    return {name: getattr(one, name) for name in (*plain, *rule)}


def _timed(rule: Rule, now: datetime, *, fired: int = 0) -> dict[str, Any]:
    """What is stored of a rule that begins now, of a schedule that has fired so often."""
    rule = rule.anchored(now)
    first = next_after(rule, now)
    if first is None:
        raise ValueError("rule: it has no run to come")
    is_over = rule.most_times is not None and fired >= rule.most_times
    return {
        "rule_kind": RuleKind(rule.kind).value,
        "rule_text": rule.text,
        **{name: getattr(rule, name) for name in ("zone", "starts_at", "ends_at", "most_times", "jitter_s")},
        "next_at": None if is_over else first,
    }


def _check(request: ScheduleRequest) -> None:
    name = request.name.strip()
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise ValueError(f"name: between 1 and {LONGEST_NAME} printable characters are needed")
    if request.priority is not None and not HIGHEST <= request.priority <= LOWEST:
        raise ValueError(f"priority: must be between {HIGHEST} and {LOWEST}")
    if not 1 <= request.most_missed <= MOST_MISSED:
        raise ValueError(f"most_missed: must be between 1 and {MOST_MISSED}")
    for field_name, words in (("misfire", Misfire), ("overlap", Overlap)):
        if getattr(request, field_name) not in list(words):
            raise ValueError(f"{field_name}: must be one of {', '.join(words)}")


def _locked(session: Session, uid: str) -> Schedule:
    """The schedule, held until the transaction ends, so that no slot of it fires meanwhile."""
    found = session.scalars(
        select(Schedule).where(Schedule.uid == uid).with_for_update().execution_options(populate_existing=True)
    ).first()
    if found is None:
        raise NoSuchSchedule(uid)
    return found


def _note(session: Session, one: Schedule, action: str, *, by: str | None, **details: Any) -> None:
    """What makes a schedule, changes or removes it is written down whoever does it: it makes jobs for ever."""
    told = masked({"name": one.name, **without_secrets(details)})
    audit.append(session, by=by, action=action, subject=f"schedule {one.uid}", details=told)


def _record_passed(session: Session, one: Schedule, now: datetime) -> None:
    """Write down the slots that passed during a pause. A rule that cannot be followed has none that could be named."""
    if one.next_at is not None and one.next_at <= now:
        with suppress(ValueError):
            fires = fires_of_passed(one.id, one.rule, one.next_at, now, outcome=Fired.SKIPPED_LATE, note=WAS_PAUSED)
            shelf.record(session, fires)


def _resumed_at(one: Schedule, now: datetime) -> datetime | None:
    try:
        return None if one.next_at is None else next_after(one.rule, now)
    except ValueError:
        return now  # the next sweep says what is wrong with it


def _slots_between(rule: Rule, since: datetime, until: datetime, now: datetime) -> list[datetime]:
    if until > now:
        raise ValueError("until: only slots that have passed can be backfilled")
    slots: list[datetime] = []
    slot = next_after(rule, since - timedelta(seconds=1))
    while slot is not None and slot <= until:
        if len(slots) == MOST_BACKFILLED:
            raise ValueError(f"since: the range holds more than {MOST_BACKFILLED} slots")
        slots.append(slot)
        slot = next_after(rule, slot)
    return slots
