"""The ledger's tables."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    ColumnElement,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Text,
    literal_column,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from .moments import UtcDateTime, db_now
from .states import LIVE, WAITING, State

Id = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class LedgerBase(DeclarativeBase):
    """Every table of the engine; its metadata is its own, so that the engine can leave its host."""

    metadata = metadata


def spelled(*states: State) -> str:
    """The states as a list of SQL literals."""
    return ", ".join(f"'{state}'" for state in states)


def _partial(where: str) -> dict[str, Any]:
    return {"sqlite_where": text(where), "postgresql_where": text(where)}


_EXPIRES = "expires_at IS NOT NULL"
_SHARES = "state = 'ready' AND turn > 0 AND requested_by IS NOT NULL"


class Entry(LedgerBase):
    """One job: it exists when this row commits, with the business change that caused it."""

    __tablename__ = "job"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    queue: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(128))
    state: Mapped[str] = mapped_column(String(12))
    priority: Mapped[int] = mapped_column(SmallInteger)
    rank: Mapped[int] = mapped_column(SmallInteger, server_default="5")
    turn: Mapped[int] = mapped_column(BigInteger, server_default="0")
    args: Mapped[dict[str, Any]] = mapped_column(JSON)
    result: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)
    result_gone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    checkpoint: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)
    run_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    attempt: Mapped[int] = mapped_column(Integer, server_default="0")
    failures: Mapped[int] = mapped_column(Integer, server_default="0")
    crashes: Mapped[int] = mapped_column(Integer, server_default="0")
    interruptions: Mapped[int] = mapped_column(Integer, server_default="0")
    max_retries: Mapped[int] = mapped_column(Integer)
    lease_owner: Mapped[str | None] = mapped_column(String(160))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    worker: Mapped[str | None] = mapped_column(String(160))
    unique_key: Mapped[str | None] = mapped_column(String(200))
    live_key: Mapped[str | None] = mapped_column(String(200))
    concurrency_key: Mapped[str | None] = mapped_column(String(200))
    cancel_requested_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cancel_requested_by: Mapped[str | None] = mapped_column(String(160))
    progress_current: Mapped[int | None] = mapped_column(BigInteger)
    progress_total: Mapped[int | None] = mapped_column(BigInteger)
    progress_note: Mapped[str | None] = mapped_column(String(200))
    progressed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    workflow_id: Mapped[int | None] = mapped_column(Id)
    step: Mapped[str | None] = mapped_column(String(80))
    pending_deps: Mapped[int] = mapped_column(Integer, server_default="0")
    schedule_id: Mapped[int | None] = mapped_column(Id)
    slot: Mapped[datetime | None] = mapped_column(UtcDateTime)
    retry_of: Mapped[int | None] = mapped_column(Id)
    subject_kind: Mapped[str | None] = mapped_column(String(40))
    subject_id: Mapped[int | None] = mapped_column(Id)
    requested_by: Mapped[str | None] = mapped_column(String(80))
    request_id: Mapped[str | None] = mapped_column(String(64))
    error_class: Mapped[str | None] = mapped_column(String(200))
    error_message: Mapped[str | None] = mapped_column(Text)
    error_fingerprint: Mapped[str | None] = mapped_column(String(16))
    error_version: Mapped[str | None] = mapped_column(String(40))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=db_now())
    ready_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=db_now())
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        CheckConstraint(f"state IN ({spelled(*State)})", name="state"),
        CheckConstraint("priority BETWEEN 0 AND 9", name="priority"),
        Index("ix_job_ready", "queue", "rank", "turn", "id", **_partial("state = 'ready'")),
        Index("ix_job_share", "queue", "rank", "requested_by", "turn", **_partial(_SHARES)),
        Index("ix_job_due", "run_at", **_partial("state = 'scheduled'")),
        Index("ix_job_blocked", "id", **_partial("state = 'blocked'")),
        Index(
            "ix_job_expiring", "expires_at", **_partial(f"expires_at IS NOT NULL AND state IN ({spelled(*WAITING)})")
        ),
        Index("ix_job_running_key", "concurrency_key", **_partial("state = 'running' AND concurrency_key IS NOT NULL")),
        Index("ix_job_workflow", "workflow_id", "id", **_partial("workflow_id IS NOT NULL")),
        Index("ix_job_schedule", "schedule_id", "id", **_partial("schedule_id IS NOT NULL")),
        Index(
            "ix_job_schedule_live",
            "schedule_id",
            **_partial(f"schedule_id IS NOT NULL AND state IN ({spelled(*LIVE)})"),
        ),
        Index("ix_job_retry_of", "retry_of", **_partial("retry_of IS NOT NULL")),
        Index("ix_job_error", "error_fingerprint", "id", **_partial("error_fingerprint IS NOT NULL")),
        Index("ix_job_lease", "lease_until", **_partial("state = 'running'")),
        Index(
            "uq_job_unique_key",
            "unique_key",
            unique=True,
            **_partial(f"unique_key IS NOT NULL AND state IN ({spelled(*WAITING)})"),
        ),
        Index(
            "uq_job_live_key",
            "live_key",
            unique=True,
            **_partial(f"live_key IS NOT NULL AND state IN ({spelled(*LIVE)})"),
        ),
        Index("ix_job_settled", "state", "finished_at", "id", **_partial("finished_at IS NOT NULL")),
        Index("ix_job_result", "finished_at", **_partial("result IS NOT NULL")),
        Index("ix_job_kind", "kind", "id"),
        Index("ix_job_requester", "requested_by", "id", **_partial("requested_by IS NOT NULL")),
        Index("ix_job_subject", "subject_kind", "subject_id", "id", **_partial("subject_kind IS NOT NULL")),
    )

    @property
    def is_live(self) -> bool:
        """Whether it still waits or runs."""
        return self.state in LIVE

    @property
    def processing_ms(self) -> int | None:
        """How long the latest attempt took, in milliseconds; None until it ended."""
        return took_ms(self.started_at, self.finished_at)


def took_ms(started_at: datetime | None, finished_at: datetime | None) -> int | None:
    """Milliseconds between two moments, never negative; None unless both are known."""
    if started_at is None or finished_at is None:
        return None
    return max(0, round((finished_at - started_at).total_seconds() * 1000))


def in_state(*states: State) -> ColumnElement[bool]:
    """A condition on the job's state, written out: SQLite uses a partial index only where it reads the literal."""
    words: list[ColumnElement[str]] = [literal_column(f"'{state}'") for state in states]
    return Entry.state == words[0] if len(words) == 1 else Entry.state.in_(words)


