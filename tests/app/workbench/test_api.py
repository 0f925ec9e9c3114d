"""The workbench for programs: who may, what is wrong, and what is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.db import reading, transaction
from jobs import Entry, db_now
from tests.app.activities.conftest import Program, program_of
from tests.app.conftest import Browser, Clock

from .conftest import entry_of, told

RunJobs = Callable[[], None]
STARTS = ["simple-task", "chain-tasks", "group-tasks", "chord-tasks", "long-task", "retry-task", "create-users"]
ODD: list[Any] = [None, True, "2", "", [], {}, [1], 1e300, -1, 10**400, 2**70, "x" * 5_000, "a\x07b", "\ud800"]
FOR_STAFF = ["create_users", "cleanup_old_users", "send_email", "send_bulk_emails", "cleanup_job_log"]


def job_count(app: Flask) -> int:
    with app.app_context():
        return reading().scalar(select(func.count()).select_from(Entry)) or 0


def started(program: Program, path: str = "/api/simple-task/", **body: Any) -> str:
    answer = program("POST", path, json=body)
    assert answer.status_code == 202, answer.json
    assert answer.json is not None
    return str(answer.json["task_id"])


@pytest.mark.parametrize("name", STARTS)
def test_every_older_name_starts_something_without_a_body(api: Program, run_jobs: RunJobs, name: str) -> None:
    body = {"total_steps": 1, "step_ms": 0} if name == "long-task" else {}
    answer = api("POST", f"/api/{name}/", json=body) if body else api("POST", f"/api/{name}/")
    assert answer.json is not None
    assert (answer.status_code, answer.json["status_url"]) == (202, f"/api/task-status/{answer.json['task_id']}/")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("POST", f"/api/{name}/") for name in [*STARTS, "generate-report", "revoke-task/x"]),
        *(("GET", f"/api/{name}/") for name in ["task-status/x", "task-progress/x", "health", "task-overview"]),
        *(("POST", path) for path in ["/tasks/", "/tasks/batch-request/", "/batch-request"]),
        ("GET", "/tasks/x/"),
        ("DELETE", "/tasks/x/"),
    ],
)
def test_strangers_are_asked_to_sign_in(app: Flask, method: str, path: str) -> None:
    answer = app.test_client().open(path, method=method, json={})
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")


def test_job_of_another_person_is_not_there(api: Program, cleos_api: Program) -> None:
    mine = started(api)
    flow = started(api, "/api/chain-tasks/")
    for task_id in (mine, flow, "0" * 32, "x", "9" * 400, "%00"):
        for method, path in [
            ("GET", f"/api/task-status/{task_id}/"),
            ("GET", f"/api/task-progress/{task_id}/"),
            ("POST", f"/api/revoke-task/{task_id}/?terminate=true"),
            ("GET", f"/tasks/{task_id}/"),
            ("DELETE", f"/tasks/{task_id}/"),
        ]:
            assert cleos_api(method, path).status_code == 404, path
    theirs = started(cleos_api)
    assert told(cleos_api, theirs)["task_id"] == theirs
    assert told(api, theirs)["task_id"] == theirs  # an admin sees everybody's
    assert [told(api, one)["status"] for one in (mine, flow)] == ["PENDING", "STARTED"]


@pytest.mark.parametrize("kind", FOR_STAFF)
def test_what_touches_others_is_for_admins(app: Flask, ada_id: int, cleos_api: Program, kind: str) -> None:
    arguments = {
        "create_users": {"count": 1, "prefix": "p"},
        "cleanup_old_users": {"days": 1},
        "send_email": {"subject": "s", "message": "m", "recipients": ["ben@example.org"]},
        "send_bulk_emails": {"subject": "s", "message": "m", "user_ids": [1]},
        "cleanup_job_log": {"days": 1},
    }[kind]
    body = {"kind": kind, "arguments": arguments}
    half = program_of(app, ada_id, "read", "write")  # an admin's token that was not given an admin's rights
    refused = [one("POST", "/tasks/", json=body) for one in (cleos_api, half)]
    assert [(one.status_code, (one.json or {})["detail"]) for one in refused] == [
        (403, "This is for admins."),
        (403, "This token does not have the scope admin."),
    ]
    batch = cleos_api("POST", "/tasks/batch-request/", json=[body])
    assert (batch.status_code, batch.json) == (
        400,
        {"tasks": [], "errors": [{"index": 0, "errors": {"kind": "This is for admins."}}]},
    )
    assert job_count(app) == 0


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/api/simple-task/", "x"),
        ("/api/simple-task/", "operation"),
        ("/api/chain-tasks/", "value"),
        ("/api/chain-tasks/", "fail_at"),
        ("/api/group-tasks/", "numbers"),
        ("/api/chord-tasks/", "data"),
        ("/api/chord-tasks/", "chunk_size"),
        ("/api/long-task/", "total_steps"),
        ("/api/long-task/", "step_ms"),
        ("/api/retry-task/", "fail_probability"),
        ("/api/create-users/", "count"),
        ("/api/create-users/", "prefix"),
        ("/api/simple-task/", "nothing"),
    ],
)
def test_hostile_values_are_refused_by_the_name_of_their_field(app: Flask, api: Program, path: str, field: str) -> None:
    fits = {"x": [-1, 1e300], "value": [-1], "numbers": [[1]], "data": [[1]], "prefix": ["2"]}
    for value in ODD:
        if value in fits.get(field, []) and not isinstance(value, bool) and value != 1e300:
            continue
        answer = api("POST", path, data=json.dumps({field: value}), content_type="application/json")
        assert answer.mimetype == "application/problem+json", value
        assert answer.json is not None
        told_of = {error["field"] for error in answer.json["errors"]}
        assert (answer.status_code, told_of) in ((422, {field}), (400, set())), (value, answer.json)
    assert job_count(app) == 0


@pytest.mark.parametrize("path", [*(f"/api/{name}/" for name in STARTS), "/tasks/"])
def test_body_that_cannot_be_read_is_told_so(app: Flask, api: Program, path: str) -> None:
    for body, codes in [
        (b"{", {400}),
        (b"\xff", {400}),
        (b"[]", {422}),
        (b"null", {422}),
        (b"3", {422}),
        (b'{"x":1,"x":2}', {400}),
        (b'{"x":NaN}', {400}),
        (b"[" * 5_000, {400}),
        (b'{"x":"' + b"y" * 1_100_000 + b'"}', {413}),
    ]:
        answer = api("POST", path, data=body, content_type="application/json")
        assert (answer.status_code in codes, answer.mimetype) == (True, "application/problem+json"), body[:20]
    assert job_count(app) == 0


def test_all_steps_together_have_an_end(api: Program) -> None:
    answer = api("POST", "/api/long-task/", json={"total_steps": 10_000, "step_ms": 60_000})
    assert answer.json is not None
    assert (answer.status_code, answer.json["detail"]) == (422, "All steps together may take 10 minutes.")


def test_task_is_created_shown_and_deleted_while_it_waits(api: Program, run_jobs: RunJobs) -> None:
    body = {"kind": "add", "arguments": {"x": 1, "y": 2}, "priority": 1}
    answer = api("POST", "/tasks/", json=body)
    assert answer.json is not None
    task_id = answer.json["task_id"]
    shown = api("GET", f"/tasks/{task_id}/").json
    assert shown is not None
    assert (answer.status_code, shown["status"], shown["priority"]) == (202, "PENDING", 1)
    assert api("DELETE", f"/tasks/{task_id}/").status_code == 204
    assert told(api, task_id)["status"] == "REVOKED"
    again = api("DELETE", f"/tasks/{task_id}/")
    assert (again.status_code, again.mimetype) == (400, "application/problem+json")
    other = started(api)
    run_jobs()
    assert api("DELETE", f"/tasks/{other}/").status_code == 400
    assert told(api, other)["status"] == "SUCCESS"


@pytest.mark.parametrize("path", ["/tasks/batch-request/", "/batch-request"])
def test_batch_takes_the_good_ones_and_tells_the_others_with_their_index(
    app: Flask, api: Program, run_jobs: RunJobs, path: str
) -> None:
    good = {"kind": "add", "arguments": {"x": 1, "y": 2}}
    wrong: list[Any] = [
        {"kind": "add", "arguments": {"x": 1}},
        {"kind": "nothing"},
        {"kind": "add", "arguments": []},
        {**good, "priority": 10},
        {**good, "priority": True},
        {**good, "more": 1},
        None,
        {"kind": "chain", "arguments": {"value": 1}},
    ]
    answer = api("POST", path, json=[good, *wrong, {**good, "priority": 0}])
    assert answer.json is not None
    assert answer.status_code == 202
    assert [one["index"] for one in answer.json["tasks"]] == [0, 9]
    fields = [(one["index"], list(one["errors"])) for one in answer.json["errors"]]
    names = ["y", "kind", "arguments", "priority", "priority", "more", "", "kind"]
    assert fields == [(index, [name]) for index, name in enumerate(names, 1)]
    run_jobs()
    assert [told(api, one["task_id"])["result"] for one in answer.json["tasks"]] == [3, 3]
    assert job_count(app) == 2


def test_batch_runs_in_the_order_of_its_priorities(app: Flask, api: Program, run_jobs: RunJobs) -> None:
    batch = [{"kind": "add", "arguments": {"x": n, "y": 0}, "priority": p} for n, p in enumerate([9, 9, 1, 0, 5])]
    answer = api("POST", "/batch-request", json=batch)
    assert answer.json is not None
    run_jobs()
    with app.app_context():
        order = [(entry_of(one["task_id"]).started_at, one["index"]) for one in answer.json["tasks"]]
        owners = {entry_of(one["task_id"]).lease_owner for one in answer.json["tasks"]}
    assert owners == {None}
    assert next(index for _, index in sorted(order)) == 3


@pytest.mark.parametrize("body", [[], {}, "x", 3, [{"kind": "add"}] * 101])
def test_batch_that_is_none_is_refused(app: Flask, api: Program, body: Any) -> None:
    answer = api("POST", "/batch-request", json=body)
    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")
    assert job_count(app) == 0


def test_batch_with_nothing_good_in_it_is_refused_with_reasons(app: Flask, api: Program) -> None:
    answer = api("POST", "/batch-request", json=[{"kind": "add"}])
    assert answer.json is not None
    errors = {"x": "It is missing; it must be a number.", "y": "It is missing; it must be a number."}
    assert (answer.status_code, answer.json) == (400, {"tasks": [], "errors": [{"index": 0, "errors": errors}]})


def test_health_says_whether_workers_answer(app: Flask, api: Program) -> None:
    answer = api("GET", "/api/health/")
    assert (answer.status_code, answer.json) == (
        503,
        {"status": "unhealthy", "workers": 0, "running": 0, "ready": 0, "scheduled": 0},
    )
    with app.app_context(), transaction() as session:
        table = Entry.metadata.tables["job_worker"]
        values = {"name": "w", "role": "worker", "queues": "default", "version": "1", "sees_redis": True}
        session.execute(table.insert().values(**values, started_at=db_now(), seen_at=db_now()))
    answer = api("GET", "/api/health/")
    assert answer.json is not None
    assert (answer.status_code, answer.json["status"], answer.json["workers"]) == (200, "healthy", 1)


def test_overview_counts_ones_own(api: Program, cleos_api: Program, run_jobs: RunJobs) -> None:
    ids = [started(api, x=number) for number in range(12)]
    started(cleos_api)
    run_jobs()
    found = api("GET", "/api/task-overview/").json
    assert found is not None
    assert {state: count for state, count in found["counts"].items() if count} == {"succeeded": 12}
    assert [one["task_id"] for one in found["recent"]] == ids[:-11:-1]


def test_older_names_of_the_document_lead_to_it(app: Flask) -> None:
    for path in ("/swagger/", "/api/docs/"):
        answer = app.test_client().get(path)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/api/docs")


def test_there_is_a_limit_to_how_much_one_person_starts(frozen_clock: Clock, api: Program, cleos_api: Program) -> None:
    codes = [api("POST", "/api/simple-task/").status_code for _ in range(241)]
    assert codes == [202] * 240 + [429]
    assert cleos_api("POST", "/api/simple-task/").status_code == 202


def test_browser_needs_its_token_to_start_something(app: Flask, ada: Browser) -> None:
    ada.get("/workbench/")
    assert ada.client.post("/api/simple-task/", json={}).status_code in (400, 403)
    assert job_count(app) == 0


# -- as any job ----------------------------------------------------------------------------------------------------


def test_people_start_by_the_api_of_jobs_what_they_may_try(cleos_api: Program, run_jobs: RunJobs) -> None:
    answer = cleos_api("POST", "/api/v1/jobs", json={"kind": "workbench.add", "args": {"x": 2, "y": 3}})
    assert answer.status_code == 201
    assert answer.json is not None
    uid = answer.json["id"]
    run_jobs()
    result = cleos_api("GET", f"/api/v1/jobs/{uid}/result").json
    assert result is not None
    assert (result["state"], result["result"]) == ("succeeded", 5)


def test_what_people_may_start_is_what_the_workbench_lets_them_try(cleos_api: Program) -> None:
    answer = cleos_api("GET", "/api/v1/kinds")
    assert answer.json is not None
    assert [one["name"] for one in answer.json["kinds"]] == [
        "workbench.add", "workbench.aggregate_results", "workbench.debug_task", "workbench.hard_limited",
        "workbench.health_check", "workbench.long_task", "workbench.multiply", "workbench.process_data_chunk",
        "workbench.retry_task", "workbench.time_limited", "workbench.workflow_step_1", "workbench.workflow_step_2",
        "workbench.workflow_step_3",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "args", "field"),
    [
        ("add", {"x": 1e13, "y": 0}, "args.x"),
        ("long_task", {"total_steps": 10_000, "step_ms": 60_000}, "args.step_ms"),
        ("retry_task", {"fail_probability": 2}, "args.fail_probability"),
        *((kind, {}, "kind") for kind in FOR_STAFF),
        ("on_success", {"results": []}, "kind"),
    ],
)
def test_the_bounds_of_the_workbench_hold_there_too(
    app: Flask, cleos_api: Program, kind: str, args: dict[str, Any], field: str
) -> None:
    answer = cleos_api("POST", "/api/v1/jobs", json={"kind": f"workbench.{kind}", "args": args})
    assert answer.json is not None
    assert (answer.status_code, [one["field"] for one in answer.json["errors"]]) == (422, [field])
    assert job_count(app) == 0
