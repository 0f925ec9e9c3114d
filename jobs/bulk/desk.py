"""Doing the same to many jobs: previewed, worked off in the background as a job, stopped, and undone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from jobs.dispatch.outbox import UID, JobRequest, new_uid
from jobs.dispatch.run import current
from jobs.dispatch.telling import Regrets
from jobs.errors import GiveUp, NoSuchOperation, WrongState
from jobs.host import Host
from jobs.ledger import audit, bulk, selection
from jobs.ledger.bulk import CAN_BE_UNDONE, WORKS_ON, Action, BulkRow
from jobs.ledger.models import Entry
from jobs.ledger.moments import db_now
from jobs.ledger.selection import COUNT_UP_TO, Preview, Selection
from jobs.ledger.states import LIVE, State
from jobs.observer import Observer
from jobs.registry import HIGHEST, LOWEST, Job
from jobs.transactions import retrying
from jobs.workflows.desk import Workflows

from .acts import Acts

NAME = "jobs.bulk"
QUEUE = "default"
ON_A_PAGE = 50


@dataclass(frozen=True, slots=True)
class BulkRequest:
    """What shall be done to which jobs; `priority` or `queue` is what they shall have."""

    action: Action
    selection: Selection
    priority: int | None = None
    queue: str | None = None


@dataclass(frozen=True, slots=True)
class BulkLook:
    """An operation as it stands: how many jobs it met (`matched`), and changed, left as they were, or could not change.

    `expected` is how many were meant when it was asked for, counted to ten thousand. `state` is that of its job.
    """

    id: int
    uid: str
    action: Action
    selection: Mapping[str, Any]
    priority: int | None
    queue: str | None
    state: str
    expected: int
    matched: int
    done: int
    skipped: int
    failed: int
    job_uid: str
    requested_by: str | None
    created_at: datetime
    finished_at: datetime | None
    undo_of: str | None
    undone_by: str | None


class BulkOperations:
    """The bulk operations of one engine."""

    def __init__(
        self,
        host: Host,
        workflows: Workflows,
        *,
        wake: Callable[[str, int], None],
        observer: Observer,
        enqueue: Callable[[JobRequest], str],
        cancel_job: Callable[..., bool],
        regret: Regrets,
        queues: Callable[[], Sequence[str]],
    ) -> None:
        self._host, self._acts = host, Acts(workflows, wake, observer, regret)
        self._enqueue, self._cancel_job, self._queues = enqueue, cancel_job, queues
        self.job = Job(
            NAME,
            self.run,
            QUEUE,
            atomic=False,
            max_retries=10,
            min_backoff=1_000,
            max_backoff=60_000,
            time_limit=3_600_000,
        )

    # -- asking for one ---------------------------------------------------------------------------------------------

    def preview(self, request: BulkRequest) -> Preview:
        """Which jobs would be met at this moment.

        Raises:
            ValueError: the request makes no sense; the text begins with the field.
        """
        return selection.preview(self._host.reading(), self._checked(request).selection)

    @retrying
    def start(self, request: BulkRequest, *, by: str | None, reason: str | None = None) -> str:
        """Write an operation down; its public id. It meets the jobs that exist at this moment, none that come later.

        Raises:
            ValueError: the request makes no sense; the text begins with the field.
        """
        request = self._checked(request)
        with self._host.transaction() as session:
            lowest, highest = bulk.ends(session)
            count = selection.preview(session, request.selection).count
            return self._write(
                session,
                by=by,
                reason=reason,
                action=request.action,
                selection=request.selection.told(),
                priority=request.priority,
                queue=request.queue,
                expected=count,
                reached_id=lowest,
                highest_id=highest,
            )

    @retrying
    def undo(self, uid: str, *, by: str | None, reason: str | None = None) -> str:
        """Have the jobs that an operation changed put back as they were; the public id of the operation that does it.

        Jobs that somebody has changed since are left alone.

        Raises:
            NoSuchOperation
            WrongState: it cannot be undone, is not over yet, or was undone before.
        """
        with self._host.transaction() as session:
            row, look = self._locked(session, uid), self._look(session, BulkRow.uid == uid)[0]
            if row.action not in CAN_BE_UNDONE:
                raise WrongState(f"There is no way back from {_in_words(row.action)}.")
            if look.undone_by is not None:
                raise WrongState("It was undone before.")
            if look.state in LIVE:
                raise WrongState("It is not over yet. Cancel it, or wait for its end.")
            told: dict[str, Any] = {"selection": row.selection, "priority": row.priority, "queue": row.queue}
            ends: dict[str, Any] = {
                "expected": min(row.done, COUNT_UP_TO),
                "reached_id": 0,
                "highest_id": row.highest_id,
            }
            told |= {"action": Action.UNDO, "undo_of": row.id}
            return self._write(session, by=by, reason=reason, undoes=uid, **told, **ends)

    @retrying
    def cancel(self, uid: str, *, by: str | None, reason: str | None = None) -> bool:
        """Stop an operation where it is: at once (True), or after the chunk it is at (False).

        Raises:
            NoSuchOperation
            WrongState: it is over.
        """
        with self._host.transaction() as session:
            row = self._locked(session, uid)
            before = self._look(session, BulkRow.id == row.id)[0].state
            is_done = self._cancel_job(row.job_uid, by=by)
            after = {"state": self._look(session, BulkRow.id == row.id)[0].state, "asked_to_end": not is_done}
            details = {"before": {"state": before}, "after": after, "reason": reason}
            audit.append(session, by=by, action="cancel", subject=f"bulk operation {uid}", details=details)
            return is_done

    # -- looking ----------------------------------------------------------------------------------------------------

    def look(self, uid: str) -> BulkLook:
        """The operation as it stands.

        Raises:
            NoSuchOperation
        """
        found = self._look(self._host.reading(), BulkRow.uid == uid) if UID.fullmatch(uid) else []
        if not found:
            raise NoSuchOperation(uid)
        return found[0]

    def page(self, *, before_id: int | None = None, limit: int = ON_A_PAGE) -> list[BulkLook]:
        """Operations, the newest first, from below `before_id`."""
        below = () if before_id is None else (BulkRow.id < before_id,)
        return self._look(self._host.reading(), *below, limit=limit)

    def _look(self, session: Session, *where: Any, limit: int = 1) -> list[BulkLook]:
        undone, undo = aliased(BulkRow), aliased(BulkRow)
        query = (
            select(BulkRow, Entry.state, undone.uid, undo.uid)
            .outerjoin(Entry, Entry.uid == BulkRow.job_uid)
            .outerjoin(undone, undone.id == BulkRow.undo_of)
            .outerjoin(undo, undo.undo_of == BulkRow.id)
            .where(*where)
            .order_by(BulkRow.id.desc())
            .limit(limit)
            .execution_options(populate_existing=True)
        )
        return [_look_of(*row) for row in session.execute(query)]

    # -- working it off ---------------------------------------------------------------------------------------------

    def run(self, operation: str) -> dict[str, int]:
        """Work a bulk operation off, in chunks, from where it was left."""
        while True:
            current().check_cancelled()
            with self._host.transaction() as session:
                try:
                    row = self._locked(session, operation)
                except NoSuchOperation:
                    raise GiveUp("There is no such operation any more.") from None
                if row.finished_at is None:
                    self._step(session, row)
                counts = {name: getattr(row, name) for name in ("matched", "done", "skipped", "failed")}
                is_over = row.reached_id >= row.highest_id
                total = max(row.expected, row.matched) if row.expected < COUNT_UP_TO else None
            if is_over:
                return counts
            current().progress(counts["matched"], total)

    def _step(self, session: Session, row: BulkRow) -> None:
        """One chunk, in the transaction that also holds how far the operation is."""
        action = Action(row.action)
        if action is Action.UNDO:
            items, reached = bulk.items_to_undo(session, row)
        else:
            items, reached = bulk.next_items(session, row, alone=action in {Action.MOVE, Action.REPRIORITISE})
        done, failed = self._acts.done(session, row, items)
        bulk.keep(session, row, done if action in CAN_BE_UNDONE else {})
        row.reached_id = reached
        row.matched += len(items)
        row.done += len(done)
        row.failed += failed
        row.skipped += len(items) - len(done) - failed
        if reached >= row.highest_id:
            row.finished_at = db_now()
        session.flush()

    # -- inside -----------------------------------------------------------------------------------------------------

    def _write(self, session: Session, *, by: str | None, reason: str | None, undoes: str = "", **values: Any) -> str:
        uid = new_uid()
        request = JobRequest(self.job, {"operation": uid}, requested_by=by[:80] if by else None)
        row = BulkRow(uid=uid, job_uid=self._enqueue(request), requested_by=by, **values)
        session.add(row)
        session.flush()
        told = {name: values[name] for name in ("selection", "priority", "queue", "expected")}
        told |= {"undoes": undoes} if undoes else {}
        told["reason"] = reason
        audit.append(session, by=by, action=f"bulk {row.action}", subject=f"bulk operation {uid}", details=told)
        return uid

    def _locked(self, session: Session, uid: str) -> BulkRow:
        query = select(BulkRow).where(BulkRow.uid == uid).with_for_update()
        row = session.scalars(query.execution_options(populate_existing=True)).first()
        if row is None:
            raise NoSuchOperation(uid)
        return row

    def _checked(self, request: BulkRequest) -> BulkRequest:
        """The request, narrowed to the states its action works on."""
        action, meant = request.action, request.selection
        if action not in WORKS_ON:
            raise ValueError(f"action: choose one of {', '.join(WORKS_ON)}")
        if not meant:
            raise ValueError("filter: say which jobs are meant")
        if wrong := [state for state in meant.states if state not in WORKS_ON[action]]:
            raise ValueError(f"filter.states: {_in_words(action)} does not work on jobs that are {', '.join(wrong)}")
        if (request.priority is not None) != (action is Action.REPRIORITISE):
            raise ValueError("priority: it goes with reprioritise, which needs it")
        if request.priority is not None and not HIGHEST <= request.priority <= LOWEST:
            raise ValueError(f"priority: it must be between {HIGHEST} and {LOWEST}")
        if (request.queue is not None) != (action is Action.MOVE):
            raise ValueError("queue: it goes with move, which needs it")
        if request.queue is not None and request.queue not in self._queues():
            raise ValueError(f"queue: choose one of {', '.join(self._queues())}")
        return BulkRequest(action, meant.within(WORKS_ON[action]), request.priority, request.queue)


def _in_words(action: str) -> str:
    return {"retry": "retrying", "delete": "deleting", "undo": "undoing", "cancel": "cancelling"}.get(action, action)


def _look_of(row: BulkRow, job_state: str | None, undo_of: str | None, undone_by: str | None) -> BulkLook:
    """An operation whose job is gone before its end goes on no more."""
    state = State.SUCCEEDED.value if row.finished_at else (job_state or State.CANCELLED.value)
    plain = {name: getattr(row, name) for name in BulkLook.__slots__ if hasattr(row, name)}
    told = {"action": Action(row.action), "state": state, "undo_of": undo_of, "undone_by": undone_by}
    return BulkLook(**{**plain, **told})
