"""Activities under /api/v1: what other programs rely on."""

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from threading import Barrier, Thread
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.activities import queries, services
from app.activities.pages import Filter
from tests.app.conftest import Browser

from .conftest import ZONE, Program, program_of, run

RunJobs = Callable[[], None]
Log = Callable[..., int]
RUN = {"kind": "running", "duration_min": 30, "weight_kg": 70, "started_at": "2026-11-20T06:10:00Z", "notes": "River"}


def fields_of(answer: TestResponse) -> list[str]:
    assert answer.mimetype == "application/problem+json"
    assert answer.json
    return [error["field"] for error in answer.json["errors"]]


def count(app: Flask, user_id: int) -> int:
    with app.app_context():
        return queries.count_of(user_id, Filter())


# -- one ----------------------------------------------------------------------------------------------------------


def test_post_answers_with_all_that_is_known(api: Program) -> None:
    answer = api("POST", "/api/v1/activities", json=RUN)
    assert (answer.status_code, answer.headers["Location"]) == (201, "/api/v1/activities/1")
    told: dict[str, Any] = dict(answer.json or {})
    job = told.pop("job")
    assert told == {"id": 1, "status": "pending", "energy_kcal": None, **RUN}
    assert re.fullmatch(r"[0-9a-f]{32}", job.pop("id"))
    assert job == {"state": "ready", "attempts": 0, "processing_ms": None}


def test_get_answers_with_the_energy_once_it_is_there(api: Program, run_jobs: RunJobs) -> None:
    api("POST", "/api/v1/activities", json=RUN)
    run_jobs()
    found = api("GET", "/api/v1/activities/1").json
    assert found
    assert (found["status"], found["energy_kcal"], found["job"]["state"], found["job"]["attempts"]) == (
        "completed", 315.0, "succeeded", 1,
    )  # fmt: skip
    assert isinstance(found["job"]["processing_ms"], int)


def test_only_kind_and_duration_must_be_given(api: Program, app: Flask, ada_id: int) -> None:
    api("POST", "/api/v1/activities", json=RUN)
    answer = api("POST", "/api/v1/activities", json={"kind": "YOGA", "duration_min": 12.5})
    assert answer.json
    assert (answer.json["kind"], answer.json["duration_min"], answer.json["weight_kg"]) == ("yoga", 12.5, 70)


def test_a_zone_is_turned_into_utc(api: Program) -> None:
    answer = api("POST", "/api/v1/activities", json={**RUN, "started_at": "2026-11-20T07:10:00+01:00"})
    assert answer.json
    assert answer.json["started_at"] == "2026-11-20T06:10:00Z"


def test_patch_changes_what_it_names_and_recalculates(api: Program, run_jobs: RunJobs) -> None:
    api("POST", "/api/v1/activities", json=RUN)
    run_jobs()
    answer = api("PATCH", "/api/v1/activities/1", json={"duration_min": 60})
    assert answer.json
    assert (answer.json["duration_min"], answer.json["notes"], answer.json["status"]) == (60, "River", "pending")
    run_jobs()
    found = api("GET", "/api/v1/activities/1").json
    assert found
    assert found["energy_kcal"] == 630.0


def test_patch_of_the_notes_keeps_the_energy(api: Program, run_jobs: RunJobs) -> None:
    api("POST", "/api/v1/activities", json=RUN)
    run_jobs()
    answer = api("PATCH", "/api/v1/activities/1", json={"notes": "Lake"}).json
    assert answer
    assert (answer["notes"], answer["energy_kcal"]) == ("Lake", 315.0)


def test_delete_lays_it_in_the_bin_and_a_restoration_takes_it_back(api: Program) -> None:
    api("POST", "/api/v1/activities", json=RUN)
    assert api("DELETE", "/api/v1/activities/1").status_code == 204
    assert [api(method, "/api/v1/activities/1", json={}).status_code for method in ("GET", "PATCH", "DELETE")] == [
        404
    ] * 3
    assert api("POST", "/api/v1/activities/1/restorations").status_code == 200
    assert api("GET", "/api/v1/activities/1").status_code == 200


def test_a_recount_is_accepted(api: Program) -> None:
    api("POST", "/api/v1/activities", json=RUN)
    answer = api("POST", "/api/v1/activities/1/recounts")
    assert answer.json
    assert (answer.status_code, answer.json["status"]) == (202, "pending")


