"""The product from within: people, work that waits, and whether all of it came out right."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask.sessions import SecureCookieSessionInterface

from app import create_app
from app.accounts import services as accounts
from app.activities import services as activity_services
from app.activities.calories import burned
from app.activities.mets import Kind
from app.activities.models import Activity
from app.config import Config
from app.db import db, disconnect, transaction
from app.events import ActivityLogged, announce
from bench.stage import Room
from jobs import Entry, SettledJob, engine_of

WEIGHT_KG = Decimal("70.00")
YEARS = 12
AT_ONCE = 5_000
SINCE_THEN = timedelta(hours=1)
SUBMIT = {
    "kind": "running",
    "duration_min": 30,
    "weight_kg": 70,
    "started_at": "2026-01-05T06:30:00Z",
    "notes": "Along the river",
}
"""What is posted, to us and to the peers."""


@dataclass(frozen=True, slots=True)
class Ada:
    """Who uses the product in the bench, and her ways in."""

    id: int
    token: str
    cookie: str

    @property
    def as_program(self) -> dict[str, str]:
        """The headers of her program."""
        return {"Authorization": f"Bearer {self.token}"}

    @property
    def as_browser(self) -> dict[str, str]:
        """The headers of her browser."""
        return {"Cookie": f"sid={self.cookie}"}


class Product:
    """The product on one room's database, in this process."""

    def __init__(self, room: Room) -> None:
        self._config = Config.from_env(room.env())
        self._app = create_app(self._config, with_pages=False)
        self._numbers = itertools.count()
        self._first_id = 0
        with self._inside():
            self.ada = self._sign_up(self._app)

    def dispose(self) -> None:
        """Let go of the database."""
        with self._inside():
            disconnect()

    def write_down(self, count: int) -> None:
        """So many activities, and the jobs that follow from them, in one transaction; back once workers were told."""
        moment = datetime.now(UTC)
        with self._inside():
            with transaction() as session:
                statement = sa.insert(Activity).returning(Activity.id)
                rows = [self._row(number, moment) for number in itertools.islice(self._numbers, count)]
                made = session.connection().execute(statement, rows).scalars().all()
                announce(*(ActivityLogged(activity_id) for activity_id in made))
            engine_of().sender.flush()

    def fill(self, *, activities: int, settled: int) -> None:
        """A past in an empty room: activities with their energy, and jobs that settled over weeks, some for each.

        Jobs have their ids in the order in which they ended, as they have where they really ran.
        """
        again = itertools.islice(itertools.cycle(range(1, activities + 1)), max(0, settled - activities))
        ended = zip(range(max(0, settled - activities), 0, -1), again, strict=True)
        moment = datetime.now(UTC) - SINCE_THEN
        with self._inside():
            while chunk := list(itertools.islice(ended, AT_ONCE)):
                with transaction() as session:
                    engine_of().write_settled(session, [_settled(one, ago_s, moment) for ago_s, one in chunk])
            activity_services.fill_demo(self.ada.id, activities, days=YEARS * 365, at=moment)
            with db.engine.connect() as connection:
                self._first_id = connection.execute(sa.select(sa.func.max(Activity.id))).scalar_one()

    def count_history(self) -> None:
        """What the scheduler has done long since where jobs really ran: count them by the minute and by the hour."""
        with self._inside():
            while engine_of().rollups.keep_now() > 1:
                pass

    def check(self) -> None:
        """That every activity has its energy, to the last digit, and a job that succeeded.

        Raises:
            RuntimeError: a figure would be of work that was not done, or not once
        """
        ours = Activity.id > self._first_id
        with self._inside(), db.engine.connect() as connection:
            wrong = connection.execute(
                sa.select(sa.func.count())
                .select_from(Activity)
                .where(ours, sa.or_(Activity.energy_kcal.is_(None), Activity.energy_kcal != _expected()))
            ).scalar_one()
            activities = connection.execute(sa.select(sa.func.count()).select_from(Activity).where(ours)).scalar_one()
            done = connection.execute(
                sa.select(sa.func.count(sa.distinct(Entry.subject_id))).where(
                    Entry.state == "succeeded",
                    Entry.subject_kind == "activity",
                    Entry.subject_id > self._first_id,
                )
            ).scalar_one()
        if wrong or done != activities:
            raise RuntimeError(f"{wrong} of {activities} activities are wrong, {done} have a job that succeeded")

    def _sign_up(self, app: Flask) -> Ada:
        user_id = accounts.create_user(
            email="ada@example.org", password="the bench is not a secret", name="Ada", is_admin=True
        )
        token = accounts.make_token(user_id, name="bench", scopes=["read", "write"])
        session = accounts.begin_session(user_id, browser="bench")
        app.secret_key = self._config.secret_key
        signer = SecureCookieSessionInterface().get_signing_serializer(app)
        assert signer is not None
        return Ada(user_id, token, str(signer.dumps({"token": session})))

    def _row(self, number: int, moment: datetime) -> dict[str, Any]:
        kinds = list(Kind)
        kind = kinds[number % len(kinds)]
        return {
            "user_id": self.ada.id,
            "kind": kind.value,
            "met": kind.met,
            "duration_s": _duration(number) // timedelta(seconds=1),
            "weight_kg": WEIGHT_KG,
            "started_at": moment - timedelta(hours=number % 8_000),
            "day": (moment - timedelta(hours=number % 8_000)).date(),
            "created_at": moment,
            "changed_at": moment,
        }

    @contextmanager
    def _inside(self) -> Iterator[None]:
        with self._app.app_context():
            yield


def argument(number: int) -> dict[str, Any]:
    """What the `number`-th activity is worked out from, as a message carries it."""
    kinds = list(Kind)
    return {
        "met": str(kinds[number % len(kinds)].met),
        "weight_kg": str(WEIGHT_KG),
        "duration_s": _duration(number) // timedelta(seconds=1),
    }


def _settled(activity_id: int, ago_s: int, moment: datetime) -> SettledJob:
    """A job that ran a while ago, one a second: all of them younger than what is pruned."""
    ready_at = moment - timedelta(seconds=ago_s)
    return SettledJob(
        kind="activities.count_calories",
        ready_at=ready_at,
        started_at=ready_at + timedelta(milliseconds=4),
        finished_at=ready_at + timedelta(milliseconds=6),
        args={"activity_id": activity_id},
        subject_kind="activity",
        subject_id=activity_id,
        worker="bench",
    )


def _duration(number: int) -> timedelta:
    return timedelta(minutes=15 + number % 5 * 15)


def _expected() -> Any:
    """The energy each kind must have: kind and duration go round together."""
    energies = {
        kind.value: burned(kind.met, weight_kg=WEIGHT_KG, duration=_duration(number))
        for number, kind in enumerate(Kind)
    }
    return sa.case(
        *((Activity.kind == kind, sa.literal(energy, Activity.energy_kcal.type)) for kind, energy in energies.items())
    )
