"""The tables of leaderboards."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import BigInteger, Date, ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.models import User
from app.db import Base, UtcDateTime
from app.exact import Exact


class Member(Base):
    """Somebody who wants to be seen on the leaderboards, and under which name. Nobody else is."""

    __tablename__ = "leaderboard_member"

    user_id: Mapped[int] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), primary_key=True)
    display_name: Mapped[str] = mapped_column(String(40))
    name_key: Mapped[str] = mapped_column(String(160), unique=True)
    joined_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Board(Base):
    """The leaderboards of one period as they were last calculated."""

    __tablename__ = "leaderboard"

    period: Mapped[str] = mapped_column(String(5), primary_key=True)
    since_day: Mapped[date | None] = mapped_column(Date)
    until_day: Mapped[date | None] = mapped_column(Date)
    calculated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Standing(Base):
    """How somebody stood in a period, and their place by each measure. Equal numbers share a place: 1, 2, 2, 4."""

    __tablename__ = "leaderboard_standing"

    user_id: Mapped[int] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), primary_key=True)
    period: Mapped[str] = mapped_column(String(5), primary_key=True)
    energy_kcal: Mapped[Decimal] = mapped_column(Exact(12, 1))
    minutes: Mapped[int] = mapped_column(BigInteger)
    active_days: Mapped[int] = mapped_column(Integer)
    energy_rank: Mapped[int] = mapped_column(Integer)
    minutes_rank: Mapped[int] = mapped_column(Integer)
    days_rank: Mapped[int] = mapped_column(Integer)
