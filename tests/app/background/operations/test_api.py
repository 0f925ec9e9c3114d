"""What operators see and do under /api/v1."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.accounts.models import User
from app.db import db, reading, transaction
from jobs import AuditRow, engine_of
from jobs.testing import run_queue, run_ready
from tests.app.activities.conftest import Program, sign_in
from tests.app.background.test_api import ADD, fields_of, in_an_hour, start, state, told
from tests.app.conftest import Browser
from tests.jobs.tampering import unguarded

Work = Callable[[], None]

NO_LIMITS = {"most_running": None, "rate_count": None, "rate_period_s": None}
BULK = "/api/v1/bulk-operations"
EVERYTHING = [
    ("GET", "/queues"), ("GET", "/queues/samples"), ("POST", "/queues/samples/pause"),
    ("DELETE", "/queues/samples/pause"), ("PUT", "/queues/samples/limits"), ("GET", "/kinds/sample.add"),
    ("POST", "/kinds/sample.add/pause"), ("DELETE", "/kinds/sample.add/pause"), ("PUT", "/kinds/sample.add/limits"),
    ("GET", "/workers"), ("GET", "/overview"), ("GET", "/errors"), ("POST", f"/errors/{'0' * 16}/retries"),
    ("POST", "/bulk-operations"), ("GET", "/bulk-operations"), ("GET", f"/bulk-operations/{'0' * 32}"),
    ("POST", f"/bulk-operations/{'0' * 32}/cancellation"), ("POST", f"/bulk-operations/{'0' * 32}/undo"),
    ("GET", "/audit"), ("GET", "/audit/verification"), ("POST", "/workers/w/wishes"), ("DELETE", "/workers/w"),
    ("GET", "/integrity"), ("POST", "/integrity/due/repair"), ("GET", "/broker"), ("POST", "/broker/repair"),
    ("GET", "/metrics"),
]  # fmt: skip


@pytest.fixture
def ada(app: Flask, ada_id: int) -> Browser:
    """Ada's browser."""
    return sign_in(app, "ada")


@pytest.fixture
def work(app: Flask) -> Work:
    """Works off everything that is ready, as workers of all queues do."""

    def run() -> None:
        with app.app_context():
            engine = engine_of()
            engine.runner._lanes._good_until = 0.0
            for queue in engine.queues:
                run_queue(engine, queue)
            db.session.remove()

    return run


def get(program: Program, path: str) -> dict[str, Any]:
    answer = program("GET", f"/api/v1{path}")
    assert answer.status_code == 200, told(answer)
    return told(answer)


def begin(program: Program, action: str, meant: dict[str, Any], **options: Any) -> dict[str, Any]:
    answer = program("POST", BULK, json={"action": action, "filter": meant, **options})
    assert answer.status_code == 202, told(answer)
    assert answer.headers["Location"] == f"{BULK}/{told(answer)['id']}"
    return told(answer)


