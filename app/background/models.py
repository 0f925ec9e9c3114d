"""Requests that were taken under an Idempotency-Key."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, UtcDateTime


class KeyedRequest(Base):
    """What came of a request that somebody may send again: the public ids of the jobs it made."""

    __tablename__ = "keyed_request"

    user_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(220), primary_key=True)
    content_print: Mapped[str] = mapped_column(String(64))
    made: Mapped[list[Any]] = mapped_column(JSON)
    sent_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
