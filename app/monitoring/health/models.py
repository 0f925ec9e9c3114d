"""The tables of health."""

from datetime import datetime

from sqlalchemy import BigInteger, Float, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, UtcDateTime

Id = BigInteger().with_variant(Integer, "sqlite")


class HealthCheck(Base):
    """One call of the web's health endpoint: what it said, and how soon. `status` is None when it did not answer."""

    __tablename__ = "health_check"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    condition: Mapped[str] = mapped_column(String(10))
    status: Mapped[int | None] = mapped_column(Integer)
    latency_ms: Mapped[float] = mapped_column(Float(53))
    words: Mapped[str] = mapped_column(String(300))

    __table_args__ = (Index("ix_health_check_at", "at", "condition", "latency_ms"),)


class HealthPart(Base):
    """How one part is, as it was looked at last, and since when it is so."""

    __tablename__ = "health_part"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    condition: Mapped[str] = mapped_column(String(10))
    words: Mapped[str] = mapped_column(String(300))
    remedy: Mapped[str] = mapped_column(String(300))
    took_ms: Mapped[float] = mapped_column(Float(53))
    looked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    since: Mapped[datetime] = mapped_column(UtcDateTime)
