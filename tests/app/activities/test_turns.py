"""Whose activities are counted first, and who may look at the jobs that count them."""

from datetime import timedelta

from flask import Flask
from sqlalchemy import select, text, update

from app.activities import services
from app.activities.models import Activity
from app.clock import now
from app.db import db, transaction
from app.security import requester
from jobs import Entry

from .conftest import Program

RUN = {"kind": "running", "duration_min": 30, "weight_kg": 70, "started_at": "2026-11-20T06:10:00Z"}


def waiting(app: Flask) -> list[tuple[int | None, str | None]]:
    """The activities to be counted and who asked for it, in the order in which they are claimed."""
    with app.app_context():
        in_turn = select(Entry.subject_id, Entry.requested_by).order_by(Entry.rank, Entry.turn, Entry.id)
        return [(subject_id, by) for subject_id, by in db.session.execute(in_turn)]


def test_one_activity_waits_for_at_most_two_of_a_crowd_of_somebody_else(
    app: Flask, api: Program, cleos_api: Program
) -> None:
    assert api("POST", "/api/v1/activities/batch", json=[RUN] * 40).status_code == 201
    logged = cleos_api("POST", "/api/v1/activities", json=RUN)
    assert logged.status_code == 201
    assert [one for one, _ in waiting(app)].index(logged.json["id"]) <= 2  # type: ignore[index]


def test_whose_activity_it_is_asked_for_every_count_of_it(app: Flask, api: Program, ada_id: int, cleo_id: int) -> None:
    api("POST", "/api/v1/activities", json=RUN)
    api("PATCH", "/api/v1/activities/1", json={"duration_min": 60})
    assert set(waiting(app)) == {(1, requester(ada_id))}
    with app.app_context():
        services.fill_demo(cleo_id, 1)
        with transaction() as session:
            session.execute(text("DELETE FROM job"))
            long_ago = now() - timedelta(days=1)
            session.execute(update(Activity).values(energy_kcal=None, counted_at=None, changed_at=long_ago))
        assert services.requeue_uncounted() == 2
    assert sorted(waiting(app)) == [(1, requester(ada_id)), (2, requester(cleo_id))]


def test_the_job_of_an_activity_is_for_its_owner_to_see(api: Program, cleos_api: Program) -> None:
    made = api("POST", "/api/v1/activities", json=RUN).json
    assert made is not None
    path = f"/api/v1/jobs/{made['job']['id']}"
    assert [api("GET", path).status_code, cleos_api("GET", path).status_code] == [200, 404]
