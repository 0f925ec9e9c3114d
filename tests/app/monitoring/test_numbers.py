"""The four numbers that sum it up: never counted twice, and not lost with Redis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from app.activities import metrics, services
from app.activities.mets import Kind
from app.activities.models import Activity
from app.db import transaction
from app.monitoring import services as monitoring
from app.monitoring.numbers import Kept, Numbers
from app.timetable import timetable
from jobs import Entry, engine_of
from jobs.metrics import Board, Count
from tests.app.conftest import ZONE, Clock, Settings

RUN_KCAL = 315.0


@pytest.fixture
def settings(redis_url: str) -> Settings:
    """With a Redis."""
    return {"REDIS_URL": redis_url}


def numbers(app: Flask) -> dict[str, Any]:
    answer = app.test_client().get("/metrics-json/")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.get_json()
    return found


def told(started: int, completed: int, failed: int, calories: float) -> dict[str, Any]:
    return {
        "tasks_started": started,
        "tasks_completed": completed,
        "tasks_failed": failed,
        "total_calories": calories,
    }


def hung(app: Flask) -> dict[str, str]:
    with app.app_context():
        return Board(engine_of().broker, monitoring.BOARD).read() or {}


def test_nothing_was_done_yet(app: Flask) -> None:
    assert numbers(app) == told(0, 0, 0, 0.0)


def test_a_calculation_is_started_completed_and_adds_its_energy(
    app: Flask, log: Callable[..., int], run_jobs: Callable[[], None]
) -> None:
    log()
    assert numbers(app) == told(0, 0, 0, 0.0)
    run_jobs()
    assert numbers(app) == told(1, 1, 0, RUN_KCAL)
    log(Kind.YOGA)
    run_jobs()
    assert numbers(app) == told(2, 2, 0, RUN_KCAL + 140.0)


def test_energy_that_is_worked_out_again_counts_once(
    app: Flask, ada_id: int, log: Callable[..., int], run_jobs: Callable[[], None]
) -> None:
    activity_id = log()
    run_jobs()
    for _ in range(3):
        with app.app_context(), transaction() as session:
            session.execute(update(Entry).values(state="ready", finished_at=None))
        run_jobs()
    assert numbers(app) == told(1, 1, 0, RUN_KCAL)
    with app.app_context():
        services.change_activity(ada_id, activity_id, {"duration": timedelta(minutes=20)}, zone=ZONE)
    run_jobs()
    assert numbers(app) == told(2, 2, 0, 210.0)


def test_a_job_that_fails_for_good_is_one_failure(
    app: Flask, log: Callable[..., int], run_jobs: Callable[[], None]
) -> None:
    with app.app_context(), transaction() as session:
        log(weight_kg=Decimal(70))
        session.execute(update(Activity).values(weight_kg=Decimal(-70)))
    run_jobs()
    found = numbers(app)
    assert (found["tasks_completed"], found["tasks_failed"]) == (0, 1)
    assert found["total_calories"] == 0.0


def test_deleted_activities_leave_the_sum_and_come_back_with_undo(
    app: Flask, ada_id: int, log: Callable[..., int], run_jobs: Callable[[], None]
) -> None:
    activity_id = log()
    run_jobs()
    assert numbers(app)["total_calories"] == RUN_KCAL
    with app.app_context():
        services.delete_activity(ada_id, activity_id)
    assert numbers(app)["total_calories"] == 0.0
    with app.app_context():
        services.restore_activity(ada_id, activity_id)
    assert numbers(app)["total_calories"] == RUN_KCAL


def test_the_numbers_hang_in_redis(
    app: Flask, log: Callable[..., int], run_jobs: Callable[[], None], redis_server: Any
) -> None:
    log()
    run_jobs()
    numbers(app)
    board = redis_server.client().hgetall("metronome:numbers")
    assert (board[b"tasks_started"], board[b"tasks_completed"], board[b"tasks_failed"]) == (b"1", b"1", b"0")
    assert board[b"total_calories"] == b"315.0"


def test_a_lost_redis_costs_no_number(
    app: Flask, log: Callable[..., int], run_jobs: Callable[[], None], redis_server: Any
) -> None:
    log()
    run_jobs()
    before = numbers(app)
    redis_server.client().flushall()
    assert hung(app) == {}
    assert numbers(app) == before == told(1, 1, 0, RUN_KCAL)
    assert hung(app)["total_calories"] == "315.0"


def test_forgetting_old_jobs_costs_no_number(
    app: Flask, log: Callable[..., int], run_jobs: Callable[[], None], redis_server: Any
) -> None:
    log()
    run_jobs()
    with app.app_context():
        assert engine_of().prune(keep_s=-60) == 1
    redis_server.client().flushall()
    assert numbers(app) == told(1, 1, 0, RUN_KCAL)


def test_what_did_not_change_is_not_counted_again(
    app: Flask, log: Callable[..., int], run_jobs: Callable[[], None]
) -> None:
    log()
    run_jobs()
    numbers(app)
    with app.app_context():
        kept = Kept.read(hung(app))
        assert kept is not None
        forged = Kept(Numbers(7, 7, 7, Decimal(7), Decimal(7), {}, {}), kept.mark, kept.at, kept.cost_s, kept.count)
        Board(engine_of().broker, monitoring.BOARD).write(forged.written())
    assert numbers(app) == told(7, 7, 7, 7.0)
    log()
    run_jobs()
    assert numbers(app) == told(2, 2, 0, 2 * RUN_KCAL)


def test_even_then_they_are_counted_again_after_a_while(app: Flask, frozen_clock: Clock) -> None:
    count = Count(frozen_clock.now, frozen_clock.now, 0, {})
    kept = Kept(Numbers(0, 0, 0, Decimal(0), Decimal(0), {}, {}), "m", frozen_clock.now.timestamp(), 0.1, count)
    at = kept.at
    assert kept.will_do("m", now=at + 299)
    assert not kept.will_do("m", now=at + 301)
    assert not kept.will_do("m", now=at - 1)
    assert kept.will_do("other", now=at + 29)
    assert not kept.will_do("other", now=at + 31)
    assert not replace(kept, cost_s=0.04).will_do("other", now=at)


def test_numbers_of_another_version_are_not_believed() -> None:
    assert Kept.read({}) is None
    assert Kept.read({"known": "[]"}) is None
    assert Kept.read({"known": '{"count": [1, 2, 3, 4]}', "tasks_started": "x"}) is None


def test_the_scheduler_keeps_them(app: Flask, log: Callable[..., int], run_jobs: Callable[[], None]) -> None:
    log()
    run_jobs()
    sweeps = {sweep.name: sweep for sweep in timetable(app, engine_of(app), app.extensions["config"])}
    sweeps["keep the numbers"].run()
    assert hung(app)["tasks_completed"] == "1"


def test_activities_are_summed_up_by_kind(app: Flask, log: Callable[..., int], run_jobs: Callable[[], None]) -> None:
    log()
    log(Kind.YOGA)
    log(Kind.YOGA)
    run_jobs()
    with app.app_context():
        sums = metrics.sums()
    assert (sums.energy_kcal, dict(sums.logged)) == (Decimal("595.0"), {"running": 1, "yoga": 2})
