"""Plans on the page and by the API: asked for, waited for, read and deleted, and nobody else's business."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, select

from app.accounts.models import User
from app.db import reading, transaction
from app.plans import services
from app.plans.answers import FOR_DOCTORS, FOR_THE_YOUNG, NEEDS_LONGER
from app.plans.models import WorkoutPlan
from app.plans.rules import plan_for
from jobs import engine_of
from tests.app.activities.conftest import Program, program_of
from tests.app.conftest import Browser, Clock, errors_of, text_of
from tests.app.plans.people import somebody

RunJobs = Callable[[], None]
ANSWERS: dict[str, Any] = {"goal": "general", "level": "novice", "days": 3, "minutes": 45, "age": 40, "resting_hr": 65}
FORM = {name: str(value) for name, value in ANSWERS.items()}


def ask(program: Program, **changes: Any) -> dict[str, Any]:
    """What is told of a plan that is asked for."""
    answer = program("POST", "/api/v1/plans", json=ANSWERS | changes)
    assert answer.status_code == 201, answer.json
    found: dict[str, Any] = answer.json or {}
    assert answer.headers["Location"] == f"/api/v1/plans/{found['id']}"
    return found


def look(program: Program, plan_id: int) -> dict[str, Any]:
    """What is told of a plan."""
    found: dict[str, Any] = program("GET", f"/api/v1/plans/{plan_id}").json or {}
    return found


def wrong(answer: Any) -> list[tuple[str, str]]:
    return [(one["field"], one["message"]) for one in answer.json["errors"]]


def test_a_plan_is_asked_for_made_in_the_background_and_told(api: Program, run_jobs: RunJobs) -> None:
    asked = ask(api)
    assert (asked["state"], asked["plan"], asked["made_by"], asked["message"]) == ("waiting", None, None, None)
    job = api("GET", f"/api/v1/jobs/{asked['job_id']}").json
    assert job is not None
    assert (job["kind"], job["queue"], job["state"]) == ("plans.make_workout_plan", "ai", "ready")
    run_jobs()
    told = look(api, asked["id"])
    assert (told["state"], told["made_by"], told["message"]) == ("ready", "rules", None)
    assert told["answers"] == ANSWERS | {"weekly_min": 0, "equipment": [], "limits": [], "red_flags": []}
    plan = told["plan"]
    assert (plan["rest_days"], plan["aerobic_target_min_eq"], plan["walk_extra_min"]) == ([1, 2, 4, 6], 60, 25)
    assert (plan["weeks"], plan["deload_week"], plan["words"]) == (4, 4, "")
    assert [(one["day"], one["type"], one["main_min"], one["hr"]) for one in plan["sessions"]] == [
        (0, "strength", 34.7, None),
        (3, "strength", 34.7, None),
        (5, "cardio", 35, [111, 133]),
    ]
    assert plan["sessions"][0]["exercises"][0] == {
        "exercise": "squat",
        "pattern": "squat",
        "sets": 2,
        "reps": [8, 12],
        "rest_s": 90,
        "pct_1rm": None,
        "name": "Squat",
        "easier": "Less deep, holding a chair",
        "deload_sets": 1,
    }
    job = api("GET", f"/api/v1/jobs/{asked['job_id']}/result").json
    assert job is not None
    assert job["result"] == {"plan_id": told["id"], "made_by": "rules"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"red_flags": ["chest_pain"]}, FOR_DOCTORS),
        ({"age": 17}, FOR_THE_YOUNG),
    ],
)
def test_whom_a_doctor_sees_first_gets_no_plan_and_no_job(
    api: Program, ada: Browser, run_jobs: RunJobs, changes: dict[str, Any], message: str
) -> None:
    asked = ask(api, **changes)
    assert (asked["state"], asked["plan"], asked["job_id"], asked["message"]) == (
        *("clearance_needed", None, None),
        message,
    )
    run_jobs()
    assert look(api, asked["id"])["state"] == "clearance_needed"
    page = ada.get(f"/plan/{asked['id']}")
    assert message in text_of(page)
    assert ("hx-trigger" in page.text, "plan-week" in page.text) == (False, False)
    assert "See a doctor first" in text_of(ada.get("/plan/"))


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"goal": "fun"}, "goal", "Choose one of: general, weight_loss, endurance, strength, hypertrophy."),
        ({"goal": None}, "goal", "Field may not be null."),
        ({"level": 1}, "level", "Choose one of: novice, intermediate, advanced."),
        *(({"days": one}, "days", "Give a whole number from 1 to 6.") for one in (0, 7, "3", 3.5, True, 10**20)),
        ({"minutes": 14}, "minutes", "Give a whole number from 15 to 90."),
        ({"minutes": 15, "age": 65}, "minutes", NEEDS_LONGER),
        ({"age": 101}, "age", "Give a whole number from 1 to 100."),
        ({"resting_hr": 29}, "resting_hr", "Give a whole number from 30 to 110."),
        ({"weekly_min": -1}, "weekly_min", "Give a whole number from 0 to 2000."),
        ({"equipment": ["sofa"]}, "equipment", "Give a list of: dumbbells, barbell, bar, bands."),
        ({"equipment": "bar"}, "equipment", "Give a list of: dumbbells, barbell, bar, bands."),
        ({"limits": [["knee"]]}, "limits", "Give a list of: knee, back, shoulder, wrist, pregnancy, hypertension."),
        ({"red_flags": [None]}, "red_flags", "Give a list of: chest_pain, fainting, illness, acute_injury."),
        ({"ask_model": "yes"}, "ask_model", "Say true or false."),
        ({"name": "Ada"}, "name", "Unknown field."),
    ],
)
def test_wrong_answers_name_their_field(api: Program, changes: dict[str, Any], field: str, sentence: str) -> None:
    answer = api("POST", "/api/v1/plans", json=ANSWERS | changes)
    assert (answer.status_code, wrong(answer)) == (422, [(field, sentence)])
    assert api("GET", "/api/v1/plans").json == {"plans": [], "next": None}


def test_a_plan_that_is_sent_again_under_its_key_is_one(api: Program) -> None:
    def send(**changes: Any) -> Any:
        return api("POST", "/api/v1/plans", json=ANSWERS | changes, headers={"Idempotency-Key": "monday"})

    first, again = send(equipment=["bar", "bands"]), send(equipment=["bands", "bar"])
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json == first.json
    assert send(days=4).status_code == 422
    api("DELETE", f"/api/v1/plans/{first.json['id']}")
    assert send(equipment=["bar", "bands"]).status_code == 410


def test_plans_are_listed_the_newest_first_by_pages(api: Program, cleos_api: Program) -> None:
    first, second, third = (ask(api, days=days)["id"] for days in (1, 2, 3))
    ask(cleos_api)

    def ids(query: str) -> tuple[list[int], int | None]:
        found = api("GET", f"/api/v1/plans?{query}").json or {}
        return [one["id"] for one in found["plans"]], found["next"]

    assert ids("") == ([third, second, first], None)
    assert ids("limit=2") == ([third, second], second)
    assert ids(f"limit=2&next={second}") == ([first], None)
    refused = [api("GET", f"/api/v1/plans?{one}").status_code for one in ("limit=0", "limit=101", "next=x", "a=1")]
    assert refused == [422] * 4


def test_minutes_that_are_not_told_are_those_that_were_logged(
    api: Program, log: Callable[..., int], ada_id: int, frozen_clock: Clock
) -> None:
    for days in (0, 1, 27, 28):
        log(ada_id, started_at=frozen_clock.now - timedelta(days=days + 1), duration=timedelta(hours=6))
    log(ada_id, started_at=frozen_clock.now - timedelta(minutes=300), duration=timedelta(hours=4))
    assert ask(api)["answers"]["weekly_min"] == 3 * 6 * 60 // 4
    assert ask(api, weekly_min=7)["answers"]["weekly_min"] == 7


def test_nobody_sees_the_plan_of_another_person(api: Program, cleos_api: Program, cleo: Browser, ada: Browser) -> None:
    plan_id = ask(api)["id"]
    address = f"/api/v1/plans/{plan_id}"
    assert [cleos_api(method, address).status_code for method in ("GET", "DELETE")] == [404, 404]
    assert cleo.get(f"/plan/{plan_id}").status_code == 404
    assert [cleo.post(f"/plan/{plan_id}/{what}").status_code for what in ("repeat", "deletion")] == [404, 404]
    assert ("Your plans" in text_of(cleo.get("/plan/")), "Your plans" in text_of(ada.get("/plan/"))) == (False, True)
    assert (api("GET", address).status_code, ada.get(f"/plan/{plan_id}").status_code) == (200, 200)
    assert [api("GET", f"/api/v1/plans/{one}").status_code for one in (0, plan_id + 1, 2**31, 10**30)] == [404] * 4


def test_a_program_that_may_only_read_asks_for_none(app: Flask, api: Program, ada_id: int) -> None:
    from_afar = program_of(app, ada_id, "read")
    assert from_afar("POST", "/api/v1/plans", json=ANSWERS).status_code == 403
    assert from_afar("GET", "/api/v1/plans").json == {"plans": [], "next": None}


def test_a_plan_is_deleted_with_the_answers_and_its_job_gives_up(app: Flask, api: Program, run_jobs: RunJobs) -> None:
    asked = ask(api)
    assert api("DELETE", f"/api/v1/plans/{asked['id']}").status_code == 204
    run_jobs()
    job = api("GET", f"/api/v1/jobs/{asked['job_id']}").json
    assert job is not None
    assert (job["state"], job["error"]["message"]) == ("dead", "The plan was deleted before it was made.")
    with app.app_context():
        assert reading().scalars(select(WorkoutPlan.id)).all() == []


def test_who_is_deleted_takes_their_plans_along(app: Flask, api: Program, cleos_api: Program, ada_id: int) -> None:
    ask(api)
    kept = ask(cleos_api)["id"]
    with app.app_context():
        with transaction() as session:
            session.execute(delete(User).where(User.id == ada_id))
        assert reading().scalars(select(WorkoutPlan.id)).all() == [kept]


def test_a_plan_whose_job_is_cancelled_is_made_by_rule(app: Flask, api: Program) -> None:
    asked = ask(api)
    with app.app_context():
        engine_of(app).cancel(asked["job_id"], by="ops")
    told = look(api, asked["id"])
    assert (told["state"], told["made_by"], told["message"]) == ("ready", "rules", None)


def test_made_twice_it_stays_as_it_is(app: Flask, api: Program, run_jobs: RunJobs, frozen_clock: Clock) -> None:
    asked = ask(api)
    run_jobs()
    told = look(api, asked["id"])
    frozen_clock.forward(timedelta(minutes=1))
    with app.app_context():
        services.could_not_make(asked["id"], reason="It was cancelled.")
        again = services.make_workout_plan(asked["id"], once=lambda _name, act: act("key"))
    assert again == {"plan_id": asked["id"], "made_by": "rules"}
    assert look(api, asked["id"]) == told


@pytest.fixture
def settings(settings: dict[str, str]) -> dict[str, str]:
    return settings | {"PLANS_PER_DAY": "3"}


def test_there_is_an_end_to_the_plans_of_a_day(api: Program, cleos_api: Program, ada: Browser) -> None:
    for _ in range(3):
        ask(api)
    refused = api("POST", "/api/v1/plans", json=ANSWERS)
    assert (refused.status_code, int(refused.headers["Retry-After"]) > 3600) == (429, True)
    assert ada.post("/plan/", FORM).status_code == 429
    ask(cleos_api)


def test_the_page_of_who_has_no_plan_leads_to_the_questions(ada: Browser) -> None:
    page = ada.get("/plan/")
    assert page.status_code == 200
    assert "A week of workouts for you appears here" in text_of(page)
    assert 'href="/plan/new"' in page.text
    assert ada.get("/plan/new", headers={"HX-Request": "true"}).text.startswith("<form")
    form = ada.get("/plan/new")
    assert "This is no medical advice" in text_of(form)
    assert "Ask the model" not in text_of(form)


def test_a_plan_is_made_on_the_page_without_a_script(ada: Browser, run_jobs: RunJobs) -> None:
    made = ada.post("/plan/", FORM | {"limits": "knee"})
    assert made.status_code == 303
    address = made.headers["Location"]
    waiting = ada.get(address)
    assert "Being made" in text_of(waiting)
    assert f'hx-get="{address}"' in waiting.text
    assert "Refresh status" in waiting.text
    run_jobs()
    text = text_of(ada.get(address))
    assert "General fitness, 3 days a week" in text
    assert "made by our rules" in text
    week = re.findall(r"Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday", text)
    assert week == ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
    assert "Monday Strength 45 min Warm up, 5 min Sit-to-stand from a chair : 2 × 8–12, rest 90 s" in text
    assert "Tuesday Rest Wednesday Rest" in text
    assert "Endurance 45 min Warm up, 5 min 35 min of what you like, moderate" in text
    assert "111–133 heartbeats a minute, 5–6 of 10 Cool down, 5 min" in text
    assert "Walk 25 minutes more" in text
    assert "Stop at once at pain in the chest, dizziness or unusual breathlessness" in text
    assert "60 kg 62.5 kg 62.5 kg" in text
    assert "20 kg repetitions repetitions" in text
    assert "140 kg 142.5 kg 145 kg" in text
    assert "hx-get=" not in ada.get(address).text.split('aria-label="Plan"')[1].split("</section>")[0]


def test_percent_are_explained_where_there_are_some(ada: Browser, run_jobs: RunJobs) -> None:
    with_weights = ada.post("/plan/", FORM | {"equipment": "dumbbells"}).headers["Location"]
    without = ada.post("/plan/", FORM).headers["Location"]
    run_jobs()
    text = text_of(ada.get(with_weights))
    assert "Goblet squat : 2 × 8–12 at 60–70 %, rest 90 s Easier: Without the weight" in text
    assert "Percent are of the weight that you can lift once." in text
    assert "%" not in text_of(ada.get(without))


def test_the_region_looks_again_until_the_plan_is_there_and_says_so(ada: Browser, run_jobs: RunJobs) -> None:
    address = ada.post("/plan/", FORM).headers["Location"]
    htmx = {"HX-Request": "true", "HX-Request-Type": "partial"}
    first = ada.get(address, headers=htmx)
    tag = first.headers["HX-PTag"]
    assert first.text.startswith("<section")
    assert ada.get(address, headers=htmx | {"HX-PTag": tag}).status_code == 304
    run_jobs()
    ready = ada.get(address, headers=htmx | {"HX-PTag": tag})
    assert (ready.status_code, "hx-trigger" in ready.text) == (200, False)
    assert ready.headers["HX-Trigger"] == '{"announce": {"text": "Your plan is ready."}}'
    assert "HX-Trigger" not in ada.get(address, headers=htmx | {"HX-PTag": ready.headers["HX-PTag"]}).headers


def test_a_long_wait_is_said(ada: Browser, frozen_clock: Clock) -> None:
    address = ada.post("/plan/", FORM).headers["Location"]
    assert ("Taking longer" in ada.get(address).text, "every 500ms" in ada.get(address).text) == (False, True)
    frozen_clock.forward(timedelta(minutes=10))
    assert ("Taking longer" in ada.get(address).text, "every 60000ms" in ada.get(address).text) == (True, True)


def test_by_htmx_the_browser_is_sent_to_the_plan(ada: Browser) -> None:
    sent = ada.part("/plan/", FORM)
    assert (sent.status_code, re.fullmatch(r"/plan/\d+", sent.headers["HX-Redirect"]) is not None) == (204, True)


def test_wrong_answers_on_the_page_are_kept_and_explained(ada: Browser) -> None:
    wrong = ada.post("/plan/", FORM | {"days": "8", "minutes": "x", "age": "", "goal": "fun", "limits": "nose"})
    assert wrong.status_code == 422
    assert errors_of(wrong) == [
        "Choose one of them.",
        "Enter a whole number from 1 to 6.",
        "Enter a whole number from 15 to 90.",
        "Enter your age.",
        "Choose from the list.",
    ]
    assert 'value="x"' in wrong.text
    assert "5 things need another look." in text_of(wrong)
    assert ada.part("/plan/", {}).text.startswith("<form")
    older = ada.post("/plan/", FORM | {"minutes": "15", "age": "70"})
    assert (older.status_code, errors_of(older)) == (422, [NEEDS_LONGER])
    assert ada.get("/plan/").text.count("Your plans") == 0


def test_questions_are_asked_once(ada: Browser, log: Callable[..., int], ada_id: int, frozen_clock: Clock) -> None:
    log(ada_id, started_at=frozen_clock.now - timedelta(days=2), duration=timedelta(hours=4))
    first = ada.get("/plan/new").text
    assert re.search(r'<input[^>]*name="weekly_min"[^>]*value="60"', first)
    ada.post("/plan/", FORM | {"goal": "strength", "days": "5", "equipment": ["bar", "bands"], "resting_hr": ""})
    form = ada.get("/plan/new").text
    assert re.findall(r'value="(\w+)" checked|checked[^>]* value="(\w+)"', form) == [
        *([("", "strength")]),
        *([("bar", ""), ("bands", "")]),
    ]
    assert re.search(r'<option selected value="5">', form)
    assert re.search(r'<input[^>]*name="age"[^>]*value="40"', form)
    assert re.search(r'<input[^>]*name="resting_hr"[^>]*value=""', form)


def test_earlier_plans_stay_and_can_be_deleted(ada: Browser, run_jobs: RunJobs) -> None:
    first = ada.post("/plan/", FORM).headers["Location"]
    second = ada.post("/plan/", FORM | {"goal": "endurance"}).headers["Location"]
    run_jobs()
    page = ada.get("/plan/").text
    assert re.findall(r'<a href="(/plan/\d+)">', page) == [second, first]
    assert f'id="plan-{second.removeprefix("/plan/")}"' in page
    assert ada.get("/plan/", headers={"HX-Request": "true"}).text.startswith("<section")
    assert ada.post(f"{second}/deletion").headers["Location"] == "/plan/"
    page = ada.get("/plan/")
    assert "The plan and what you answered are deleted." in text_of(page)
    assert re.findall(r'<a href="(/plan/\d+)">', page.text) == [first]


def test_older_plans_are_on_the_next_page(app: Flask, ada: Browser, ada_id: int) -> None:
    with app.app_context(), transaction() as session:
        week = plan_for(somebody())
        session.add_all(
            WorkoutPlan(
                user_id=ada_id,
                state="ready",
                given=somebody().written(),
                asks_model=False,
                made=week.written(),
                made_by="rules",
                created_at=services.now(),
            )
            for _ in range(22)
        )
    page = ada.get("/plan/").text
    newest = [int(one) for one in re.findall(r'<a href="/plan/(\d+)">', page)]
    assert len(newest) == 20
    assert f'href="/plan/?after={newest[-1]}"' in page
    older = ada.get(f"/plan/?after={newest[-1]}").text
    assert [int(one) for one in re.findall(r'<a href="/plan/(\d+)">', older)] == [newest[-1] - 1, newest[-1] - 2]
    assert ("plan-week" in page, "plan-week" in older) == (True, False)
    assert ada.get("/plan/?after=x").status_code == 200


def test_a_guest_and_a_stranger(browser: Callable[[], Browser], stranger: Browser) -> None:
    assert stranger.get("/plan/").status_code == 303
    guest = browser()
    guest.get("/")
    assert guest.post("/guest", {"zone": "Europe/Berlin"}).status_code == 303
    assert guest.post("/plan/", FORM).status_code == 303
