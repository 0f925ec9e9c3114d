"""Reading activities."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    BindParameter,
    ColumnElement,
    Date,
    Integer,
    Row,
    Select,
    bindparam,
    case,
    cast,
    func,
    literal,
    select,
    text,
    tuple_,
)

from app.accounts import queries as account_queries
from app.clock import now
from app.db import UtcDateTime, reading
from app.errors import NotFound
from app.periods import ONE_DAY, streak, week_of
from app.question import Question
from app.web import settings
from jobs import JobBrief, engine_of

from .mets import Kind
from .models import Activity
from .pages import Filter, Listing, Place, Shown
from .standing import Standing, standing

NOT_THERE = "There is no such activity."

# Built once: this runs for every job or batch. The range lets PostgreSQL find a batch without reading the whole table.
# A plan made for any range would read all that lies between an old activity and a new one: that of one alone is kept.
_activity = Activity.__table__.c
_TO_COUNT = select(
    _activity.id, _activity.met, _activity.weight_kg, _activity.duration_s, _activity.energy_kcal
).order_by(_activity.id)
_TO_COUNT_ON_POSTGRESQL = _TO_COUNT.where(
    text("activity.id = ANY(:ids) AND activity.id BETWEEN :low AND :high")
).with_for_update(key_share=True)
_TO_COUNT_ON_SQLITE = _TO_COUNT.where(text("activity.id IN (SELECT value FROM json_each(:ids))"))
_THE_ONE_TO_COUNT = Question(
    _TO_COUNT.where(_activity.id == bindparam("id")).with_for_update(key_share=True), name="activity_to_count"
)
_ROW_OF = (
    select(Activity.__table__)
    .where(_activity.id == bindparam("id"), _activity.user_id == bindparam("user_id"), _activity.deleted_at.is_(None))
    .execution_options(planned_as="activity_row_of")
)
LARGEST_ID = 2**31 - 1
COUNT_UP_TO = 1_000
STREAK_WINDOW_DAYS = 32

ROW = (
    Activity.id,
    Activity.kind,
    Activity.day,
    Activity.started_at,
    Activity.duration_s,
    Activity.notes,
    Activity.energy_kcal,
    Activity.uncountable_since,
    Activity.uncountable_reason,
    Activity.changed_at,
)


@dataclass(frozen=True, slots=True)
class Item:
    """An activity as lists show it."""

    id: int
    kind: Kind
    day: date
    started_at: datetime
    duration: timedelta
    notes: str
    energy_kcal: Decimal | None
    failure: str | None
    changed_at: datetime
    standing: Standing

    @property
    def is_waiting(self) -> bool:
        """Whether its energy is still to come by itself."""
        return self.energy_kcal is None and self.failure is None

    @property
    def place(self) -> Place:
        """Where a page that ends with it ends."""
        return Place(self.day, self.started_at, self.id)


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is still to come."""

    count: int
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Score:
    """What the scoreboard shows. A sum is unknown (None) while none of its parts is known and some are on their way."""

    today_kcal: Decimal | None
    week_kcal: Decimal | None
    week_duration: timedelta
    streak: int


def activity_of(user_id: int, activity_id: int, *, deleted: bool = False, locked: bool = False) -> Activity:
    """One activity of this person; with `deleted`, one that lies in the bin; with `locked`, nobody else changes it.

    Raises:
        NotFound: it is not there, or somebody else's
    """
    if not 0 < activity_id <= LARGEST_ID:
        raise NotFound(NOT_THERE)
    query = select(Activity).where(
        Activity.id == activity_id,
        Activity.user_id == user_id,
        Activity.deleted_at.is_not(None) if deleted else Activity.deleted_at.is_(None),
    )
    if locked:
        query = query.with_for_update()
    # The session may have met the row before: what it remembers could be older than what the lock waited for.
    found = reading().scalars(query.execution_options(populate_existing=True)).first()
    if found is None:
        raise NotFound(NOT_THERE)
    return found


