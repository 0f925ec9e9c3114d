"""Reading reports, and what they are about."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from app.accounts.models import User
from app.activities.models import Activity
from app.db import reading
from app.errors import NotFound
from jobs import Entry, masked_text

from .models import Report
from .orders import Grouping, Order, Sort

LARGEST_ID = 2**31 - 1
AT_ONCE = 1_000
MOST_ROWS = 100_000
"""As many as a file takes."""
LISTED = 50

HEADINGS: dict[Sort, tuple[str, ...]] = {
    Sort.USERS: ("id", "name", "email", "is_admin", "is_guest", "time_zone", "created_at"),
    Sort.JOBS: ("id", "kind", "queue", "state", "attempts", "processing_ms", "created_at", "finished_at", "error"),
    Sort.ACTIVITIES: ("id", "person", "day", "kind", "minutes", "weight_kg", "energy_kcal", "started_at", "notes"),
    Sort.CUSTOM: ("group", "activities", "minutes", "energy_kcal"),
}


def report_of(user_id: int, report_id: int, *, is_staff: bool = False) -> Report:
    """The person's report; for admins anybody's. Raises NotFound."""
    found = reading().get(Report, report_id) if 0 < report_id <= LARGEST_ID else None
    if found is None or not (is_staff or found.created_by == user_id):
        raise NotFound("There is no such report.")
    return found


def reports_of(user_id: int, *, is_staff: bool = False) -> Sequence[Report]:
    """The person's newest reports; for admins everybody's."""
    query = select(Report).order_by(Report.id.desc()).limit(LISTED)
    return reading().scalars(query if is_staff else query.where(Report.created_by == user_id)).all()


def asker_of(report: Report) -> str:
    """The name of who asked for it."""
    return reading().scalar(select(User.name).where(User.id == report.created_by)) or ""


def rows_of(order: Order, *, user_id: int) -> Iterator[Sequence[Any]]:
    """The rows of a report, read a thousand at a time so that no table has to fit into memory."""
    return {Sort.USERS: _people, Sort.JOBS: _jobs, Sort.ACTIVITIES: _activities, Sort.CUSTOM: _sums}[order.sort](
        order, user_id
    )


def _people(order: Order, _user_id: int) -> Iterator[Sequence[Any]]:
    for one in _pages(select(User).where(*_moments(User.created_at, order)), User.id):
        yield one.id, one.name, one.email, one.is_admin, one.is_guest, one.zone, one.created_at


def _jobs(order: Order, _user_id: int) -> Iterator[Sequence[Any]]:
    for one in _pages(select(Entry).where(*_moments(Entry.created_at, order)), Entry.id):
        took = one.processing_ms
        error = f"{one.error_class}: {masked_text(one.error_message or '')}" if one.error_class else None
        yield one.uid, one.kind, one.queue, one.state, one.attempt, took, one.created_at, one.finished_at, error


def _activities(order: Order, user_id: int) -> Iterator[Sequence[Any]]:
    for one in _pages(select(Activity).where(*_counted(order, user_id)), Activity.id):
        minutes = _minutes(one.duration_s)
        values = (minutes, one.weight_kg, one.energy_kcal, one.started_at, one.notes)
        yield one.id, one.user_id, one.day.isoformat(), one.kind, *values


def _sums(order: Order, user_id: int) -> Iterator[Sequence[Any]]:
    group: Any = Activity.kind if order.grouping is Grouping.KIND else Activity.day
    query = (
        select(group, func.count(), func.sum(Activity.duration_s), func.sum(Activity.energy_kcal))
        .where(*_counted(order, user_id))
        .group_by(group)
        .order_by(group)
    )
    sums: dict[str, tuple[int, int, Decimal]] = {}
    for key, count, duration_s, energy_kcal in reading().execute(query):
        name = (
            key if order.grouping is Grouping.KIND else key.isoformat()[: 7 if order.grouping is Grouping.MONTH else 10]
        )
        before = sums.get(name, (0, 0, Decimal(0)))
        sums[name] = (before[0] + count, before[1] + int(duration_s), before[2] + Decimal(str(energy_kcal or 0)))
    for name, (count, duration_s, energy_kcal) in sums.items():
        yield name, count, _minutes(duration_s), energy_kcal.quantize(Decimal("0.1"))


def _counted(order: Order, user_id: int) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [Activity.deleted_at.is_(None)]
    if not order.everybody:
        found.append(Activity.user_id == user_id)
    if order.since:
        found.append(Activity.day >= order.since)
    if order.until:
        found.append(Activity.day <= order.until)
    return found


def _moments(column: Any, order: Order) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if order.since:
        found.append(column >= datetime.combine(order.since, time(), UTC))
    if order.until:
        found.append(column < datetime.combine(order.until, time(), UTC) + timedelta(days=1))
    return found


def _pages(query: Select[Any], key: Any) -> Iterator[Any]:
    last = 0
    while True:
        rows = reading().scalars(query.where(key > last).order_by(key).limit(AT_ONCE)).all()
        yield from rows
        reading().expunge_all()
        if len(rows) < AT_ONCE:
            return
        last = rows[-1].id


def _minutes(duration_s: int) -> Decimal:
    return (Decimal(duration_s) / 60).quantize(Decimal("0.01")).normalize() + 0
