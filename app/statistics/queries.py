"""Reading what statistics are made of, and those that are stored."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select

from app.accounts.models import User
from app.activities.models import Activity
from app.db import reading

from .bests import Held
from .models import UserStatistics
from .summary import Part


def stored_of(user_id: int) -> UserStatistics | None:
    """The statistics of this person as they were calculated last."""
    query = select(UserStatistics).where(UserStatistics.user_id == user_id)
    return reading().scalars(query.execution_options(populate_existing=True)).first()


def newest_change_of(user_id: int) -> datetime | None:
    """When an activity of this person was last logged, changed, counted or deleted. A look at the end of an index."""
    return reading().scalar(select(func.max(Activity.changed_at)).where(Activity.user_id == user_id))


def parts_of(user_id: int, *, since: date, until: date) -> list[Part]:
    """What this person did in these days, by day and kind."""
    is_uncounted = and_(Activity.energy_kcal.is_(None), Activity.uncountable_since.is_(None))
    query = (
        select(
            Activity.day,
            Activity.kind,
            func.count(),
            func.sum(Activity.duration_s),
            func.max(Activity.duration_s),
            func.sum(Activity.energy_kcal),
            func.sum(case((is_uncounted, 1), else_=0)),
        )
        .where(*_own(user_id), Activity.day.between(since, until))
        .group_by(Activity.day, Activity.kind)
        .order_by(Activity.day, Activity.kind)
    )
    return [Part(*row) for row in reading().execute(query)]


def record_holders_of(user_id: int) -> list[Held]:
    """Of each kind the longest activity and the one with most energy this person ever logged, the first of its like.

    Reads their history twice and sorts nothing.
    """
    tops = (
        select(
            Activity.kind,
            func.max(Activity.duration_s).label("longest_s"),
            func.max(Activity.energy_kcal).label("most"),
        )
        .where(*_own(user_id))
        .group_by(Activity.kind)
        .cte("tops")
    )
    firsts = (
        select(
            func.min(case((Activity.duration_s == tops.c.longest_s, Activity.id))).label("longest_id"),
            func.min(case((Activity.energy_kcal == tops.c.most, Activity.id))).label("most_id"),
        )
        .join(tops, tops.c.kind == Activity.kind)
        .where(*_own(user_id))
        .group_by(Activity.kind)
    )
    ids = {one for row in reading().execute(firsts) for one in row if one is not None}
    if not ids:
        return []
    columns = (Activity.id, Activity.kind, Activity.day, Activity.duration_s, Activity.energy_kcal)
    query = select(*columns).where(Activity.id.in_(ids), *_own(user_id)).order_by(Activity.id)
    return [Held(*row) for row in reading().execute(query)]


def best_day_of(user_id: int) -> tuple[date, Decimal] | None:
    """The day on which this person burned most, the first of its like, with its energy."""
    total = func.sum(Activity.energy_kcal)
    query = select(Activity.day, total).where(*_own(user_id), Activity.energy_kcal.is_not(None))
    row = reading().execute(query.group_by(Activity.day).order_by(total.desc(), Activity.day).limit(1)).first()
    return None if row is None or row[1] is None else (row[0], row[1])


def people_with_old_ones(*, settled_before: datetime, older_than: datetime, limit: int) -> Sequence[int]:
    """People whose statistics miss a change of theirs, or whose thirty days have moved on; the oldest first.

    Who changed something after `settled_before` is left for the next time: more may be coming.
    """
    newest: Any = select(func.max(Activity.changed_at)).where(Activity.user_id == User.id).scalar_subquery()
    has_moved = and_(UserStatistics.calculated_at < older_than, UserStatistics.activity_count > 0)
    misses = and_(newest <= settled_before, or_(UserStatistics.user_id.is_(None), newest > UserStatistics.knows_until))
    query = (
        select(User.id)
        .outerjoin(UserStatistics, UserStatistics.user_id == User.id)
        .where(or_(has_moved, misses))
        .order_by(UserStatistics.calculated_at.asc().nulls_first(), User.id)
        .limit(limit)
    )
    return reading().scalars(query).all()


def _own(user_id: int) -> tuple[ColumnElement[bool], ...]:
    return Activity.user_id == user_id, Activity.deleted_at.is_(None)
