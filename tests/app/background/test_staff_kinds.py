"""Kinds that are not for people: who starts them, within which bounds, and what the audit log tells of it."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app.wiring import FOR_STAFF
from app.workbench.services import clean_up_jobs
from jobs import GiveUp, engine_of
from tests.app.activities.conftest import Program, sign_in
from tests.app.conftest import errors_of

from .test_api import count, fields_of, told

STAFF_KINDS = [
    ("workbench.cleanup_job_log", {"days": 30}),
    ("workbench.create_users", {"count": 1, "prefix": "New"}),
    ("jobs.bulk", {"operation": "0" * 32}),
    ("sample.rebuild", {}),
]
FORM = {
    "name": "Nightly",
    "rule_kind": "cron",
    "rule_text": "0 3 * * *",
    "zone": "UTC",
    "misfire": "one",
    "most_missed": "10",
    "overlap": "allow",
}


def noted(app: Flask) -> list[tuple[str | None, str, str]]:
    with app.app_context():
        return [(row.by, row.action, row.subject.partition(" ")[0]) for row in engine_of().audit.page()[::-1]]


@pytest.mark.parametrize(("kind", "args"), STAFF_KINDS)
def test_an_operator_starts_none_of_them_in_any_way(otto: Program, app: Flask, kind: str, args: dict[str, Any]) -> None:
    job = {"kind": kind, "args": args}
    ways = {
        "/jobs": (job, "kind"),
        "/jobs/batch": ([job], "0.kind"),
        "/schedules": ({**job, "name": "n", "every": "1 hour"}, "kind"),
        "/workflows": ({"name": "n", "chain": [job]}, "chain.0.kind"),
    }
    found = {path: otto("POST", f"/api/v1{path}", json=body) for path, (body, _) in ways.items()}
    assert {path: (answer.status_code, fields_of(answer)) for path, answer in found.items()} == {
        path: (422, [field]) for path, (_, field) in ways.items()
    }
    assert (count(app), noted(app)) == (0, [])
    assert kind not in [one["name"] for one in told(otto("GET", "/api/v1/kinds"))["kinds"]]


def test_what_an_admin_starts_is_noted_and_what_people_start_is_not(
    api: Program, operator: Program, app: Flask
) -> None:
    api("POST", "/api/v1/jobs", json={"kind": "sample.add", "args": {"x": 1}})
    operator("POST", "/api/v1/jobs", json={"kind": "sample.add", "args": {"x": 1}})
    uid = told(operator("POST", "/api/v1/jobs", json={"kind": "sample.rebuild"}))["id"]
    many = told(operator("POST", "/api/v1/jobs/batch", json=[{"kind": "sample.rebuild"}] * 3))["jobs"]
    flow = told(operator("POST", "/api/v1/workflows", json={"name": "n", "chain": [{"kind": "sample.rebuild"}]}))["id"]
    with app.app_context():
        rows = [(row.by, row.action, row.subject, row.told) for row in engine_of().audit.page()[::-1]]
    assert rows == [
        ("user 2", "start", f"job {uid}", {"kind": "sample.rebuild", "after": {}}),
        ("user 2", "start", "kind sample.rebuild", {"jobs": 3, "ids": [one["id"] for one in many]}),
        ("user 2", "start", f"workflow {flow}", {"name": "n", "kinds": ["sample.rebuild"]}),
    ]


@pytest.mark.parametrize("days", [0, -1, 3_651])
def test_their_arguments_have_bounds(operator: Program, app: Flask, days: int) -> None:
    app.extensions["for_staff"] = FOR_STAFF
    job = {"kind": "workbench.cleanup_job_log", "args": {"days": days}}
    assert fields_of(operator("POST", "/api/v1/jobs", json=job)) == ["args.days"]
    assert fields_of(operator("POST", "/api/v1/schedules", json={**job, "name": "n", "every": "1 hour"})) == [
        "args.days"
    ]
    assert (count(app), noted(app)) == (0, [])


@pytest.mark.parametrize("days", [0, -1])
def test_the_job_itself_keeps_what_settled_today(app: Flask, days: int) -> None:
    with app.app_context(), pytest.raises(GiveUp):
        clean_up_jobs(days)


def test_the_form_of_a_schedule_offers_and_takes_what_one_may_start(
    app: Flask, otto: Program, operator: Program
) -> None:
    ottos, olgas = sign_in(app, "otto"), sign_in(app, "olga")
    pages = [one.get("/ops/schedules/new").get_data(as_text=True) for one in (ottos, olgas)]
    assert ["<option>jobs.bulk</option>" in page for page in pages] == [False, True]
    form = {**FORM, "kind": "workbench.cleanup_job_log", "args": '{"days": 30}'}
    refused = ottos.post("/ops/schedules", form)
    assert (refused.status_code, errors_of(refused)) == (422, ["This kind is not yours to schedule."])
    worse = olgas.post("/ops/schedules", {**form, "args": '{"days": 0}'})
    assert (worse.status_code, errors_of(worse)) == (422, ["Days: It must be 1 to 3,650."])
    assert noted(app) == []
    assert olgas.post("/ops/schedules", form).status_code == 303
    uid = told(operator("GET", "/api/v1/schedules"))["schedules"][0]["id"]
    # Of what an admin made, an operator changes when it comes, and not what comes.
    later = {**form, "rule_text": "0 4 * * *"}
    assert ottos.post(f"/ops/schedules/{uid}", later).status_code == 303
    more = ottos.post(f"/ops/schedules/{uid}", {**later, "args": '{"days": 1}'})
    assert (more.status_code, errors_of(more)) == (422, ["This kind is not yours to schedule."])
    one = told(operator("GET", f"/api/v1/schedules/{uid}"))
    assert (one["cron"], one["args"]) == ("0 4 * * *", {"days": 30})
