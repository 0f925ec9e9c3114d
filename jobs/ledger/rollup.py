"""What jobs did, by the minute and by the hour: counted from the ledger, so that showing a long history costs little.

A bucket is never added to, it is counted anew from the jobs that ended in it, and written over what stood there: to do
that twice changes nothing. The mark says up to which moment all buckets are final; whoever writes moves its version on,
and whoever finds that another has done so writes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ColumnElement,
    Double,
    Integer,
    String,
    Table,
    case,
    delete,
    extract,
    func,
    literal,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy import cast as cast_sql
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from .models import Entry, Id, LedgerBase, in_state
from .moments import UtcDateTime, db_now
from .spread import BOUNDS_S, BUCKETS, added
from .states import SETTLED, State

Span = Literal["minute", "hour"]
LENGTHS: Mapping[Span, timedelta] = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1)}
DIGITS: Mapping[Span, int] = {"minute": 16, "hour": 13}
"""How much of a moment as text names its bucket."""
RAN_TO_AN_END = (State.SUCCEEDED, State.DEAD, State.PARKED)
ARRIVES_WITHIN = timedelta(minutes=10)
ID_SLACK = 1_000
"""Ids are given out before they are seen: so many below the newest are looked at again."""

job = cast("Table", Entry.__table__)


class RollupRow(LedgerBase):
    """What became of jobs of one kind in one queue within one minute or hour, by when they came and when they ended.

    `waits` and `runs` are spreads of the last try of those that succeeded or failed; `wait_s` and `run_s` their sums.
    """

    __tablename__ = "job_rollup"

    span: Mapped[str] = mapped_column(String(6), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    queue: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(128), primary_key=True)
    came: Mapped[int] = mapped_column(Integer, server_default="0")
    succeeded: Mapped[int] = mapped_column(Integer, server_default="0")
    failed: Mapped[int] = mapped_column(Integer, server_default="0")
    cancelled: Mapped[int] = mapped_column(Integer, server_default="0")
    failed_tries: Mapped[int] = mapped_column(Integer, server_default="0")
    wait_s: Mapped[float] = mapped_column(Double, server_default="0")
    run_s: Mapped[float] = mapped_column(Double, server_default="0")
    waits: Mapped[list[int]] = mapped_column(JSON)
    runs: Mapped[list[int]] = mapped_column(JSON)

    __table_args__ = (CheckConstraint("span IN ('minute', 'hour')", name="span"),)


class RollupMark(LedgerBase):
    """Up to when all buckets are final. `came_id` is an id that all jobs which came later are above."""

    __tablename__ = "job_rollup_mark"

    one: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(Id)
    reached_at: Mapped[datetime] = mapped_column(UtcDateTime)
    came_id: Mapped[int] = mapped_column(Id)


rollup = cast("Table", RollupRow.__table__)
mark_table = cast("Table", RollupMark.__table__)


@dataclass(frozen=True, slots=True)
class Mark:
    """How far the counting is."""

    version: int
    reached_at: datetime
    came_id: int


@dataclass(slots=True)
class Bucket:
    """What one row holds, while it is put together."""

    came: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    failed_tries: int = 0
    wait_s: float = 0.0
    run_s: float = 0.0
    waits: list[int] = field(default_factory=lambda: [0] * BUCKETS)
    runs: list[int] = field(default_factory=lambda: [0] * BUCKETS)

    def add(self, other: Any) -> None:
        """Take in what another bucket or row holds."""
        for name in ("came", "succeeded", "failed", "cancelled", "failed_tries", "wait_s", "run_s"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.waits, self.runs = added([self.waits, other.waits]), added([self.runs, other.runs])

    def values(self) -> dict[str, Any]:
        """As a row has it."""
        return {name: getattr(self, name) for name in self.__slots__}


Key = tuple[datetime, str, str]
"""The beginning of a bucket, the queue, the kind."""


def floored(moment: datetime, span: Span) -> datetime:
    """The beginning of the bucket that holds the moment."""
    whole = moment.astimezone(UTC).replace(second=0, microsecond=0)
    return whole if span == "minute" else whole.replace(minute=0)


# -- counting --------------------------------------------------------------------------------------------------------


def mark(session: Session) -> Mark | None:
    """How far the counting is; None when it never began."""
    row = session.connection().execute(select(mark_table)).first()
    return None if row is None else Mark(row.version, row.reached_at, row.came_id)


def oldest_end(session: Session) -> datetime | None:
    """When the first job ended that the ledger still knows."""
    ends = [
        select(func.min(Entry.finished_at, type_=UtcDateTime()).label("at")).where(
            in_state(state), Entry.finished_at.is_not(None)
        )
        for state in SETTLED
    ]
    found: datetime | None = session.scalar(select(func.min(union_all(*ends).subquery().c.at, type_=UtcDateTime())))
    return found


def counted(session: Session, span: Span, since: datetime, until: datetime, *, above_id: int) -> dict[Key, Bucket]:
    """Count the buckets from one moment up to another: what ended in them, and what came, among ids above that one."""
    buckets: dict[Key, Bucket] = {}
    for row in session.connection().execute(_ends(session, span, since, until)):
        bucket = buckets.setdefault((_moment(row.at), row.queue, row.kind), Bucket())
        _take_in(bucket, row)
    for row in session.connection().execute(_arrivals(session, span, since, until, above_id)):
        buckets.setdefault((_moment(row.at), row.queue, row.kind), Bucket()).came = row.number
    return buckets


def _take_in(bucket: Bucket, row: Any) -> None:
    if row.state == State.CANCELLED:
        bucket.cancelled += row.number
        return
    if row.state == State.SUCCEEDED:
        bucket.succeeded += row.number
    else:
        bucket.failed += row.number
    bucket.failed_tries += row.failures
    bucket.wait_s += row.wait_s
    bucket.run_s += row.run_s
    if row.wait_place >= 0:
        bucket.waits[row.wait_place] += row.number
    if row.run_place >= 0:
        bucket.runs[row.run_place] += row.number


def _ends(session: Session, span: Span, since: datetime, until: datetime) -> Any:
    of_states = [
        select(
            _bucket(session, job.c.finished_at, span).label("at"),
            *(job.c.queue, job.c.kind, literal(state.value).label("state"), job.c.failures),
            _seconds(session, job.c.ready_at, job.c.started_at).label("wait_s"),
            _seconds(session, job.c.started_at, job.c.finished_at).label("run_s"),
        ).where(in_state(state), job.c.finished_at.is_not(None), job.c.finished_at >= since, job.c.finished_at < until)
        for state in SETTLED
    ]
    ended = union_all(*of_states).subquery()
    names = (ended.c.at, ended.c.queue, ended.c.kind, ended.c.state)
    places = (_place(ended.c.wait_s).label("wait_place"), _place(ended.c.run_s).label("run_place"))
    return select(
        *names,
        *places,
        func.count().label("number"),
        func.sum(ended.c.failures).label("failures"),
        func.coalesce(func.sum(ended.c.wait_s), 0.0).label("wait_s"),
        func.coalesce(func.sum(ended.c.run_s), 0.0).label("run_s"),
    ).group_by(*names, text("wait_place"), text("run_place"))


def _arrivals(session: Session, span: Span, since: datetime, until: datetime, above_id: int) -> Any:
    came = select(_bucket(session, job.c.created_at, span).label("at"), job.c.queue, job.c.kind).where(
        job.c.id > above_id, job.c.created_at >= since, job.c.created_at < until
    )
    last = _first_id(session, until + ARRIVES_WITHIN, above_id)
    if last is not None:
        came = came.where(job.c.id < last + ID_SLACK)
    found = came.subquery()
    return select(found, func.count().label("number")).group_by(found.c.at, found.c.queue, found.c.kind)


def _bucket(session: Session, column: Any, span: Span) -> ColumnElement[str]:
    """The moment as text, in UTC, as far as it names the bucket."""
    if session.get_bind().dialect.name == "postgresql":
        column = func.to_char(func.timezone("UTC", column), "YYYY-MM-DD HH24:MI")
    return func.substr(column, 1, DIGITS[span], type_=String())


def _moment(told: str) -> datetime:
    return datetime.fromisoformat(told if len(told) == DIGITS["minute"] else f"{told}:00").replace(tzinfo=UTC)


def _seconds(session: Session, since: Any, until: Any) -> ColumnElement[float]:
    """Seconds between two moments; never less than none, whatever clocks and hands did to them."""
    if session.get_bind().dialect.name == "postgresql":
        told: Any = cast_sql(extract("epoch", until - since), Double)
    else:
        told = (func.julianday(until) - func.julianday(since)) * 86_400.0
    return case((told < 0, 0.0), else_=told)


def _place(seconds: ColumnElement[float]) -> ColumnElement[int]:
    """The bucket of the spread; -1 where the time is not known."""
    bounds = [(seconds <= literal(bound), place) for place, bound in enumerate(BOUNDS_S)]
    return case((seconds.is_(None), -1), *bounds, else_=len(BOUNDS_S))


def id_below(session: Session, moment: datetime, *, above_id: int) -> int:
    """An id that all jobs which came at that moment or later are above."""
    found = _first_id(session, moment, above_id)
    if found is None:
        found = session.connection().execute(select(func.max(job.c.id))).scalar()
    return max(above_id, (found or 0) - ID_SLACK)


def _first_id(session: Session, moment: datetime, above_id: int) -> int | None:
    """The lowest id above that one of a job that came at that moment or later."""
    query = select(job.c.id).where(job.c.id > above_id, job.c.created_at >= moment).order_by(job.c.id).limit(1)
    found: int | None = session.connection().execute(query).scalar()
    return found


# -- writing ---------------------------------------------------------------------------------------------------------


def move_mark(session: Session, seen: Mark | None, reached_at: datetime, came_id: int) -> bool:
    """Move the mark from where it was seen; False when somebody else has moved it since."""
    if seen is None:
        dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
        first = dialect.insert(mark_table).values(one=1, version=1, reached_at=reached_at, came_id=came_id)
        return bool(session.connection().execute(first.on_conflict_do_nothing()).rowcount)
    moved = update(mark_table).where(mark_table.c.version == seen.version)
    values = {"version": seen.version + 1, "reached_at": reached_at, "came_id": came_id}
    return bool(session.connection().execute(moved.values(**values)).rowcount)


def write(session: Session, span: Span, buckets: Mapping[Key, Bucket]) -> None:
    """Put the buckets in the place of what stood there."""
    rows = [
        {"span": span, "at": at, "queue": queue, "kind": kind, **bucket.values()}
        for (at, queue, kind), bucket in sorted(buckets.items())
    ]
    if rows:
        dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
        made = dialect.insert(rollup)
        new = {name: made.excluded[name] for name in Bucket.__slots__}
        keys = ["span", "at", "queue", "kind"]
        session.connection().execute(made.on_conflict_do_update(index_elements=keys, set_=new), rows)


def sum_up_hours(session: Session, since: datetime, until: datetime) -> None:
    """Put every hour between the moments together from its minutes."""
    hours: dict[Key, Bucket] = {}
    for row in rows_between(session, "minute", floored(since, "hour"), until):
        hours.setdefault((floored(row.at, "hour"), row.queue, row.kind), Bucket()).add(row)
    write(session, "hour", hours)


def forget(session: Session, *, minutes_before: datetime, hours_before: datetime) -> None:
    """Remove buckets that began earlier."""
    for span, before in (("minute", minutes_before), ("hour", hours_before)):
        session.connection().execute(delete(rollup).where(rollup.c.span == span, rollup.c.at < before))


# -- reading ---------------------------------------------------------------------------------------------------------


def rows_between(
    session: Session, span: Span, since: datetime, until: datetime, *, queue: str | None = None, kind: str | None = None
) -> Sequence[Any]:
    """The buckets that begin from one moment on and before another, oldest first."""
    query = select(rollup).where(rollup.c.span == span, rollup.c.at >= since, rollup.c.at < until)
    if queue is not None:
        query = query.where(rollup.c.queue == queue)
    if kind is not None:
        query = query.where(rollup.c.kind == kind)
    return session.connection().execute(query.order_by(rollup.c.at)).all()


def reached_lag_s(session: Session) -> float | None:
    """For how many seconds the newest final bucket has been over; None when nothing was ever counted."""
    row = session.connection().execute(select(mark_table.c.reached_at, db_now())).first()
    return None if row is None else max(0.0, (row[1] - row[0]).total_seconds())
