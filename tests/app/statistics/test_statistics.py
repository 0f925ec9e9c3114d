"""Statistics of people: what they say, whose they are, and when they are worked out again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, event, select, update
from sqlalchemy.exc import OperationalError

from app.accounts.models import User
from app.activities import services as activities
from app.activities.mets import Kind
from app.db import db, reading, transaction
from app.statistics import services
from app.statistics.actors import user_statistics
from app.statistics.models import UserStatistics
from app.timetable import timetable
from jobs import Entry, engine_of, enqueue
from tests.app.activities.conftest import ZONE, Program
from tests.app.conftest import Browser, Clock, text_of

RunJobs = Callable[[], None]
Log = Callable[..., int]
COLUMNS = [one.name for one in UserStatistics.__table__.columns]
NOON = datetime(2026, 11, 20, 11, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _standing(frozen_clock: Clock) -> None:
    """It is the 20th of November 2026, one o'clock in Berlin."""


def days_ago(days: int) -> datetime:
    return NOON - timedelta(days=days)


@pytest.fixture
def history(log: Log, ada_id: int, cleo_id: int, run_jobs: RunJobs) -> dict[str, int]:
    """Ada's: today a run and yoga, a walk on the first day of the window, a long swim before it. Cleo's: a ride."""
    made = {
        "run": log(ada_id, started_at=days_ago(0)),
        "yoga": log(ada_id, kind=Kind.YOGA, duration=timedelta(minutes=45), started_at=days_ago(0)),
        "walk": log(ada_id, kind=Kind.WALKING, duration=timedelta(hours=1), started_at=days_ago(29)),
        "swim": log(ada_id, kind=Kind.SWIMMING, duration=timedelta(hours=2), started_at=days_ago(30)),
    }
    log(cleo_id, kind=Kind.CYCLING, duration=timedelta(hours=5), started_at=days_ago(1))
    run_jobs()
    return made


def told(program: Program) -> dict[str, Any]:
    answer = program("GET", "/api/v1/statistics")
    assert answer.status_code == 200, answer.text
    assert isinstance(answer.json, dict)
    return answer.json


def stored(user_id: int) -> UserStatistics | None:
    db.session.expire_all()
    return reading().scalar(select(UserStatistics).where(UserStatistics.user_id == user_id))


def asked_for() -> list[tuple[str, str, dict[str, Any], str]]:
    query = select(Entry.kind, Entry.queue, Entry.args, Entry.state).where(Entry.kind == user_statistics.name)
    return [tuple(row) for row in reading().execute(query.order_by(Entry.id))]


# -- what they say ------------------------------------------------------------------------------------------------


def test_the_last_thirty_days_are_added_up_and_records_are_of_all_time(api: Program, history: dict[str, int]) -> None:
    found = told(api)
    days = found.pop("days")
    assert (len(days), days[0]["day"], days[-1]["day"]) == (30, "2026-10-22", "2026-11-20")
    assert [one for one in days if one["activities"]] == [days[0], days[-1]]
    assert days[0] == {"day": "2026-10-22", "activities": 1, "duration_min": 60.0, "energy_kcal": 245.0}
    assert days[-1] == {"day": "2026-11-20", "activities": 2, "duration_min": 75.0, "energy_kcal": 525.0}
    swim = _record(history["swim"], "swimming", "2026-10-21", 120.0, 910.0)
    run = _record(history["run"], "running", "2026-11-20", 30.0, 315.0)
    yoga = _record(history["yoga"], "yoga", "2026-11-20", 45.0, 210.0)
    walk = _record(history["walk"], "walking", "2026-10-22", 60.0, 245.0)
    assert found == {
        "from": "2026-10-22",
        "to": "2026-11-20",
        "activities": 3,
        "active_days": 2,
        "duration_min": 135.0,
        "energy_kcal": 770.0,
        "longest_min": 60.0,
        "uncounted": 0,
        "kinds": [
            {"kind": "walking", "activities": 1, "duration_min": 60.0, "energy_kcal": 245.0},
            {"kind": "yoga", "activities": 1, "duration_min": 45.0, "energy_kcal": 210.0},
            {"kind": "running", "activities": 1, "duration_min": 30.0, "energy_kcal": 315.0},
        ],
        "personal_bests": {
            "longest": swim,
            "most_energy": swim,
            "most_energy_in_a_day": {"day": "2026-10-21", "energy_kcal": 910.0},
            "kinds": [
                {"kind": kind, "longest": one, "most_energy": one}
                for kind, one in (("running", run), ("swimming", swim), ("walking", walk), ("yoga", yoga))
            ],
        },
        "calculated_at": "2026-11-20T12:00:00+00:00",
    }


