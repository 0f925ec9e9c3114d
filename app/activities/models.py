"""The activity tables."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Date, ForeignKey, Index, Integer, SmallInteger, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.models import User
from app.db import Base, UtcDateTime
from app.exact import Exact

from .drafts import Draft
from .mets import Kind


def _only(where: str) -> dict[str, Any]:
    return {"sqlite_where": text(where), "postgresql_where": text(where)}


class Activity(Base):
    """Something a person did. Its energy follows in the background; how the job fares is the ledger's knowledge."""

    __tablename__ = "activity"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(20))
    met: Mapped[Decimal] = mapped_column(Exact(5, 2))
    duration_s: Mapped[int] = mapped_column(Integer)
    weight_kg: Mapped[Decimal] = mapped_column(Exact(6, 2))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    day: Mapped[date] = mapped_column(Date)
    notes: Mapped[str] = mapped_column(Text, default="", server_default="")
    energy_kcal: Mapped[Decimal | None] = mapped_column(Exact(10, 1))
    counted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    uncountable_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    uncountable_reason: Mapped[str | None] = mapped_column(Text)
    recount_rounds: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    submission_key: Mapped[str | None] = mapped_column(String(250))
    submission_print: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        # One index for the list, its days' totals, the week's sums and the streak; read backwards for newest first.
        Index("ix_activity_live", "user_id", "day", "started_at", "id", **_only("deleted_at IS NULL")),
        # Whether anything of a person's changed since somebody looked last, deleted ones included.
        Index("ix_activity_changed", "user_id", "changed_at"),
        Index("ix_activity_bin", "deleted_at", **_only("deleted_at IS NOT NULL")),
        Index("ix_activity_uncounted", "user_id", "day", "started_at", "id", **_only("energy_kcal IS NULL")),
        Index(
            "uq_activity_submission", "user_id", "submission_key", unique=True, **_only("submission_key IS NOT NULL")
        ),
    )

    @property
    def duration(self) -> timedelta:
        """How long it took."""
        return timedelta(seconds=self.duration_s)

    @property
    def draft(self) -> Draft:
        """What was written down."""
        return Draft(
            kind=Kind.named(self.kind),
            duration=self.duration,
            started_at=self.started_at,
            weight_kg=self.weight_kg,
            notes=self.notes,
        )

    @property
    def label(self) -> str:
        """What it is called: "Running"."""
        return Kind.named(self.kind).label

    @property
    def is_waiting(self) -> bool:
        """Whether its energy is still to come by itself."""
        return self.energy_kcal is None and self.uncountable_since is None
