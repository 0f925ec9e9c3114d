"""What the tests of schedules may ask for: a diary, and schedules whose time has come."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from jobs import Entry, Job, Rule, Schedule, ScheduleRequest
from jobs.schedules.shelf import schedule as table
from tests.jobs.workshop import Workshop


class Diary:
    """The schedules of a workshop: made, made due, fired, and looked at."""

    def __init__(self, shop: Workshop) -> None:
        self.shop = shop
        self.book = shop.engine.schedules
        self.now = shop.now().replace(microsecond=0)
        self._names = 0

    def ago(self, **length: float) -> datetime:
        return self.now - timedelta(**length)

    def make(self, rule: Rule, job: Job, number: int = 1, *, requested_by: str | None = None, **options: Any) -> str:
        self._names += 1
        request = ScheduleRequest(f"schedule {self._names}", job.name, rule, {"number": number}, **options)
        return self.book.create(request, requested_by=requested_by)

    def missed(self, job: Job, *, rule: Rule | None = None, slots: int = 6, minutes: int = 10, **options: Any) -> str:
        """A schedule whose last slots nobody was there to fire; the latest is five minutes ago."""
        first = self.ago(minutes=5 + (slots - 1) * minutes)
        uid = self.make(rule or Rule.every(minutes=minutes, starts_at=first), job, **options)
        self.set(uid, next_at=first)
        return uid

    def due(self, job: Job, *, rule: Rule | None = None, **options: Any) -> str:
        """A schedule with one slot that is due this very second."""
        uid = self.make(rule or Rule.every(days=1, starts_at=self.now), job, **options)
        self.set(uid, next_at=self.now)
        return uid

    def set(self, uid: str, **values: Any) -> None:
        with self.shop.host.transaction() as session:
            session.execute(update(table).where(table.c.uid == uid).values(**values))

    def fire(self) -> int:
        return self.shop.engine.firing.fire_due()

    def get(self, uid: str) -> Schedule:
        with self.shop.host.inside():
            return self.book.get(uid)

    def fates(self, uid: str) -> list[str]:
        """What became of the slots, oldest first."""
        with self.shop.host.inside():
            return [one.outcome for one in reversed(self.book.fires(uid, limit=10_000))]

    def slots(self, uid: str) -> list[datetime]:
        with self.shop.host.inside():
            return [one.slot for one in reversed(self.book.fires(uid, limit=10_000))]

    def jobs(self, uid: str) -> list[Entry]:
        """The jobs of the schedule, oldest first."""
        with self.shop.host.inside():
            return list(reversed(self.book.jobs(uid, limit=10_000)))

    def states(self, uid: str) -> list[str]:
        return [one.state for one in self.jobs(uid)]

    def all_jobs(self) -> list[Entry]:
        with self.shop.host.inside():
            return list(self.shop.host.reading().scalars(select(Entry).order_by(Entry.id)))


@pytest.fixture
def diary(shop: Workshop) -> Diary:
    return Diary(shop)


@pytest.fixture
def job(shop: Workshop) -> Job:
    return shop.noting()