def _record(activity_id: int, kind: str, day: str, minutes: float, energy: float) -> dict[str, Any]:
    return {
        "activity_id": activity_id,
        "kind": kind,
        "day": day,
        "duration_min": minutes,
        "energy_kcal": energy,
    }


def test_who_did_nothing_has_nothing(api: Program) -> None:
    found = told(api)
    assert (found["activities"], found["energy_kcal"], found["longest_min"]) == (0, None, 0.0)
    assert found["personal_bests"] == {"longest": None, "most_energy": None, "most_energy_in_a_day": None, "kinds": []}


def test_a_record_does_not_go_with_time_but_with_its_activity(
    api: Program, history: dict[str, int], frozen_clock: Clock, app: Flask, ada_id: int
) -> None:
    frozen_clock.forward(timedelta(days=300))
    later = told(api)
    assert (later["activities"], later["personal_bests"]["longest"]["activity_id"]) == (0, history["swim"])
    with app.app_context():
        activities.delete_activity(ada_id, history["swim"])
    assert told(api)["personal_bests"]["longest"]["activity_id"] == history["walk"]


def test_energy_that_is_still_to_come_is_said_and_comes(log: Log, api: Program, ada_id: int, run_jobs: RunJobs) -> None:
    log(ada_id, started_at=days_ago(0))
    assert [told(api)[name] for name in ("activities", "energy_kcal", "uncounted")] == [1, None, 1]
    run_jobs()
    assert [told(api)[name] for name in ("activities", "energy_kcal", "uncounted")] == [1, 315.0, 0]


def test_the_window_ends_with_the_persons_own_day(
    app: Flask, api: Program, log: Log, ada_id: int, frozen_clock: Clock
) -> None:
    frozen_clock.now = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
    log(ada_id, started_at=frozen_clock.now)
    found = told(api)
    assert (found["to"], found["days"][-1]["activities"]) == ("2026-11-21", 1)
    with app.app_context():
        with transaction() as session:
            session.execute(update(User).where(User.id == ada_id).values(zone="America/New_York"))
        assert services.statistics_of(ada_id, zone="America/New_York").until_day == date(2026, 11, 20)


# -- whose they are -----------------------------------------------------------------------------------------------


def test_nobody_sees_anothers(cleos_api: Program, cleo: Browser, history: dict[str, int], api: Program) -> None:
    assert told(cleos_api)["personal_bests"]["longest"]["kind"] == "cycling"
    assert [one["kind"] for one in told(cleos_api)["personal_bests"]["kinds"]] == ["cycling"]
    page = text_of(cleo.get("/statistics/"))
    assert ("Cycling" in page, "Yoga" in page, "Swimming" in page) == (True, False, False)
    assert told(api)["personal_bests"]["longest"]["kind"] == "swimming"


def test_strangers_see_none(app: Flask, stranger: Browser) -> None:
    assert stranger.get("/statistics/").headers["Location"] == "/sign-in?next=/statistics/"
    assert app.test_client().get("/api/v1/statistics").status_code == 401


def test_they_go_with_the_person(inside: Flask, history: dict[str, int], ada_id: int) -> None:
    services.calculate(ada_id)
    with transaction() as session:
        session.execute(delete(User).where(User.id == ada_id))
    assert stored(ada_id) is None


# -- the page -----------------------------------------------------------------------------------------------------


