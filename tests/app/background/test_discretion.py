"""What tells who people are: masked wherever somebody else's job is told, and revealed only in writing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from jobs import engine_of
from tests.app.activities.conftest import Program, sign_in

from .test_api import start, told

ADDRESS, MASKED = "bob@example.org", "b…@example.org"
PRIVATE = {"value": {"to": ADDRESS, "phone": "0301234567", "token": "hunter2"}}
SHOWN_TO_ADA = {"value": {"to": ADDRESS, "phone": "0301234567", "token": "…"}}
SHOWN_TO_OTHERS = {"value": {"to": MASKED, "phone": "0…", "token": "…"}}
SCHEDULE = {"kind": "sample.keep", "args": PRIVATE, "name": "Ada's", "cron": "0 8 * * *"}
LEAKS = (ADDRESS, "0301234567", "hunter2")

RunJobs = Callable[[], None]


@pytest.fixture
def kept(api: Program, run_jobs: RunJobs) -> str:
    """A job of Ada's that gives back what it was given."""
    uid = start(api, kind="sample.keep", args=PRIVATE)
    run_jobs()
    return uid


@pytest.fixture
def failed(api: Program, run_jobs: RunJobs) -> str:
    """A job of Ada's whose error names somebody."""
    uid = start(api, kind="sample.fail", args={"reason": f"{ADDRESS} does not answer"})
    run_jobs()
    return uid


@pytest.fixture
def schedule(api: Program) -> str:
    """A schedule of Ada's."""
    return str(told(api("POST", "/api/v1/schedules", json=SCHEDULE))["id"])


def test_the_api_tells_its_owner_all_and_everybody_else_what_is_masked(
    api: Program, vera: Program, otto: Program, kept: str, failed: str, schedule: str
) -> None:
    for program, args, address in (
        (api, SHOWN_TO_ADA, ADDRESS),
        (vera, SHOWN_TO_OTHERS, MASKED),
        (otto, SHOWN_TO_OTHERS, MASKED),
    ):
        jobs = {one["id"]: one for one in told(program("GET", "/api/v1/jobs"))["jobs"]}
        assert (jobs[kept]["args"], jobs[failed]["args"]["reason"]) == (args, f"{address} does not answer")
        assert told(program("GET", f"/api/v1/jobs/{kept}"))["args"] == args
        assert told(program("GET", f"/api/v1/jobs/{kept}/result"))["result"] == args["value"]
        error = f"{address} does not answer"
        assert told(program("GET", f"/api/v1/jobs/{failed}"))["error"]["message"] == error
        assert told(program("GET", f"/api/v1/jobs/{failed}/result"))["error"]["message"] == error
        assert told(program("GET", f"/api/v1/jobs/{failed}/attempts"))["attempts"][0]["error_message"] == error
    for program, args in ((api, SHOWN_TO_ADA), (otto, SHOWN_TO_OTHERS)):
        assert told(program("GET", f"/api/v1/schedules/{schedule}"))["args"] == args
        assert told(program("GET", "/api/v1/schedules"))["schedules"][0]["args"] == args


def test_the_steps_of_a_workflow_likewise(api: Program, otto: Program, run_jobs: RunJobs) -> None:
    chain = [{"kind": "sample.keep", "args": PRIVATE, "name": "keep"}]
    kept = told(api("POST", "/api/v1/workflows", json={"name": "kept", "chain": chain}))["id"]
    chain = [{"kind": "sample.fail", "args": {"reason": ADDRESS}}]
    failed = told(api("POST", "/api/v1/workflows", json={"name": "failed", "chain": chain}))["id"]
    run_jobs()
    for program, args, address in ((api, SHOWN_TO_ADA, ADDRESS), (otto, SHOWN_TO_OTHERS, MASKED)):
        assert list(told(program("GET", f"/api/v1/workflows/{kept}/result"))["results"].values()) == [args["value"]]
        assert told(program("GET", f"/api/v1/workflows/{failed}"))["steps"][0]["error_message"] == address


