"""A model that makes plans, and everything it may do instead: whoever asked gets a plan."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from app.db import db
from app.plans import services
from app.plans.asking import BEYOND_LIMITS, UNREADABLE
from jobs import engine_of
from jobs.testing import make_due
from tests.app.activities.conftest import Program
from tests.app.conftest import Browser, Clock, text_of
from tests.app.plans.conftest import Model
from tests.app.plans.test_asking import cardio, exercise, week
from tests.app.plans.test_plans import FORM, look
from tests.app.plans.test_plans import ask as ask_for_one

RunJobs = Callable[[], None]
WITH_KNEES = {"limits": ["knee"]}
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def settings(settings: dict[str, str], model: Model) -> dict[str, str]:
    return settings | {"OPENAI_BASE_URL": model.url, "OPENAI_API_KEY": "sk-hunter2", "OPENAI_MODEL": "small"}


@pytest.fixture
def tries(app: Flask, run_jobs: RunJobs) -> Callable[[int], None]:
    """Lets a job be tried so many times, as if the time between had passed."""

    def work(count: int) -> None:
        for _ in range(count):
            run_jobs()
            make_due(engine_of(app))

    return work


def ask(api: Program, **answers: Any) -> dict[str, Any]:
    return ask_for_one(api, **{"ask_model": True, **answers})


def job_of(api: Program, asked: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = api("GET", f"/api/v1/jobs/{asked['job_id']}").json or {}
    return found


def test_the_model_makes_the_plan(api: Program, ada: Browser, model: Model, run_jobs: RunJobs) -> None:
    model.says(week(words=f"Knees first. {SCRIPT}"))
    asked = ask(api, **WITH_KNEES)
    run_jobs()
    told = look(api, asked["id"])
    assert (told["state"], told["made_by"], told["message"]) == ("ready", "model", None)
    assert told["plan"]["words"] == f"Knees first. {SCRIPT}"
    assert [(one["day"], one["main_min"], one["hr"]) for one in told["plan"]["sessions"]] == [
        (1, 5, None),
        (5, 30, [111, 133]),
    ]
    page = ada.get(f"/plan/{asked['id']}")
    assert "made by the model, and checked against our rules" in text_of(page)
    assert (SCRIPT in page.text, "Knees first. &lt;script&gt;" in page.text) == (False, True)


def test_the_model_is_asked_once_with_the_answers_and_no_name(
    app: Flask, api: Program, model: Model, run_jobs: RunJobs
) -> None:
    model.says(week())
    asked = ask(api, **WITH_KNEES)
    run_jobs()
    ((path, headers, body),) = model.heard
    assert path == "/v1/chat/completions"
    assert (headers["Authorization"], headers["Content-Type"]) == ("Bearer sk-hunter2", "application/json")
    assert headers["Idempotency-Key"] == f"{asked['job_id']}:ask the model"
    assert body["model"] == "small"
    told = json.loads(body["messages"][1]["content"])
    assert told["answers"] == {
        name: value for name, value in look(api, asked["id"])["answers"].items() if name != "red_flags"
    }
    assert "Ada" not in json.dumps(body)
    with app.app_context():
        assert "hunter2" not in repr(app.extensions["config"])


@pytest.mark.parametrize("path", ["/v1", "/v1/"])
def test_an_address_may_end_with_the_version(
    settings: dict[str, str], model: Model, request: pytest.FixtureRequest, path: str
) -> None:
    settings["OPENAI_BASE_URL"] = model.url + path
    del settings["OPENAI_API_KEY"]
    model.says(week())
    ask(request.getfixturevalue("api"))
    request.getfixturevalue("run_jobs")()
    assert [(path, headers.get("Authorization")) for path, headers, _ in model.heard] == [
        ("/v1/chat/completions", None)
    ]


def test_who_does_not_want_the_model_is_not_sent_to_it(
    api: Program, ada: Browser, model: Model, run_jobs: RunJobs
) -> None:
    asked = ask_for_one(api)
    form = ada.get("/plan/new").get_data(as_text=True)
    assert re.findall(r'<input[^>]*name="asks_model"[^>]*>', form) == [
        '<input id="asks_model" name="asks_model" type="checkbox" value="y">'
    ]
    unticked = ada.post("/plan/", FORM).headers["Location"].removeprefix("/plan/")
    run_jobs()
    for plan_id in (asked["id"], unticked):
        told = look(api, plan_id)
        assert (told["made_by"], told["message"]) == ("rules", None)
    assert model.heard == []


def test_whom_a_doctor_sees_first_is_not_told_of_to_the_model(api: Program, model: Model, run_jobs: RunJobs) -> None:
    ask(api, red_flags=["fainting"])
    ask(api, age=17)
    run_jobs()
    assert model.heard == []


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (exercise(exercise="squat"), BEYOND_LIMITS),
        (cardio(main_min=36), BEYOND_LIMITS),
        (cardio(main_min=10**9), UNREADABLE),
        (cardio(main_min=-30), UNREADABLE),
        (json.dumps(week()).replace("20", "NaN"), UNREADABLE),
        ("Here is your plan: run a lot.", UNREADABLE),
        (b"<html><title>Sign in</title></html>", UNREADABLE),
        (b'{"choices": [', UNREADABLE),
        (b" " * (1024 * 1024 + 1), UNREADABLE),
    ],
    ids=lambda one: str(one)[:40],
)
def test_an_answer_that_is_no_good_plan_gives_way_to_the_rules(
    api: Program, ada: Browser, model: Model, run_jobs: RunJobs, answer: Any, sentence: str
) -> None:
    if isinstance(answer, bytes):
        model.body = answer
    else:
        model.says(answer)
    asked = ask(api, **WITH_KNEES)
    run_jobs()
    told = look(api, asked["id"])
    assert (told["state"], told["made_by"], told["message"]) == ("ready", "rules", sentence)
    assert [one["day"] for one in told["plan"]["sessions"]] == [0, 3, 5]
    assert len(model.heard) == 1
    assert job_of(api, asked)["state"] == "succeeded"
    assert sentence in text_of(ada.get(f"/plan/{asked['id']}"))


def test_trying_again_asks_the_model_once_more_about_the_same_answers(
    api: Program, ada: Browser, model: Model, run_jobs: RunJobs
) -> None:
    model.says("no")
    asked = ask(api, **WITH_KNEES)
    run_jobs()
    model.says(week())
    assert f'action="/plan/{asked["id"]}/repeat"' in ada.get("/plan/").text
    again = ada.post(f"/plan/{asked['id']}/repeat").headers["Location"].removeprefix("/plan/")
    run_jobs()
    told = look(api, again)
    assert (told["made_by"], told["answers"]) == ("model", look(api, asked["id"])["answers"])
    assert "/repeat" not in ada.get(f"/plan/{again}").text


@pytest.mark.parametrize("status", [500, 503, 429, 408])
def test_a_failure_that_passes_is_tried_again(
    api: Program, model: Model, tries: Callable[[int], None], status: int
) -> None:
    model.status = status
    asked = ask(api, **WITH_KNEES)
    tries(1)
    assert look(api, asked["id"])["state"] == "waiting"
    model.status = 200
    model.says(week())
    tries(1)
    assert look(api, asked["id"])["made_by"] == "model"
    assert {headers["Idempotency-Key"] for _, headers, _ in model.heard} == {f"{asked['job_id']}:ask the model"}


def test_after_the_last_try_the_rules_make_the_plan(
    api: Program, ada: Browser, model: Model, tries: Callable[[int], None]
) -> None:
    model.status, model.body = 500, b"Traceback"
    asked = ask(api)
    tries(6)
    told = look(api, asked["id"])
    assert (told["state"], told["made_by"], told["message"]) == ("ready", "rules", services.NO_MODEL)
    job = job_of(api, asked)
    assert (job["state"], job["error"]["message"]) == ("dead", "The model at 127.0.0.1 answered 500.")
    assert len(model.heard) == 4
    assert "Try again" in text_of(ada.get(f"/plan/{asked['id']}"))


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 418])
def test_what_will_never_be_answered_is_asked_once(
    api: Program, model: Model, tries: Callable[[int], None], status: int
) -> None:
    model.status, model.headers = status, {"Location": f"{model.url}/elsewhere"}
    asked = ask(api)
    tries(2)
    assert [path for path, *_ in model.heard] == ["/v1/chat/completions"]
    assert look(api, asked["id"])["message"] == services.NO_MODEL
    assert job_of(api, asked)["error"]["message"] == f"The model at 127.0.0.1 answered {status}."


def test_a_model_that_breaks_off_hangs_or_is_away_is_tried_again(
    api: Program, model: Model, tries: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failed() -> str:
        tries(1)
        assert look(api, asked["id"])["state"] == "waiting"
        return str(job_of(api, asked)["error"]["message"])

    model.headers, model.body = {"Content-Length": "100"}, b"{"
    asked = ask(api)
    assert failed() == "127.0.0.1 did not answer: IncompleteRead(1 bytes read, 99 more expected)"
    model.headers, model.hangs = {}, True
    monkeypatch.setattr(services, "DEADLINE_S", 0.2)
    assert failed() == "127.0.0.1 did not answer: timed out"
    monkeypatch.setattr(services, "DEADLINE_S", 10)
    model.hangs = False
    model.says(week(sessions=week()["sessions"][:1]))
    tries(1)
    assert look(api, asked["id"])["made_by"] == "model"


@pytest.mark.parametrize(
    ("said", "wait_s"),
    [("7", 7), ("0", 1), ("99999999999", 900), ("soon", None), ("-5", None), ("٣", None), ("", None)],
)
def test_how_long_the_model_wants_to_be_left_alone_is_kept_to(
    api: Program, model: Model, run_jobs: RunJobs, said: str, wait_s: int | None
) -> None:
    model.status, model.headers = 429, {"Retry-After": said} if said.isascii() else {}
    asked = ask(api)
    run_jobs()
    job = job_of(api, asked)
    assert job["state"] == "scheduled"
    if wait_s is None:
        assert services._wait_s(said) is None
    else:
        assert services._wait_s(said) == wait_s
        assert waited_s(job) == pytest.approx(wait_s, abs=2)


def test_a_moment_to_come_back_at_is_kept_to(frozen_clock: Clock) -> None:
    at = frozen_clock.now.astimezone(UTC)
    assert services._wait_s(format_datetime(at + timedelta(seconds=40), usegmt=True)) == 40
    assert services._wait_s(format_datetime(at - timedelta(hours=1), usegmt=True)) == 1
    assert services._wait_s(format_datetime(at + timedelta(days=9), usegmt=True)) == 900


def waited_s(job: dict[str, Any]) -> float:
    return (datetime.fromisoformat(job["run_at"]) - datetime.fromisoformat(job["created_at"])).total_seconds()


def test_a_job_that_is_cancelled_leaves_a_plan_by_rule_that_says_so(app: Flask, api: Program) -> None:
    asked = ask(api)
    with app.app_context():
        engine_of(app).cancel(asked["job_id"], by="ops")
    assert look(api, asked["id"])["message"] == services.NO_MODEL


def test_the_page_of_the_questions_says_where_they_go(ada: Browser) -> None:
    text = text_of(ada.get("/plan/new"))
    assert "It gets these answers, and nothing that says who you are." in text


def test_a_job_that_is_interrupted_after_the_answer_does_not_ask_again(
    app: Flask, api: Program, model: Model, tries: Callable[[int], None]
) -> None:
    model.says(week())
    asked = ask(api, **WITH_KNEES)
    failures = ["The disk was away."]

    def fail(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("UPDATE workout_plan") and failures:
            raise RuntimeError(failures.pop())

    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", fail)
    tries(1)
    assert (look(api, asked["id"])["state"], failures, len(model.heard)) == ("waiting", [], 1)
    tries(1)
    assert (look(api, asked["id"])["made_by"], len(model.heard)) == ("model", 1)
