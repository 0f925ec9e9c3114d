"""Reading workflows: a person's own, and for who steers all jobs, everybody's."""

import re
from collections.abc import Sequence
from typing import Any

from app.background.queries import needs_result
from app.errors import NotFound
from app.security import Person, requester, steers_all_jobs
from jobs import FlowState, NoSuchWorkflow, StepBrief, WorkflowBrief, engine_of

UID = re.compile(r"[0-9a-f]{32}", re.ASCII)
NOT_THERE = "There is no such workflow. It may have been forgotten."


def workflow_of(person: Person, uid: str) -> WorkflowBrief:
    """The workflow, if they may see it. Raises NotFound."""
    try:
        found = engine_of().workflows.look(uid if UID.fullmatch(uid) else "")
    except NoSuchWorkflow:
        raise NotFound(NOT_THERE) from None
    if not steers_all_jobs(person) and found.requested_by != requester(person.id):
        raise NotFound(NOT_THERE)
    return found


def page_of(
    person: Person, *, states: Sequence[FlowState], below: str | None, limit: int
) -> tuple[list[WorkflowBrief], str | None]:
    """A page of the workflows that they may see, newest first, and behind which one the next page begins."""
    whose = None if steers_all_jobs(person) else requester(person.id)
    found = engine_of().workflows.page(requested_by=whose, states=states, before_uid=below, limit=limit)
    return found[:limit], found[limit - 1].uid if len(found) > limit else None


def steps_of(flow: WorkflowBrief, *, after: int, limit: int) -> tuple[list[StepBrief], int | None]:
    """Some steps in their order, and behind which one the next page begins."""
    found = engine_of().workflows.steps(flow.uid, after_id=after, limit=limit)
    return found[:limit], found[limit - 1].id if len(found) > limit else None


def results_of(flow: WorkflowBrief) -> dict[str, Any]:
    """By step name, what its last steps came to. Raises Gone."""
    needs_result(engine_of().workflows.results_gone_at(flow.uid))
    return engine_of().workflows.results(flow.uid)
