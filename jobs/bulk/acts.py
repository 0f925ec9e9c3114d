"""What a bulk operation does to a chunk of jobs, by the same rules as if each were done by hand."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from jobs.dispatch.outbox import tell_unstarted, wake_at_commit
from jobs.dispatch.telling import Regrets
from jobs.ledger import bulk, control, counting, lanes, retention, writer
from jobs.ledger.bulk import Action, BulkRow, Item
from jobs.ledger.models import Entry
from jobs.ledger.moments import db_now
from jobs.ledger.states import RETRYABLE, WAITING, State
from jobs.observer import Observer
from jobs.workflows.desk import Workflows

Done = Mapping[int, str]
"""What an operation has done: by the id of each job, what it was before."""


class Acts:
    """Does things to chunks of jobs, in the transaction that counts them."""

    def __init__(
        self, workflows: Workflows, wake: Callable[[str, int], None], observer: Observer, regret: Regrets
    ) -> None:
        self._workflows, self._wake, self._observer, self._regret = workflows, wake, observer, regret

    def done(self, session: Session, row: BulkRow, items: Sequence[Item]) -> tuple[Done, int]:
        """Do it to all, or, where two are in each other's way, one by one; what was done, and how many could not be."""
        try:
            with session.begin_nested():
                return self._act(session, row, items), 0
        except IntegrityError:
            done: dict[int, str] = {}
            failed = 0
            for one in items:
                try:
                    with session.begin_nested():
                        done |= self._act(session, row, [one])
                except IntegrityError:
                    failed += 1
            return done, failed

    def _act(self, session: Session, row: BulkRow, items: Sequence[Item]) -> Done:
        match Action(row.action):
            case Action.RETRY:
                return self._live_again(session, items, RETRYABLE, writer.retried, "retried", by=row.requested_by)
            case Action.CANCEL:
                return self._cancel(session, items, by=row.requested_by)
            case Action.DELETE:
                return dict.fromkeys(retention.forget(session, [one.id for one in items]), "")
            case Action.MOVE:
                return self._move(session, [one for one in items if one.queue != row.queue], str(row.queue), row)
            case Action.REPRIORITISE:
                return self._reprioritise(session, [one for one in items if one.priority != row.priority], row)
            case Action.UNDO:
                return self._undo(session, row, items)

    def _live_again(
        self,
        session: Session,
        items: Sequence[Item],
        source: Sequence[State],
        become: Callable[[Session, ColumnElement[bool]], dict[str, Any]],
        what: str,
        *,
        by: str | None,
    ) -> Done:
        plain, steps = [one.id for one in items if not one.workflow_id], [one.id for one in items if one.workflow_id]
        values = become(session, Entry.id.in_(plain)) if plain else {}
        there = bulk.moved(session, plain, values, source=source, what=what, by=by)
        self._wake_for(session, there)
        return dict.fromkeys([*there, *self._workflows.revive(session, steps, by=by)], "")

    def _cancel(self, session: Session, items: Sequence[Item], *, by: str | None) -> Done:
        """What waits at once, what runs by asking it to end; what starts or stops in between is looked at again."""
        asked = self._ask(session, [one.id for one in items], by=by)
        waiting = [one for one in items if one.id not in asked]
        plain, steps = [one.id for one in waiting if not one.workflow_id], [one for one in waiting if one.workflow_id]
        gone = dict(self._cancel_waiting(session, plain, by=by))
        # Who finishes a step has its workflow before what waits for it: in this order here too.
        for workflow_id in sorted({one.workflow_id for one in steps if one.workflow_id}):
            counting.have_alone(session.connection(), workflow_id)
            mine = [one.id for one in steps if one.workflow_id == workflow_id]
            gone |= self._cancel_waiting(session, mine, by=by)
        self._workflows.failed(session, [one.id for one in steps if one.id in gone])
        asked |= self._ask(session, [one.id for one in waiting if one.id not in gone], by=by)
        return {**dict.fromkeys(asked, State.RUNNING.value), **dict.fromkeys(gone, State.READY.value)}

    def _ask(self, session: Session, ids: Sequence[int], *, by: str | None) -> dict[int, str]:
        values = control.asked_to_end(by)
        return bulk.moved(session, ids, values, source=[State.RUNNING], what="asked to stop", by=by)

    def _cancel_waiting(self, session: Session, ids: Sequence[int], *, by: str | None) -> dict[int, str]:
        values = {"state": State.CANCELLED, "finished_at": db_now()}
        gone = bulk.moved(session, ids, values, source=WAITING, what="cancelled", by=by)
        if gone:
            tell_unstarted(session, self._observer, "cancelled", gone)
            self._regret(session, Entry.id.in_(gone))
        return gone

    def _move(self, session: Session, items: Sequence[Item], queue: str, row: BulkRow, guard: Any = None) -> Done:
        lanes.welcome(session, [(queue, one.kind) for one in items])
        ids, what = [one.id for one in items], f"queue {queue}"[:40]
        values = control.moved(session, Entry.id.in_(ids), queue)
        there = bulk.moved(session, ids, values, source=WAITING, guard=guard, what=what, by=row.requested_by)
        self._wake_for(session, there)
        return {one.id: one.queue for one in items if one.id in there}

    def _reprioritise(self, session: Session, items: Sequence[Item], row: BulkRow, guard: Any = None) -> Done:
        return self._put(session, items, int(row.priority or 0), guard, by=row.requested_by)

    def _put(
        self,
        session: Session,
        items: Sequence[Item],
        priority: int,
        guard: Any,
        *,
        by: str | None,
    ) -> Done:
        ids, what = [one.id for one in items], f"priority {priority}"
        values = control.reprioritised(session, Entry.id.in_(ids), priority)
        there = bulk.moved(session, ids, values, source=WAITING, guard=guard, what=what, by=by)
        return {one.id: str(one.priority) for one in items if one.id in there}

    def _undo(self, session: Session, row: BulkRow, items: Sequence[Item]) -> Done:
        first = session.get_one(BulkRow, row.undo_of)
        if first.action == Action.CANCEL:
            mine = [one for one in items if one.state == State.CANCELLED]
            return self._live_again(session, mine, [State.CANCELLED], writer.put_back, "put back", by=row.requested_by)
        done: dict[int, str] = {}
        for was in sorted({one.was for one in items}):
            mine = [one for one in items if one.was == was]
            if first.action == Action.MOVE:
                done |= self._move(session, mine, was, row, guard=Entry.queue == first.queue)
            else:
                guard = Entry.priority == first.priority
                done |= self._put(session, mine, int(was), guard, by=row.requested_by)
        return done

    def _wake_for(self, session: Session, moved: Mapping[int, str]) -> None:
        wake_at_commit(session, self._wake, Counter(queue for queue in moved.values() if queue))