def row_of(user_id: int, activity_id: int) -> Row[*tuple[Any, ...]]:
    """The columns of one activity of this person, in half the time of `activity_of`: programs ask again and again.

    Raises:
        NotFound: it is not there, or somebody else's
    """
    asked = {"id": activity_id, "user_id": user_id}
    found = reading().connection().execute(_ROW_OF, asked).first() if 0 < activity_id <= LARGEST_ID else None
    if found is None:
        raise NotFound(NOT_THERE)
    return found


def met_of(kind: Kind) -> Decimal:
    """The MET of a kind, as it is set here."""
    met: Decimal = getattr(settings(), f"met_{kind.value}")
    return met


def weight_on(user_id: int, day: date) -> Decimal | None:
    """The newest weight in kilograms that is known on that day, or the one that is set for who gave none."""
    return account_queries.weight_on(user_id, day) or settings().default_weight_kg


def with_another_met(kind: Kind, met: Decimal, *, after_id: int, limit: int) -> Sequence[Row[*tuple[Any, ...]]]:
    """The next activities of a kind that have another MET, deleted ones too, locked until the transaction ends."""
    query = select(_activity.id, _activity.weight_kg, _activity.duration_s, _activity.energy_kcal)
    query = (
        query.where(_activity.kind == kind.value, _activity.met != met, _activity.id > after_id)
        .order_by(_activity.id)
        .limit(limit)
    )
    return reading().execute(query.with_for_update()).all()


def count_with_another_met(kind: Kind, met: Decimal, *, most: int | None = None) -> int:
    """How many activities of a kind have another MET, counted no further than `most`."""
    some = select(literal(1)).where(_activity.kind == kind.value, _activity.met != met).limit(most).subquery()
    return reading().scalar(select(func.count()).select_from(some)) or 0


def jobs_for(activity_ids: Collection[int]) -> Mapping[int, JobBrief]:
    """The newest job of each of the activities, by the activity's id."""
    return engine_of().latest_for("activity", list(activity_ids)) if activity_ids else {}


def standing_of(row: Any, job: JobBrief | None) -> Standing:
    """Where this activity stands, given its newest job."""
    return standing(
        row.energy_kcal,
        failed=row.uncountable_since is not None,
        job_state=job.state if job else None,
        failures=job.failures if job else 0,
        waiting_for=now() - row.changed_at,
    )


def page_of(user_id: int, listing: Listing) -> tuple[list[Item], Place | None]:
    """The activities of one page, newest first, and where the next page begins, if there is one."""
    query = _listed(select(*ROW), user_id, listing.filter)
    if listing.below:
        query = query.where(_place() < _bound(listing.below))
    rows = reading().execute(_newest_first(query).limit(listing.size + 1)).all()
    items = _items(rows[: listing.size])
    return items, items[-1].place if len(rows) > listing.size else None


def recent_of(user_id: int, *, count: int) -> list[Item]:
    """The newest activities of this person."""
    return _items(reading().connection().execute(_recent(), {"whose": user_id, "most": count}).all())


def rows_of(user_id: int, activity_ids: Iterable[int]) -> Sequence[Activity]:
    """Those of the activities that are this person's and not in the bin."""
    ids = [one for one in activity_ids if 0 < one <= LARGEST_ID]
    if not ids:
        return []
    query = select(Activity).where(_is_one_of(ids), Activity.user_id == user_id, Activity.deleted_at.is_(None))
    return reading().scalars(query.execution_options(populate_existing=True)).all()


def items_of(user_id: int, activity_ids: Iterable[int]) -> list[Item]:
    """Those of the activities that are this person's and not in the bin, by id."""
    ids = {one for one in activity_ids if 0 < one <= LARGEST_ID}
    if not ids:
        return []
    query = _listed(select(*ROW), user_id, Filter()).where(Activity.id.in_(ids)).order_by(Activity.id)
    return _items(reading().execute(query).all())


def item_of(user_id: int, activity_id: int) -> Item:
    """One activity of this person as lists show it. Raises NotFound."""
    for item in items_of(user_id, [activity_id]):
        return item
    raise NotFound(NOT_THERE)


def day_totals(user_id: int, chosen: Filter, days: Collection[date]) -> dict[date, Decimal | None]:
    """The kilocalories of whole days, whatever page their activities are on; None where none is known."""
    if not days:
        return {}
    query = _listed(select(Activity.day, func.sum(Activity.energy_kcal)), user_id, chosen)
    rows = reading().execute(query.where(Activity.day.in_(days)).group_by(Activity.day))
    return {row.day: row[1] for row in rows}


