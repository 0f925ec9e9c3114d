"""What a model is asked, and which of its answers become a plan."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.plans.answers import Limit
from app.plans.asking import BEYOND_LIMITS, UNREADABLE, Unusable, plan_in, question
from app.plans.week import Intensity, Plan
from tests.app.plans.people import lifter, somebody

ADA = somebody(limits=frozenset({Limit.KNEE}))


def week(**changes: Any) -> dict[str, Any]:
    """A plan as a model would write it for Ada."""
    strength = {
        "day": 1,
        "type": "strength",
        "warmup_min": 6,
        "cooldown_min": 5,
        "exercises": [{"exercise": "sit_to_stand", "sets": 3, "reps": [8, 12], "rest_s": 60}],
    }
    cardio = {
        "day": 5,
        "type": "cardio",
        "warmup_min": 5,
        "main_min": 30,
        "cooldown_min": 5,
        "intensity": "moderate",
    }
    return {"words": "Knees first.", "sessions": [cardio, strength], "walk_extra_min": 20} | changes


def exercise(**changes: Any) -> dict[str, Any]:
    strength = dict(week()["sessions"][1])
    return week(sessions=[strength | {"exercises": [strength["exercises"][0] | changes]}])


def cardio(**changes: Any) -> dict[str, Any]:
    return week(sessions=[week()["sessions"][0] | changes])


def body(content: Any) -> bytes:
    text = content if isinstance(content, str) else json.dumps(content)
    return json.dumps({"choices": [{"message": {"content": text}}]}).encode()


def test_a_good_answer_becomes_a_plan_with_pulse_and_effort_of_ours() -> None:
    plan = plan_in(body(week()), ADA)
    first, second = plan.sessions
    assert (first.day, first.main_min, [one.exercise for one in first.exercises]) == (1, 5.0, ["sit_to_stand"])
    assert (first.exercises[0].pattern, first.exercises[0].pct_1rm) == ("squat", None)
    assert (second.day, second.intensity, second.hr, second.rpe) == (5, Intensity.MODERATE, (111, 133), (5, 6))
    assert (plan.words, plan.walk_extra_min, plan.aerobic_target_min_eq) == ("Knees first.", 20, 60)
    assert Plan.read(json.loads(json.dumps(plan.written()))) == plan


def test_the_words_come_in_one_line_and_have_an_end() -> None:
    assert plan_in(body(week(words="a\n b" + "c" * 400)), ADA).words == "a b" + "c" * 297
    without = week()
    del without["words"]
    assert plan_in(body(without), ADA).words == ""


BAD = [
    *("", "no JSON", "[]", "null", "{}", '{"sessions": [], "walk_extra_min": 0}', "```json\n{}\n```"),
    json.dumps(week()).replace("20", "NaN"),
    json.dumps(week()).replace("20", "1e999"),
    *(week(sessions={}), week(sessions=[None]), week(sessions=["x"]), week(sessions=week()["sessions"] * 4)),
    *(week(walk_extra_min=None), week(walk_extra_min=-1), week(walk_extra_min=True), week(walk_extra_min="20")),
    *(week(walk_extra_min=10**9), week(walk_extra_min=20.0), week(words=7), week(words="\x00"), week(words="\u202e")),
    *(exercise(exercise="swimming"), exercise(exercise=None), exercise(exercise=["squat"]), exercise(sets=0)),
    *(exercise(sets="3"), exercise(reps=[12, 8]), exercise(reps=[8]), exercise(reps="8-12"), exercise(rest_s=-1)),
    *(exercise(reps=[8, 10**9]), exercise(sets=10**9), cardio(intensity="brutal"), cardio(intensity=None)),
    *(cardio(type="diet"), cardio(type=None), cardio(day=7), cardio(day="Monday"), cardio(warmup_min=0)),
    *(cardio(main_min=None), cardio(main_min=-30), cardio(main_min=10**9), cardio(day=float(5))),
]


@pytest.mark.parametrize("content", BAD, ids=lambda one: str(one)[:60])
def test_what_cannot_be_read_is_refused(content: Any) -> None:
    with pytest.raises(Unusable) as refusal:
        plan_in(body(content), ADA)
    assert str(refusal.value) == UNREADABLE


@pytest.mark.parametrize(
    "whole",
    [
        *(
            b"",
            b"<html>sign in</html>",
            b"\xff\xfe",
            b"[]",
            b"{}",
            b'{"choices": []}',
            b'{"choices": [{"message": null}]}',
        ),
        *(b'{"choices": "x"}', b'{"choices": [{"message": {"content": null}}]}', b"[" * 1000),
    ],
)
def test_an_answer_of_another_form_is_refused(whole: bytes) -> None:
    with pytest.raises(Unusable) as refusal:
        plan_in(whole, ADA)
    assert str(refusal.value) == UNREADABLE


@pytest.mark.parametrize(
    "content",
    [
        *(
            exercise(exercise="squat"),
            exercise(exercise="pull_up"),
            exercise(reps=[3, 5]),
            exercise(sets=6, reps=[20, 30], rest_s=300),
        ),
        *(cardio(main_min=36), cardio(intensity="vigorous"), week(walk_extra_min=31)),
        week(sessions=[week()["sessions"][1] | {"day": day} for day in (0, 1)]),
        week(sessions=[week()["sessions"][1] | {"day": day} for day in range(7)]),
    ],
    ids=lambda one: str(one)[:80],
)
def test_a_plan_beyond_the_limits_is_refused(content: Any) -> None:
    with pytest.raises(Unusable) as refusal:
        plan_in(body(content), ADA)
    assert str(refusal.value) == BEYOND_LIMITS


def test_the_question_says_what_was_answered_and_what_is_allowed() -> None:
    asked = json.loads(question(ADA, model="small"))
    assert (asked["model"], asked["response_format"]) == ("small", {"type": "json_object"})
    assert [one["role"] for one in asked["messages"]] == ["system", "user"]
    told = json.loads(asked["messages"][1]["content"])
    assert told["answers"] == {
        "goal": "general",
        "level": "novice",
        "days": 3,
        "minutes": 45,
        "age": 40,
        "equipment": [],
        "limits": ["knee"],
        "resting_hr": 65,
        "weekly_min": 0,
    }
    assert told["limits"] == {
        "minutes_of_a_session": 45,
        "minutes_of_a_session_between_warming_up_and_cooling_down": 35,
        "sessions": 3,
        "days_of_strength_at_most": 3,
        "minutes_of_endurance_at_most": 60,
        "may_be_vigorous": False,
        "repetitions_at_least": 8,
        "minutes_of_balance_in_each_session": 0,
        "days_of_rest_at_least": 1,
        "strength_on_two_days_in_a_row": False,
    }
    assert ("sit_to_stand" in told["exercises"], "squat" in told["exercises"]) == (True, False)
    may = json.loads(json.loads(question(lifter(), model="x"))["messages"][1]["content"])["limits"]
    assert (may["may_be_vigorous"], may["repetitions_at_least"], may["strength_on_two_days_in_a_row"]) == (
        True,
        1,
        True,
    )
