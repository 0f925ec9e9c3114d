"""What must always hold in the ledger, each as a question that a few rows of an index answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, exists, func, literal_column, or_, select
from sqlalchemy.orm import Session, aliased

from .flows import OPEN_SPELLED, WorkflowRow
from .models import Attempt, Effect, Entry, in_state
from .moments import db_now
from .states import LIVE, SETTLED, State

LOOK_AT = 500
"""Of what has settled, so many of the newest are looked at."""
SHOWN = 5
QUIET_S = 60.0
RUNNABLE = (State.READY, State.SCHEDULED, State.RUNNING)


@dataclass(frozen=True, slots=True)
class Finding:
    """What breaks an invariant: how many (counted to `LOOK_AT`), and the public ids of some."""

    count: int
    uids: Sequence[str] = ()


Check = Callable[[Session], Finding]


def expired_leases(session: Session) -> Finding:
    """Running jobs whose lease ran out a while ago: nobody has taken them back."""
    return _found(session, _jobs(in_state(State.RUNNING), Entry.lease_until < db_now(-QUIET_S)))


def overdue(session: Session) -> Finding:
    """Scheduled jobs whose time came a while ago: nobody has made them ready."""
    return _found(session, _jobs(in_state(State.SCHEDULED), Entry.run_at < db_now(-QUIET_S)))


def expired(session: Session) -> Finding:
    """Waiting jobs that should have started by now or never: nobody has cancelled them."""
    late = and_(Entry.expires_at.is_not(None), Entry.expires_at < db_now(-QUIET_S))
    waiting: ColumnElement[bool] = literal_column("state IN ('ready', 'scheduled', 'blocked')")
    return _found(session, _jobs(late, waiting))


def unmarked(session: Session) -> Finding:
    """Jobs that run for nobody, wait with somebody's lease, or settled without a moment."""
    without_lease = and_(in_state(State.RUNNING), or_(Entry.lease_owner.is_(None), Entry.lease_until.is_(None)))
    with_lease = and_(in_state(State.READY, State.SCHEDULED, State.BLOCKED), Entry.lease_owner.is_not(None))
    return _found(session, _jobs(without_lease), _jobs(with_lease))


def too_many_tries(session: Session) -> Finding:
    """Jobs that live on although they have failed more often than they may."""
    return _found(session, *(_jobs(in_state(state), Entry.failures > Entry.max_retries + 1) for state in LIVE))


def gaps_in_tries(session: Session) -> Finding:
    """Settled jobs whose tries are not all told, one for each number."""
    told = select(func.count()).where(Attempt.job_id == Entry.id).scalar_subquery()
    return _found(session, *(_newest(state, told != Entry.attempt) for state in SETTLED))


def done_without_a_try(session: Session) -> Finding:
    """Jobs that are done although no try of theirs succeeded, or two did."""
    mine = and_(Attempt.job_id == Entry.id, Attempt.outcome == "succeeded")
    return _found(session, _newest(State.SUCCEEDED, select(func.count()).where(mine).scalar_subquery() != 1))


def unknown_effects(session: Session) -> Finding:
    """External effects that were begun by jobs that are over, and of which nobody knows whether they happened."""
    of_settled = exists().where(Entry.uid == Effect.job_uid, in_state(*SETTLED))
    query = select(Effect.job_uid).where(Effect.is_done.is_(False), of_settled).order_by(Effect.intended_at.desc())
    return _found(session, query.limit(LOOK_AT))


def stuck_steps(session: Session) -> Finding:
    """Steps that wait for nothing more and were not made ready."""
    return _found(session, _jobs(in_state(State.BLOCKED), Entry.pending_deps <= 0, Entry.created_at < db_now(-QUIET_S)))


def stuck_workflows(session: Session) -> Finding:
    """Workflows that are open although nothing of them can go on."""
    step = aliased(Entry)
    moving = exists().where(step.workflow_id == WorkflowRow.id, step.state.in_([str(one) for one in RUNNABLE]))
    query = (
        select(WorkflowRow.uid)
        .where(
            literal_column(f"workflow.state IN ({OPEN_SPELLED})"), WorkflowRow.created_at < db_now(-QUIET_S), ~moving
        )
        .order_by(WorkflowRow.id)
        .limit(LOOK_AT)
    )
    return _found(session, query)


def doubled(session: Session) -> Finding:
    """Jobs that hold a key that another living job holds too."""
    twin = aliased(Entry)
    both = exists().where(
        twin.live_key == Entry.live_key, twin.id != Entry.id, twin.state.in_([str(one) for one in LIVE])
    )
    return _found(session, *(_jobs(in_state(state), Entry.live_key.is_not(None), both) for state in LIVE))


def _jobs(*where: object) -> Select[str]:
    return select(Entry.uid).where(*where).limit(LOOK_AT)  # type: ignore[arg-type]


def _newest(state: State, is_wrong: object) -> Select[str]:
    """Those of the jobs that settled last for which it holds."""
    settled = and_(in_state(state), Entry.finished_at.is_not(None))
    newest = select(Entry.id).where(settled).order_by(Entry.finished_at.desc(), Entry.id.desc()).limit(LOOK_AT)
    return select(Entry.uid).where(Entry.id.in_(select(newest.subquery().c.id)), is_wrong)  # type: ignore[arg-type]


def _found(session: Session, *queries: Select[str]) -> Finding:
    uids = [str(uid) for query in queries for uid in session.scalars(query)]
    return Finding(len(uids), uids[:SHOWN])