def counts(operation: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(operation[name] for name in ("state", "matched", "done", "skipped", "failed"))


def actions(program: Program) -> list[tuple[str, str]]:
    """What the audit log tells, oldest first."""
    return [(one["action"], one["subject"]) for one in get(program, "/audit?limit=100")["entries"]][::-1]


# -- who may ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path"), EVERYTHING)
def test_all_of_it_is_for_operators(api: Program, operator: Program, app: Flask, method: str, path: str) -> None:
    body = {"json": {}} if method in {"POST", "PUT"} else {}
    assert api(method, f"/api/v1{path}", **body).status_code == 403
    assert app.test_client().open(f"/api/v1{path}", method=method, **body).status_code == 401
    assert operator(method, f"/api/v1{path}", **body).status_code in {200, 404, 422, 503}


def test_people_in_their_browser_are_no_operators(ada: Browser) -> None:
    assert ada.client.get("/api/v1/queues").status_code == 403


# -- queues and kinds ---------------------------------------------------------------------------------------------


def test_queues_tell_what_is_in_them(api: Program, operator: Program) -> None:
    start(api)
    start(api, run_at=in_an_hour())
    found = {one["name"]: one for one in get(operator, "/queues")["queues"]}
    assert list(found) == ["activities", "ai", "analytics", "default", "imports", "notifications", "reports", "samples"]
    mine = get(operator, "/queues/samples")
    assert mine.pop("oldest_ready_s") >= found["samples"].pop("oldest_ready_s") >= 0
    assert mine == found["samples"]
    assert mine == {
        "name": "samples",
        "pause": None,
        "limits": NO_LIMITS,
        "counts": {"blocked": 0, "scheduled": 1, "ready": 1, "running": 0},
        "kinds": ["sample.add", "sample.fail", "sample.keep", "sample.rebuild", "sample.walk"],
    }
    assert operator("GET", "/api/v1/queues/nothing").status_code == 404


@pytest.mark.parametrize("lane", ["/queues/samples", "/kinds/sample.add"])
def test_a_pause_holds_until_it_is_taken_back(
    api: Program, operator: Program, work: Work, lane: str, app: Flask
) -> None:
    answer = operator("POST", f"/api/v1{lane}/pause", json={"reason": "a look", "until": in_an_hour()})
    pause = told(answer)["pause"]
    assert (answer.status_code, pause["reason"], pause["by"][:5]) == (200, "a look", "user ")
    assert datetime.fromisoformat(pause["until"]) > datetime.now(UTC) + timedelta(minutes=50)
    uid = start(api)
    work()
    assert state(api, uid) == "ready"
    answer = operator("DELETE", f"/api/v1{lane}/pause")
    assert (answer.status_code, told(answer)["pause"], get(operator, lane)["pause"]) == (200, None, None)
    work()
    assert state(api, uid) == "succeeded"
    assert operator("DELETE", f"/api/v1{lane}/pause").status_code == 200
    subject = lane[1:].replace("s/", " ", 1)
    assert actions(operator) == [("pause", subject), ("resume", subject)]


@pytest.mark.parametrize("lane", ["/queues/samples", "/kinds/sample.add"])
def test_limits_are_set_as_a_whole(operator: Program, lane: str) -> None:
    limits = {"most_running": 3, "rate_count": 10, "rate_period_s": 60}
    assert told(operator("PUT", f"/api/v1{lane}/limits", json=limits))["limits"] == limits
    assert told(operator("PUT", f"/api/v1{lane}/limits", json={"most_running": 1}))["limits"] == {
        **NO_LIMITS,
        "most_running": 1,
    }
    assert told(operator("PUT", f"/api/v1{lane}/limits", json={}))["limits"] == NO_LIMITS


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/pause", {"until": "2020-01-01T00:00:00Z"}, "until"),
        ("POST", "/pause", {"until": "9000-01-01T00:00:00Z"}, "until"),
        ("POST", "/pause", {"until": "soon"}, "until"),
        ("POST", "/pause", {"reason": ""}, "reason"),
        ("POST", "/pause", {"reason": "x" * 201}, "reason"),
        ("POST", "/pause", {"why": "x"}, "why"),
        ("PUT", "/limits", {"most_running": 0}, "most_running"),
        ("PUT", "/limits", {"most_running": 1.5}, "most_running"),
        ("PUT", "/limits", {"rate_count": 5}, "rate_period_s"),
        ("PUT", "/limits", {"rate_period_s": 5}, "rate_period_s"),
    ],
)
def test_what_cannot_be_decided_is_refused(
    operator: Program, method: str, path: str, body: dict[str, Any], field: str
) -> None:
    for lane in ("/queues/samples", "/kinds/sample.add"):
        answer = operator(method, f"/api/v1{lane}{path}", json=body)
        assert (answer.status_code, fields_of(answer)) == (422, [field])
        assert (get(operator, lane)["pause"], get(operator, lane)["limits"]) == (None, NO_LIMITS)
    assert actions(operator) == []


@pytest.mark.parametrize("lane", ["/queues/nothing", "/kinds/nothing.here", "/queues/sample.add"])
def test_what_is_not_there_cannot_be_paused_or_limited(operator: Program, lane: str) -> None:
    assert operator("POST", f"/api/v1{lane}/pause", json={}).status_code == 404
    assert operator("DELETE", f"/api/v1{lane}/pause").status_code == 404
    assert operator("PUT", f"/api/v1{lane}/limits", json={}).status_code == 404


def test_a_kind_tells_what_it_takes(operator: Program) -> None:
    kind = get(operator, "/kinds/sample.add")
    assert (kind["name"], kind["queue"], kind["doc"]) == ("sample.add", "samples", "Add two numbers.")
    assert kind["arguments"]["required"] == ["x"]


# -- another queue ------------------------------------------------------------------------------------------------


