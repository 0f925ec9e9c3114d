"""Which people the workbench made."""

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.models import User
from app.db import Base, UtcDateTime


class SamplePerson(Base):
    """Somebody whom the workbench made, and may take away again."""

    __tablename__ = "sample_person"

    user_id: Mapped[int] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), primary_key=True)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
