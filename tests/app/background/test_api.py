"""Jobs under /api/v1: what other programs rely on."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from app.background import queries
from app.db import reading, transaction
from app.once import KeyedRequest, forget_keys
from jobs import Entry, engine_of
from tests.app.activities.conftest import Program

ADD = {"kind": "sample.add", "args": {"x": 2, "y": 3}}
RunJobs = Callable[[], None]


def in_an_hour() -> str:
    return (datetime.now(UTC) + timedelta(hours=1)).isoformat(timespec="seconds").replace("+00:00", "Z")


def told(answer: TestResponse) -> dict[str, Any]:
    assert answer.json is not None
    return dict(answer.json)


def fields_of(answer: TestResponse) -> list[str]:
    assert answer.mimetype == "application/problem+json"
    return [error["field"] for error in told(answer)["errors"]]


def start(program: Program, **changes: Any) -> str:
    answer = program("POST", "/api/v1/jobs", json={**ADD, **changes})
    assert answer.status_code == 201, told(answer)
    return str(told(answer)["id"])


def state(program: Program, uid: str) -> str:
    return str(told(program("GET", f"/api/v1/jobs/{uid}"))["state"])


def count(app: Flask) -> int:
    with app.app_context():
        return reading().scalar(select(func.count()).select_from(Entry)) or 0


# -- starting -----------------------------------------------------------------------------------------------------


def test_a_job_is_started_and_told_of(api: Program, ada_id: int) -> None:
    answer = api("POST", "/api/v1/jobs", json={**ADD, "priority": 2})
    job = told(answer)
    assert (answer.status_code, answer.headers["Location"]) == (201, f"/api/v1/jobs/{job['id']}")
    assert re.fullmatch(r"[0-9a-f]{32}", job.pop("id"))
    assert job.pop("created_at").endswith("Z")
    assert job == {
        "kind": "sample.add", "queue": "samples", "state": "ready", "priority": 2, "args": {"x": 2, "y": 3},
        "run_at": None, "expires_at": None, "started_at": None, "finished_at": None, "attempts": 0, "failures": 0,
        "max_retries": 3, "cancel_requested_at": None, "requested_by": f"user {ada_id}", "step": None,
        "reason": None, "error": None,
    }  # fmt: skip


def test_without_a_priority_it_has_the_one_of_its_kind(api: Program) -> None:
    assert told(api("POST", "/api/v1/jobs", json=ADD))["priority"] == 5


def test_what_is_to_run_later_is_scheduled(api: Program) -> None:
    at = in_an_hour()
    job = told(api("POST", "/api/v1/jobs", json={**ADD, "run_at": at}))
    assert (job["state"], job["run_at"]) == ("scheduled", at)


def test_while_one_with_the_same_key_lives_it_is_given_instead(api: Program, cleos: Program, run_jobs: RunJobs) -> None:
    first, second = start(api, unique="a"), start(api, unique="a", args={"x": 9})
    assert second == first
    assert start(api, unique="b") != first
    assert start(cleos, unique="a") != first
    run_jobs()
    assert start(api, unique="a") != first


def test_only_kinds_for_people_are_started_by_people(api: Program, operator: Program, app: Flask) -> None:
    for kind in ("sample.rebuild", "nothing.here", "activities.count_calories"):
        answer = api("POST", "/api/v1/jobs", json={"kind": kind})
        assert (answer.status_code, fields_of(answer)) == (422, ["kind"]), kind
    assert count(app) == 0
    assert operator("POST", "/api/v1/jobs", json={"kind": "sample.rebuild"}).status_code == 201
    assert fields_of(operator("POST", "/api/v1/jobs", json={"kind": "nothing.here"})) == ["kind"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": ""}, "kind"),
        ({"kind": 3}, "kind"),
        ({"kind": "a\x07"}, "kind"),
        ({"kind": "x" * 129}, "kind"),
        ({"args": []}, "args"),
        ({"args": None}, "args"),
        ({"args": {}}, "args.x"),
        ({"args": {"x": "2"}}, "args.x"),
        ({"args": {"x": True}}, "args.x"),
        ({"args": {"x": 1, "z": 1}}, "args.z"),
        ({"args": {"x": 2_000_000}}, "args.x"),
        ({"args": {"x": 10**400}}, "args"),
        ({"args": {"x": 1, "y" * 60_000: 1}}, "args"),
        ({"priority": -1}, "priority"),
        ({"priority": 10}, "priority"),
        ({"priority": 5.0}, "priority"),
        ({"priority": "5"}, "priority"),
        ({"priority": True}, "priority"),
        ({"priority": None}, "priority"),
        ({"run_at": "tomorrow"}, "run_at"),
        ({"run_at": "2026-11-20T06:10:00"}, "run_at"),
        ({"run_at": "9999-12-31T23:59:59Z"}, "run_at"),
        ({"run_at": "0001-01-01T00:00:00Z"}, "run_at"),
        ({"run_at": 1763618400}, "run_at"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"unique": ""}, "unique"),
        ({"unique": "x" * 121}, "unique"),
        ({"unique": 1}, "unique"),
        ({"queue": "other"}, "queue"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_stored(
    api: Program, app: Flask, changes: dict[str, Any], field: str
) -> None:
    answer = api("POST", "/api/v1/jobs", data=json.dumps({**ADD, **changes}), content_type="application/json")
    assert (answer.status_code, fields_of(answer)) == (422, [field])
    assert count(app) == 0


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"\xff", b'{"kind":"sample.add","kind":"sample.add"}', b'{"kind":"sample.add","args":{"x":NaN}}',
        b'{"kind":"sample.add","args":{"x":1e400}}', b'{"kind":"sample.keep","args":{"value":{"a":"\\u0000"}}}',
        b'{"kind":"sample.keep","args":{"value":{"a":"\\ud800"}}}', b'{"args":' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"kind":"sample.add","args":{"x":' + b"9" * 5_000 + b"}}",
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/api/v1/jobs", "/api/v1/jobs/batch"])
def test_a_body_that_cannot_be_read_is_told_so(api: Program, app: Flask, path: str, body: bytes) -> None:
    answer = api("POST", path, data=body, content_type="application/json")
    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")
    assert count(app) == 0


def test_secrets_are_not_shown(api: Program, run_jobs: RunJobs) -> None:
    uid = start(api, kind="sample.keep", args={"value": {"password": "hush", "name": "Ada"}})
    run_jobs()
    assert told(api("GET", f"/api/v1/jobs/{uid}"))["args"] == {"value": {"password": "…", "name": "Ada"}}
    assert told(api("GET", f"/api/v1/jobs/{uid}/result"))["result"] == {"password": "…", "name": "Ada"}


# -- sent twice ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "body"), [("/api/v1/jobs", ADD), ("/api/v1/jobs/batch", [ADD, ADD])])
def test_the_same_request_sent_twice_makes_its_jobs_once(api: Program, app: Flask, path: str, body: Any) -> None:
    first, second = (api("POST", path, json=body, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert told(first) == told(second)
    assert count(app) == (2 if isinstance(body, list) else 1)


def test_a_key_stands_for_its_content_and_its_person(api: Program, cleos: Program) -> None:
    key = {"Idempotency-Key": "k"}
    first = api("POST", "/api/v1/jobs", json=ADD, headers=key)
    other = api("POST", "/api/v1/jobs", json={**ADD, "priority": 1}, headers=key)
    assert (other.status_code, other.mimetype) == (422, "application/problem+json")
    hers = cleos("POST", "/api/v1/jobs", json=ADD, headers=key)
    assert (hers.status_code, told(hers)["id"] == told(first)["id"]) == (201, False)
    assert api("POST", "/api/v1/jobs", json=ADD, headers={"Idempotency-Key": "\xe9"}).status_code == 400


def test_a_refused_request_does_not_use_its_key_up(api: Program) -> None:
    key = {"Idempotency-Key": "k"}
    assert api("POST", "/api/v1/jobs", json={**ADD, "args": {}}, headers=key).status_code == 422
    assert api("POST", "/api/v1/jobs", json=ADD, headers=key).status_code == 201


def test_of_two_at_the_same_moment_one_makes_the_job(app: Flask, api: Program) -> None:
    together, answers = Barrier(4), []

    def send() -> None:
        program = Program(app.test_client(), api.headers["Authorization"].removeprefix("Bearer "))
        together.wait()
        answer = program("POST", "/api/v1/jobs", json=ADD, headers={"Idempotency-Key": "k"})
        answers.append((answer.status_code, told(answer)["id"]))

    threads = [Thread(target=send) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(code for code, _ in answers) == [200, 200, 200, 201]
    assert len({uid for _, uid in answers}) == 1
    assert count(app) == 1


def test_old_keys_are_forgotten(api: Program, app: Flask) -> None:
    api("POST", "/api/v1/jobs", json=ADD, headers={"Idempotency-Key": "k"})
    with app.app_context():
        assert forget_keys() == 0
        with transaction() as session:
            session.execute(update(KeyedRequest).values(sent_at=datetime.now(UTC) - timedelta(days=8)))
        assert forget_keys() == 1


# -- many ---------------------------------------------------------------------------------------------------------


def test_a_batch_is_written_in_its_order_with_a_priority_each(api: Program) -> None:
    body = [{**ADD, "args": {"x": number}, "priority": number % 10} for number in range(20)]
    answer = api("POST", "/api/v1/jobs/batch", json=body)
    assert answer.status_code == 201
    assert [(one["args"]["x"], one["priority"]) for one in told(answer)["jobs"]] == [(n, n % 10) for n in range(20)]


def test_a_batch_is_taken_whole_or_not_at_all(api: Program, app: Flask) -> None:
    body = [ADD, {**ADD, "priority": 10}, {**ADD, "kind": 1}]
    answer = api("POST", "/api/v1/jobs/batch", json=body)
    assert (answer.status_code, fields_of(answer)) == (422, ["1.priority", "2.kind"])
    answer = api("POST", "/api/v1/jobs/batch", json=[ADD, {**ADD, "kind": "no"}, {**ADD, "args": {"q": 1}}])
    assert (answer.status_code, sorted(fields_of(answer))) == (422, ["1.kind", "2.args.q", "2.args.x"])
    assert count(app) == 0


def test_a_partial_batch_takes_the_good_ones_and_tells_of_each(api: Program, app: Flask) -> None:
    body = [ADD, {**ADD, "priority": 10}, 7, {**ADD, "kind": "no"}, {**ADD, "args": {"x": 4}}]
    answer = api("POST", "/api/v1/jobs/batch?partial=1", json=body)
    results = told(answer)["results"]
    assert answer.status_code == 207
    assert [(one["index"], one["status"]) for one in results] == [(0, 201), (1, 422), (2, 422), (3, 422), (4, 201)]
    assert [one["errors"][0]["field"] for one in results if "errors" in one] == ["priority", "", "kind"]
    assert told(api("GET", f"/api/v1/jobs/{results[4]['id']}"))["args"] == {"x": 4}
    assert count(app) == 2


def test_a_batch_has_one_to_a_thousand_jobs(api: Program, app: Flask) -> None:
    for body in ([], {}, [ADD] * 1_001, "x"):
        assert api("POST", "/api/v1/jobs/batch", json=body).status_code == 422
    assert api("POST", "/api/v1/jobs/batch?partial=2", json=[ADD]).status_code == 422
    assert len(told(api("POST", "/api/v1/jobs/batch", json=[ADD] * 1_000))["jobs"]) == 1_000
    assert count(app) == 1_000


# -- looking ------------------------------------------------------------------------------------------------------


def ids(program: Program, query: str = "") -> list[str]:
    """The ids of every page."""
    found: list[str] = []
    following = ""
    while True:
        page = told(program("GET", f"/api/v1/jobs?limit=2{query}{following}"))
        found += [one["id"] for one in page["jobs"]]
        if page["next"] is None:
            return found
        following = f"&next={page['next']}"


def test_people_list_their_own_jobs_and_admins_all(api: Program, cleos: Program, operator: Program) -> None:
    mine, hers = [start(api) for _ in range(5)], [start(cleos) for _ in range(3)]
    assert ids(api) == mine[::-1]
    assert ids(cleos) == hers[::-1]
    assert ids(operator) == [*hers[::-1], *mine[::-1]]


def test_jobs_are_listed_by_filter(api: Program, operator: Program, run_jobs: RunJobs) -> None:
    done = [start(api) for _ in range(3)]
    run_jobs()
    failed = start(api, kind="sample.fail", args={})
    run_jobs()
    later, ready = start(api, run_at=in_an_hour()), start(api)
    for program in (api, operator):
        assert ids(program, "&state=succeeded") == done[::-1]
        assert ids(program, "&state=dead,scheduled") == [later, failed]
        assert ids(program, "&kind=sample.fail") == [failed]
        assert ids(program, "&queue=samples&state=ready") == [ready]
        assert ids(program, "&queue=activities") == []
        assert ids(program, f"&id={failed}") == [failed]
        assert ids(program, f"&id={failed[:8]}&state=dead") == [failed]
        assert ids(program, f"&id={'f' * 12}") == []


def test_jobs_are_listed_by_the_words_of_the_filter_bar(
    api: Program, cleos: Program, operator: Program, app: Flask, ada_id: int, run_jobs: RunJobs
) -> None:
    done, other = start(api), start(api, args={"x": 20, "y": 3})
    run_jobs()
    failed = start(api, kind="sample.fail", args={})
    run_jobs()
    hers = start(cleos)
    with app.app_context(), transaction() as session:
        long_ago = engine_of().inspector.now() - timedelta(days=3)
        session.execute(update(Entry).where(Entry.uid == done).values(finished_at=long_ago, worker="attic:worker:1"))
        entry = session.scalars(select(Entry).where(Entry.uid == failed)).one()
        error_class, fingerprint = str(entry.error_class), entry.error_fingerprint
    mine = f"&user={ada_id}"
    for query, found in {
        mine: [failed, other, done],
        f"&requested_by=user%20{ada_id}": [failed, other, done],
        "&worker=ATTIC": [done],
        f"&error={error_class.lower()}": [failed],
        f"&error={fingerprint}": [failed],
        f"&since=24h{mine}": [failed, other],
        "&since=2026-01-01&state=succeeded": [other, done],
        "&q=args.x:20": [other],
        f"&q=state:failed%20user:{ada_id}": [failed],
        "&q=state:retrying": [],
        f"&q={failed[:8]}&kind=sample.fail": [failed],
        "&q=sample.fail": [failed],
        "&q=kind:sample.add%20args.y:3&worker=attic": [done],
    }.items():
        assert {who: ids(one, query) for who, one in (("ada", api), ("operator", operator))} == {
            "ada": found,
            "operator": found,
        }, query
    assert [ids(cleos, mine), ids(cleos, "&q=args.x:20"), ids(cleos, "&since=24h")] == [[], [], [hers]]
    assert ids(operator, "&q=sample.add") == [hers, other, done]


def test_a_page_that_looked_far_enough_leads_on(api: Program, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.ledger.browsing.LOOK_AT", 2)
    monkeypatch.setattr("jobs.ledger.browsing.LEAST", 2)
    first = start(api, args={"x": 7, "y": 3})
    for _ in range(4):
        start(api)
    page = told(api("GET", "/api/v1/jobs?q=args.x:7"))
    assert (page["jobs"], page["next"] is None) == ([], False)
    assert ids(api, "&q=args.x:7") == [first]


def test_the_link_to_the_next_page_keeps_the_filter(api: Program) -> None:
    for _ in range(3):
        start(api)
    link = api("GET", "/api/v1/jobs?limit=2&state=ready").headers["Link"]
    assert re.fullmatch(r'<http://localhost/api/v1/jobs\?limit=2&state=ready&next=\d+>; rel="next"', link)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("state=asleep", "state"),
        ("state=", "state"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=%EF%BC%91", "limit"),
        ("limit=1e1", "limit"),
        ("next=%00", "next"),
        ("next=99999999999999999999", "next"),
        ("id=xyz", "id"),
        ("id=abc", "id"),
        ("kind=%00", "kind"),
        ("queue=%ED%A0%80%00", "queue"),
        ("who=me", "who"),
        ("user=", "user"),
        ("since=soon", "since"),
        ("worker=%00", "worker"),
        ("q=mood:good", "q"),
        ("q=state:asleep", "q"),
        ("q=id:xyz", "q"),
        ("q=" + "x" * 1_001, "q"),
        ("q=state:failed&state=dead", "q"),
        ("q=id:abcdef12&id=abcdef12", "q"),
        ("q=user:7&user=8", "q"),
        ("user=7&requested_by=8", "q"),
    ],
)
def test_a_filter_that_is_none_is_named(api: Program, query: str, field: str) -> None:
    answer = api("GET", f"/api/v1/jobs?{query}")
    assert (answer.status_code, fields_of(answer)) == (422, [field])
    assert api("GET", "/api/v1/jobs?limit=1&limit=1").status_code == 400


def test_progress_tells_how_far_and_how_long(api: Program, app: Flask, run_jobs: RunJobs) -> None:
    uid = start(api, kind="sample.walk", args={"steps": 4})
    path = f"/api/v1/jobs/{uid}/progress"
    nothing = {"current": None, "total": None, "percent": None, "note": None, "eta_s": None, "updated_at": None}
    assert told(api("GET", path)) == {"state": "ready", **nothing}
    with app.app_context(), transaction() as session:
        now = engine_of().inspector.now()
        session.execute(
            update(Entry).values(
                state="running", started_at=now - timedelta(seconds=10), progressed_at=now,
                progress_current=1, progress_total=4, progress_note="step 1",
            )
        )  # fmt: skip
    halfway = told(api("GET", path))
    assert [halfway[name] for name in ("current", "total", "percent", "note")] == [1, 4, 25.0, "step 1"]
    assert 25 <= halfway["eta_s"] <= 30
    with app.app_context(), transaction() as session:
        session.execute(update(Entry).values(state="ready", started_at=None))
    run_jobs()
    done = told(api("GET", path))
    assert [done[name] for name in ("state", "current", "percent", "eta_s")] == ["succeeded", 4, 100.0, None]


def test_the_result_is_there_when_it_is(api: Program, run_jobs: RunJobs) -> None:
    good, bad = start(api), start(api, kind="sample.fail", args={"reason": "not today"})
    before = told(api("GET", f"/api/v1/jobs/{good}/result"))
    assert before == {"id": good, "state": "ready", "is_settled": False, "result": None, "error": None}
    run_jobs()
    after = told(api("GET", f"/api/v1/jobs/{good}/result"))
    assert after == {"id": good, "state": "succeeded", "is_settled": True, "result": 5, "error": None}
    failed = told(api("GET", f"/api/v1/jobs/{bad}/result"))
    assert (failed["state"], failed["error"]["class"], failed["error"]["message"]) == ("dead", "GiveUp", "not today")


def test_a_result_that_was_not_kept_is_gone_while_its_job_is_still_told_of(
    app: Flask, api: Program, run_jobs: RunJobs
) -> None:
    uid = start(api)
    run_jobs()
    with app.app_context():
        assert engine_of(app).let_results_go(keep_s=-1) == 1
    answer = api("GET", f"/api/v1/jobs/{uid}/result")
    assert answer.json is not None
    said = r"What came of it was kept for a while, and is gone since \d{4}-\d\d-\d\d \d\d:\d\d UTC\."
    assert (answer.status_code, bool(re.fullmatch(said, answer.json["detail"]))) == (410, True)
    assert told(api("GET", f"/api/v1/jobs/{uid}"))["state"] == "succeeded"


def test_attempts_come_with_a_traceback_for_admins(api: Program, operator: Program, run_jobs: RunJobs) -> None:
    uid = start(api, kind="sample.fail", args={"reason": "not today"})
    run_jobs()
    mine, theirs = (told(one("GET", f"/api/v1/jobs/{uid}/attempts"))["attempts"] for one in (api, operator))
    assert [(one["attempt"], one["outcome"], one["error_message"]) for one in mine] == [(1, "gave up", "not today")]
    assert ["traceback" in one for one in (*mine, *theirs)] == [False, "traceback" in theirs[0]]


# -- waiting ------------------------------------------------------------------------------------------------------


def test_a_long_poll_answers_when_the_job_has_settled(api: Program, run_jobs: RunJobs) -> None:
    uid = start(api)
    worker = Thread(target=lambda: (time.sleep(0.4), run_jobs()))
    worker.start()
    began = time.monotonic()
    found = told(api("GET", f"/api/v1/jobs/{uid}?wait=20"))
    took_s = time.monotonic() - began
    worker.join()
    assert found["state"] == "succeeded"
    assert 0.3 < took_s < 5


def test_a_long_poll_ends_when_its_time_is_over(api: Program) -> None:
    uid = start(api)
    began = time.monotonic()
    assert told(api("GET", f"/api/v1/jobs/{uid}?wait=1"))["state"] == "ready"
    assert 0.9 < time.monotonic() - began < 4


def test_when_too_many_wait_it_answers_at_once(api: Program, app: Flask) -> None:
    uid = start(api)
    places = app.config.get("unused")
    with app.app_context():
        places = queries._waiting_places()
    taken = 0
    while places.acquire(blocking=False):
        taken += 1
    assert taken == 2
    began = time.monotonic()
    assert told(api("GET", f"/api/v1/jobs/{uid}?wait=30"))["state"] == "ready"
    assert time.monotonic() - began < 2
    places.release(taken)
    for wait in ("31", "-1", "x", "1.5"):
        assert fields_of(api("GET", f"/api/v1/jobs/{uid}?wait={wait}")) == ["wait"]


# -- steering -----------------------------------------------------------------------------------------------------


def test_what_waits_is_cancelled_and_can_be_retried(api: Program) -> None:
    uid = start(api)
    cancelled = api("POST", f"/api/v1/jobs/{uid}/cancellation")
    assert (cancelled.status_code, told(cancelled)["state"]) == (200, "cancelled")
    again = api("POST", f"/api/v1/jobs/{uid}/cancellation")
    assert (again.status_code, again.mimetype) == (409, "application/problem+json")
    retried = api("POST", f"/api/v1/jobs/{uid}/retries")
    assert (retried.status_code, told(retried)["state"]) == (202, "ready")
    assert api("POST", f"/api/v1/jobs/{uid}/retries").status_code == 409


def make_running(app: Flask) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(Entry).values(state="running", lease_owner="w#1"))


def test_what_runs_is_asked_to_end(api: Program, app: Flask) -> None:
    uid = start(api)
    make_running(app)
    asked = api("POST", f"/api/v1/jobs/{uid}/cancellation")
    assert (asked.status_code, told(asked)["state"]) == (202, "running")
    assert told(asked)["cancel_requested_at"] is not None


def test_delete_cancels_only_what_waits(api: Program, app: Flask) -> None:
    uid = start(api)
    assert api("DELETE", f"/api/v1/jobs/{uid}").status_code == 204
    assert state(api, uid) == "cancelled"
    other = start(api)
    make_running(app)
    assert api("DELETE", f"/api/v1/jobs/{other}").status_code == 409
    assert told(api("GET", f"/api/v1/jobs/{other}"))["cancel_requested_at"] is None


def test_priority_and_start_change_while_it_waits(api: Program, app: Flask) -> None:
    uid, at = start(api), in_an_hour()
    changed = told(api("PATCH", f"/api/v1/jobs/{uid}", json={"priority": 0, "run_at": at}))
    assert (changed["priority"], changed["state"], changed["run_at"]) == (0, "scheduled", at)
    make_running(app)
    assert api("PATCH", f"/api/v1/jobs/{uid}", json={"priority": 1}).status_code == 409
    for wrong in ({"priority": 10}, {"priority": None}, {"run_at": "soon"}, {"run_at": "9000-01-01T00:00:00Z"}):
        answer = api("PATCH", f"/api/v1/jobs/{uid}", json=wrong)
        assert (answer.status_code, fields_of(answer)) == (422, list(wrong))
    assert fields_of(api("PATCH", f"/api/v1/jobs/{uid}", json={"state": "dead"})) == ["state"]
    assert told(api("GET", f"/api/v1/jobs/{uid}"))["priority"] == 0


def test_a_job_of_a_kind_that_is_gone_says_why_it_waits(api: Program, app: Flask) -> None:
    uid = start(api)
    assert told(api("GET", f"/api/v1/jobs/{uid}"))["reason"] is None
    with app.app_context(), transaction() as session:
        session.execute(update(Entry).values(kind="sample.gone"))
    assert told(api("GET", f"/api/v1/jobs/{uid}"))["reason"] == "No worker of this build knows this kind."


def test_kinds_are_those_one_may_start(api: Program, operator: Program) -> None:
    mine = told(api("GET", "/api/v1/kinds"))["kinds"]
    assert [one["name"] for one in mine] == ["sample.add", "sample.fail", "sample.keep", "sample.walk"]
    assert (mine[0]["doc"], mine[0]["owner"]) == ("Add two numbers.", "sample")
    assert mine[0]["arguments"]["properties"] == {"x": {"type": "number"}, "y": {"type": "number", "default": 0}}
    assert mine[1]["policy"]["max_retries"] == 0
    assert {"sample.rebuild", "activities.count_calories"} <= {
        one["name"] for one in told(operator("GET", "/api/v1/kinds"))["kinds"]
    }


# -- who ----------------------------------------------------------------------------------------------------------

ROUTES = [
    ("GET", ""), ("GET", "/progress"), ("GET", "/result"), ("GET", "/attempts"), ("POST", "/cancellation"),
    ("POST", "/retries"), ("PATCH", ""), ("DELETE", ""),
]  # fmt: skip


@pytest.mark.parametrize(("method", "end"), ROUTES)
def test_the_job_of_another_is_not_there(
    api: Program, cleos: Program, operator: Program, method: str, end: str
) -> None:
    uid = start(api)
    body = {"json": {"priority": 1}} if method == "PATCH" else {}
    for program, there in ((cleos, uid), (api, "0" * 32), (api, "x"), (api, "%00"), (api, "１")):
        answer = program(method, f"/api/v1/jobs/{there}{end}", **body)
        assert (answer.status_code, answer.mimetype) == (404, "application/problem+json"), there
    assert state(api, uid) == "ready"
    assert operator(method, f"/api/v1/jobs/{uid}{end}", **body).status_code in (200, 202, 204, 409)


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/jobs"), ("POST", "/jobs/batch"), ("GET", "/jobs"), ("GET", "/kinds")]
    + [(method, f"/jobs/{'0' * 32}{end}") for method, end in ROUTES],
)
def test_strangers_are_asked_who_they_are(app: Flask, method: str, path: str) -> None:
    answer = app.test_client().open(f"/api/v1{path}", method=method, json=ADD if method in {"POST", "PATCH"} else None)
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