def test_a_job_is_put_into_another_queue_when_it_is_started_or_while_it_waits(
    otto: Program, app: Flask, run_jobs: Work, work: Work
) -> None:
    api = otto
    moved, chosen = start(api), start(api, queue="default")
    answer = api("PATCH", f"/api/v1/jobs/{moved}", json={"queue": "reports", "priority": 1})
    assert (told(answer)["queue"], told(answer)["priority"]) == ("reports", 1)
    assert get(api, f"/jobs/{chosen}")["queue"] == "default"
    assert [one["id"] for one in get(api, "/jobs?queue=reports")["jobs"]] == [moved]
    run_jobs()  # of the queue that the kind is declared for
    assert [state(api, moved), state(api, chosen)] == ["ready", "ready"]
    work()
    assert [state(api, moved), state(api, chosen)] == ["succeeded", "succeeded"]


def test_a_queue_that_is_none_is_refused_with_those_there_are(api: Program, otto: Program) -> None:
    uid = start(api)
    for answer in (
        otto("PATCH", f"/api/v1/jobs/{uid}", json={"priority": 1, "queue": "nothing"}),
        otto("POST", "/api/v1/jobs", json={**ADD, "queue": "nothing"}),
    ):
        assert (answer.status_code, fields_of(answer)) == (422, ["queue"])
        assert (
            told(answer)["errors"][0]["message"]
            == "Choose one of: activities, ai, analytics, default, imports, notifications, reports, samples."
        )
    assert (get(api, f"/jobs/{uid}")["queue"], get(api, f"/jobs/{uid}")["priority"]) == ("samples", 5)


def test_who_is_no_operator_has_their_jobs_in_the_queue_of_their_kind(api: Program, otto: Program) -> None:
    uid = start(api, queue="samples")
    for answer in (
        api("PATCH", f"/api/v1/jobs/{uid}", json={"priority": 1, "queue": "default"}),
        api("POST", "/api/v1/jobs", json={**ADD, "queue": "default"}),
    ):
        assert (answer.status_code, fields_of(answer)) == (422, ["queue"])
    assert (get(api, f"/jobs/{uid}")["queue"], get(api, f"/jobs/{uid}")["priority"]) == ("samples", 5)
    assert told(otto("PATCH", f"/api/v1/jobs/{uid}", json={"queue": "default"}))["queue"] == "default"
    assert told(api("PATCH", f"/api/v1/jobs/{uid}", json={"queue": "samples"}))["queue"] == "samples"


def test_the_same_request_for_another_queue_is_another_request(otto: Program) -> None:
    api = otto
    key = {"Idempotency-Key": "one"}
    first = api("POST", "/api/v1/jobs", json=ADD, headers=key)
    again = api("POST", "/api/v1/jobs", json=ADD, headers=key)
    other = api("POST", "/api/v1/jobs", json={**ADD, "queue": "default"}, headers=key)
    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 422)


# -- at a glance --------------------------------------------------------------------------------------------------


def test_workers_are_listed_with_their_queues(operator: Program, app: Flask) -> None:
    assert get(operator, "/workers") == {"workers": []}
    with app.app_context():
        engine_of()._heartbeat("worker", "here:1", queues=["default", "samples"]).beat()
    (worker,) = get(operator, "/workers")["workers"]
    assert (worker["name"], worker["role"], worker["queues"]) == ("here:1", "worker", ["default", "samples"])
    assert worker["started_at"].endswith("Z")


def test_the_overview_counts(api: Program, operator: Program, work: Work) -> None:
    start(api, kind="sample.fail", args={})
    work()
    start(api)
    seen = get(operator, "/overview")
    assert {name: count for name, count in seen["counts"].items() if count} == {"dead": 1, "ready": 1}
    assert (seen["failed_today"], seen["retrying"], seen["workers"], seen["schedulers"]) == (1, 0, 0, 0)


def test_errors_are_grouped_and_a_group_is_retried_together(api: Program, operator: Program, work: Work) -> None:
    uids = [start(api, kind="sample.fail", args={"reason": f"number {number}"}) for number in range(3)]
    well = start(api)
    work()
    (group,) = get(operator, "/errors")["errors"]
    assert (group["count"], group["kind"], group["error_class"]) == (3, "sample.fail", "GiveUp")
    assert (group["last_job_id"], group["message"]) == (uids[-1], "number 2")
    answer = operator("POST", f"/api/v1/errors/{group['fingerprint']}/retries")
    operation = told(answer)
    assert (answer.status_code, operation["action"]) == (202, "retry")
    assert operation["filter"] == {"fingerprint": group["fingerprint"], "states": ["dead", "parked", "cancelled"]}
    work()
    assert counts(get(operator, f"/bulk-operations/{operation['id']}")) == ("succeeded", 3, 3, 0, 0)
    work()
    assert [get(api, f"/jobs/{uid}")["attempts"] for uid in (*uids, well)] == [2, 2, 2, 1]
    for nothing in ("0" * 16, "nothing", "%00", "A" * 16):
        assert operator("POST", f"/api/v1/errors/{nothing}/retries").status_code == 404