class Attempt(LedgerBase):
    """One try of a job, written when it ended."""

    __tablename__ = "job_attempt"

    # No foreign key: rows are only ever inserted from the job row itself, and the check would cost every finish.
    job_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    attempt: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    outcome: Mapped[str] = mapped_column(String(12))
    worker: Mapped[str | None] = mapped_column(String(160))
    ready_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime] = mapped_column(UtcDateTime)
    error_class: Mapped[str | None] = mapped_column(String(200))
    error_message: Mapped[str | None] = mapped_column(Text)
    traceback: Mapped[str | None] = mapped_column(Text)


class LogRow(LedgerBase):
    """What one try of a job logged, the last lines of it; `dropped` is how many came before them."""

    __tablename__ = "job_log"

    job_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    attempt: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    lines: Mapped[str] = mapped_column(Text)
    dropped: Mapped[int] = mapped_column(Integer, server_default="0")


class Mute(LedgerBase):
    """An error that nobody wants to see again until another version of the host runs."""

    __tablename__ = "job_mute"

    fingerprint: Mapped[str] = mapped_column(String(16), primary_key=True)
    version: Mapped[str] = mapped_column(String(40))
    muted_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=db_now())
    muted_by: Mapped[str | None] = mapped_column(String(160))
    reason: Mapped[str | None] = mapped_column(String(200))