def count_of(user_id: int, chosen: Filter) -> int:
    """How many activities pass the filter, counted no further than one past `COUNT_UP_TO`."""
    some = _listed(select(literal(1)), user_id, chosen).limit(COUNT_UP_TO + 1).subquery()
    return reading().scalar(select(func.count()).select_from(some)) or 0


def waiting_of(user_id: int, *, shown: Iterable[Item] = ()) -> Waiting:
    """How many activities of this person have their energy still to come, and since when the newest has.

    What waits among those `shown`, which were read before, counts even if it has its energy by now: a page that shows
    it waiting has to look again.
    """
    waiting = Waiting(*reading().connection().execute(_waiting(), {"whose": user_id}).one())
    seen = [item.changed_at for item in shown if item.is_waiting]
    return Waiting(len(seen), max(seen)) if seen and not waiting.count else waiting


def settled_of(user_id: int, waited: Collection[int]) -> list[tuple[str, Decimal | None]]:
    """Those of the activities that do not wait any more: what they are called, and their energy if they have one."""
    items = items_of(user_id, waited) if waited else []
    return [(item.kind.label, item.energy_kcal) for item in items if not item.is_waiting]


def distinct_recent_of(user_id: int, *, count: int = 5) -> list[Item]:
    """The newest activities that differ in kind or duration, to log again."""
    found: dict[tuple[Kind, timedelta], Item] = {}
    for item in recent_of(user_id, count=50):
        found.setdefault((item.kind, item.duration), item)
    return list(found.values())[:count]


def bin_of(user_id: int, *, count: int = 100) -> Sequence[Activity]:
    """What this person deleted and may still take back, last deleted first."""
    query = select(Activity).where(Activity.user_id == user_id, Activity.deleted_at.is_not(None))
    return reading().scalars(query.order_by(Activity.deleted_at.desc(), Activity.id.desc()).limit(count)).all()


def score_of(user_id: int, *, today: date) -> Score:
    """The numbers above the fold: this day, this week from Monday, and the days in a row."""
    monday, sunday = week_of(today)
    is_today = Activity.day == today
    waits = Activity.energy_kcal.is_(None)
    row = (
        reading()
        .execute(
            _listed(
                select(
                    func.sum(case((is_today, Activity.energy_kcal))),
                    func.sum(Activity.energy_kcal),
                    func.coalesce(func.sum(Activity.duration_s), 0),
                    func.sum(case((is_today & waits, 1), else_=0)),
                    func.sum(case((waits, 1), else_=0)),
                ),
                user_id,
                Filter(since=monday, until=sunday),
            )
        )
        .one()
    )
    today_kcal, week_kcal, week_s, today_waits, week_waits = row
    return Score(
        today_kcal=_known(today_kcal, is_open=bool(today_waits)),
        week_kcal=_known(week_kcal, is_open=bool(week_waits)),
        week_duration=timedelta(seconds=week_s),
        streak=_streak_of(user_id, today=today),
    )


def to_count(activity_ids: Sequence[int]) -> Sequence[Any]:
    """What the energy of each activity depends on, in the order of their ids, locked until the transaction ends.

    The lock makes an edit that is under way finish first: its values are the ones that are read.
    """
    if len(activity_ids) == 1:
        found = _THE_ONE_TO_COUNT.first({"id": activity_ids[0]})
        return [found] if found else []
    connection = reading().connection()
    if connection.dialect.name == "postgresql":
        ids: dict[str, Any] = {"ids": list(activity_ids), "low": min(activity_ids), "high": max(activity_ids)}
        return connection.execute(_TO_COUNT_ON_POSTGRESQL, ids).all()
    return connection.execute(_TO_COUNT_ON_SQLITE, {"ids": json.dumps(list(activity_ids))}).all()