# -- many at once -------------------------------------------------------------------------------------------------


def test_an_operation_is_previewed_worked_off_and_undone(api: Program, operator: Program, work: Work) -> None:
    uids = [start(api, priority=3), start(api, priority=7), start(api, priority=1)]
    meant = {"kinds": ["sample.add"]}
    seen = operator("POST", BULK, json={"action": "reprioritise", "filter": meant, "priority": 1, "dry_run": True})
    assert (seen.status_code, told(seen)["count"], told(seen)["has_more"]) == (200, 3, False)
    assert [one["id"] for one in told(seen)["jobs"]] == uids
    assert get(operator, "/bulk-operations") == {"operations": [], "next": None}

    operator("POST", "/api/v1/kinds/sample.add/pause", json={})
    operation = begin(operator, "reprioritise", meant, priority=1)
    assert (counts(operation), operation["expected"]) == (("ready", 0, 0, 0, 0), 3)
    assert get(operator, f"/jobs/{operation['job_id']}")["kind"] == "jobs.bulk"
    work()
    over = get(operator, f"/bulk-operations/{operation['id']}")
    assert (counts(over), over["can_be_undone"]) == (("succeeded", 3, 2, 1, 0), True)
    assert [get(api, f"/jobs/{uid}")["priority"] for uid in uids] == [1, 1, 1]

    back = told(operator("POST", f"{BULK}/{operation['id']}/undo"))
    assert (back["action"], back["undo_of"]) == ("undo", operation["id"])
    work()
    assert [get(api, f"/jobs/{uid}")["priority"] for uid in uids] == [3, 7, 1]
    over = get(operator, f"/bulk-operations/{operation['id']}")
    assert (over["can_be_undone"], over["undone_by"]) == (False, back["id"])
    assert operator("POST", f"{BULK}/{operation['id']}/undo").status_code == 409


def test_what_has_no_way_back_is_a_conflict_that_says_so(api: Program, operator: Program, work: Work) -> None:
    uid = start(api, kind="sample.fail", args={})
    work()
    operation = begin(operator, "delete", {"ids": [uid]})
    work()
    answer = operator("POST", f"{BULK}/{operation['id']}/undo")
    assert (answer.status_code, told(answer)["detail"]) == (409, "There is no way back from deleting.")
    assert get(operator, f"/bulk-operations/{operation['id']}")["can_be_undone"] is False
    assert api("GET", f"/api/v1/jobs/{uid}").status_code == 404


def test_an_operation_is_stopped(api: Program, operator: Program, work: Work) -> None:
    uid = start(api, run_at=in_an_hour())
    operation = begin(operator, "cancel", {"requested_by": get(api, f"/jobs/{uid}")["requested_by"]})
    answer = operator("POST", f"{BULK}/{operation['id']}/cancellation")
    assert (answer.status_code, counts(told(answer))) == (200, ("cancelled", 0, 0, 0, 0))
    work()
    assert state(api, uid) == "scheduled"
    assert operator("POST", f"{BULK}/{operation['id']}/cancellation").status_code == 409


def test_operations_are_listed_by_pages(operator: Program) -> None:
    made = [begin(operator, "cancel", {"queue": "samples"})["id"] for _ in range(3)]
    first = get(operator, "/bulk-operations?limit=2")
    second = get(operator, f"/bulk-operations?limit=2&next={first['next']}")
    assert [one["id"] for one in (*first["operations"], *second["operations"])] == made[::-1]
    assert second["next"] is None


