"""Why something was done: taken by the API and on pages, and kept with what was before and after."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from jobs import engine_of
from tests.app.activities.conftest import Program, sign_in

from .test_api import start

WHY = "asked by Ada"
LATER = "2030-01-01T00:00:00Z"


def newest(app: Flask) -> tuple[str, dict[str, Any]]:
    with app.app_context():
        row = engine_of().audit.page()[0]
        return row.action, {name: row.details.get(name) for name in ("before", "after", "reason")}


@pytest.mark.parametrize(
    ("method", "end", "body", "action"),
    [
        ("POST", "/cancellation", {}, "cancel"),
        ("PATCH", "", {"priority": 1}, "reprioritise"),
        ("DELETE", "?reason=asked+by+Ada", None, "cancel"),
    ],
)
def test_of_a_job(
    app: Flask, api: Program, otto: Program, method: str, end: str, body: dict[str, Any] | None, action: str
) -> None:
    uid = start(api, run_at=LATER)
    sent = {} if body is None else {"json": {**body, "reason": WHY}}
    assert otto(method, f"/api/v1/jobs/{uid}{end}", **sent).status_code in {200, 204}
    changes = {"priority": (5, 1)} if action == "reprioritise" else {"state": ("scheduled", "cancelled")}
    before, after = ({name: pair[number] for name, pair in changes.items()} for number in (0, 1))
    assert newest(app) == (action, {"before": before, "after": after, "reason": WHY})


def test_without_one_nothing_need_be_sent(app: Flask, api: Program, otto: Program) -> None:
    uid = start(api)
    assert otto("POST", f"/api/v1/jobs/{uid}/cancellation").status_code == 200
    assert newest(app)[1]["reason"] is None
    assert otto("POST", f"/api/v1/jobs/{uid}/retries", json={"reason": "x" * 201}).status_code == 422
    assert otto("POST", f"/api/v1/jobs/{uid}/retries", json={"reason": WHY}).status_code == 202
    words = {"before": {"state": "cancelled"}, "after": {"state": "ready"}, "reason": WHY}
    assert newest(app) == ("retry", words)


def test_on_the_pages_that_ask_first(app: Flask, api: Program, otto: Program) -> None:
    ottos, uid = sign_in(app, "otto"), start(api, run_at=LATER)
    for page in (f"/ops/jobs/{uid}/cancellations", f"/ops/jobs/chosen?action=cancel&uid={uid}"):
        assert 'name="reason"' in ottos.get(page).get_data(as_text=True), page
    wrong = ottos.post(f"/ops/jobs/{uid}/starts", {"reason": "x" * 201})
    assert (wrong.status_code, "Give up to 200 signs on one line." in wrong.get_data(as_text=True)) == (422, True)
    assert ottos.post(f"/ops/jobs/{uid}/cancellations", {"reason": WHY}).status_code == 303
    words = {"before": {"state": "scheduled"}, "after": {"state": "cancelled"}, "reason": WHY}
    assert newest(app) == ("cancel", words)
    chosen = {"action": "retry", "uid": uid, "reason": WHY}
    assert ottos.post("/ops/jobs/chosen", {**chosen, "reason": "x" * 201}).status_code == 422
    assert ottos.post("/ops/jobs/chosen", chosen).status_code == 303
    assert (newest(app)[0], newest(app)[1]["reason"]) == ("bulk retry", WHY)


def test_of_what_is_not_a_job(app: Flask, otto: Program) -> None:
    otto("POST", "/api/v1/queues/samples/pause", json={})
    assert otto("DELETE", "/api/v1/queues/samples/pause?reason=asked+by+Ada").status_code == 200
    assert (newest(app)[0], newest(app)[1]["reason"]) == ("resume", WHY)
    body = {"every": "1 hour", "name": "n", "kind": "sample.add", "args": {"x": 1}, "reason": WHY}
    uid = otto("POST", "/api/v1/schedules", json=body).get_json()["id"]
    assert (newest(app)[0], newest(app)[1]["reason"]) == ("create", WHY)
    assert otto("DELETE", f"/api/v1/schedules/{uid}?reason=asked+by+Ada").status_code == 204
    assert (newest(app)[0], newest(app)[1]["reason"]) == ("delete", WHY)
    assert otto("POST", "/api/v1/integrity/leases/repair", json={"reason": WHY}).status_code == 200
    assert newest(app) == ("repair", {"before": {"broken": 0}, "after": {"broken": 0}, "reason": WHY})
