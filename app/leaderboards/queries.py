"""Reading how people stand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Row, Select, cast, func, literal, select, union_all

from app.accounts.models import User
from app.activities.models import Activity
from app.db import reading

from .boards import Measure, Period, Window
from .models import Board, Member, Standing

# Whoever is a guest, or whose account is closed, is not shown from that moment on, whatever was calculated.
IS_SHOWN = (User.goes_at.is_(None), User.disabled_at.is_(None))
BY: Mapping[Measure, tuple[Any, Any]] = {
    Measure.ENERGY: (Standing.energy_rank, Standing.energy_kcal),
    Measure.MINUTES: (Standing.minutes_rank, Standing.minutes),
    Measure.DAYS: (Standing.days_rank, Standing.active_days),
}


@dataclass(frozen=True, slots=True)
class Place:
    """One line of a leaderboard."""

    rank: int
    display_name: str
    value: Decimal | int
    is_own: bool


def member_of(user_id: int) -> Member | None:
    """How this person takes part; None when they do not."""
    query = select(Member).where(Member.user_id == user_id)
    return reading().scalars(query.execution_options(populate_existing=True)).first()


def board_of(period: Period) -> Board | None:
    """When the leaderboards of this period were calculated, and of which days; None before the first time."""
    query = select(Board).where(Board.period == period.value)
    return reading().scalars(query.execution_options(populate_existing=True)).first()


def oldest_board() -> tuple[int, datetime | None, date | None]:
    """How many boards there are, when the one that waits longest was calculated, and where the first of them ends."""
    row = reading().execute(select(func.count(), func.min(Board.calculated_at), func.min(Board.until_day))).one()
    return row[0], row[1], row[2]


def count_of(period: Period) -> int:
    """How many people stand on the leaderboards of this period."""
    return reading().scalar(_shown(select(func.count()), period)) or 0


def places_of(period: Period, measure: Measure, *, viewer_id: int, after: int, limit: int) -> list[Place]:
    """So many lines, behind the first `after`, the best first; of those that share a place, by name."""
    rank, value = BY[measure]
    query = _shown(select(rank, Member.display_name, value, Member.user_id == viewer_id), period)
    ordered = query.order_by(rank, func.lower(Member.display_name), Member.user_id)
    return [_place(row) for row in reading().execute(ordered.offset(after).limit(limit))]


def own_place_of(user_id: int, period: Period, measure: Measure) -> Place | None:
    """The line of this person; None when they have none."""
    rank, value = BY[measure]
    query = _shown(select(rank, Member.display_name, value, literal(1)), period).where(Member.user_id == user_id)
    row = reading().execute(query).first()
    return _place(row) if row else None


def calculated(windows: Mapping[Period, Window]) -> Sequence[Row[*tuple[Any, ...]]]:
    """How everybody who takes part stands in each period, as columns of `Standing`. One statement.

    A day is a day of the person's own; minutes are whole ones, so that what is compared is what is shown.
    """
    by_day = (
        select(
            Activity.user_id,
            Activity.day,
            func.sum(Activity.energy_kcal).label("energy_kcal"),
            func.sum(Activity.duration_s).label("duration_s"),
        )
        .join(Member, Member.user_id == Activity.user_id)
        .join(User, User.id == Activity.user_id)
        .where(Activity.deleted_at.is_(None), *IS_SHOWN)
        .group_by(Activity.user_id, Activity.day)
        .cte("by_day")
    )
    nothing = literal(Decimal(0), Activity.__table__.c.energy_kcal.type)
    totals = union_all(
        *(
            select(
                by_day.c.user_id,
                literal(period.value).label("period"),
                func.coalesce(func.sum(by_day.c.energy_kcal), nothing).label("energy_kcal"),
                (cast(func.sum(by_day.c.duration_s), BigInteger) // 60).label("minutes"),
                func.count().label("active_days"),
            )
            .where(*_within(by_day.c.day, window))
            .group_by(by_day.c.user_id)
            for period, window in windows.items()
        )
    ).subquery("totals")
    ranks = {"energy_rank": "energy_kcal", "minutes_rank": "minutes", "days_rank": "active_days"}
    ranked = select(
        totals,
        *(
            func.rank().over(partition_by=totals.c.period, order_by=totals.c[column].desc()).label(name)
            for name, column in ranks.items()
        ),
    )
    return reading().execute(ranked.order_by(totals.c.period, totals.c.user_id)).all()


def _within(day: ColumnElement[date], window: Window) -> list[ColumnElement[bool]]:
    first = [] if window.since is None else [day >= window.since]
    return first if window.until is None else [*first, day <= window.until]


def _shown(query: Select[*tuple[Any, ...]], period: Period) -> Select[*tuple[Any, ...]]:
    """Of those who take part at this moment: what was calculated before somebody left is not shown."""
    standings = query.select_from(Standing).join(Member, Member.user_id == Standing.user_id)
    return standings.join(User, User.id == Standing.user_id).where(Standing.period == period.value, *IS_SHOWN)


def _place(row: Row[*tuple[Any, ...]]) -> Place:
    return Place(row[0], row[1], row[2], is_own=bool(row[3]))