def test_the_page_says_it_all_and_draws_the_days(ada: Browser, history: dict[str, int]) -> None:
    page = ada.get("/statistics/")
    words = text_of(page)
    assert "Activities 3 Active days 2 of 30 Active time 2:15 h Energy 770 kcal" in words
    assert "The longest activity took 1:00 h." in words
    assert "Longest activity Swimming · 21 Oct 2:00 h" in words
    assert f'href="/activities/{history["swim"]}"' in page.text
    assert (page.text.count("<title>") - 1, page.text.count('class="rest"')) == (2, 28)
    assert "Today 2 1:15 h 525 kcal 22 Oct 1 1:00 h 245 kcal" in words


def test_the_page_of_who_did_nothing_says_what_will_be_there(ada: Browser) -> None:
    assert "What your activities add up to appears here" in text_of(ada.get("/statistics/"))


def test_the_page_looks_again_only_while_something_is_to_come(
    ada: Browser, log: Log, ada_id: int, run_jobs: RunJobs
) -> None:
    def part(tag: str = "") -> Any:
        headers = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-PTag": tag}
        return ada.get("/statistics/", headers=headers)

    log(ada_id, started_at=days_ago(0))
    waiting = part()
    assert 'hx-trigger="every 500ms"' in waiting.text
    assert "the energy of 1 activity is still to come" in text_of(waiting)
    assert part(waiting.headers["HX-PTag"]).status_code == 304
    run_jobs()
    ready = part(waiting.headers["HX-PTag"])
    assert (ready.status_code, "hx-trigger" in ready.text, "<html" in ready.text) == (200, False, False)


# -- when they are worked out -------------------------------------------------------------------------------------


def test_what_is_stored_is_read_until_something_changes(
    app: Flask, api: Program, history: dict[str, int], ada_id: int, frozen_clock: Clock
) -> None:
    def when() -> str:
        return str(told(api)["calculated_at"])[11:19]

    frozen_clock.forward(timedelta(minutes=1))
    assert when() == "12:01:00"
    frozen_clock.forward(timedelta(hours=1))
    assert when() == "12:01:00"
    with app.app_context():
        activities.delete_activity(ada_id, history["run"])
    assert (when(), told(api)["activities"]) == ("13:01:00", 2)
    frozen_clock.forward(timedelta(minutes=1))
    with app.app_context():
        activities.restore_activity(ada_id, history["run"])
    assert (when(), told(api)["activities"]) == ("13:02:00", 3)
    frozen_clock.forward(timedelta(hours=10))  # it is tomorrow in Berlin
    assert when() == "23:02:00"


def test_a_change_that_was_under_way_is_not_missed(
    app: Flask, api: Program, history: dict[str, int], ada_id: int, frozen_clock: Clock
) -> None:
    began = frozen_clock.now
    frozen_clock.forward(timedelta(seconds=5))
    assert told(api)["activities"] == 3
    with app.app_context(), transaction() as session:  # it began before they were calculated, and commits now
        session.execute(
            update(activities.activity)
            .where(activities.activity.c.id == history["run"])
            .values(deleted_at=began, changed_at=began)
        )
    assert told(api)["activities"] == 2


def test_the_sweep_asks_once_for_each_person_and_only_when_they_pause(
    app: Flask, history: dict[str, int], ada_id: int, cleo_id: int, frozen_clock: Clock, run_jobs: RunJobs, log: Log
) -> None:
    sweep = {one.name: one for one in timetable(app, engine_of(app), app.extensions["config"])}
    run = sweep["look for old statistics"].run
    with app.app_context():
        run()
        assert asked_for() == []
        frozen_clock.forward(timedelta(minutes=1))
        run()
        run()
        kind = user_statistics.name
        assert asked_for() == [(kind, "analytics", {"user_id": one}, "ready") for one in (ada_id, cleo_id)]
        run_jobs()
        run()
        assert [state for *_, state in asked_for()] == ["succeeded", "succeeded"]
        assert [found and found.activity_count for found in (stored(ada_id), stored(cleo_id))] == [3, 1]
        frozen_clock.forward(timedelta(hours=1))
        log(cleo_id)
        run_jobs()
        frozen_clock.forward(timedelta(minutes=1))
        run()
        assert [args["user_id"] for _, _, args, _ in asked_for()] == [ada_id, cleo_id, cleo_id]


