"""Reading who wants to be reminded, and what they logged."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import func, select

from app.accounts.models import User
from app.activities.models import Activity
from app.db import reading

from .models import Reminder

AT_ONCE = 500
# Guests have no address, and to a closed account nothing is written.
_WANTED = (
    select(Reminder, User)
    .join(User, User.id == Reminder.user_id)
    .where(Reminder.is_on, User.email.is_not(None), User.goes_at.is_(None), User.disabled_at.is_(None))
    .execution_options(populate_existing=True)
)


def reminder_of(user_id: int) -> Reminder | None:
    """What this person said of being reminded; None when they never did."""
    query = select(Reminder).where(Reminder.user_id == user_id)
    return reading().scalars(query.execution_options(populate_existing=True)).first()


def wanted() -> Sequence[tuple[Reminder, User]]:
    """Everybody who wants to be reminded and can be mailed, by id."""
    return [(row[0], row[1]) for row in reading().execute(_WANTED.order_by(User.id))]


def one_wanted(user_id: int) -> tuple[Reminder, User] | None:
    """As wanted(), of one person."""
    row = reading().execute(_WANTED.where(User.id == user_id)).first()
    return None if row is None else (row[0], row[1])


def last_logged(user_ids: Sequence[int], *, since: datetime) -> Mapping[int, datetime]:
    """When each of these people last logged something that is still there; who has not since then is left out."""
    found: dict[int, datetime] = {}
    for start in range(0, len(user_ids), AT_ONCE):
        some = user_ids[start : start + AT_ONCE]
        # What was made since then was changed since then: it is `changed_at` that has an index.
        query = select(Activity.user_id, func.max(Activity.created_at)).where(
            Activity.user_id.in_(some),
            Activity.changed_at >= since,
            Activity.created_at >= since,
            Activity.deleted_at.is_(None),
        )
        found |= {row[0]: row[1] for row in reading().execute(query.group_by(Activity.user_id))}
    return found


def last_workout_day(user_id: int) -> date | None:
    """The day of this person's last workout; None when there is none."""
    live = select(func.max(Activity.day)).where(Activity.user_id == user_id, Activity.deleted_at.is_(None))
    return reading().scalar(live)


def user_with(user_id: int) -> User | None:
    """One person, if there is one."""
    return reading().get(User, user_id)