def test_what_is_not_there_is_not_found(operator: Program) -> None:
    for uid in ("0" * 32, "nothing", "%00"):
        assert operator("GET", f"{BULK}/{uid}").status_code == 404
        assert operator("POST", f"{BULK}/{uid}/undo").status_code == 404
        assert operator("POST", f"{BULK}/{uid}/cancellation").status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"filter": {"queue": "samples"}}, "action"),
        ({"action": "explode", "filter": {"queue": "samples"}}, "action"),
        ({"action": "undo", "filter": {"queue": "samples"}}, "action"),
        ({"action": "retry"}, "filter"),
        ({"action": "retry", "filter": {}}, "filter"),
        ({"action": "retry", "filter": []}, "filter"),
        ({"action": "retry", "filter": {"state": "dead"}}, "filter.state"),
        ({"action": "retry", "filter": {"states": []}}, "filter.states"),
        ({"action": "retry", "filter": {"states": ["ready"]}}, "filter.states"),
        ({"action": "retry", "filter": {"states": ["gone"]}}, "filter.states.0"),
        ({"action": "retry", "filter": {"kinds": [""]}}, "filter.kinds.0"),
        ({"action": "retry", "filter": {"fingerprint": "x"}}, "filter.fingerprint"),
        ({"action": "retry", "filter": {"ids": ["x"]}}, "filter.ids.0"),
        ({"action": "retry", "filter": {"ids": ["0" * 32] * 1001}}, "filter.ids"),
        ({"action": "retry", "filter": {"queue": "samples"}, "priority": 1}, "priority"),
        ({"action": "reprioritise", "filter": {"queue": "samples"}}, "priority"),
        ({"action": "reprioritise", "filter": {"queue": "samples"}, "priority": 10}, "priority"),
        ({"action": "move", "filter": {"queue": "samples"}}, "queue"),
        ({"action": "move", "filter": {"queue": "samples"}, "queue": "nothing"}, "queue"),
        ({"action": "retry", "filter": {"queue": "samples"}, "dry_run": 1}, "dry_run"),
    ],
)
def test_an_operation_that_makes_no_sense_is_refused(operator: Program, body: dict[str, Any], field: str) -> None:
    for run in ({}, {"dry_run": True}):
        answer = operator("POST", BULK, json={**run, **body})
        assert (answer.status_code, fields_of(answer)) == (422, [field])
    assert get(operator, "/bulk-operations")["operations"] == []


# -- what was done ------------------------------------------------------------------------------------------------


def test_the_audit_log_tells_what_operators_did_and_not_what_people_do_with_their_own(
    api: Program, operator: Program, work: Work
) -> None:
    uid = start(api)
    api("PATCH", f"/api/v1/jobs/{uid}", json={"priority": 4})
    operator("PATCH", f"/api/v1/jobs/{uid}", json={"priority": 2, "queue": "default"})
    operator("POST", f"/api/v1/jobs/{uid}/cancellation")
    api("POST", f"/api/v1/jobs/{uid}/retries")
    operator("PUT", "/api/v1/queues/samples/limits", json={"most_running": 3})
    operation = begin(operator, "cancel", {"queue": "default"})
    assert actions(operator) == [
        ("reprioritise", f"job {uid}"),
        ("move", f"job {uid}"),
        ("cancel", f"job {uid}"),
        ("limit", "queue samples"),
        ("bulk cancel", f"bulk operation {operation['id']}"),
    ]
    newest = get(operator, "/audit?limit=1")
    assert newest["entries"][0]["details"]["expected"] == 1
    older = get(operator, f"/audit?limit=1&next={newest['next']}")["entries"][0]
    assert (older["action"], older["hash"]) == ("limit", newest["entries"][0]["prev_hash"])


def test_what_operators_do_with_their_own_is_in_the_audit_log_too(operator: Program, work: Work) -> None:
    uid = start(operator)
    operator("PATCH", f"/api/v1/jobs/{uid}", json={"priority": 2})
    operator("POST", f"/api/v1/jobs/{uid}/cancellation", json={"reason": "by mistake"})
    operator("POST", f"/api/v1/jobs/{uid}/retries")
    body = {"name": "daily", "kind": "sample.add", "args": ADD["args"], "cron": "0 9 * * *"}
    path = f"/api/v1/schedules/{told(operator('POST', '/api/v1/schedules', json=body))['id']}"
    schedule = f"schedule {path.rpartition('/')[2]}"
    operator("POST", f"{path}/pause", json={"reason": "holidays"})
    operator("DELETE", f"{path}/pause")
    flow = told(operator("POST", "/api/v1/workflows", json={"chain": [ADD, ADD]}))["id"]
    operator("POST", f"/api/v1/workflows/{flow}/cancellation", json={"reason": "not today"})
    assert actions(operator) == [
        *[(what, f"job {uid}") for what in ("reprioritise", "cancel", "retry")],
        *[(what, schedule) for what in ("create", "pause", "resume")],
        ("cancel", f"workflow {flow}"),
    ]
    reasons = [one["details"].get("reason") for one in get(operator, "/audit")["entries"]]
    assert reasons == ["not today", None, "holidays", None, None, "by mistake", None]