# -- status -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api/v1/activities/status?ids=", "/api/activities/status/?ids="])
def test_status_tells_of_many_and_skips_bad_ids(api: Program, cleo_id: int, log: Log, path: str) -> None:
    for _ in range(2):
        api("POST", "/api/v1/activities", json=RUN)
    foreign = log(cleo_id)
    answer = api("GET", f"{path}2,1,{foreign},999,x,-1,,1.5,99999999999999999999,２,2").json
    assert answer
    assert [(one["id"], one["status"], one["energy_kcal"]) for one in answer["activities"]] == [
        (2, "pending", None), (1, "pending", None),
    ]  # fmt: skip
    assert all(one["job"]["state"] == "ready" for one in answer["activities"])


def test_the_older_name_tells_of_one(api: Program, run_jobs: RunJobs) -> None:
    api("POST", "/api/v1/activities", json=RUN)
    run_jobs()
    answer = api("GET", "/api/activity/1/status/").json
    assert answer
    assert (answer["id"], answer["status"], answer["energy_kcal"]) == (1, "completed", 315.0)
    assert api("GET", "/api/activity/2/status/").status_code == 404


def test_a_failure_is_a_status(api: Program, app: Flask, ada_id: int) -> None:
    api("POST", "/api/v1/activities", json=RUN)
    with app.app_context():
        services.could_not_count(1, "It took too long.")
    answer = api("GET", "/api/v1/activities/1").json
    assert answer
    assert (answer["status"], answer["energy_kcal"]) == ("failed", None)


# -- lists --------------------------------------------------------------------------------------------------------


def test_a_list_is_followed_by_its_cursor_to_the_end(api: Program, app: Flask, ada_id: int) -> None:
    with app.app_context():
        services.log_activities(ada_id, [run() for _ in range(23)], zone=ZONE)
    seen: list[int] = []
    address = "/api/v1/activities?per_page=10"
    while address:
        answer = api("GET", address)
        assert answer.json
        seen += [one["id"] for one in answer.json["activities"]]
        link = re.fullmatch(r'<http://localhost(/api[^>]+)>; rel="next"', answer.headers.get("Link", ""))
        assert bool(link) == (answer.json["next"] is not None)
        address = link[1] if link else ""
    assert seen == list(range(23, 0, -1))


def test_a_list_is_filtered_like_the_page(api: Program) -> None:
    api("POST", "/api/v1/activities", json=RUN)
    api("POST", "/api/v1/activities", json={**RUN, "kind": "yoga"})
    answer = api("GET", "/api/v1/activities?kind=yoga&from=2026-11-20&to=2026-11-20&q=river&state=pending").json
    assert answer
    assert [one["id"] for one in answer["activities"]] == [2]


@pytest.mark.parametrize(
    ("query", "fields"),
    [("per_page=11", ["per_page"]), ("next=x", ["next"]), ("page=0", ["page"]), ("from=x&kind=y", ["kind", "from"])],
)
def test_a_wrong_query_names_its_fields(api: Program, query: str, fields: list[str]) -> None:
    answer = api("GET", f"/api/v1/activities?{query}")
    assert (answer.status_code, sorted(fields_of(answer))) == (422, sorted(fields))


# -- many ---------------------------------------------------------------------------------------------------------


def test_a_batch_is_taken_whole_and_in_order(api: Program) -> None:
    answer = api(
        "POST", "/api/v1/activities/batch", json=[{**RUN, "duration_min": minutes} for minutes in (10, 20, 30)]
    )
    assert answer.status_code == 201
    assert answer.json
    assert [(one["id"], one["duration_min"], one["job"]["state"]) for one in answer.json["activities"]] == [
        (1, 10, "ready"), (2, 20, "ready"), (3, 30, "ready"),
    ]  # fmt: skip


def test_a_batch_of_a_thousand_is_taken_and_one_more_is_not(api: Program, app: Flask, ada_id: int) -> None:
    assert api("POST", "/api/v1/activities/batch", json=[RUN] * 1000).status_code == 201
    answer = api("POST", "/api/v1/activities/batch", json=[RUN] * 1001)
    assert (answer.status_code, answer.json and answer.json["detail"]) == (422, "Send a list of 1 to 1000 activities.")
    assert count(app, ada_id) == 1000


def test_one_wrong_item_refuses_the_batch_by_number_and_field(api: Program, app: Flask, ada_id: int) -> None:
    items: list[Any] = [RUN, {**RUN, "duration_min": 0, "kind": "x"}, {**RUN, "started_at": "2100-01-01T00:00:00Z"}, 3]
    answer = api("POST", "/api/v1/activities/batch", json=items)
    assert (answer.status_code, fields_of(answer)) == (422, ["1.kind", "1.duration_min", "3"])
    answer = api("POST", "/api/v1/activities/batch", json=items[:1] + items[2:3])
    assert (answer.status_code, fields_of(answer), count(app, ada_id)) == (422, ["1.started_at"], 0)


