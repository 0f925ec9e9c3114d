"""The table of workout plans."""

from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.models import User
from app.db import Base, UtcDateTime

from .answers import Answers
from .week import Plan

WAITING, READY, CLEARANCE_NEEDED = "waiting", "ready", "clearance_needed"
STATES = (WAITING, READY, CLEARANCE_NEEDED)
RULES, MODEL = "rules", "model"


class WorkoutPlan(Base):
    """A plan that somebody asked for: their answers, and what was made of them, by rule or by a model.

    It has a week once it is `ready`, and never will when it says `clearance_needed`; `remark` is what they are told.
    """

    __tablename__ = "workout_plan"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"))
    state: Mapped[str] = mapped_column(String(20))
    given: Mapped[dict[str, Any]] = mapped_column(JSON)
    asks_model: Mapped[bool] = mapped_column()
    made: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    made_by: Mapped[str | None] = mapped_column(String(10))
    remark: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    made_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_workout_plan_owner", "user_id", "id"),)

    @property
    def answers(self) -> Answers:
        """What they answered."""
        return Answers.read(self.given)

    @cached_property
    def plan(self) -> Plan | None:
        """The week, once there is one."""
        return None if self.made is None else Plan.read(self.made)

    @property
    def is_waiting(self) -> bool:
        """Whether its week is still to come by itself."""
        return self.state == WAITING

    @property
    def title(self) -> str:
        """What it is called: "Endurance, 3 days a week"."""
        answers = self.answers
        return f"{answers.goal.label}, {answers.days} {'day' if answers.days == 1 else 'days'} a week"