def _is_one_of(activity_ids: Sequence[int]) -> ColumnElement[bool]:
    """One value for any number of ids. The range lets PostgreSQL find a batch without reading the whole table."""
    if reading().get_bind().dialect.name == "postgresql":
        ids = cast(literal(list(activity_ids), ARRAY(Integer)), ARRAY(Integer))
        return (Activity.id == func.any(ids)) & Activity.id.between(min(activity_ids), max(activity_ids))
    each = func.json_each(json.dumps(list(activity_ids))).table_valued("value")
    return Activity.id.in_(select(each.c.value))


def _known(total: Decimal | None, *, is_open: bool) -> Decimal | None:
    return Decimal(0) if total is None and not is_open else total


def _streak_of(user_id: int, *, today: date) -> int:
    """Looked up in windows, each four times as wide: most people need one, and nobody's whole history is read."""
    days: list[date] = []
    until, window = today, STREAK_WINDOW_DAYS
    while True:
        days += (found := _distinct_days(user_id, until=until, most=window))
        length = streak(days, today=today)
        if length < len(days) or len(found) < window:
            return length
        until, window = found[-1] - ONE_DAY, window * 4


def _distinct_days(user_id: int, *, until: date, most: int) -> list[date]:
    """The newest days with something on them, found by jumping through the index and not by reading its every row."""
    newest = _listed(
        select(func.max(Activity.day).label("day"), literal(1).label("number")), user_id, Filter(until=until)
    )
    days = newest.cte("days", recursive=True)
    before = _listed(select(func.max(Activity.day)), user_id, Filter()).where(Activity.day < days.c.day)
    step = select(before.scalar_subquery(), days.c.number + 1).where(days.c.day.is_not(None), days.c.number < most)
    query = select(days.union_all(step).c.day)
    return [day for day in reading().scalars(query) if day is not None]


def _items(rows: Sequence[Row[*tuple[Any, ...]]]) -> list[Item]:
    waiting = [row.id for row in rows if row.energy_kcal is None and row.uncountable_since is None]
    jobs = jobs_for(waiting)
    return [
        Item(
            row.id,
            Kind.named(row.kind),
            row.day,
            row.started_at,
            timedelta(seconds=row.duration_s),
            row.notes,
            row.energy_kcal,
            (row.uncountable_reason or "") if row.uncountable_since else None,
            row.changed_at,
            standing_of(row, jobs.get(row.id)),
        )
        for row in rows
    ]


# Made once: pages that wait ask these every few seconds, and making them took longer than asking.
@cache
def _recent() -> Select[*tuple[Any, ...]]:
    return _newest_first(_listed(select(*ROW), bindparam("whose"), Filter())).limit(bindparam("most"))


@cache
def _waiting() -> Select[int, datetime]:
    waiting = _listed(select(Activity.changed_at), bindparam("whose"), Filter(shown=Shown.WAITING))
    some = waiting.limit(COUNT_UP_TO + 1).subquery()
    return select(func.count(), func.max(some.c.changed_at))


def _listed(
    query: Select[*tuple[Any, ...]], user_id: int | BindParameter[Any], chosen: Filter
) -> Select[*tuple[Any, ...]]:
    query = query.where(Activity.user_id == user_id, Activity.deleted_at.is_(None))
    if chosen.kind:
        query = query.where(Activity.kind == chosen.kind.value)
    if chosen.since:
        query = query.where(Activity.day >= chosen.since)
    if chosen.until:
        query = query.where(Activity.day <= chosen.until)
    if chosen.text:
        query = query.where(Activity.notes.icontains(chosen.text, autoescape=True))
    if chosen.shown is Shown.COUNTED:
        query = query.where(Activity.energy_kcal.is_not(None))
    elif chosen.shown:
        failed = Activity.uncountable_since
        wanted = failed.is_not(None) if chosen.shown is Shown.FAILED else failed.is_(None)
        query = query.where(Activity.energy_kcal.is_(None), wanted)
    return query


def _newest_first(query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    return query.order_by(Activity.day.desc(), Activity.started_at.desc(), Activity.id.desc())


def _place() -> Any:
    return tuple_(Activity.day, Activity.started_at, Activity.id)


def _bound(place: Place) -> Any:
    return tuple_(literal(place.day, Date), literal(place.started_at, UtcDateTime), literal(place.id, Integer))