def test_a_partial_batch_takes_the_good_ones_and_tells_of_each(api: Program, app: Flask, ada_id: int) -> None:
    items: list[Any] = [RUN, {**RUN, "duration_min": 0}, [], RUN]
    answer = api("POST", "/api/v1/activities/batch?partial=1", json=items)
    assert answer.status_code == 207
    assert answer.json
    assert [(one["status"], one.get("id")) for one in answer.json["results"]] == [
        (201, 1),
        (422, None),
        (422, None),
        (201, 2),
    ]
    assert answer.json["results"][1]["errors"][0]["field"] == "duration_min"
    assert count(app, ada_id) == 2


@pytest.mark.parametrize("body", [[], {}, 1, "x", [[RUN]], [None]])
def test_what_is_no_batch_is_refused(api: Program, body: Any) -> None:
    assert api("POST", "/api/v1/activities/batch", json=body).status_code == 422


# -- sent twice ---------------------------------------------------------------------------------------------------


def test_an_idempotency_key_makes_two_requests_one(api: Program, app: Flask, ada_id: int) -> None:
    keyed = {"headers": {"Idempotency-Key": "k"}}
    first = api("POST", "/api/v1/activities", json=RUN, **keyed)
    again = api("POST", "/api/v1/activities", json=RUN, **keyed)
    other = api("POST", "/api/v1/activities", json={**RUN, "duration_min": 31}, **keyed)
    assert [first.status_code, again.status_code, other.status_code] == [201, 200, 422]
    assert first.json == again.json
    assert count(app, ada_id) == 1


def test_a_key_works_without_a_start_too(api: Program, app: Flask, ada_id: int) -> None:
    body = {"kind": "running", "duration_min": 30, "weight_kg": 70}
    codes = [api("POST", "/api/v1/activities", json=body, headers={"Idempotency-Key": "k"}).status_code for _ in "12"]
    assert (codes, count(app, ada_id)) == ([201, 200], 1)


def test_a_key_makes_two_batches_one(api: Program, app: Flask, ada_id: int) -> None:
    answers = [api("POST", "/api/v1/activities/batch", json=[RUN, RUN], headers={"Idempotency-Key": "k"}) for _ in "12"]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert answers[0].json == answers[1].json
    assert count(app, ada_id) == 2


def test_a_partial_batch_that_is_sent_again_tells_of_each(api: Program, app: Flask, ada_id: int) -> None:
    keyed = {"headers": {"Idempotency-Key": "k"}}
    wrong, other = {**RUN, "duration_min": 0}, {**RUN, "duration_min": 31}

    def sent(*items: Any) -> list[tuple[int, int | None]]:
        answer = api("POST", "/api/v1/activities/batch?partial=1", json=list(items), **keyed)
        assert answer.status_code == 207
        assert answer.json
        return [(one["status"], one.get("id")) for one in answer.json["results"]]

    assert sent(wrong, RUN) == [(422, None), (201, 1)]
    assert sent(wrong, RUN) == [(422, None), (200, 1)]
    refused = api("POST", "/api/v1/activities/batch?partial=1", json=[RUN, other], **keyed)
    assert (refused.status_code, count(app, ada_id)) == (422, 1)


def test_what_was_deleted_is_not_made_again_by_its_key(api: Program, app: Flask, ada_id: int) -> None:
    keyed = {"headers": {"Idempotency-Key": "k"}}
    api("POST", "/api/v1/activities", json=RUN, **keyed)
    api("DELETE", "/api/v1/activities/1")
    answer = api("POST", "/api/v1/activities", json=RUN, **keyed)
    assert (answer.status_code, answer.mimetype, answer.json and answer.json["detail"]) == (
        410, "application/problem+json", "What this Idempotency-Key logged was deleted since.",
    )  # fmt: skip
    assert count(app, ada_id) == 0
    api("POST", "/api/v1/activities/1/restorations")
    again = api("POST", "/api/v1/activities", json=RUN, **keyed)
    assert (again.status_code, again.json and again.json["id"]) == (200, 1)


def test_a_batch_that_is_sent_again_leaves_out_what_was_deleted(api: Program, app: Flask, ada_id: int) -> None:
    keyed = {"headers": {"Idempotency-Key": "k"}}
    api("POST", "/api/v1/activities/batch", json=[RUN, RUN], **keyed)
    api("DELETE", "/api/v1/activities/1")
    answer = api("POST", "/api/v1/activities/batch", json=[RUN, RUN], **keyed)
    assert answer.json
    assert (answer.status_code, [one["id"] for one in answer.json["activities"]]) == (200, [2])
    assert count(app, ada_id) == 1


