"""What people can do with schedules."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from app.background.services import check_queue, fitting, startable
from app.db import transaction
from app.discretion import told
from app.errors import Conflict, Invalid, NotAllowed, NotFound
from app.security import Person, is_theirs, manages_all_jobs, requester, steers_all_jobs
from jobs import (
    BadArguments,
    NameTaken,
    NoSuchSchedule,
    Rule,
    Schedule,
    ScheduleRequest,
    UnknownJob,
    Upcoming,
    engine_of,
    put_back,
    rule_of,
)

from . import queries

SHAPES = ("every", "cron", "rrule", "once")
OPTIONS = {"time_zone": "zone", "starts_at": "starts_at", "ends_at": "ends_at"} | {
    name: name for name in ("most_times", "jitter_s")
}
"""What belongs to a rule, as the API calls it and as the engine does."""
POLICY = ("name", "priority", "queue", "misfire", "most_missed", "overlap")
AS_TOLD = {"zone": "time_zone", "since": "from", "until": "to", "rule": ""}
FIRST_YEAR, LAST_YEAR = 1970, 2999
MOST_OF_ONE = 50
SHORTEST_GAP = timedelta(hours=1)
LOOKED_AT = 100
"""So many slots hold a day of any rule, and with it its shortest gap."""


def create(person: Person, given: Mapping[str, Any]) -> str:
    """Add a schedule, described by the words of the API; its public id.

    Raises:
        Invalid: also when they are no operator, and have `MOST_OF_ONE` or would have it run more than once an hour
        Conflict: they have one of this name
    """
    job = startable(person, given["kind"])
    args = fitting(person, job, given["args"])
    check_queue(person, job.name, given.get("queue"))
    with _told_by_field(), transaction():
        _check_number(person)
        policy = {name: given[name] for name in POLICY if name in given}
        request = ScheduleRequest(kind=job.name, rule=_allowed(person, _rule(given)), args=args, **policy)
        return engine_of().schedules.create(request, requested_by=requester(person.id), reason=given.get("reason"))


def change(person: Person, uid: str, given: Mapping[str, Any]) -> None:
    """Change some of it. With a new rule, or a part of one, its next slot is told anew from now on.

    What is hidden of the arguments where they are told stays as it was where it comes back so.

    Raises:
        NotFound, Invalid
        Conflict: there is one of this name
    """
    one = queries.schedule_of(person, uid)
    changes: dict[str, Any] = {name: given[name] for name in POLICY if name in given}
    if given.keys() & {"kind", "args"}:
        job = startable(person, given.get("kind", one.kind))
        shown = told(one.args, is_own=is_theirs(person, one.requested_by))
        args = put_back(given["args"], shown, one.args) if "args" in given else one.args
        changes |= {"kind": job.name, "args": fitting(person, job, args)}
    kind, queue = changes.get("kind", one.kind), changes.get("queue", one.queue)
    if (kind, queue) != (one.kind, one.queue):
        check_queue(person, kind, queue)
    with _told_by_field():
        if given.keys() & {*SHAPES, *OPTIONS}:
            changes["rule"] = _allowed(person, _rule({**_stored(one, given), **given}))
        engine_of().schedules.change(uid, by=requester(person.id), reason=given.get("reason"), **changes)


def delete(person: Person, uid: str, *, reason: str | None = None) -> None:
    """Remove it; its jobs stay. Somebody else's is removed by admins alone.

    Raises:
        NotFound, NotAllowed
    """
    one = queries.schedule_of(person, uid)
    if not is_theirs(person, one.requested_by) and not manages_all_jobs(person):
        raise NotAllowed("Only admins delete somebody else's schedule.")
    with _told_by_field():
        engine_of().schedules.delete(uid, by=requester(person.id), reason=reason)


def pause(person: Person, uid: str, *, reason: str | None) -> None:
    """Let it make no more jobs until it is resumed. Raises NotFound."""
    queries.schedule_of(person, uid)
    with _told_by_field():
        engine_of().schedules.pause(uid, by=requester(person.id), reason=reason)


def resume(person: Person, uid: str, *, reason: str | None = None) -> None:
    """Let it go on with its next slot. Raises NotFound."""
    queries.schedule_of(person, uid)
    with _told_by_field():
        engine_of().schedules.resume(uid, by=requester(person.id), reason=reason)


def run_now(person: Person, uid: str, *, reason: str | None = None) -> str:
    """Make a job of it at once; the job's public id.

    Raises:
        NotFound
        Conflict: its kind is gone, or does not take its arguments any more
    """
    queries.schedule_of(person, uid)
    with _told_by_field():
        return engine_of().schedules.run_now(uid, by=requester(person.id), reason=reason)


def backfill(
    person: Person, uid: str, *, since: datetime, until: datetime, reason: str | None = None
) -> list[tuple[datetime, str]]:
    """Make the jobs of the past slots in a range that made none; the slots with their jobs' public ids.

    Raises:
        NotFound, Invalid
        Conflict: its kind is gone, or does not take its arguments any more
    """
    queries.schedule_of(person, uid)
    for name, moment in (("from", since), ("to", until)):
        if not FIRST_YEAR <= moment.year <= LAST_YEAR:
            raise Invalid({name: f"The year must be between {FIRST_YEAR} and {LAST_YEAR}."})
    if until < since:
        raise Invalid({"to": "It must not be before the beginning."})
    with _told_by_field():
        return engine_of().schedules.backfill(uid, since=since, until=until, by=requester(person.id), reason=reason)


def preview(given: Mapping[str, Any]) -> tuple[str, list[Upcoming]]:
    """A rule in words, and its next slots. Raises Invalid."""
    with _told_by_field():
        return engine_of().schedules.preview(_rule(given))


def _check_number(person: Person) -> None:
    """Return when they may have one more."""
    if steers_all_jobs(person):
        return
    if len(engine_of().schedules.page(requested_by=requester(person.id), limit=MOST_OF_ONE)) == MOST_OF_ONE:
        raise Invalid({"name": f"You have {MOST_OF_ONE} schedules, and nobody may have more. Delete one first."})


def _allowed(person: Person, rule: Rule) -> Rule:
    """The rule, if they may have something run as often as it says."""
    if steers_all_jobs(person):
        return rule
    # Where no clocks are changed: what they do to a daily rule once a year makes it no hasty one.
    _, slots = engine_of().schedules.preview(replace(rule, zone="UTC"), count=LOOKED_AT)
    if any(later.at - one.at < SHORTEST_GAP for one, later in pairwise(slots)):
        raise Invalid({rule.kind.value: "It may run once an hour at most. An operator may have it run more often."})
    return rule


def _rule(given: Mapping[str, Any]) -> Rule:
    options = {OPTIONS[name]: given[name] for name in OPTIONS if name in given}
    return rule_of(**{name: given[name] for name in SHAPES if name in given}, **options)


def _stored(one: Schedule, given: Mapping[str, Any]) -> dict[str, Any]:
    """Its rule in the words of the API; without its shape when another is given."""
    told = {name: getattr(one, stored) for name, stored in OPTIONS.items()}
    if not given.keys() & set(SHAPES):
        return told | {one.rule_kind: one.rule_text}
    if one.rule_kind == "rrule" and "COUNT=" in one.rule_text.upper():
        told["most_times"] = None  # it was the old rule's
    return told


@contextmanager
def _told_by_field() -> Iterator[None]:
    """What the engine refuses, as a problem; what it says begins with the field."""
    try:
        yield
    except NoSuchSchedule:
        raise NotFound(queries.NOT_THERE) from None
    except (NameTaken, UnknownJob, BadArguments) as error:
        raise Conflict(str(error)) from None
    except ValueError as error:
        field, _, text = str(error).partition(": ")
        raise Invalid({AS_TOLD.get(field, field): f"{text[:1].upper()}{text[1:]}."}) from None
