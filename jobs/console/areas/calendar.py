"""The calendar: a week of planned and actual runs."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

from flask import Response
from sqlalchemy import select

from jobs.ledger.models import Entry
from jobs.schedules.models import Schedule, ScheduleFire
from jobs.schedules.rules import next_after

from .desk import Desk, asked, page_number
from .week import DAYS, PLANNED, Slot, cells, monday_of

ON_A_PAGE = 20
MOST_FIRES = 3_000
MOST_PLANNED = 100
"""So many slots to come are told of one schedule on one day; a rule of every second has more than anybody reads."""


class Calendar:
    """The page of the calendar."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def show(self) -> Response:
        """A week: what was planned and what became of it, and what is planned."""
        monday, below = self._monday(), page_number("below")
        rows = self._desk.engine.schedules.page(before_id=below, limit=ON_A_PAGE + 1)
        shown = rows[:ON_A_PAGE]
        fires, has_all = self._fires(shown, monday)
        lines = [(row, cells(monday, [*fires.get(row.id, ()), *self._planned(row, monday)])) for row in shown]
        now = self._desk.now
        return self._desk.page(
            "calendar",
            lines=lines,
            monday=monday,
            days=[monday + timedelta(days=number) for number in range(DAYS)],
            today=now.replace(hour=0, minute=0, second=0, microsecond=0),
            before=f"{monday - timedelta(days=7):%Y-%m-%d}",
            after=f"{monday + timedelta(days=7):%Y-%m-%d}",
            has_all=has_all,
            older=shown[-1].id if len(rows) > ON_A_PAGE else None,
            most_planned=MOST_PLANNED,
        )

    def _monday(self) -> datetime:
        with suppress(ValueError, OverflowError):
            day = date.fromisoformat(asked("week", longest=10))
            if 2000 <= day.year <= 2999:
                return monday_of(datetime(day.year, day.month, day.day, tzinfo=UTC))
        return monday_of(self._desk.now)

    def _fires(self, rows: Sequence[Schedule], monday: datetime) -> tuple[dict[int, list[Slot]], bool]:
        query = (
            select(ScheduleFire.schedule_id, ScheduleFire.slot, ScheduleFire.outcome, ScheduleFire.job_uid, Entry.state)
            .outerjoin(Entry, Entry.uid == ScheduleFire.job_uid)
            .where(
                ScheduleFire.schedule_id.in_([row.id for row in rows]),
                ScheduleFire.slot >= monday,
                ScheduleFire.slot < monday + timedelta(days=DAYS),
            )
            .order_by(ScheduleFire.slot.desc())
            .limit(MOST_FIRES)
        )
        found: dict[int, list[Slot]] = {}
        fires = self._desk.session.execute(query).all()
        for schedule_id, slot, outcome, job_uid, state in fires:
            found.setdefault(schedule_id, []).append(Slot(slot, outcome, job_uid, state))
        return found, len(fires) < MOST_FIRES

    def _planned(self, row: Schedule, monday: datetime) -> list[Slot]:
        """The slots to come within the week."""
        if row.next_at is None or row.paused_at is not None:
            return []
        slots: list[Slot] = []
        with suppress(ValueError):
            for number in range(DAYS):
                slots += self._of_day(row, monday + timedelta(days=number), row.fired + len(slots))
        return slots

    def _of_day(self, row: Schedule, day: datetime, fired: int) -> list[Slot]:
        rule, until = row.rule, day + timedelta(days=1)
        most = MOST_PLANNED if rule.most_times is None else min(MOST_PLANNED, rule.most_times - fired)
        slots: list[Slot] = []
        slot = next_after(rule, max(day, self._desk.now) - timedelta(seconds=1))
        while slot is not None and slot < until and len(slots) < most:
            slots.append(Slot(slot, PLANNED))
            slot = next_after(rule, slot)
        return slots