def test_the_document_says_what_a_key_does(app: Flask) -> None:
    document = app.test_client().get("/api/openapi.json").json
    assert document
    told = {
        path: {code: answer.get("description") for code, answer in document["paths"][path]["post"]["responses"].items()}
        for path in ("/api/v1/activities", "/api/v1/activities/batch")
    }
    assert told["/api/v1/activities"]["410"] == "What the key logged was deleted since; nothing was stored."
    assert told["/api/v1/activities/batch"]["200"] == "It was sent before; what was deleted since is left out."


def test_at_the_same_moment_a_key_makes_one_activity(app: Flask, api: Program, ada_id: int) -> None:
    gate, codes = Barrier(4), []

    def send() -> None:
        one = Program(app.test_client(), api.headers["Authorization"].removeprefix("Bearer "))
        gate.wait()
        codes.append(one("POST", "/api/v1/activities", json=RUN, headers={"Idempotency-Key": "k"}).status_code)

    threads = [Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [200, 200, 200, 201]
    assert count(app, ada_id) == 1


@pytest.mark.parametrize("key", ["", "x" * 201, "a\tb", "schlüssel"])
def test_a_key_that_cannot_be_one_is_refused(api: Program, key: str) -> None:
    answer = api("POST", "/api/v1/activities", json=RUN, headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")


# -- whose --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/restorations"),
        ("POST", "/recounts"),
    ],
)
def test_cleo_meets_the_same_as_for_a_missing_one(
    api: Program, cleos_api: Program, app: Flask, ada_id: int, method: str, path: str
) -> None:
    api("POST", "/api/v1/activities", json=RUN)
    answers = [
        cleos_api(method, f"/api/v1/activities/{number}{path}", json={"notes": "hers"}).json for number in (1, 999)
    ]
    for answer in answers:
        assert answer
        del answer["request_id"]
    assert answers[0] == answers[1]
    assert answers[0]
    assert answers[0]["status"] == 404
    with app.app_context():
        assert queries.activity_of(ada_id, 1).draft == run(notes="River")


def test_cleos_list_is_her_own(api: Program, cleos_api: Program) -> None:
    api("POST", "/api/v1/activities", json=RUN)
    assert cleos_api("GET", "/api/v1/activities").json == {"activities": [], "next": None}


def test_without_a_token_nothing_is_to_be_had(app: Flask) -> None:
    answer = app.test_client().get("/api/v1/activities")
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")


def test_a_token_to_read_cannot_write(app: Flask, ada_id: int) -> None:
    reader = program_of(app, ada_id, "read")
    assert reader("GET", "/api/v1/activities").status_code == 200
    assert reader("POST", "/api/v1/activities", json=RUN).status_code == 403
    assert count(app, ada_id) == 0


def test_a_browser_may_use_its_own_session(ada: Browser, log: Log, ada_id: int) -> None:
    made = log(ada_id)
    answer = ada.client.get(f"/api/v1/activities/{made}").json
    assert answer
    assert answer["id"] == made


# -- the document -------------------------------------------------------------------------------------------------


def test_the_document_names_every_endpoint(app: Flask) -> None:
    document = app.test_client().get("/api/openapi.json").json
    assert document
    ours = {
        method + " " + re.sub(r"<(?:(?:int|string):)?(\w+)>", r"{\1}", rule.rule)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith(("/api/", "/tasks/", "/batch-request"))
        and rule.endpoint.partition(".")[0] not in ("api", "api-docs")
    }
    described = {
        f"{method.upper()} {path}"
        for path, item in document["paths"].items()
        for method in item
        if method != "parameters"
    }
    assert described == ours


def test_its_page_is_under_our_own_policy(app: Flask) -> None:
    page = app.test_client().get("/api/docs")
    assert page.status_code == 200
    assert "/api/openapi.json" in page.get_data(as_text=True)
    assert "unsafe" not in page.headers["Content-Security-Policy"]


def test_numbers_are_what_they_look_like(api: Program) -> None:
    answer = api("POST", "/api/v1/activities", json={**RUN, "weight_kg": 70.1, "duration_min": 0.1 + 0.2 + 0.9})
    assert answer.status_code == 422  # 1.2000000000000002 has more than one decimal
    answer = api("POST", "/api/v1/activities", json={**RUN, "weight_kg": 70.1, "duration_min": 1.2})
    assert answer.json
    assert (answer.json["weight_kg"], answer.json["duration_min"]) == (70.1, 1.2)


def test_a_weight_that_is_given_is_known_from_then_on(api: Program) -> None:
    api("POST", "/api/v1/activities", json={**RUN, "weight_kg": 65.5})
    answer = api("POST", "/api/v1/activities", json={"kind": "yoga", "duration_min": 5}).json
    assert answer
    assert Decimal(str(answer["weight_kg"])) == Decimal("65.5")
    assert timedelta(minutes=answer["duration_min"]) == timedelta(minutes=5)