def test_the_sweep_lets_the_window_move_on_once_a_day_while_there_is_something_in_it(
    inside: Flask, history: dict[str, int], ada_id: int, frozen_clock: Clock, run_jobs: RunJobs
) -> None:
    def calculated() -> tuple[int, str] | None:
        services.ask_for_old_ones()
        run_jobs()
        found = stored(ada_id)
        return found and (found.activity_count, found.calculated_at.isoformat()[5:13])

    frozen_clock.forward(timedelta(hours=1))
    assert calculated() == (3, "11-20T13")
    frozen_clock.forward(timedelta(hours=23))
    assert calculated() == (3, "11-20T13")
    frozen_clock.forward(timedelta(hours=2))
    assert calculated() == (2, "11-21T14")
    frozen_clock.forward(timedelta(days=60))
    assert calculated() == (0, "01-20T14")
    frozen_clock.forward(timedelta(days=60))
    assert calculated() == (0, "01-20T14")


def test_a_guest_with_demo_data_has_statistics_too(stranger: Browser) -> None:
    stranger.post("/guest")
    assert "Personal bests" in text_of(stranger.get("/statistics/"))


def test_the_job_twice_changes_nothing_and_for_somebody_who_is_gone_does_nothing(
    inside: Flask, history: dict[str, int], ada_id: int
) -> None:
    assert services.calculate(ada_id) == {"activities": 3, "active_days": 2}
    before = stored(ada_id)
    assert before is not None
    kept = {name: getattr(before, name) for name in COLUMNS}
    assert services.calculate(ada_id) == {"activities": 3, "active_days": 2}
    again = stored(ada_id)
    assert {name: getattr(again, name) for name in COLUMNS} == kept
    assert services.calculate(999) == {}


def test_a_job_that_was_interrupted_leaves_the_old_ones_and_the_next_try_brings_new_ones(
    inside: Flask, history: dict[str, int], ada_id: int, frozen_clock: Clock, run_jobs: RunJobs, log: Log
) -> None:
    services.calculate(ada_id)
    log(ada_id)
    frozen_clock.forward(timedelta(minutes=1))

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    event.listen(db.engine, "commit", killed)
    try:
        with pytest.raises(KeyboardInterrupt):
            services.calculate(ada_id)
    finally:
        event.remove(db.engine, "commit", killed)
    kept = stored(ada_id)
    assert (kept and kept.activity_count) == 3
    with transaction():
        enqueue(user_statistics, user_id=ada_id)
    run_jobs()
    assert [(found.activity_count if (found := stored(ada_id)) else None)] == [4]


def test_older_ones_never_overwrite_newer_ones(
    inside: Flask, history: dict[str, int], ada_id: int, frozen_clock: Clock
) -> None:
    services.calculate(ada_id)
    frozen_clock.forward(timedelta(minutes=-5))
    services.calculate(ada_id)
    found = stored(ada_id)
    assert found is not None
    assert found.calculated_at == datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def test_statistics_that_cannot_be_kept_are_shown_all_the_same(
    inside: Flask, history: dict[str, int], ada_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise OperationalError("INSERT", {}, Exception("database or disk is full"))

    monkeypatch.setattr(services, "transaction", full)
    assert services.statistics_of(ada_id, zone=ZONE).energy_kcal == Decimal("770.0")
    with pytest.raises(OperationalError):
        services.calculate(ada_id)
    assert stored(ada_id) is None


def test_logging_writes_nothing_down_for_them(inside: Flask, log: Log, ada_id: int) -> None:
    written: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *found: written.append(found[2]))
    log(ada_id)
    assert [one for one in written if "statistics" in one] == []
    assert reading().scalars(select(Entry.kind)).all() == ["activities.count_calories"]
