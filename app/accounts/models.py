"""The tables of people and of what lets them in."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Date, ForeignKey, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, UtcDateTime
from app.exact import Exact


class User(Base):
    """A person. A guest has neither e-mail nor password, and a moment when the account goes."""

    __tablename__ = "person"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    email: Mapped[str | None] = mapped_column(String(254))
    email_key: Mapped[str | None] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    password_hash: Mapped[str | None] = mapped_column(String(255))
    zone: Mapped[str] = mapped_column(String(64))
    is_admin: Mapped[bool] = mapped_column(default=False)
    theme: Mapped[str] = mapped_column(String(10), default="system")
    live_updates: Mapped[bool] = mapped_column(default=True)
    role: Mapped[str] = mapped_column(String(12), default="", server_default="")
    refresh_s: Mapped[int] = mapped_column(Integer, default=3, server_default="3")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    goes_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        Index(
            "ix_person_goes_at",
            "goes_at",
            sqlite_where=text("goes_at IS NOT NULL"),
            postgresql_where=text("goes_at IS NOT NULL"),
        ),
    )

    @property
    def is_guest(self) -> bool:
        """Whether the account is a temporary one."""
        return self.goes_at is not None


class SignInSession(Base):
    """One browser somebody is signed in with. The cookie holds the token, the table its hash."""

    __tablename__ = "sign_in_session"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    browser: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ApiToken(Base):
    """A key for programs; shown once, kept as a hash."""

    __tablename__ = "api_token"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(80))
    start: Mapped[str] = mapped_column(String(12))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class WeightRecord(Base):
    """What a person weighed on a day, and from then on until the next record."""

    __tablename__ = "weight_record"
    __table_args__ = (UniqueConstraint("user_id", "on_day"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"))
    on_day: Mapped[date] = mapped_column(Date)
    weight_kg: Mapped[Decimal] = mapped_column(Exact(6, 2))
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SetupLink(Base):
    """A link that makes the first admin, once."""

    __tablename__ = "setup_link"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
