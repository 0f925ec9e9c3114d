"""Reading what was tried on the workbench."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from app.accounts.models import User
from app.db import reading
from app.errors import NotFound
from app.security import Person, requester
from jobs import Entry, NoSuchWorkflow, State, StepBrief, WorkflowBrief, engine_of
from jobs.metrics import alive

UID = re.compile(r"[0-9a-f]{32}", re.ASCII)
SUBJECT = "workbench"
"""What jobs tried on the workbench are about: the person who tries."""
RECENT = 10
STEPS_SHOWN = 120
ON_SUCCESS = "on success"
"""What the engine calls the step that tells of success: what it says is no result."""
COUNT_UP_TO = 10_000


def job_of(person: Person, uid: str) -> Entry:
    """A job that the person asked for; for admins anybody's. Raises NotFound."""
    found = reading().scalar(select(Entry).where(Entry.uid == uid)) if UID.fullmatch(uid) else None
    if found is None or not (person.is_admin or found.requested_by == requester(person.id)):
        raise NotFound("There is no such job.")
    return found


def entry_of(uid: str) -> Entry:
    """The job with this id."""
    return reading().scalars(select(Entry).where(Entry.uid == uid)).one()


def flow_of(person: Person, uid: str) -> WorkflowBrief:
    """A workflow that the person asked for; for admins anybody's. Raises NotFound."""
    if not UID.fullmatch(uid):
        raise NotFound("There is no such workflow.")
    try:
        found = engine_of().workflows.look(uid)
    except NoSuchWorkflow:
        raise NotFound("There is no such workflow.") from None
    if not (person.is_admin or found.requested_by == requester(person.id)):
        raise NotFound("There is no such workflow.")
    return found


def is_flow(uid: str) -> bool:
    """Whether this is the id of a workflow."""
    try:
        engine_of().workflows.look(uid if UID.fullmatch(uid) else "")
    except NoSuchWorkflow:
        return False
    return True


def steps_of(flow: WorkflowBrief) -> list[StepBrief]:
    """The first steps of a workflow, in their order."""
    return engine_of().workflows.steps(flow.uid, limit=STEPS_SHOWN)[:STEPS_SHOWN]


def result_of(flow: WorkflowBrief) -> Any:
    """What the last steps of a workflow came to: the result of one, or a list; None until it has succeeded.

    None again when it is not kept any more.
    """
    if flow.state != "succeeded" or result_gone_at(flow):
        return None
    steps = steps_of(flow)
    steps = [step for step in steps if step.name != ON_SUCCESS]
    inner = {name for step in steps for name in step.after}
    last = [step.uid for step in steps if step.name not in inner and step.state == State.SUCCEEDED]
    chosen = select(Entry.uid, Entry.result).where(Entry.uid.in_(last))
    found = {str(row.uid): row.result for row in reading().execute(chosen)}
    results = [found.get(uid) for uid in last]
    return results[0] if len(results) == 1 else results


def result_gone_at(flow: WorkflowBrief) -> datetime | None:
    """Since when not everything that a workflow came to is kept any more; None while it is."""
    return engine_of().workflows.results_gone_at(flow.uid)


def recent_of(person: Person, *, limit: int = RECENT) -> Sequence[Entry]:
    """The newest jobs that the person tried."""
    query = select(Entry).where(Entry.subject_kind == SUBJECT, Entry.subject_id == person.id)
    return reading().scalars(query.order_by(Entry.id.desc()).limit(limit)).all()


def recent_flows_of(person: Person, *, limit: int = RECENT) -> list[WorkflowBrief]:
    """The newest workflows that the person started."""
    return engine_of().workflows.page(requested_by=requester(person.id), limit=limit)[:limit]


def counts_of(person: Person) -> dict[str, int]:
    """How many of the person's newest 10,000 jobs are in each state."""
    mine = select(Entry.state).where(Entry.subject_kind == SUBJECT, Entry.subject_id == person.id)
    some = mine.order_by(Entry.id.desc()).limit(COUNT_UP_TO).subquery()
    counted = select(some.c.state, func.count().label("number")).group_by(some.c.state)
    found = {str(row.state): int(row.number) for row in reading().execute(counted)}
    return {state.value: found.get(state.value, 0) for state in State}


def workers_alive() -> int:
    """How many workers were heard of within a lease."""
    return sum(one.role == "worker" for one in alive(reading(), within_s=engine_of().lease_s))


def health() -> dict[str, Any]:
    """How many workers were heard of lately, and how many jobs run, are ready and are scheduled (up to 10,000)."""
    found = {"workers": workers_alive()}
    for state in (State.RUNNING, State.READY, State.SCHEDULED):
        some = select(Entry.id).where(Entry.state == state).limit(COUNT_UP_TO).subquery()
        found[state.value] = reading().scalar(select(func.count()).select_from(some)) or 0
    return found


def addresses_of(user_ids: Sequence[int]) -> list[str]:
    """The e-mail addresses of those of these people who have one, in the order of their numbers."""
    found = reading().execute(select(User.id, User.email).where(User.id.in_(user_ids), User.email.is_not(None)))
    return [str(row.email) for row in sorted(found, key=lambda row: row.id)]
