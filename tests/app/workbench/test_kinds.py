"""Every kind really does its work, run by a worker."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from dramatiq.middleware import TimeLimit
from flask import Flask
from sqlalchemy import select

from app.accounts.models import User
from app.db import reading, transaction
from app.workbench import kinds
from app.workbench.models import SamplePerson
from jobs import Entry, engine_of
from jobs.testing import run_ready
from tests.app.activities.conftest import Program

from .conftest import entry_of, make_due, told

TryOut = Callable[..., dict[str, Any]]


@pytest.mark.parametrize(
    ("kind", "arguments", "result"),
    [
        ("add", {"x": 2, "y": 0.5}, 2.5),
        ("multiply", {"x": 3, "y": -4}, -12),
        ("long_task", {"total_steps": 3, "step_ms": 1}, {"steps": 3, "begun_at_step": 0, "attempts": 1}),
        ("retry_task", {"fail_probability": 0}, {"attempts": 1, "fail_probability": 0}),
        (
            "process_data_chunk",
            {"chunk_id": 7, "data": [3, 1, 2]},
            {"chunk_id": 7, "count": 3, "sum": 6.0, "min": 1, "max": 3, "mean": 2.0},
        ),
        ("cleanup_job_log", {"days": 1}, {"deleted": 0}),
        ("cleanup_old_users", {"days": 1}, {"preview": True, "found": 0, "deleted": 0}),
    ],
)
def test_kind_works(try_out: TryOut, kind: str, arguments: dict[str, Any], result: Any) -> None:
    found = try_out(kind, **arguments)
    assert (found["status"], found["result"], found["percent"], found["error"]) == ("SUCCESS", result, 100, None)


def test_debug_task_says_where_it_ran(try_out: TryOut, database_kind: str) -> None:
    found = try_out("debug_task")
    assert (found["result"]["job"], found["result"]["attempt"]) == (found["task_id"], 1)
    assert found["result"]["database"] == database_kind


def test_health_check_counts_what_there_is(try_out: TryOut) -> None:
    assert try_out("health_check")["result"] == {"workers": 0, "running": 1, "ready": 0, "scheduled": 0}


def test_every_kind_that_is_a_job_is_declared_and_within_its_own_bounds(app: Flask) -> None:
    with app.app_context():
        for kind in kinds.ALL:
            if not kind.is_flow:
                job = engine_of().job_named(kind.job_name)
                assert {one.name for one in job.parameters} == set(kind.bounds), kind.name
            assert kind.problems({"total_steps": 1, "step_ms": 1} | kind.usual()) == {}, kind.name


def test_retry_task_fails_is_tried_again_and_says_how_often(
    app: Flask, api: Program, run_jobs: Callable[[], None]
) -> None:
    task_id = api("POST", "/api/retry-task/", json={"fail_probability": 1}).json["task_id"]  # type: ignore[index]
    statuses = []
    for _ in range(4):
        run_jobs()
        with app.app_context():
            make_due()
        found = told(api, task_id)
        statuses.append((found["status"], found["attempts"]))
    assert statuses == [("RETRY", 1), ("RETRY", 2), ("RETRY", 3), ("FAILURE", 4)]
    assert found["error"] == "Bad luck. It is tried again, later and later."


def test_long_task_goes_on_where_it_was(app: Flask, api: Program, run_jobs: Callable[[], None]) -> None:
    task_id = api("POST", "/api/long-task/", json={"total_steps": 5, "step_ms": 0}).json["task_id"]  # type: ignore[index]
    with app.app_context(), transaction() as session:
        session.merge(entry_of(task_id)).checkpoint = 3
    run_jobs()
    assert told(api, task_id)["result"] == {"steps": 5, "begun_at_step": 3, "attempts": 1}


def test_long_task_tells_how_far_it_is_and_ends_when_it_is_cancelled(app: Flask, api: Program) -> None:
    task_id = api("POST", "/api/long-task/", json={"total_steps": 600, "step_ms": 100}).json["task_id"]  # type: ignore[index]
    with app.app_context():
        engine = engine_of()
    thread = threading.Thread(target=run_ready, args=(engine,))
    thread.start()
    until = time.monotonic() + 10
    while told(api, task_id)["status"] != "PROGRESS" and time.monotonic() < until:
        time.sleep(0.05)
    seen = api("GET", f"/api/task-progress/{task_id}/").json
    assert seen is not None
    assert (seen["total"], seen["percent"], seen["note"]) == (
        600,
        seen["current"] * 100 // 600,
        f"Step {seen['current']} of 600",
    )
    refused = api("POST", f"/api/revoke-task/{task_id}/")
    assert (refused.status_code, refused.mimetype) == (409, "application/problem+json")
    assert (refused.json or {})["detail"] == "It runs. With ?terminate=true in the address it is asked to end."
    assert api("POST", f"/api/revoke-task/{task_id}/?terminate=true").json == {"task_id": task_id, "cancelled": False}
    # Without a heartbeat in this process, what it would bring is brought by hand.
    for hold in engine.runner.running.values():
        hold.cancelled[task_id] = time.monotonic()
    thread.join(timeout=10)
    assert not thread.is_alive()
    assert told(api, task_id)["status"] == "REVOKED"


def test_soft_limit_ends_with_a_result(app: Flask, try_out: TryOut) -> None:
    with app.app_context():
        engine = engine_of()
    engine.broker.get_actor("workbench.time_limited").options["time_limit"] = 1_000
    watch = next(one for one in engine.broker.middleware if isinstance(one, TimeLimit))
    watch.after_process_boot(engine.broker)  # type: ignore[no-untyped-call]
    found = try_out("time_limited", duration_s=30)
    assert (found["status"], found["result"]["finished"], found["result"]["wanted_s"]) == ("SUCCESS", False, 30)
    assert 0.5 <= found["result"]["worked_s"] <= 6
    assert try_out("time_limited", duration_s=0)["result"] == {"finished": True, "worked_s": 0.0, "wanted_s": 0}


def test_hard_limit_ends_the_process(app: Flask, try_out: TryOut) -> None:
    with app.app_context():
        engine = engine_of()
    name = "workbench.hard_limited"
    engine.jobs[name] = dataclasses.replace(engine.jobs[name], time_limit=5_000)
    found = try_out("hard_limited", duration_s=60)
    assert (found["status"], found["attempts"]) == ("FAILURE", 1)
    assert found["error"] == "It took longer than its time limit of 5 seconds, and was ended."
    assert try_out("hard_limited", duration_s=0)["result"]["seconds"] == 0.0


def test_people_are_really_made_once_and_taken_away_again(app: Flask, ada_id: int, try_out: TryOut) -> None:
    made = try_out("create_users", count=3, prefix="Sample Person")
    assert made["result"]["created"] == 3
    with app.app_context():
        names = list(reading().scalars(select(User.name).order_by(User.id)))
        assert names == ["Ada", "Sample Person 1", "Sample Person 2", "Sample Person 3"]
    assert try_out("cleanup_old_users", days=1, preview=False)["result"]["deleted"] == 0
    with app.app_context(), transaction() as session:
        for row in session.scalars(select(SamplePerson).order_by(SamplePerson.user_id).limit(2)):
            row.made_at -= timedelta(days=2)
    assert try_out("cleanup_old_users", days=1)["result"] == {"preview": True, "found": 2, "deleted": 0}
    assert try_out("cleanup_old_users", days=1, preview=False)["result"]["deleted"] == 2
    with app.app_context():
        assert list(reading().scalars(select(User.name).order_by(User.id))) == ["Ada", "Sample Person 3"]


def test_clean_up_leaves_who_was_not_made_here_or_got_a_password(app: Flask, ada_id: int, try_out: TryOut) -> None:
    try_out("create_users", count=2, prefix="p")
    with app.app_context(), transaction() as session:
        session.scalars(select(User).where(User.name == "p 1")).one().password_hash = "x"
    assert try_out("cleanup_old_users", days=0, preview=False)["result"]["deleted"] == 1
    with app.app_context():
        assert list(reading().scalars(select(User.name).order_by(User.id))) == ["Ada", "p 1"]


def test_cleaning_up_the_log_forgets_old_jobs_alone(app: Flask, api: Program, try_out: TryOut) -> None:
    old, new = try_out("add", x=1, y=1), try_out("add", x=1, y=2)
    with app.app_context(), transaction() as session:
        entry = session.merge(entry_of(old["task_id"]))
        assert entry.finished_at is not None
        entry.finished_at -= timedelta(days=2)
    assert try_out("cleanup_job_log", days=1)["result"] == {"deleted": 1}
    assert api("GET", f"/api/task-status/{old['task_id']}/").status_code == 404
    assert told(api, new["task_id"])["status"] == "SUCCESS"


def flow(api: Program, run_jobs: Callable[[], None], path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = api("POST", path, json=body)
    assert answer.status_code == 202, answer.json
    run_jobs()
    return told(api, answer.json["task_id"])  # type: ignore[index]


def states(found: dict[str, Any]) -> dict[str, str]:
    return {step["name"]: step["state"] for step in found["steps"]}


def test_chain_hands_on_what_each_step_found(api: Program, run_jobs: Callable[[], None]) -> None:
    found = flow(api, run_jobs, "/api/chain-tasks/", {"value": 4})
    assert (found["status"], found["result"]) == ("SUCCESS", {"step": 3, "value": 18})
    assert set(states(found).values()) == {"succeeded"}
    callback = next(step for step in found["steps"] if step["name"] == "on success")
    assert told(api, callback["task_id"])["result"] == {"succeeded": True, "results": [{"step": 3, "value": 18}]}


def test_failing_chain_calls_the_callback_of_failure(app: Flask, api: Program, run_jobs: Callable[[], None]) -> None:
    found = flow(api, run_jobs, "/api/chain-tasks/", {"value": 4, "fail_at": 2})
    assert (found["status"], found["error"], found["result"]) == ("FAILURE", "Step 2 was asked to fail.", None)
    assert [states(found)[f"workflow_step_{number}"] for number in (1, 2, 3)] == ["succeeded", "dead", "cancelled"]
    with app.app_context():
        callback = reading().scalars(select(Entry).where(Entry.kind == "workbench.on_failure")).one()
        assert callback.result == {
            "succeeded": False,
            "failures": {"workflow_step_2": "GiveUp: Step 2 was asked to fail."},
        }


def test_group_runs_side_by_side(api: Program, run_jobs: Callable[[], None]) -> None:
    found = flow(api, run_jobs, "/api/group-tasks/", {"numbers": [1, 2, 3.5]})
    assert (found["status"], found["result"], found["current"], found["total"]) == ("SUCCESS", [2, 4, 7.0], 4, 4)


def test_chord_brings_the_chunks_together(api: Program, run_jobs: Callable[[], None]) -> None:
    found = flow(api, run_jobs, "/api/chord-tasks/", {"data": list(range(1, 11)), "chunk_size": 4})
    assert found["status"] == "SUCCESS"
    assert found["result"] == {"chunks": 3, "count": 10, "sum": 55.0, "min": 1, "max": 10, "mean": 5.5}


def test_workflow_that_waits_is_cancelled_whole(api: Program, run_jobs: Callable[[], None]) -> None:
    task_id = api("POST", "/api/chain-tasks/").json["task_id"]  # type: ignore[index]
    assert told(api, task_id)["status"] == "STARTED"
    assert api("POST", f"/api/revoke-task/{task_id}/").status_code == 200
    run_jobs()
    found = told(api, task_id)
    assert (found["status"], set(states(found).values())) == ("REVOKED", {"cancelled"})
