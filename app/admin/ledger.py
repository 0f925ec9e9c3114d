"""Jobs, their attempts and the audit log in the staff area: to read."""

import re
from datetime import datetime
from typing import Any

from flask import url_for
from sqlalchemy import ColumnElement, Select, false, func, literal_column, or_, select, tuple_, union

from app.staff import (
    LATEST,
    Badge,
    Choice,
    During,
    Exactly,
    Pill,
    Search,
    Short,
    StaffPage,
    latest_keys_with,
    latest_with,
)
from app.units import milliseconds
from jobs import FAILED, SETTLED, Attempt, AuditRow, Entry, State, masked, masked_text

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


UID_START = re.compile(r"[0-9a-f]{8,32}")
AFTER_HEX = "g"
"""Sorts behind every digit of a public id."""
LOOKED_THROUGH = f"looked for in the latest {LATEST:,}"


def _latest_in(state: str) -> ColumnElement[bool]:
    """The latest jobs of a state. Asked for by id alone, a rare state would be looked for through the whole ledger."""
    return Entry.id.in_(_ids_in(State(state)).limit(LATEST))


def _ids_in(state: State) -> Select[Any]:
    # Written out: SQLite uses a partial index only where it reads the literal.
    ids = select(Entry.id).where(Entry.state == literal_column(f"'{state}'"))
    if state in SETTLED:
        ids = ids.where(Entry.finished_at.is_not(None)).order_by(Entry.finished_at.desc())
    return ids


def _jobs_with(word: str) -> ColumnElement[bool]:
    """Jobs by the beginning of their id, by their kind, or by words of it or of their error.

    What no index tells is looked for in the latest jobs and the latest failures: of each so many and no more.
    """
    of_kind = select(Entry.id).where(Entry.kind == word).order_by(Entry.id.desc())
    parts = [select(of_kind.limit(LATEST).subquery().c.id), _among(select(Entry.id).order_by(Entry.id.desc()), word)]
    parts += [_among(_ids_in(state), word) for state in FAILED]
    if UID_START.fullmatch(word.lower()):
        parts.append(select(_ids_from(word.lower()).subquery().c.id))
    return Entry.id.in_(union(*parts))


def _among(ids: Select[Any], word: str) -> Select[Any]:
    texts = (Entry.kind, Entry.error_class, Entry.error_message)
    latest = ids.add_columns(*texts).limit(LATEST).subquery()
    has_it = (func.lower(latest.c[one.key]).contains(word.lower(), autoescape=True) for one in texts)
    return select(latest.c.id).where(or_(*has_it))


def _ids_from(uid_start: str) -> Select[Any]:
    """The latest jobs whose public id begins so."""
    within = (Entry.uid >= uid_start, Entry.uid < uid_start + AFTER_HEX)
    return select(Entry.id).where(*within).order_by(Entry.uid.desc()).limit(LATEST)


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


def _attempts_with(word: str) -> ColumnElement[bool]:
    """Attempts of jobs whose id begins so, or with the word in their error or in the name of their worker."""
    keys = (Attempt.job_id, Attempt.attempt)
    found = latest_keys_with(word, Attempt.worker, Attempt.error_class, Attempt.error_message)
    if not UID_START.fullmatch(word.lower()):
        return tuple_(*keys).in_(found)
    of_jobs = select(*keys).where(Attempt.job_id.in_(select(_ids_from(word.lower()).subquery().c.id)))
    return tuple_(*keys).in_(union(found, of_jobs))


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
    search=Search(
        "id, kind, error",
        _jobs_with,
        f"An id by its first 8 signs or more; words are {LOOKED_THROUGH} jobs and failures.",
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
    search=Search(
        "job id, worker, error",
        _attempts_with,
        f"A job's id by its first 8 signs or more; words are {LOOKED_THROUGH} attempts.",
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
        "By way of": lambda one: one.channel,
        "What": lambda one: one.action.capitalize(),
        "To what": lambda one: one.subject,
    },
    sections={
        "Details": {"Details": lambda one: masked(one.told)},
        "Seal": {"Hash": lambda one: one.hash, "Hash before": lambda one: one.prev_hash},
    },
    filters=(
        Exactly("Who", lambda who: AuditRow.by == who),
        Exactly("What", lambda what: AuditRow.action == what.lower()),
        Exactly("Number", lambda text: AuditRow.id == number if (number := _number(text)) is not None else false()),
        During("When", AuditRow.at),
    ),
    search=Search(
        "who, what, to what",
        latest_with(AuditRow.by, AuditRow.action, AuditRow.subject),
        f"Words are {LOOKED_THROUGH} entries.",
    ),
)