class Move(LedgerBase):
    """A move that a person or a rescue made, as opposed to a worker's ordinary ones."""

    __tablename__ = "job_event"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    job_id: Mapped[int] = mapped_column(Id, ForeignKey("job.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=db_now())
    what: Mapped[str] = mapped_column(String(40))
    by: Mapped[str | None] = mapped_column(String(160))
    note: Mapped[str | None] = mapped_column(Text)


class WorkerRow(LedgerBase):
    """A process of the engine that says it lives.

    `busy` of its `threads` run something; its clock is `skew_s` ahead of the database's. `wish` is what an operator
    wants of it. A scheduler tells in `sweeps` when each ran last.
    """

    __tablename__ = "job_worker"

    name: Mapped[str] = mapped_column(String(160), primary_key=True)
    role: Mapped[str] = mapped_column(String(12))
    queues: Mapped[str] = mapped_column(Text)
    version: Mapped[str] = mapped_column(String(40))
    running: Mapped[int] = mapped_column(Integer, server_default="0")
    sees_redis: Mapped[bool] = mapped_column(Boolean)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    threads: Mapped[int] = mapped_column(Integer, server_default="0")
    busy: Mapped[int] = mapped_column(Integer, server_default="0")
    memory_mib: Mapped[float | None] = mapped_column(Double)
    skew_s: Mapped[float | None] = mapped_column(Double)
    wish: Mapped[str] = mapped_column(String(8), server_default="")
    wished_by: Mapped[str | None] = mapped_column(String(160))
    sweeps: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)


class Effect(LedgerBase):
    """Something a job does outside of the database, under a key: meant to be done, or done with this answer."""

    __tablename__ = "job_effect"

    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    job_uid: Mapped[str] = mapped_column(String(32), index=True)
    is_done: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    tries: Mapped[int] = mapped_column(Integer, server_default="1")
    answer: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)
    intended_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=db_now(), index=True)
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Lane(LedgerBase):
    """What people decided about a queue or a kind: paused or not, and its limits. Without a row there are none."""

    __tablename__ = "job_lane"

    scope: Mapped[str] = mapped_column(String(8), primary_key=True)
    name: Mapped[str] = mapped_column(String(128), primary_key=True)
    paused_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    paused_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    paused_by: Mapped[str | None] = mapped_column(String(160))
    pause_reason: Mapped[str | None] = mapped_column(String(200))
    most_running: Mapped[int | None] = mapped_column(Integer)
    rate_count: Mapped[int | None] = mapped_column(Integer)
    rate_period_s: Mapped[float | None] = mapped_column(Double)
    tokens: Mapped[float | None] = mapped_column(Double)
    filled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (CheckConstraint("scope IN ('queue', 'kind')", name="scope"),)


class Allowance(LedgerBase):
    """How many more jobs of one concurrency key may start, as of `filled_at`; from `full_at` on it is full."""

    __tablename__ = "job_allowance"

    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    tokens: Mapped[float] = mapped_column(Double)
    filled_at: Mapped[datetime] = mapped_column(UtcDateTime)
    full_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class Guest(LedgerBase):
    """A kind of which jobs have been put into a queue that it is not declared for: workers of the queue take it too."""

    __tablename__ = "job_guest"

    queue: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(128), primary_key=True)


class PeriodKey(LedgerBase):
    """A key under which one job is enough for a while."""

    __tablename__ = "job_period_key"

    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    uid: Mapped[str] = mapped_column(String(32))
    until: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class KindRow(LedgerBase):
    """A kind of job that a worker has said it can run."""

    __tablename__ = "job_kind"

    name: Mapped[str] = mapped_column(String(128), primary_key=True)
    queue: Mapped[str] = mapped_column(String(64))
    version: Mapped[str] = mapped_column(String(40))
    told: Mapped[dict[str, Any]] = mapped_column(JSON)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=db_now())


class Tally(LedgerBase):
    """How many jobs of a sort the ledger has forgotten, so that what was counted stays counted."""

    __tablename__ = "job_tally"

    name: Mapped[str] = mapped_column(String(12), primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)
