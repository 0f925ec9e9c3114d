"""Schedules, and what became of each of their slots."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, Integer, SmallInteger, String, Text, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from jobs.ledger.models import Id, LedgerBase
from jobs.ledger.moments import UtcDateTime, db_now

from .rules import Rule, RuleKind


class Misfire(StrEnum):
    """What happens to slots that passed while no scheduler ran."""

    SKIP = "skip"
    ONE = "one"
    ALL = "all"


class Overlap(StrEnum):
    """What happens to a slot while a job of an earlier one still waits or runs."""

    ALLOW = "allow"
    SKIP = "skip"
    QUEUE_ONE = "queue_one"
    REPLACE = "replace"


class Fired(StrEnum):
    """What became of a slot; all but `skipped_…` and `failed` made a job."""

    FIRED = "fired"
    QUEUED = "queued"
    REPLACED = "replaced"
    SKIPPED_LATE = "skipped_late"
    SKIPPED_OVERLAP = "skipped_overlap"
    FAILED = "failed"


MADE_A_JOB = (Fired.FIRED, Fired.QUEUED, Fired.REPLACED)
MADE_NO_JOB = (Fired.SKIPPED_LATE, Fired.SKIPPED_OVERLAP, Fired.FAILED)


def _spelled(words: type[StrEnum]) -> str:
    return ", ".join(f"'{word}'" for word in words)


def _partial(where: str) -> dict[str, Any]:
    return {"sqlite_where": sql(where), "postgresql_where": sql(where)}


class Schedule(LedgerBase):
    """A kind of job with its arguments, and when it is made.

    `next_at` is its next slot, None when it is over; `queued_slot` fires as soon as no job of the schedule lives.
    """

    __tablename__ = "schedule"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    requested_by: Mapped[str] = mapped_column(String(80), server_default="")
    name: Mapped[str] = mapped_column(String(80))
    kind: Mapped[str] = mapped_column(String(128))
    args: Mapped[dict[str, Any]] = mapped_column(JSON)
    priority: Mapped[int | None] = mapped_column(SmallInteger)
    queue: Mapped[str | None] = mapped_column(String(64))
    rule_kind: Mapped[str] = mapped_column(String(8))
    rule_text: Mapped[str] = mapped_column(String(500))
    zone: Mapped[str] = mapped_column(String(64), server_default="UTC")
    starts_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    most_times: Mapped[int | None] = mapped_column(Integer)
    jitter_s: Mapped[int] = mapped_column(Integer, server_default="0")
    misfire: Mapped[str] = mapped_column(String(8), server_default="one")
    most_missed: Mapped[int] = mapped_column(SmallInteger, server_default="10")
    overlap: Mapped[str] = mapped_column(String(12), server_default="allow")
    fired: Mapped[int] = mapped_column(Integer, server_default="0")
    next_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    queued_slot: Mapped[datetime | None] = mapped_column(UtcDateTime)
    checked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_fired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    paused_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    paused_by: Mapped[str | None] = mapped_column(String(160))
    pause_reason: Mapped[str | None] = mapped_column(String(200))
    problem: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=db_now())
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=db_now())

    __table_args__ = (
        UniqueConstraint("requested_by", "name"),
        CheckConstraint("priority BETWEEN 0 AND 9", name="priority"),
        CheckConstraint(f"rule_kind IN ({_spelled(RuleKind)})", name="rule_kind"),
        CheckConstraint(f"misfire IN ({_spelled(Misfire)})", name="misfire"),
        CheckConstraint(f"overlap IN ({_spelled(Overlap)})", name="overlap"),
        Index("ix_schedule_due", "next_at", "id", **_partial("next_at IS NOT NULL AND paused_at IS NULL")),
        Index("ix_schedule_queued", "id", **_partial("queued_slot IS NOT NULL AND paused_at IS NULL")),
    )

    @property
    def is_paused(self) -> bool:
        """Whether a person stopped it for now."""
        return self.paused_at is not None

    @property
    def rule(self) -> Rule:
        """When it runs.

        Raises:
            ValueError: this build does not understand it.
        """
        return Rule(
            RuleKind(self.rule_kind),
            self.rule_text,
            zone=self.zone,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            most_times=self.most_times,
            jitter_s=self.jitter_s,
        )


class ScheduleFire(LedgerBase):
    """What became of one slot of a schedule. The key decides that a slot fires once, however many schedulers run."""

    __tablename__ = "schedule_fire"

    schedule_id: Mapped[int] = mapped_column(
        Id, ForeignKey("schedule.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    slot: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=db_now(), index=True)
    outcome: Mapped[str] = mapped_column(String(16))
    job_uid: Mapped[str | None] = mapped_column(String(32))
    note: Mapped[str | None] = mapped_column(String(200))

    __table_args__ = (CheckConstraint(f"outcome IN ({_spelled(Fired)})", name="outcome"),)
