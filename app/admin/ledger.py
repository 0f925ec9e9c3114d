"""Jobs in the staff area."""

from flask import url_for
from sqlalchemy import ColumnElement, literal_column, select

from app.staff import Choice, Exactly, StaffPage
from jobs import Entry, State

LATEST = 10_000
SETTLED = {State.SUCCEEDED, State.CANCELLED, State.DEAD, State.PARKED}


def _latest_in(state: str) -> ColumnElement[bool]:
    """The latest jobs of a state. Asked for by id alone, a rare state would be looked for through the whole ledger."""
    # Written out: SQLite uses a partial index only where it reads the literal. The filter lets only states through.
    ids = select(Entry.id).where(Entry.state == literal_column(f"'{State(state)}'"))
    if State(state) in SETTLED:
        ids = ids.where(Entry.finished_at.is_not(None)).order_by(Entry.finished_at.desc())
    return Entry.id.in_(ids.limit(LATEST))


JOBS = StaffPage(
    key="jobs",
    title="Jobs",
    icon="bolt",
    model=Entry,
    columns={
        "Job id": lambda one: one.uid,
        "Kind": lambda one: one.kind,
        "Queue": lambda one: one.queue,
        "State": lambda one: one.state,
        "Tries": lambda one: one.attempt,
        "Created": lambda one: one.created_at,
        "Finished": lambda one: one.finished_at,
    },
    details={
        "Priority": lambda one: one.priority,
        "Failures": lambda one: one.failures,
        "Worker": lambda one: one.worker,
        "About": lambda one: f"{one.subject_kind} {one.subject_id}" if one.subject_kind else None,
        "Due": lambda one: one.run_at,
        "Started": lambda one: one.started_at,
        "Error": lambda one: f"{one.error_class}: {one.error_message}" if one.error_class else None,
    },
    filters=(
        Choice("State", {state.value: state.capitalize() for state in State}, _latest_in),
        Exactly("Kind", lambda kind: Entry.kind == kind),
        Exactly("Job id", lambda uid: Entry.uid == uid.lower()),
    ),
    elsewhere=lambda one: url_for("console.job", uid=one.uid),
)
