"""A request that is sent again under its Idempotency-Key: everything that makes something makes it once."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.accounts import services as accounts
from app.db import Base, reading
from jobs import metadata
from tests.app.activities.conftest import Program, account_of, program_of
from tests.app.conftest import PASSWORD

RUN = {"kind": "running", "duration_min": 30, "weight_kg": 70, "started_at": "2026-11-20T06:10:00Z"}
WALK = {**RUN, "kind": "walking"}
ADD = {"kind": "workbench.add", "args": {"x": 1, "y": 2}}
OTHER = {"kind": "workbench.add", "args": {"x": 1, "y": 3}}
TASK = {"kind": "add", "arguments": {"x": 1, "y": 2}}
BAD_TASK = {"kind": "add", "arguments": {"x": "one"}}
DAILY = {"name": "daily", **ADD, "cron": "30 7 * * *"}
BULK = {"action": "cancel", "filter": {"queue": "samples"}}
MAKING: list[tuple[str, Any, Any]] = [
    ("/api/v1/activities", RUN, WALK),
    ("/api/v1/activities/batch", [RUN, RUN], [RUN]),
    ("/api/v1/activities/batch?partial=1", [RUN, 7], [RUN]),
    ("/api/v1/jobs", ADD, OTHER),
    ("/api/v1/jobs/batch", [ADD, ADD], [ADD]),
    ("/api/v1/jobs/batch?partial=1", [ADD, 7, ADD], [ADD]),
    ("/api/v1/workflows", {"name": "one", "chain": [ADD]}, {"name": "one", "chain": [OTHER]}),
    ("/api/v1/schedules", DAILY, {**DAILY, "cron": "31 7 * * *"}),
    ("/api/v1/bulk-operations", BULK, {**BULK, "filter": {"queue": "default"}}),
    ("/api/v1/reports", {"report_type": "activities"}, {"report_type": "custom"}),
    ("/api/generate-report/", {"report_type": "activities"}, {"report_type": "custom"}),
    ("/api/simple-task/", {"x": 1, "y": 2}, {"x": 1, "y": 3}),
    ("/api/chain-tasks/", {"value": 1}, {"value": 2}),
    ("/api/group-tasks/", {"numbers": [1]}, {"numbers": [2]}),
    ("/api/chord-tasks/", {"data": [1]}, {"data": [2]}),
    ("/api/long-task/", {"total_steps": 1}, {"total_steps": 2}),
    ("/api/retry-task/", {"fail_probability": 0}, {"fail_probability": 1}),
    ("/api/create-users/", {"count": 1}, {"count": 2}),
    ("/tasks/", TASK, {**TASK, "priority": 1}),
    ("/tasks/batch-request/", [TASK, BAD_TASK], [TASK]),
    ("/batch-request", [TASK, BAD_TASK], [TASK]),
]
BY_THEMSELVES = {
    "/api/v1/activities/{activity_id}/recounts": "waits already",
    "/api/v1/jobs/{uid}/cancellation": "is cancelled already",
    "/api/v1/jobs/{uid}/retries": "is ready already",
    "/api/v1/workflows/{uid}/cancellation": "is cancelled already",
    "/api/v1/workflows/{uid}/retries": "runs already",
    "/api/v1/bulk-operations/{uid}/cancellation": "is stopped already",
    "/api/v1/schedules/{uid}/backfills": "finds nothing the second time",
    "/api/v1/settings/recalculations": "one for each change",
    "/api/v1/workers/{name}/wishes": "is wished already",
}
"""What makes or begins something and needs no key: sent again, it changes nothing."""


@pytest.fixture
def api(app: Flask) -> Program:
    """The program of an admin."""
    with app.app_context():
        user_id = accounts.create_user(email="ada@example.org", password=PASSWORD, name="Ada", is_admin=True)
    return program_of(app, user_id, "read", "write", "jobs", "admin")


def rows(app: Flask) -> dict[str, int]:
    """How many rows each table has."""
    with app.app_context():
        tables = [*Base.metadata.sorted_tables, *metadata.sorted_tables]
        return {one.name: reading().scalar(select(func.count()).select_from(one)) or 0 for one in tables}


@pytest.mark.parametrize(("path", "body", "other"), MAKING, ids=[path for path, _, _ in MAKING])
def test_what_is_sent_twice_under_a_key_is_made_once(
    api: Program, app: Flask, path: str, body: Any, other: Any
) -> None:
    key = {"Idempotency-Key": "k"}
    before = rows(app)
    first = api("POST", path, json=body, headers=key)
    made = rows(app)
    again = api("POST", path, json=body, headers=key)
    is_of_each = "partial=1" in path
    assert (first.status_code, again.status_code) in {(201, 200), (202, 200), (207, 207)}
    assert (first.status_code == 207) == is_of_each
    assert made != before
    assert rows(app) == made
    told, told_again = first.json, again.json
    assert told is not None
    if is_of_each:
        for one in told["results"]:
            one["status"] = 200 if one["status"] == 201 else one["status"]
    assert told == told_again
    refused = api("POST", path, json=other, headers=key)
    assert refused.json is not None
    assert (refused.status_code, [one["field"] for one in refused.json["errors"]]) == (422, ["Idempotency-Key"])
    assert rows(app) == made
    assert api("POST", path, json=other, headers={"Idempotency-Key": "l"}).status_code in {201, 202, 207, 409}
    assert rows(app) != made or path == "/api/v1/schedules"


def test_a_schedule_run_by_hand_is_run_once_under_a_key(api: Program, app: Flask) -> None:
    made = api("POST", "/api/v1/schedules", json=DAILY).json
    assert made is not None
    path, key = f"/api/v1/schedules/{made['id']}/runs", {"Idempotency-Key": "k"}
    first, again = api("POST", path, headers=key), api("POST", path, headers=key)
    assert (first.status_code, again.status_code, first.json) == (201, 200, again.json)
    assert api("POST", path).status_code == 201
    assert rows(app)["job"] == 2


def test_a_test_alert_is_raised_once_under_a_key(api: Program, app: Flask) -> None:
    path, key = "/api/v1/alerts/tests", {"Idempotency-Key": "k"}
    first = api("POST", path, headers=key)
    made = rows(app)
    assert (first.status_code, api("POST", path, headers=key).status_code) == (201, 200)
    assert rows(app) == made


def test_a_batch_of_which_nothing_is_taken_uses_no_key_up(api: Program) -> None:
    key = {"Idempotency-Key": "k"}
    assert api("POST", "/tasks/batch-request/", json=[BAD_TASK], headers=key).status_code == 400
    assert api("POST", "/tasks/batch-request/", json=[TASK], headers=key).status_code == 202


def test_what_would_be_refused_by_now_is_told_as_it_was_made(api: Program, app: Flask) -> None:
    key = {"Idempotency-Key": "k"}
    first = api("POST", "/api/v1/jobs", json=ADD, headers=key)
    app.extensions["for_people"] = {}
    engine = app.extensions["jobs"]
    kind = engine.jobs.pop("workbench.add")
    try:
        assert api("POST", "/api/v1/jobs", json=ADD).status_code == 422
        again = api("POST", "/api/v1/jobs", json=ADD, headers=key)
    finally:
        engine.jobs["workbench.add"] = kind
    assert first.json is not None
    assert again.json is not None
    assert (again.status_code, again.json["id"]) == (200, first.json["id"])


def test_a_key_is_one_persons(api: Program, app: Flask) -> None:
    key = {"Idempotency-Key": "k"}
    cleos = program_of(app, account_of(app, "Cleo"))
    assert api("POST", "/api/simple-task/", json={"x": 1}, headers=key).status_code == 202
    assert cleos("POST", "/api/simple-task/", json={"x": 2}, headers=key).status_code == 202


@pytest.mark.parametrize("path", ["/api/v1/reports", "/api/simple-task/", "/tasks/", "/api/v1/schedules"])
def test_a_key_that_cannot_be_one_is_refused(api: Program, app: Flask, path: str) -> None:
    before = rows(app)
    body = next(body for known, body, _ in MAKING if known == path)
    assert api("POST", path, json=body, headers={"Idempotency-Key": "schlüssel"}).status_code == 400
    assert rows(app) == before


def test_everything_that_makes_something_says_that_it_takes_a_key(api: Program) -> None:
    document = api("GET", "/api/openapi.json").json
    assert document is not None
    without = set()
    for path, operations in document["paths"].items():
        told = operations.get("post", {"responses": {}})
        names = [one.get("name") for one in told.get("parameters", ())]
        if told["responses"].keys() & {"201", "202"} and "Idempotency-Key" not in names:
            without.add(path)
    assert without == set(BY_THEMSELVES)
