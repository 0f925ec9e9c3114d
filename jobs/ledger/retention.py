"""Forgetting old entries."""

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, and_, delete, exists, null, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from .flows import OPEN, FlowState, WorkflowRow
from .models import Attempt, Entry, LogRow, Move, Tally, WorkerRow, in_state
from .moments import db_now
from .states import FAILED, SETTLED

AT_ONCE = 1_000
# A step of a workflow that is not over yet: what waits for it reads its result.
_is_open = WorkflowRow.state.in_(OPEN)
STARTED = "started"


def prune(
    session: Session, *, older_than_s: float, failed_older_than_s: float | None = None, limit: int = AT_ONCE
) -> int:
    """Delete up to `limit` jobs that settled longer ago than this, with all that is told of them; how many.

    Those that failed for good have an age of their own, and all steps of a workflow that failed stay as long: who goes
    on from the step that did needs the others. What is forgotten is added to the tallies, by the state it ended in.
    """
    failed_s = older_than_s if failed_older_than_s is None else failed_older_than_s
    failed_lately = and_(WorkflowRow.state == FlowState.FAILED, WorkflowRow.finished_at >= db_now(-failed_s))
    kept = _step_of_workflow(or_(_is_open, failed_lately))
    ids: list[int] = []
    for state in SETTLED:  # one at a time, for so the index has them in order, and the oldest are at its beginning
        age_s = failed_s if state in FAILED else older_than_s
        old = select(Entry.id).where(in_state(state), Entry.finished_at < db_now(-age_s), ~kept)
        ids += session.scalars(old.order_by(Entry.finished_at).limit(limit - len(ids)))
    return len(forget(session, ids)) if ids else 0


def forget(session: Session, ids: Collection[int]) -> list[int]:
    """Delete those of these jobs that have settled and that no open workflow needs, with all that is told of them.

    Which those were; they stay counted.
    """
    # A person may have asked for one of them again meanwhile, or another scheduler have been quicker.
    gone = session.execute(
        delete(Entry)
        .where(Entry.id.in_(ids), in_state(*SETTLED), ~_step_of_workflow(_is_open))
        .returning(Entry.id, Entry.state, Entry.attempt)
        .execution_options(synchronize_session=False)
    ).all()
    gone_ids = [one.id for one in gone]
    session.execute(delete(Attempt).where(Attempt.job_id.in_(gone_ids)))
    session.execute(delete(Move).where(Move.job_id.in_(gone_ids)))
    session.execute(delete(LogRow).where(LogRow.job_id.in_(gone_ids)))
    _tally(session, Counter(one.state for one in gone) + Counter({STARTED: sum(one.attempt > 0 for one in gone)}))
    return gone_ids


def let_results_go(session: Session, *, older_than_s: float, limit: int) -> int:
    """Forget what up to `limit` jobs came to that ended longer ago than this, and note when; how many.

    The steps of a workflow keep theirs until all of it has succeeded: what is run again reads them.
    """
    is_needed = _step_of_workflow(WorkflowRow.state != FlowState.SUCCEEDED)
    old = select(Entry.id).where(Entry.result.is_not(None), Entry.finished_at < db_now(-older_than_s), ~is_needed)
    gone: CursorResult[Any] = session.connection().execute(
        update(Entry)
        .where(Entry.id.in_(old.order_by(Entry.finished_at).limit(limit)))
        .values(result=null(), result_gone_at=db_now())
    )
    return gone.rowcount


def _step_of_workflow(which: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(WorkflowRow.id == Entry.workflow_id, which)


def _tally(session: Session, counts: Mapping[str, int]) -> None:
    rows = [{"name": name, "count": count} for name, count in sorted(counts.items())]
    if rows:
        insert = (postgresql if session.get_bind().dialect.name == "postgresql" else sqlite).insert(Tally)
        more = {"count": Tally.count + insert.excluded.count}
        session.execute(insert.on_conflict_do_update(index_elements=["name"], set_=more), rows)


def forget_silent_workers(session: Session, *, older_than_s: float) -> None:
    """Delete the rows of processes not heard of for this long."""
    session.execute(delete(WorkerRow).where(WorkerRow.seen_at < db_now(-older_than_s)))
