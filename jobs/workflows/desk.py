"""What a host and the dispatch ask of workflows."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from jobs.dispatch.telling import Regrets
from jobs.host import Host
from jobs.ledger import audit
from jobs.ledger.counting import have_alone
from jobs.ledger.flows import OPEN, Edge, Join, WorkflowRow
from jobs.ledger.models import Entry, in_state
from jobs.ledger.moments import db_now
from jobs.ledger.states import RETRYABLE, State
from jobs.ledger.writer import Claim
from jobs.observer import Observer
from jobs.registry import Job
from jobs.transactions import retrying

from . import by_hand, endings, looks, moves, results
from .looks import StepBrief, WorkflowBrief
from .pen import Pen
from .recount import recount
from .shape import UNDO, Part, Workflow, as_workflow
from .starting import start

FEW_STEPS = 1_000
AT_ONCE = 500


class Workflows:
    """The workflows of one engine."""

    def __init__(
        self, host: Host, jobs: Mapping[str, Job], *, wake: Callable[[str, int], None], observer: Observer
    ) -> None:
        self._host = host
        self._pen = Pen(jobs, wake, observer, Regrets(host, jobs))

    # -- asking for work and looking at it --------------------------------------------------------------------------

    def start(
        self,
        session: Session,
        shape: Workflow | Part,
        *,
        requested_by: str | None = None,
        request_id: str | None = None,
    ) -> str:
        """Write a workflow into the session's open transaction; its public id. It exists when that commits.

        Raises:
            ValueError: the shape is wrong.
            UnknownJob, BadArguments
        """
        return start(session, self._pen, as_workflow(shape), by=requested_by, request_id=request_id)

    def look(self, uid: str) -> WorkflowBrief:
        """The workflow as it stands.

        Raises:
            NoSuchWorkflow
        """
        return looks.look(self._host.reading(), uid)

    def page(self, **options: Any) -> list[WorkflowBrief]:
        """Workflows, newest first; options as of `looks.page`."""
        return looks.page(self._host.reading(), **options)

    def steps(self, uid: str, *, after_id: int = 0, limit: int = 200) -> list[StepBrief]:
        """The steps of a workflow in their order, from behind `after_id`; one more than `limit` when there are more."""
        return looks.steps(self._host.reading(), uid, after_id=after_id, limit=limit)

    def results(self, uid: str, *, limit: int = FEW_STEPS) -> dict[str, Any]:
        """By step name, what the last steps came to that succeeded: those that no other waits for, in their order."""
        return looks.results(self._host.reading(), uid, limit=limit)

    def results_gone_at(self, uid: str) -> datetime | None:
        """When the first of its results was forgotten; None while all are there."""
        return looks.results_gone_at(self._host.reading(), uid)

    def edges(self, uid: str, *, limit: int) -> list[tuple[int, int]]:
        """Which node a workflow's node waits for, parent first: ids of jobs, and negative numbers of joins."""
        return looks.edges(self._host.reading(), uid, limit=limit)

    @retrying
    def cancel(self, uid: str, *, by: str | None, reason: str | None = None) -> None:
        """Cancel what waits at once, and ask what runs to end.

        Raises:
            NoSuchWorkflow, WrongState
        """
        with self._host.transaction() as session:
            before = _standing_of(session, uid)
            by_hand.cancel(session, self._pen, uid, by=by)
            self._note(session, uid, "cancel", by=by, before=before, reason=reason)

    @retrying
    def retry(self, uid: str, *, by: str | None, reason: str | None = None) -> None:
        """Run the steps that failed or were cancelled again; those that succeeded keep their results.

        Raises:
            NoSuchWorkflow, WrongState
        """
        with self._host.transaction() as session:
            before = _standing_of(session, uid)
            by_hand.retry(session, self._pen, uid, by=by)
            self._note(session, uid, "retry", by=by, before=before, reason=reason)

    def _note(
        self, session: Session, uid: str, action: str, *, by: str | None, before: Mapping[str, Any], reason: str | None
    ) -> None:
        row = by_hand.find(session, uid)
        details = {"name": row.name, "before": before, "after": _standing_of(session, uid), "reason": reason}
        if audit.is_of_note(row.requested_by, by=by, is_operator=self._host.allow("act")):
            audit.append(session, by=by, action=action, subject=f"workflow {uid}", details=details)

    # -- what the dispatch tells ------------------------------------------------------------------------------------

    def succeeded(self, session: Session, claims: Sequence[Claim]) -> bool:
        """Free what waited for these jobs, in the transaction that finished them; whether any became ready."""
        return moves.succeeded(session, self._pen, claims)

    def failed(self, session: Session, job_ids: Collection[int]) -> None:
        """Take in that these jobs settled without success, in the transaction that settled them.

        Jobs that belong to no workflow, or have not settled, are left alone.
        """
        if job_ids:
            moves.failed(session, self._pen, job_ids)

    def retried_by_uid(self, session: Session, uid: str) -> None:
        """Take in that a person made a settled job ready again: a step counts anew when it settles anew."""
        workflow_id = session.scalars(select(Entry.workflow_id).where(Entry.uid == uid)).first()
        if workflow_id is not None:
            by_hand.rejoin(session, self._pen, workflow_id)

    def revive(self, session: Session, job_ids: Collection[int], *, by: str | None) -> list[int]:
        """Let these settled steps run again, each after what it waits for; which of them that were."""
        return by_hand.revive(session, self._pen, job_ids, by=by) if job_ids else []

    def arguments(self, job: Job, one: Claim) -> Mapping[str, Any]:
        """What a step's function is called with: its arguments, and where it takes them the results of its parents."""
        return results.with_results(self._host.reading(), job, one)

    def results_of_parents(self, one: Claim) -> dict[str, Any]:
        """By step name, what the parents of a step came to; of a job that is no step, nothing."""
        if one.workflow_id is None:
            return {}
        return results.results_of_parents(self._host.reading(), one.workflow_id, one.id)

    # -- by the clock -----------------------------------------------------------------------------------------------

    def reconcile(self) -> int:
        """Correct counters that disagree with the graph, apply failures nobody told of; how many were looked at.

        Large workflows are looked at only when nothing of them is on its way. Running it twice changes nothing.
        """
        is_moving = exists().where(
            Entry.workflow_id == WorkflowRow.id, in_state(State.READY, State.SCHEDULED, State.RUNNING)
        )
        with self._host.inside():
            ids = self._host.reading().scalars(
                select(WorkflowRow.id)
                .where(WorkflowRow.state.in_(OPEN), (WorkflowRow.steps <= FEW_STEPS) | ~is_moving)
                .order_by(WorkflowRow.id)
                .limit(AT_ONCE)
            )
            found = list(ids)
            for workflow_id in found:
                with self._host.transaction() as session:
                    self._reconcile(session, workflow_id)
        return len(found)

    def _reconcile(self, session: Session, workflow_id: int) -> None:
        have_alone(session.connection(), workflow_id)
        row = session.get(WorkflowRow, workflow_id)
        if row is None or row.state not in OPEN:
            return
        is_undo = Entry.step.startswith(UNDO, autoescape=True)
        mine = is_undo if row.state == "compensating" else ~is_undo
        bad = session.execute(
            select(Entry.id, Entry.step).where(Entry.workflow_id == workflow_id, in_state(*RETRYABLE), mine)
        ).all()
        if row.cancel_requested_at is not None:
            moves.cancel_waiting(session, self._pen, workflow_id)
        elif bad:
            moves.give_up_on(session, self._pen, workflow_id, [one.id for one in bad], because=str(bad[0].step))
        is_over = recount(session, self._pen, workflow_id)
        if bad and row.cancel_requested_at is None:
            moves.mark_failed(session, workflow_id, str(bad[0].step))
        if is_over:
            endings.over(session, self._pen, workflow_id)

    def prune(self, *, older_than_s: float) -> int:
        """Forget workflows that ended longer ago than this and whose jobs are forgotten; how many."""
        with self._host.inside(), self._host.transaction() as session:
            ids = session.scalars(
                select(WorkflowRow.id)
                .where(
                    WorkflowRow.finished_at < db_now(-older_than_s),
                    ~exists().where(Entry.workflow_id == WorkflowRow.id),
                )
                .limit(AT_ONCE)
            ).all()
            for table, column in ((Edge, Edge.workflow_id), (Join, Join.workflow_id), (WorkflowRow, WorkflowRow.id)):
                if ids:
                    session.execute(delete(table).where(column.in_(ids)))
        return len(ids)


def _standing_of(session: Session, uid: str) -> dict[str, Any]:
    """How a workflow stands, as the audit log tells it."""
    row = by_hand.find(session, uid)
    return {"state": str(row.state), "asked_to_end": row.cancel_requested_at is not None}
