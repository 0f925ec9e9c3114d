"""The table of statistics."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, BigInteger, Date, ForeignKey, Integer
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.models import User
from app.db import Base, UtcDateTime
from app.exact import Exact

from .bests import Bests
from .summary import Summary, Total


class UserStatistics(Base):
    """What a person did in a window of days, and the best they ever did, as it was `calculated_at`.

    Whatever was changed up to `knows_until` is in it; what was changed later may be missing.
    """

    __tablename__ = "user_statistics"

    user_id: Mapped[int] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), primary_key=True)
    since_day: Mapped[date] = mapped_column(Date)
    until_day: Mapped[date] = mapped_column(Date)
    activity_count: Mapped[int] = mapped_column(Integer)
    active_days: Mapped[int] = mapped_column(Integer)
    duration_s: Mapped[int] = mapped_column(BigInteger)
    longest_s: Mapped[int] = mapped_column(Integer)
    energy_kcal: Mapped[Decimal | None] = mapped_column(Exact(12, 1))
    uncounted: Mapped[int] = mapped_column(Integer)
    kinds: Mapped[list[Any]] = mapped_column(JSON)
    days: Mapped[list[Any]] = mapped_column(JSON)
    bests: Mapped[dict[str, Any]] = mapped_column(JSON)
    calculated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    knows_until: Mapped[datetime] = mapped_column(UtcDateTime)

    @property
    def summary(self) -> Summary:
        """What was done in the window."""
        return Summary(
            since=self.since_day,
            until=self.until_day,
            kinds=[Total.read(one) for one in self.kinds],
            days=[Total.read(one) for one in self.days],
            longest_s=self.longest_s,
            uncounted=self.uncounted,
        )

    @property
    def personal_bests(self) -> Bests:
        """The best there ever was."""
        return Bests.read(self.bests)
