"""The tables of alerts."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, UtcDateTime

Id = BigInteger().with_variant(Integer, "sqlite")
OPEN = "resolved_at IS NULL"


def _partial(where: str) -> dict[str, Any]:
    return {"sqlite_where": text(where), "postgresql_where": text(where)}


class Alert(Base):
    """Something that is wrong, or was. What is alike has one fingerprint, and one open alert, which counts how often.

    `asked_at` is when people were to be told last, `told_at` when they were.
    """

    __tablename__ = "alert"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(120))
    rule: Mapped[str] = mapped_column(String(60))
    type: Mapped[str] = mapped_column(String(60))
    severity: Mapped[str] = mapped_column(String(10))
    title: Mapped[str] = mapped_column(String(200))
    words: Mapped[str] = mapped_column(Text)
    times: Mapped[int] = mapped_column(Integer, default=1, server_default="1")
    labels: Mapped[dict[str, Any]] = mapped_column(JSON)
    raised_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_at: Mapped[datetime] = mapped_column(UtcDateTime)
    asked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    told_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    acknowledged_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    acknowledged_by: Mapped[str | None] = mapped_column(String(80))
    resolved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    resolved_by: Mapped[str | None] = mapped_column(String(80))
    file: Mapped[str | None] = mapped_column(String(160))

    __table_args__ = (
        Index("uq_alert_open", "fingerprint", unique=True, **_partial(OPEN)),
        Index("ix_alert_fingerprint", "fingerprint", "id"),
        Index("ix_alert_open_id", "id", **_partial(OPEN)),
        Index("ix_alert_no_file", "id", **_partial("file IS NULL")),
        Index("ix_alert_resolved_at", "resolved_at", **_partial("resolved_at IS NOT NULL")),
    )

    @property
    def state(self) -> str:
        """open, acknowledged or resolved."""
        if self.resolved_at is not None:
            return "resolved"
        return "acknowledged" if self.acknowledged_at is not None else "open"


class AlertStep(Base):
    """One thing that became of an alert."""

    __tablename__ = "alert_step"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey(Alert.id, ondelete="CASCADE"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    words: Mapped[str] = mapped_column(String(300))
    by: Mapped[str | None] = mapped_column(String(80))


class AlertMute(Base):
    """Alerts of this fingerprint are written down, and nobody is told of them, for good or until then."""

    __tablename__ = "alert_mute"

    fingerprint: Mapped[str] = mapped_column(String(120), primary_key=True)
    until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    by: Mapped[str | None] = mapped_column(String(80))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class Sighting(Base):
    """Something of which several soon after each other are an alert; taken once, by `alert_id`."""

    __tablename__ = "alert_sighting"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    rule: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str] = mapped_column(String(80))
    words: Mapped[str] = mapped_column(String(300))
    count: Mapped[int] = mapped_column(Integer)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    alert_id: Mapped[int | None] = mapped_column(Integer)

    __table_args__ = (
        Index("ix_alert_sighting_free", "rule", "at", **_partial("alert_id IS NULL")),
        Index("ix_alert_sighting_at", "at"),
    )
