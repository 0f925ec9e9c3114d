"""What can happen in the product, and how it is made known.

`announce` writes one job per follower into the transaction that is open: the fact and what follows from it commit
together. Who follows what is the business of `wiring.py` alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, ClassVar

from flask import current_app

from jobs import Job, JobRequest, engine_of

from . import logs
from .db import transaction
from .question import Question


@dataclass(frozen=True, slots=True)
class Event:
    """A past fact. Its fields become its followers' arguments; the first field, if any, is the id of its subject."""

    subject_kind: ClassVar[str]

    @property
    def subject_id(self) -> int | None:
        """The id of what it happened to; None when there is only one of it."""
        own = fields(self)
        return int(getattr(self, own[0].name)) if own else None

    def content(self) -> dict[str, object]:
        """Its fields by name."""
        return {one.name: getattr(self, one.name) for one in fields(self)}


@dataclass(frozen=True, slots=True)
class ActivityLogged(Event):
    """An activity was written down, changed in what its energy depends on, or is to be counted again."""

    subject_kind: ClassVar[str] = "activity"
    activity_id: int


@dataclass(frozen=True, slots=True)
class ActivityCounted(Event):
    """An activity has its energy."""

    subject_kind: ClassVar[str] = "activity"
    activity_id: int


@dataclass(frozen=True, slots=True)
class MetChanged(Event):
    """A kind of activity has another MET, and what was counted with the old one is to be counted again."""

    subject_kind: ClassVar[str] = "setting_change"
    change_id: int
    kind: str
    met: str


@dataclass(frozen=True, slots=True)
class ReportRequested(Event):
    """Somebody wants a report."""

    subject_kind: ClassVar[str] = "report"
    report_id: int


@dataclass(frozen=True, slots=True)
class PlanRequested(Event):
    """Somebody wants a workout plan."""

    subject_kind: ClassVar[str] = "plan"
    plan_id: int


@dataclass(frozen=True, slots=True)
class AlertRaised(Event):
    """People are to be told of an alert."""

    subject_kind: ClassVar[str] = "alert"
    alert_id: int


@dataclass(frozen=True, slots=True)
class StatisticsOutdated(Event):
    """Somebody's statistics miss something."""

    subject_kind: ClassVar[str] = "person"
    user_id: int


@dataclass(frozen=True, slots=True)
class LeaderboardsOutdated(Event):
    """The leaderboards are to be worked out again."""

    subject_kind: ClassVar[str] = "leaderboards"


@dataclass(frozen=True, slots=True)
class ReminderDue(Event):
    """Somebody who wants to be reminded has not logged for as long as they said, on this day of theirs (ISO 8601)."""

    subject_kind: ClassVar[str] = "person"
    user_id: int
    day: str


Followers = Mapping[type[Event], Sequence[Job]]


def announce(*events: Event, by: str | None = None, expires_at: datetime | None = None) -> list[str]:
    """Write down, with one statement, the jobs that follow from these events; they commit with what caused them.

    `by` is who asked for them, as `security.requester` says it; what has not begun at `expires_at` is left undone.
    Gives the public ids of the jobs, in the order of the events and their followers.
    """
    engine = engine_of()
    requests = [
        _request(engine.job_named(job.name), event, by=by, expires_at=expires_at)
        for event in events
        for job in _followers_of(type(event))
    ]
    if not requests:
        return []
    with transaction() as session:
        return engine.write_down(session, requests)


def announce_made(
    make: Question, values: Mapping[str, Any], event: Event, *, by: str, alone: bool
) -> tuple[int, str] | None:
    """On PostgreSQL, make a row and announce it in one statement; the ids of the row and of the job that follows.

    `make` gives the `id` of the new row, for which `UNMADE` stands in the event. None if no row was made, and if
    what follows takes more than one statement; then nothing was done. What is `alone` in its transaction may be
    committed when this returns.
    """
    engine, followers = engine_of(), _followers_of(type(event))
    if len(followers) != 1:
        return None
    request = _request(engine.job_named(followers[0].name), event, by=by)
    with transaction() as session:
        cause = make.as_cause(session.get_bind().dialect, values)
        return engine.write_down_with(session, cause, request, alone=alone)


def _followers_of(event: type[Event]) -> Sequence[Job]:
    followers: Followers = current_app.extensions["followers"]
    return followers.get(event, ())


def _request(job: Job, event: Event, *, by: str | None, expires_at: datetime | None = None) -> JobRequest:
    return JobRequest(
        job,
        event.content(),
        subject_kind=event.subject_kind,
        subject_id=event.subject_id,
        expires_at=expires_at,
        requested_by=by,
        request_id=logs.field("request_id"),
    )
