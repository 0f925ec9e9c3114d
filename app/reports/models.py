"""The table of reports."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, String, Text, false
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.models import User
from app.db import Base, UtcDateTime

from .orders import Sort


class Report(Base):
    """A report that somebody asked for. It has a file once it is `built_at`, and never will once it is `failed_at`.

    When it `is_cut`, there was more than a file takes.
    """

    __tablename__ = "report"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    created_by: Mapped[int] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(10), default="waiting", server_default="waiting")
    filters: Mapped[dict[str, Any]] = mapped_column(JSON)
    file: Mapped[str] = mapped_column(String(80), unique=True)
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    row_count: Mapped[int | None] = mapped_column(Integer)
    is_cut: Mapped[bool] = mapped_column(default=False, server_default=false())
    failure: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    built_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_report_owner", "created_by", "id"), Index("ix_report_created_at", "created_at"))

    @property
    def title(self) -> str:
        """What it is called: "Activities"."""
        return Sort(self.kind).label

    @property
    def file_name(self) -> str:
        """What the file is called by those who download it."""
        part = f"-first-{self.row_count}-rows" if self.is_cut else ""
        return f"metronome-{self.kind}-{self.created_at.date().isoformat()}{part}.csv"

    @property
    def is_waiting(self) -> bool:
        """Whether its file is still to come by itself."""
        return self.state == "waiting"

    @property
    def is_ready(self) -> bool:
        """Whether it can be downloaded."""
        return self.state == "ready"
