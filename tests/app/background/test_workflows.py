"""Workflows under /api/v1: what other programs rely on."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from app.db import db, reading
from app.wiring import FOR_PEOPLE
from jobs import Entry, engine_of
from jobs.testing import run_ready
from tests.app.activities.conftest import Program

PATH = "/api/v1/workflows"
GOOD = {"kind": "sample.add", "args": {"x": 2, "y": 3}}
BAD = {"kind": "sample.fail", "args": {"reason": "not today"}}
RunAll = Callable[[], None]


@pytest.fixture
def app(app: Flask) -> Flask:
    """With what people may start of the product itself, too."""
    app.extensions["for_people"] |= FOR_PEOPLE
    return app


@pytest.fixture
def run_all(app: Flask) -> RunAll:
    """Works off whatever is ready, and what follows from it."""

    def work() -> None:
        with app.app_context():
            run_ready(engine_of())
            db.session.remove()

    return work


def told(answer: TestResponse) -> dict[str, Any]:
    assert answer.json is not None
    return dict(answer.json)


def fields_of(answer: TestResponse) -> list[str]:
    assert answer.mimetype == "application/problem+json"
    return [error["field"] for error in told(answer)["errors"]]


def start(program: Program, **body: Any) -> str:
    answer = program("POST", PATH, json=body)
    assert answer.status_code == 201, told(answer)
    return str(told(answer)["id"])


def show(program: Program, uid: str) -> dict[str, Any]:
    return told(program("GET", f"{PATH}/{uid}"))


def states(program: Program, uid: str) -> dict[str, str]:
    return {one["name"]: one["state"] for one in show(program, uid)["steps"]}


def results(program: Program, uid: str) -> dict[str, Any]:
    found = told(program("GET", f"{PATH}/{uid}/result"))
    assert found["is_settled"]
    return dict(found["results"])


def count(app: Flask) -> int:
    with app.app_context():
        return reading().scalar(select(func.count()).select_from(Entry)) or 0


# -- shapes -------------------------------------------------------------------------------------------------------


def test_the_same_request_sent_twice_under_a_key_is_one_workflow(api: Program) -> None:
    key = {"Idempotency-Key": "k"}
    first, second = (api("POST", PATH, json={"name": "sums", "group": [GOOD]}, headers=key) for _ in range(2))
    other = api("POST", PATH, json={"name": "sums", "group": [GOOD, GOOD]}, headers=key)
    assert (first.status_code, second.status_code, other.status_code) == (201, 200, 422)
    assert told(first)["id"] == told(second)["id"]
    assert [one["id"] for one in told(api("GET", PATH))["workflows"]] == [told(first)["id"]]


def test_a_workflow_is_started_and_told_of(api: Program, ada_id: int) -> None:
    answer = api("POST", PATH, json={"name": "sums", "chain": [GOOD, {**GOOD, "name": "again", "priority": 2}]})
    flow = told(answer)
    assert (answer.status_code, answer.headers["Location"]) == (201, f"{PATH}/{flow['id']}")
    assert re.fullmatch(r"[0-9a-f]{32}", flow.pop("id"))
    assert flow.pop("created_at").endswith("Z")
    first, second = flow.pop("steps")
    assert re.fullmatch(r"[0-9a-f]{32}", first.pop("job_id"))
    assert first == {
        "name": "add", "kind": "sample.add", "queue": "samples", "state": "ready", "attempts": 0, "error_class": None,
        "error_message": None, "started_at": None, "finished_at": None, "after": [],
    }  # fmt: skip
    assert (second["name"], second["state"], second["after"]) == ("again", "blocked", ["add"])
    assert told(api("GET", f"/api/v1/jobs/{second['job_id']}"))["priority"] == 2
    assert flow == {
        "name": "sums", "state": "running", "is_settled": False, "on_failure": "stop", "size": 2,
        "counts": {"ready": 1, "blocked": 1}, "failed_step": None, "requested_by": f"user {ada_id}",
        "finished_at": None, "next": None,
    }  # fmt: skip


def test_a_step_goes_into_the_queue_that_an_operator_names(otto: Program) -> None:
    uid = start(otto, chain=[GOOD, {**GOOD, "queue": "reports"}])
    assert [one["queue"] for one in show(otto, uid)["steps"]] == ["samples", "reports"]
    answer = otto("POST", PATH, json={"chord": {"header": [{**GOOD, "queue": "nothing"}], "callback": GOOD}})
    assert (answer.status_code, fields_of(answer)) == (422, ["chord.header.0.queue"])


def test_who_is_no_operator_has_steps_in_the_queue_of_their_kind(api: Program) -> None:
    uid = start(api, group=[{**GOOD, "queue": "samples"}])
    assert [one["queue"] for one in show(api, uid)["steps"]] == ["samples"]
    answer = api("POST", PATH, json={"chain": [GOOD, {**GOOD, "queue": "reports"}]})
    assert (answer.status_code, fields_of(answer)) == (422, ["chain.1.queue"])


def test_a_chain_hands_its_results_on(api: Program, run_all: RunAll) -> None:
    first = {"kind": "workbench.workflow_step_1", "args": {"value": 5}}
    uid = start(api, chain=[first, {"kind": "workbench.workflow_step_2"}, {"kind": "workbench.workflow_step_3"}])
    run_all()
    assert results(api, uid) == {"workflow_step_3": {"step": 3, "value": 20}}


def test_a_group_has_the_results_of_each(api: Program, run_all: RunAll) -> None:
    uid = start(api, group=[{"kind": "sample.add", "args": {"x": number}, "name": f"n{number}"} for number in (1, 2)])
    before = told(api("GET", f"{PATH}/{uid}/result"))
    assert before == {"id": uid, "state": "running", "is_settled": False, "results": {}}
    run_all()
    assert results(api, uid) == {"n1": 1, "n2": 2}


def test_results_that_were_not_kept_are_gone(app: Flask, api: Program, run_all: RunAll) -> None:
    uid = start(api, group=[GOOD, GOOD])
    run_all()
    assert engine_of(app).let_results_go(keep_s=-1) == 2
    assert api("GET", f"{PATH}/{uid}/result").status_code == 410
    assert show(api, uid)["state"] == "succeeded"


def test_a_chord_ends_in_its_callback(api: Program, run_all: RunAll) -> None:
    chunks = [
        {"kind": "workbench.process_data_chunk", "args": {"chunk_id": number, "data": [number, number + 1]}}
        for number in (1, 2)
    ]
    uid = start(api, chord={"header": chunks, "callback": {"kind": "workbench.aggregate_results", "name": "all"}})
    run_all()
    assert show(api, uid)["state"] == "succeeded"
    assert results(api, uid)["all"]["sum"] == 8


def test_any_other_shape_is_said_step_by_step(api: Program, run_all: RunAll) -> None:
    shape = {"a": [], "d": ["b", "c"], "b": ["a"], "c": ["a"]}
    uid = start(api, steps=[{**GOOD, "name": name, "after": after} for name, after in shape.items()])
    assert {one["name"]: one["after"] for one in show(api, uid)["steps"]} == shape
    run_all()
    assert results(api, uid) == {"d": 5}


@pytest.mark.parametrize(
    ("on_failure", "expected"),
    [
        ("stop", {"one": "succeeded", "two": "dead", "three": "cancelled", "four": "cancelled"}),
        ("go_on", {"one": "succeeded", "two": "dead", "three": "cancelled", "four": "succeeded"}),
        (
            "compensate",
            {"one": "succeeded", "two": "dead", "three": "cancelled", "four": "cancelled", "undo one": "succeeded"},
        ),
    ],
)
def test_the_policy_says_what_a_failure_does(
    api: Program, run_all: RunAll, on_failure: str, expected: dict[str, str]
) -> None:
    undo = {"kind": "sample.keep", "args": {"value": {"undone": "one"}}}
    uid = start(
        api,
        on_failure=on_failure,
        steps=[
            {**GOOD, "name": "one", "undo": undo, "priority": 0},
            {**BAD, "name": "two", "after": ["one"], "priority": 0},
            {**GOOD, "name": "three", "after": ["two"]},
            {**GOOD, "name": "four", "after": ["one"], "priority": 9},
        ],
    )
    run_all()
    flow = show(api, uid)
    assert (flow["state"], flow["failed_step"]) == ("failed", "two")
    assert states(api, uid) == expected


# -- what is wrong ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, ""),
        ({"chain": [GOOD], "group": [GOOD]}, ""),
        ({"chain": []}, "chain"),
        ({"chain": [GOOD] * 1_001}, "chain"),
        ({"chain": [GOOD, {"kind": "sample.rebuild"}]}, "chain.1.kind"),
        ({"group": [GOOD, {"kind": "nothing.here"}]}, "group.1.kind"),
        ({"group": [{"kind": "sample.add", "args": {"y": 1}}]}, "group.0.args.x"),
        ({"group": [{"kind": "sample.add", "args": {"x": 2_000_000}}]}, "group.0.args.x"),
        ({"group": [{**GOOD, "undo": {"kind": "sample.add"}}]}, "group.0.undo.args.x"),
        ({"group": [{**GOOD, "after": ["a"]}]}, "group.0.after"),
        ({"chord": {"header": [GOOD]}}, "chord.callback"),
        ({"chord": {"header": [], "callback": GOOD}}, "chord.header"),
        ({"chord": {"header": [GOOD] * 1_000, "callback": GOOD}}, "chord.header"),
        ({"chord": {"header": [GOOD], "callback": {"kind": "no"}}}, "chord.callback.kind"),
        ({"steps": [GOOD]}, "steps.0.name"),
        ({"steps": [{**GOOD, "name": "a", "after": ["b"]}]}, "steps"),
        ({"steps": [{**GOOD, "name": "a", "after": ["a"]}]}, "steps"),
        ({"steps": [{**GOOD, "name": "a"}, {**GOOD, "name": "a"}]}, "steps"),
        ({"steps": [{**GOOD, "name": "undo a"}]}, "steps.0.name"),
        ({"chain": [{**GOOD, "priority": 10}]}, "chain.0.priority"),
        ({"chain": [GOOD], "on_failure": "panic"}, "on_failure"),
        ({"chain": [GOOD], "name": ""}, "name"),
        ({"chain": [7]}, "chain.0"),
        ({"chain": [GOOD], "who": "me"}, "who"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_stored(
    api: Program, app: Flask, body: dict[str, Any], field: str
) -> None:
    answer = api("POST", PATH, json=body)
    assert (answer.status_code, fields_of(answer)) == (422, [field])
    assert count(app) == 0


def test_the_sentence_about_a_shape_is_the_engines(api: Program) -> None:
    answer = api("POST", PATH, json={"name": "mine", "steps": [{**GOOD, "name": "a", "after": ["b"]}]})
    assert told(answer)["errors"][0]["message"] == "This cannot be a workflow: a waits for b, which is not a step."


def test_a_workflow_has_up_to_a_thousand_steps(api: Program, app: Flask) -> None:
    uid = start(api, group=[GOOD] * 1_000)
    assert (show(api, uid)["size"], count(app)) == (1_000, 1_000)
    first = told(api("GET", f"{PATH}/{uid}?limit=999"))
    second = told(api("GET", f"{PATH}/{uid}?limit=999&next={first['next']}"))
    assert [len(first["steps"]), len(second["steps"]), second["next"]] == [999, 1, None]


# -- looking ------------------------------------------------------------------------------------------------------


def names(program: Program, query: str = "") -> list[str]:
    """The names of every page."""
    found: list[str] = []
    following = ""
    while True:
        page = told(program("GET", f"{PATH}?limit=2{query}{following}"))
        found += [one["name"] for one in page["workflows"]]
        if page["next"] is None:
            return found
        following = f"&next={page['next']}"


def test_people_list_their_own_and_admins_all(api: Program, cleos: Program, operator: Program, run_all: RunAll) -> None:
    for number in range(4):
        start(api, name=f"a{number}", chain=[GOOD])
    run_all()
    start(cleos, name="c", chain=[GOOD])
    assert names(api) == ["a3", "a2", "a1", "a0"]
    assert names(cleos) == ["c"]
    assert names(operator) == ["c", "a3", "a2", "a1", "a0"]
    assert names(operator, "&state=running,failed") == ["c"]
    link = api("GET", f"{PATH}?limit=2").headers["Link"]
    assert re.fullmatch(rf'<http://localhost{PATH}\?limit=2&next=[0-9a-f]{{32}}>; rel="next"', link)
    for wrong in ("limit=0", "next=x", "state=asleep", "who=me"):
        assert fields_of(api("GET", f"{PATH}?{wrong}")) == [wrong.partition("=")[0]]


# -- steering -----------------------------------------------------------------------------------------------------


def test_what_failed_runs_again_and_what_succeeded_does_not(api: Program, run_all: RunAll) -> None:
    uid = start(api, chain=[GOOD, {**BAD, "name": "bad"}, {**GOOD, "name": "after"}])
    assert api("POST", f"{PATH}/{uid}/retries").status_code == 409
    run_all()
    assert states(api, uid) == {"add": "succeeded", "bad": "dead", "after": "cancelled"}
    retried = api("POST", f"{PATH}/{uid}/retries")
    assert (retried.status_code, told(retried)["state"]) == (202, "running")
    assert states(api, uid) == {"add": "succeeded", "bad": "ready", "after": "blocked"}
    run_all()
    assert [one["attempts"] for one in show(api, uid)["steps"]] == [1, 2, 0]


def test_what_waits_is_cancelled(api: Program) -> None:
    uid = start(api, chain=[GOOD, {**GOOD, "name": "after"}])
    cancelled = api("POST", f"{PATH}/{uid}/cancellation")
    assert (cancelled.status_code, told(cancelled)["state"]) == (202, "cancelled")
    assert states(api, uid) == {"add": "cancelled", "after": "cancelled"}
    again = api("POST", f"{PATH}/{uid}/cancellation")
    assert (again.status_code, again.mimetype) == (409, "application/problem+json")


# -- who ----------------------------------------------------------------------------------------------------------

ROUTES = [("GET", ""), ("GET", "/result"), ("POST", "/cancellation"), ("POST", "/retries")]


@pytest.mark.parametrize(("method", "end"), ROUTES)
def test_the_workflow_of_another_is_not_there(
    api: Program, cleos: Program, operator: Program, method: str, end: str
) -> None:
    uid = start(api, chain=[GOOD])
    for program, there in ((cleos, uid), (api, "0" * 32), (api, "x"), (api, "%00"), (api, "１")):
        answer = program(method, f"{PATH}/{there}{end}")
        assert (answer.status_code, answer.mimetype) == (404, "application/problem+json"), there
    assert show(api, uid)["state"] == "running"
    assert operator(method, f"{PATH}/{uid}{end}").status_code in (200, 202, 409)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", ""), ("POST", "")] + [(method, f"/{'0' * 32}{end}") for method, end in ROUTES]
)
def test_strangers_are_asked_who_they_are(app: Flask, method: str, path: str) -> None:
    body = {"chain": [GOOD]} if method == "POST" and not path else None
    answer = app.test_client().open(f"{PATH}{path}", method=method, json=body)
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
