"""The table of reminders."""

from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.models import User
from app.db import Base, UtcDateTime

from .due import Past, Wish


class Reminder(Base):
    """What somebody said of being reminded. Who has no row wants none.

    Days are the person's own: `asked_on` is the last one on which a job was to remind them, `reminded_on` the last one
    on which their mail was handed over, or refused for good.
    """

    __tablename__ = "reminder"

    user_id: Mapped[int] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), primary_key=True)
    is_on: Mapped[bool]
    days: Mapped[int] = mapped_column(SmallInteger)
    hour: Mapped[int] = mapped_column(SmallInteger)
    asked_on: Mapped[date | None] = mapped_column(Date)
    reminded_on: Mapped[date | None] = mapped_column(Date)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)

    def wish(self, zone: str) -> Wish:
        """When they want to be reminded, by the clock of that zone."""
        return Wish(days=self.days, hour=self.hour, zone=zone)

    def past(self, signed_up_at: datetime) -> Past:
        """What is known without looking at what they logged."""
        return Past(signed_up_at=signed_up_at, asked_on=self.asked_on, reminded_on=self.reminded_on)
