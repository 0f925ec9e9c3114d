"""Jobs, their attempts and the audit log in the staff area: to read."""

from datetime import datetime
from typing import Any

from flask import url_for
from sqlalchemy import ColumnElement, false, literal_column, select

from app.staff import Badge, Choice, During, Exactly, Pill, Short, StaffPage
from app.units import milliseconds
from jobs import Attempt, AuditRow, Entry, State, masked, masked_text

LATEST = 10_000
SETTLED = {State.SUCCEEDED, State.CANCELLED, State.DEAD, State.PARKED}
PILLS = {
    State.BLOCKED: ("scheduled", "Blocked"),
    State.SCHEDULED: ("scheduled", "Scheduled"),
    State.READY: ("queued", "Queued"),
    State.RUNNING: ("running", "Running"),
    State.SUCCEEDED: ("done", "Done"),
    State.CANCELLED: ("cancelled", "Cancelled"),
    State.DEAD: ("failed", "Failed"),
    State.PARKED: ("failed", "Parked"),
}
OUTCOMES = {"succeeded": "ok", "failed": "bad", "gave up": "bad", "lost": "warn", "interrupted": "warn"}
KNOWN_OUTCOMES = ("succeeded", "failed", "gave up", "snoozed", "interrupted", "cancelled", "lost")


def _latest_in(state: str) -> ColumnElement[bool]:
    """The latest jobs of a state. Asked for by id alone, a rare state would be looked for through the whole ledger."""
    # Written out: SQLite uses a partial index only where it reads the literal. The filter lets only states through.
    ids = select(Entry.id).where(Entry.state == literal_column(f"'{State(state)}'"))
    if State(state) in SETTLED:
        ids = ids.where(Entry.finished_at.is_not(None)).order_by(Entry.finished_at.desc())
    return Entry.id.in_(ids.limit(LATEST))


def _error_of(one: Entry | Attempt) -> str | None:
    """What went wrong last, without what tells who somebody is."""
    return f"{one.error_class}: {masked_text(one.error_message or '')}" if one.error_class else None


def _took(began: datetime | None, ended: datetime | None) -> str | None:
    if began is None or ended is None:
        return None
    return milliseconds(max(0, round((ended - began).total_seconds() * 1000)))


def _job(uid: str) -> Short:
    return Short(uid, url_for("console.job", uid=uid))


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _of_job(text: str) -> ColumnElement[bool]:
    """By its public id, or by its number in the ledger."""
    number = _number(text)
    return Attempt.job_id == number if number is not None else Attempt.job_id.in_(_numbers_of(text))


def _numbers_of(uid: str) -> Any:
    return select(Entry.id).where(Entry.uid == uid.lower())


JOBS = StaffPage(
    key="jobs",
    title="Jobs",
    icon="bolt",
    model=Entry,
    columns={
        "Job id": lambda one: Short(one.uid),
        "Kind": lambda one: one.kind,
        "Queue": lambda one: one.queue,
        "State": lambda one: Pill(*PILLS[State(one.state)]),
        "Tries": lambda one: f"{one.attempt} of {one.max_retries + 1}",
        "Took": lambda one: _took(one.started_at, one.finished_at),
        "Created": lambda one: one.created_at,
    },
    sections={
        "The job": {
            "Whole id": lambda one: one.uid,
            "Priority": lambda one: one.priority,
            "Asked for by": lambda one: one.requested_by,
            "About": lambda one: f"{one.subject_kind} {one.subject_id}" if one.subject_kind else None,
        },
        "How it went": {
            "Due": lambda one: one.run_at,
            "Started": lambda one: one.started_at,
            "Finished": lambda one: one.finished_at,
            "Waited": lambda one: _took(one.ready_at, one.started_at),
            "Worker": lambda one: one.worker,
            "Failures": lambda one: one.failures,
            "Error": _error_of,
        },
    },
    filters=(
        Choice("State", {state.value: PILLS[state][1] for state in State}, _latest_in),
        Exactly("Kind", lambda kind: Entry.kind == kind),
        Exactly("Job id", lambda uid: Entry.uid == uid.lower()),
        During("Created", Entry.created_at),
    ),
    elsewhere=lambda one: url_for("console.job", uid=one.uid),
)

ATTEMPTS = StaffPage(
    key="attempts",
    title="Attempts",
    icon="undo",
    model=Attempt,
    columns={
        "Job": lambda one: one.job_id,
        "Attempt": lambda one: one.attempt,
        "Outcome": lambda one: Badge(one.outcome.capitalize(), OUTCOMES.get(one.outcome, "")),
        "Took": lambda one: _took(one.started_at, one.finished_at),
        "Waited": lambda one: _took(one.ready_at, one.started_at),
        "Worker": lambda one: one.worker,
        "Error": _error_of,
        "Finished": lambda one: one.finished_at,
    },
    filters=(
        Exactly("Job", _of_job),
        Choice(
            "Outcome",
            {one: one.capitalize() for one in KNOWN_OUTCOMES},
            lambda one: Attempt.outcome == one,
        ),
        During("Finished", Attempt.finished_at),
    ),
)

AUDIT = StaffPage(
    key="audit",
    title="Audit log",
    icon="eye",
    model=AuditRow,
    columns={
        "Number": lambda one: one.id,
        "When": lambda one: one.at,
        "Who": lambda one: one.by,
        "What": lambda one: one.action.capitalize(),
        "To what": lambda one: one.subject,
    },
    sections={
        "Details": {"Details": lambda one: masked(one.details)},
        "Seal": {"Hash": lambda one: one.hash, "Hash before": lambda one: one.prev_hash},
    },
    filters=(
        Exactly("Who", lambda who: AuditRow.by == who),
        Exactly("What", lambda what: AuditRow.action == what.lower()),
        Exactly("Number", lambda text: AuditRow.id == number if (number := _number(text)) is not None else false()),
        During("When", AuditRow.at),
    ),
)
