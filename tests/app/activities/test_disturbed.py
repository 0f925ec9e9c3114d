"""What people ask for while PostgreSQL ends transactions for the sake of others: done once, or refused whole."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from sqlalchemy import text

from app.activities import queries
from app.activities.pages import Filter
from app.db import db
from tests.app.conftest import Browser

from .conftest import Program

RUN = {"kind": "running", "duration_min": 30, "weight_kg": 70, "started_at": "2026-11-20T06:10:00Z"}
STATES = ("40P01", "40001", "55P03")
Disturb = Callable[..., None]


@pytest.fixture
def disturb(app: Flask, database_kind: str) -> Iterator[Disturb]:
    """Has the next statements on a table fail; how many is counted by a sequence, which no rollback takes back."""
    if database_kind != "postgresql":
        pytest.skip("SQLite lets one writer in at a time, and has nobody to disturb")
    made: list[str] = []

    def run(table: str, *, when: str = "INSERT", sqlstate: str = "40P01", times: int = 1) -> None:
        made.append(table)
        with app.app_context(), db.engine.begin() as connection:
            connection.execute(text("CREATE SEQUENCE disturbed"))
            connection.execute(
                text(
                    "CREATE FUNCTION disturb() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                    f" IF nextval('disturbed') <= {times} THEN"
                    f" RAISE EXCEPTION 'disturbed' USING ERRCODE = '{sqlstate}'; END IF; RETURN NULL; END $$"
                )
            )
            connection.execute(text(f"CREATE TRIGGER disturb AFTER {when} ON {table} EXECUTE FUNCTION disturb()"))

    yield run
    with app.app_context(), db.engine.begin() as connection:
        for table in made:
            connection.execute(text(f"DROP TRIGGER disturb ON {table}"))
            connection.execute(text("DROP FUNCTION disturb()"))
            connection.execute(text("DROP SEQUENCE disturbed"))


def stored(app: Flask, user_id: int) -> tuple[int, int]:
    """How many activities and jobs there are."""
    with app.app_context():
        jobs = db.session.execute(text("SELECT count(*) FROM job")).scalar_one()
        return queries.count_of(user_id, Filter()), jobs


@pytest.mark.parametrize("sqlstate", STATES)
@pytest.mark.parametrize("table", ["activity", "job"])
def test_who_logs_an_activity_hears_of_no_deadlock(
    api: Program, app: Flask, ada_id: int, disturb: Disturb, table: str, sqlstate: str
) -> None:
    disturb(table, sqlstate=sqlstate, times=2)
    answer = api("POST", "/api/v1/activities", json=RUN, headers={"Idempotency-Key": "a"})
    again = api("POST", "/api/v1/activities", json=RUN, headers={"Idempotency-Key": "a"})
    assert (answer.status_code, again.status_code) == (201, 200)
    assert answer.json
    assert again.json
    assert answer.json["id"] == again.json["id"]
    assert stored(app, ada_id) == (1, 1)


def test_many_at_once_hear_of_none_either(api: Program, app: Flask, ada_id: int, disturb: Disturb) -> None:
    disturb("job", times=2)
    answer = api("POST", "/api/v1/activities/batch", json=[RUN, RUN])
    assert (answer.status_code, stored(app, ada_id)) == (201, (2, 2))


def test_nor_does_who_changes_one(
    api: Program, app: Flask, ada_id: int, run_jobs: Callable[[], None], disturb: Disturb
) -> None:
    api("POST", "/api/v1/activities", json=RUN)
    run_jobs()
    disturb("activity", when="UPDATE")
    changed = api("PATCH", "/api/v1/activities/1", json={"duration_min": 60})
    assert changed.json
    assert (changed.status_code, changed.json["duration_min"], changed.json["status"]) == (200, 60, "pending")
    assert stored(app, ada_id) == (1, 2)


@pytest.mark.parametrize(("path", "status"), [("", 204), ("/recounts", 202)])
def test_nor_who_does_something_else_with_one(
    api: Program, app: Flask, ada_id: int, disturb: Disturb, path: str, status: int
) -> None:
    api("POST", "/api/v1/activities", json=RUN)
    disturb("activity", when="UPDATE")
    answer = api("POST" if path else "DELETE", f"/api/v1/activities/1{path}")
    assert (answer.status_code, stored(app, ada_id)) == (status, (1 if path else 0, 1))


def test_a_form_hears_of_none(ada: Browser, app: Flask, ada_id: int, disturb: Disturb) -> None:
    disturb("activity")
    typed = {"kind": "running", "duration": "30", "weight_kg": "70", "day": "2026-11-20", "time": "07:10"}
    answer = ada.post("/activities/", typed)
    assert (answer.status_code, stored(app, ada_id)) == (303, (1, 1))


def test_who_starts_a_job_hears_of_none(api: Program, app: Flask, ada_id: int, disturb: Disturb) -> None:
    disturb("job")
    given = {"kind": "workbench.add", "args": {"x": 1, "y": 2}, "unique": "a"}
    answer = api("POST", "/api/v1/jobs", json=given)
    assert (answer.status_code, stored(app, ada_id)) == (201, (0, 1))


def test_what_goes_on_is_refused_whole(api: Program, app: Flask, ada_id: int, disturb: Disturb) -> None:
    disturb("job", sqlstate="55P03", times=100)
    answer = api("POST", "/api/v1/activities", json=RUN)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert stored(app, ada_id) == (0, 0)