def test_no_page_and_no_file_tells_a_viewer(
    app: Flask, api: Program, vera: Program, operator: Program, kept: str, failed: str, schedule: str
) -> None:
    olgas, veras, adas = sign_in(app, "olga"), sign_in(app, "vera"), sign_in(app, "ada")
    assert olgas.get(f"/ops/jobs/{kept}/copies").status_code == 200
    copy = {"args": '{"value": {"to": "bob@example.org", "phone": "0…", "token": "…"}}', "priority": "5"}
    assert olgas.post(f"/ops/jobs/{kept}/copies", copy).status_code == 303
    form = {"kind": "sample.keep", "name": "Ours", "rule_kind": "cron", "rule_text": "0 3 * * *", "zone": "UTC"}
    form |= {"args": '{"value": {"to": "bob@example.org"}}', "misfire": "one", "most_missed": "10", "overlap": "allow"}
    assert olgas.post("/ops/schedules", form).status_code == 303
    fingerprint = told(api("GET", f"/api/v1/jobs/{failed}"))["error"]["fingerprint"]
    pages = [
        f"/jobs/{kept}",
        f"/jobs/{failed}",
        f"/ops/jobs/{kept}",
        f"/ops/jobs/{failed}",
        f"/ops/jobs/{failed}/record",
    ]
    pages += ["/ops/", "/ops/failures", "/ops/audit", "/ops/audit.csv", f"/ops/schedules/{schedule}", "/ops/jobs"]
    found = {page: veras.get(page) for page in pages}
    assert {page: answer.status_code for page, answer in found.items()} == dict.fromkeys(pages, 200)
    told_to_vera = {page: answer.get_data(as_text=True) for page, answer in found.items()}
    told_to_vera |= {path: str(told(vera("GET", f"/api/v1/{path}"))) for path in ("audit", "errors")}
    assert {page: [one for one in LEAKS if one in text] for page, text in told_to_vera.items()} == {
        page: [] for page in told_to_vera
    }
    for page in (f"/jobs/{failed}", f"/ops/jobs/{failed}", "/ops/failures", "/ops/audit", "/ops/audit.csv", "errors"):
        assert MASKED in told_to_vera[page], page
    assert MASKED in olgas.get(f"/ops/failures/{fingerprint}/mute").get_data(as_text=True)
    for uid in (kept, failed):
        assert ADDRESS in adas.get(f"/jobs/{uid}").get_data(as_text=True)
    assert engine_sees_whole_log(app)


def engine_sees_whole_log(app: Flask) -> bool:
    with app.app_context():
        stored = str([row.details for row in engine_of().audit.page()])
        return engine_of().audit.verify().is_whole and [one for one in LEAKS if one in stored] == []


def test_the_form_of_a_schedule_hides_and_puts_back(app: Flask, api: Program, otto: Program, schedule: str) -> None:
    ottos = sign_in(app, "otto")
    page = ottos.get(f"/ops/schedules/{schedule}/edit").get_data(as_text=True)
    assert [one for one in LEAKS if one in page] == []
    form: dict[str, Any] = {"kind": "sample.keep", "name": "Renamed", "rule_kind": "cron", "rule_text": "0 8 * * *"}
    form |= {"zone": "UTC", "misfire": "one", "most_missed": "10", "overlap": "allow"}
    form["args"] = '{"value": {"to": "b…@example.org", "phone": "1", "token": "…"}}'
    assert ottos.post(f"/ops/schedules/{schedule}", form).status_code == 303
    changed = {"value": {"to": ADDRESS, "phone": "1", "token": "hunter2"}}
    assert args_of(app, schedule) == changed
    # And of the API, which takes what it gave.
    given = told(otto("GET", f"/api/v1/schedules/{schedule}"))["args"]
    answer = otto("PATCH", f"/api/v1/schedules/{schedule}", json={"args": given, "name": "Again"})
    assert (answer.status_code, args_of(app, schedule)) == (200, changed)


def args_of(app: Flask, schedule: str) -> Any:
    with app.app_context():
        return engine_of().schedules.get(schedule).args


def test_a_revelation_is_for_who_acts_and_is_noted(
    app: Flask, api: Program, cleos: Program, vera: Program, otto: Program, kept: str, failed: str
) -> None:
    refused = {
        name: one("POST", f"/api/v1/jobs/{kept}/revelations", json={}).status_code
        for name, one in (("ada", api), ("cleo", cleos), ("vera", vera))
    }
    assert refused == {"ada": 403, "cleo": 403, "vera": 403}
    seen = told(otto("POST", f"/api/v1/jobs/{kept}/revelations", json={"reason": "asked by Ada"}))
    assert (seen["args"], seen["result"], seen["error"]) == (SHOWN_TO_ADA, SHOWN_TO_ADA["value"], None)
    seen = told(otto("POST", f"/api/v1/jobs/{failed}/revelations", json={}))
    assert (seen["error"]["message"], seen["attempts"][0]["error_message"]) == (f"{ADDRESS} does not answer",) * 2
    assert ADDRESS in seen["attempts"][0]["traceback"]
    with app.app_context():
        rows = [(row.by, row.action, row.subject, row.told) for row in engine_of().audit.page()[::-1]]
    assert rows == [
        ("user 4", "reveal", f"job {kept}", {"kind": "sample.keep", "reason": "asked by Ada"}),
        ("user 4", "reveal", f"job {failed}", {"kind": "sample.fail", "reason": None}),
    ]
    ottos = sign_in(app, "otto")
    assert ADDRESS in ottos.post(f"/ops/jobs/{failed}/revelations").get_data(as_text=True)