def test_what_operators_do_to_somebodys_schedule_is_in_the_audit_log(api: Program, operator: Program) -> None:
    body = {"name": "daily", "kind": "sample.add", "args": ADD["args"], "cron": "0 9 * * *"}
    path = f"/api/v1/schedules/{told(api('POST', '/api/v1/schedules', json=body))['id']}"
    api("PATCH", path, json={"name": "every day"})
    operator("PATCH", path, json={"name": "each day"})
    operator("POST", f"{path}/pause", json={"reason": "holidays"})
    operator("DELETE", f"{path}/pause")
    operator("DELETE", path)
    told_of = ["create", "change", "change", "pause", "resume", "delete"]
    assert [action for action, _ in actions(operator)] == told_of


def test_a_change_of_the_audit_log_is_found(operator: Program, app: Flask) -> None:
    for reason in "abc":
        operator("POST", "/api/v1/queues/samples/pause", json={"reason": reason})
    whole = get(operator, "/audit/verification")
    assert (whole["is_whole"], whole["entries"], whole["broken_id"], whole["problem"]) == (True, 3, None, None)
    assert whole["last_hash"] == get(operator, "/audit")["entries"][0]["hash"]
    with app.app_context(), transaction() as session, unguarded(session):
        session.execute(update(AuditRow).where(AuditRow.id == 2).values(by="nobody"))
    broken = get(operator, "/audit/verification")
    assert (broken["is_whole"], broken["entries"], broken["broken_id"]) == (False, 1, 2)


def test_what_admins_do_in_the_console_is_in_the_audit_log(
    app: Flask, otto: Program, ada: Browser, ada_id: int
) -> None:
    uid = start(otto)
    with app.app_context(), transaction() as session:
        session.execute(update(User).where(User.id == ada_id).values(is_admin=True))
    assert ada.post(f"/ops/jobs/{uid}/cancellations").status_code == 303
    with app.app_context():
        rows = reading().scalars(select(AuditRow)).all()
    assert [(one.by, one.action, one.subject) for one in rows] == [(f"user {ada_id}", "cancel", f"job {uid}")]


def test_secrets_in_arguments_and_results_are_not_shown(api: Program, operator: Program, app: Flask) -> None:
    uid = start(api, kind="sample.keep", args={"value": {"password": "hunter2", "inner": [{"api_key": "k"}], "x": 1}})
    with app.app_context():
        run_ready(engine_of())
    hidden = {"password": "…", "inner": [{"api_key": "…"}], "x": 1}
    assert get(api, f"/jobs/{uid}")["args"] == {"value": hidden}
    assert get(api, f"/jobs/{uid}/result")["result"] == hidden
    seen = operator("POST", BULK, json={"action": "delete", "filter": {"ids": [uid]}, "dry_run": True})
    assert told(seen)["jobs"][0]["args"] == {"value": hidden}


def test_the_audit_log_tells_the_way_and_is_narrowed_to_a_time(operator: Program, app: Flask) -> None:
    operator("POST", "/api/v1/queues/samples/pause", json={})
    with app.app_context():
        engine_of().resume(("queue", "samples"))
    old = [one["channel"] for one in get(operator, "/audit")["entries"]]
    assert old == ["system", "api"]
    with app.app_context(), transaction() as session, unguarded(session):
        session.get_one(AuditRow, 1).at = datetime(2026, 1, 1, 12, tzinfo=UTC)

    def ids(query: str) -> list[int]:
        return [one["id"] for one in get(operator, f"/audit?{query}")["entries"]]

    assert [ids("since=2026-01-01T12:00:00Z"), ids("since=2026-01-01T12:00:01Z")] == [[2, 1], [2]]
    assert [ids("until=2026-01-01T12:00:00Z"), ids("until=2026-01-01T13:00:01%2B01:00")] == [[], [1]]
    assert operator("GET", "/api/v1/audit?since=yesterday").status_code == 422


def test_what_is_done_on_a_page_came_by_one(app: Flask, ada: Browser) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(User).values(is_admin=True))
    assert ada.post("/ops/pauses?scope=queue&name=samples").status_code == 303
    assert app.test_cli_runner().invoke(args=["settings", "set", "page_size", "25"]).exit_code == 0
    with app.app_context():
        assert [row.channel for row in engine_of().audit.page()] == ["terminal", "page"]
