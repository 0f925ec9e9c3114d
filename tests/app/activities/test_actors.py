"""The background work on activities, as the engine knows it."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from app.activities import actors, queries, services
from app.db import reading
from jobs import Entry, Unique, engine_of

from .conftest import ZONE, run

RunJobs = Callable[[], None]


def test_services_know_the_job_by_its_name() -> None:
    assert actors.count_calories.name == services.COUNTS_CALORIES


def test_settings_decide_how_it_is_tried(settings: dict[str, str], request: pytest.FixtureRequest) -> None:
    settings |= {
        "ACTIVITY_BATCH_SIZE": "7",
        "ACTIVITY_MAX_RETRIES": "2",
        "ACTIVITY_RETRY_DELAY_S": "30",
        "ACTIVITY_TIME_LIMIT_S": "60",
        "ACTIVITY_DELAY_S": "5",
    }
    app: Flask = request.getfixturevalue("app")
    with app.app_context():
        job = engine_of().job_named("activities.count_calories")
    found = (job.batch_size, job.max_retries, job.min_backoff, job.time_limit, job.slow_down)
    assert found == (7, 2, 30_000, 60_000, 5_000)


def test_the_usual_policy_is_thirty_minutes_and_three_retries_a_minute_apart(app: Flask) -> None:
    with app.app_context():
        job = engine_of().job_named("activities.count_calories")
    found = (job.max_retries, job.min_backoff, job.time_limit, job.slow_down, job.unique)
    assert found == (3, 60_000, 1_800_000, 0, Unique.WAITING)


def test_it_works_and_works_twice(app: Flask, ada_id: int, run_jobs: RunJobs) -> None:
    with app.app_context():
        made = services.log_activities(ada_id, [run() for _ in range(3)], zone=ZONE)
    run_jobs()
    with app.app_context():
        for one in made:
            services.announce(services.ActivityLogged(one.id))
    run_jobs()
    with app.app_context():
        energies = [queries.activity_of(ada_id, one.id).energy_kcal for one in made]
        states = reading().scalars(select(Entry.state).order_by(Entry.id)).all()
    assert energies == [services.Decimal("315.0")] * 3
    assert list(states) == ["succeeded"] * 6


def test_what_was_interrupted_is_done_later(app: Flask, ada_id: int, run_jobs: RunJobs) -> None:
    with app.app_context():
        made = services.log_activity(ada_id, run(), zone=ZONE)
        engine_of().runner.stopping.set()
    run_jobs()
    with app.app_context():
        assert queries.activity_of(ada_id, made.id).is_waiting
        engine_of().runner.stopping.clear()
    run_jobs()
    with app.app_context():
        assert queries.activity_of(ada_id, made.id).energy_kcal == services.Decimal("315.0")


@pytest.mark.parametrize("name", ["activity_ids", "activity_id"])
def test_a_job_that_gives_up_is_noted_whatever_its_argument_was_called(app: Flask, ada_id: int, name: str) -> None:
    with app.app_context():
        made = services.log_activity(ada_id, run(), zone=ZONE)
        engine_of().host.gave_up("activities.count_calories", {name: made.id}, "It took too long.")
        assert queries.activity_of(ada_id, made.id).uncountable_reason == "It took too long."


def test_the_job_has_its_argument_under_the_name_that_is_told_of_it(app: Flask, ada_id: int) -> None:
    with app.app_context():
        made = services.log_activity(ada_id, run(), zone=ZONE)
        told = engine_of().job_named("activities.count_calories").told()["arguments"]["required"]
        assert reading().scalars(select(Entry.args)).all() == [{told[0]: made.id}]
