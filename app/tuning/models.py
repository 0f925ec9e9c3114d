"""The tables of settings that were changed while the product runs."""

from datetime import datetime

from sqlalchemy import Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, UtcDateTime


class SettingValue(Base):
    """What a setting is now, where it is not as the environment says; written as there."""

    __tablename__ = "setting_value"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    text: Mapped[str] = mapped_column(Text)


class SettingChange(Base):
    """One change of one setting. Without a text it was, or is again, as the environment says.

    The highest id is the version of all settings.
    """

    __tablename__ = "setting_change"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(64), index=True)
    before: Mapped[str | None] = mapped_column(Text)
    after: Mapped[str | None] = mapped_column(Text)
    by: Mapped[str] = mapped_column(String(160))
    reason: Mapped[str] = mapped_column(String(500))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
