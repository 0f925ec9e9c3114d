"""How many jobs of one concurrency key may start in a while: what each key has left, and when it has more.

A key has its whole allowance at first. A start takes one from it, in the transaction of the claim, so that a crash
gives none back; it fills up again evenly. Whoever claims a kind with keys holds the kind's row (see `lanes`): two
claims never share the last one. The claim itself, in `hot`, passes by what may not start yet.
"""

from typing import Any, cast

from sqlalchemy import Double, Table, case, delete, literal, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from .models import Allowance, Entry
from .moments import db_now, seconds_since

Rate = tuple[int, float]
"""How many may start in how many seconds."""
AT_ONCE = 1_000

allowance = cast("Table", Allowance.__table__)
job = cast("Table", Entry.__table__)


def spend(session: Session, job_id: int, rate: Rate) -> None:
    """Take the start of this job from the allowance of its key, if it has one."""
    count, period_s = rate
    held = case((allowance.c.key.is_(None), float(count)), else_=_held(rate))
    left = case((held > count, float(count)), else_=held) - 1.0
    missing_s = (literal(float(count), Double) - left) * (period_s / count)
    values = {"tokens": left, "filled_at": db_now(), "full_at": db_now(missing_s)}
    started = (
        select(job.c.concurrency_key, *values.values())
        .select_from(job.outerjoin(allowance, allowance.c.key == job.c.concurrency_key))
        .where(job.c.id == job_id, job.c.concurrency_key.is_not(None))
    )
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    row = dialect.insert(allowance).from_select(["key", *values], started)
    changed = {name: row.excluded[name] for name in values}
    session.connection().execute(row.on_conflict_do_update(index_elements=["key"], set_=changed))


def free_in_s(session: Session, key: str, rate: Rate) -> float:
    """In how many seconds another job of this key may start; 0 when it may now."""
    count, period_s = rate
    held = session.connection().execute(select(_held(rate)).where(allowance.c.key == key)).scalar()
    return 0.0 if held is None else max(0.0, (1.0 - held) * (period_s / count))


def forget(session: Session, *, limit: int = AT_ONCE) -> None:
    """Delete up to so many rows that say no more than none would."""
    full = select(allowance.c.key).where(allowance.c.full_at <= db_now()).order_by(allowance.c.full_at).limit(limit)
    session.connection().execute(delete(allowance).where(allowance.c.key.in_(full), allowance.c.full_at <= db_now()))


def _held(rate: Rate) -> Any:
    return allowance.c.tokens + seconds_since(allowance.c.filled_at) * (rate[0] / rate[1])
