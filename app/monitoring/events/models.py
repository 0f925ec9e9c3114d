"""The table of events."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, UtcDateTime

Id = BigInteger().with_variant(Integer, "sqlite")


def _partial(where: str) -> dict[str, Any]:
    return {"sqlite_where": text(where), "postgresql_where": text(where)}


class EventRow(Base):
    """One thing that happened. Several that were alike at one moment are one row with their `count`."""

    __tablename__ = "event"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    kind: Mapped[str] = mapped_column(String(12))
    action: Mapped[str] = mapped_column(String(100))
    level: Mapped[str] = mapped_column(String(8))
    words: Mapped[str] = mapped_column(String(300))
    who: Mapped[str | None] = mapped_column(String(80))
    request_id: Mapped[str | None] = mapped_column(String(64))
    job: Mapped[str | None] = mapped_column(String(32))
    count: Mapped[int] = mapped_column(Integer, default=1, server_default="1")
    fields: Mapped[dict[str, Any]] = mapped_column(JSON)

    __table_args__ = (
        Index("ix_event_at", "at", "id"),
        Index("ix_event_kind", "kind", "at", "id"),
        Index("ix_event_action", "action", "at", "id"),
        Index("ix_event_level", "level", "at", "id", **_partial("level <> 'info'")),
        Index("ix_event_who", "who", "at", "id", **_partial("who IS NOT NULL")),
        Index("ix_event_request", "request_id", **_partial("request_id IS NOT NULL")),
        Index("ix_event_job", "job", **_partial("job IS NOT NULL")),
    )
