"""What can happen in the product, and how it is made known.

`announce` writes one job per follower into the transaction that is open: the fact and what follows from it commit
together. Who follows what is the business of `wiring.py` alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import ClassVar

from flask import current_app

from jobs import Job, JobRequest, engine_of

from . import logs
from .db import transaction


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
    followers: Followers = current_app.extensions["followers"]
    engine = engine_of()
    requests = [
        JobRequest(
            engine.job_named(job.name),
            event.content(),
            subject_kind=event.subject_kind,
            subject_id=event.subject_id,
            expires_at=expires_at,
            requested_by=by,
            request_id=logs.field("request_id"),
        )
        for event in events
        for job in followers.get(type(event), ())
    ]
    if not requests:
        return []
    with transaction() as session:
        return engine.write_down(session, requests)
