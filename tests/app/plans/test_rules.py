"""The plans that were worked out by hand, to the figure, and what holds for all of them."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest

from app.plans.answers import Answers, Equipment, Goal, Level, Limit, RedFlag, why_no_plan
from app.plans.checking import violations
from app.plans.rules import plan_for
from app.plans.strength import days_of_strength
from app.plans.week import Intensity, Plan, Session, Sort
from tests.app.plans.people import grid, lifter, somebody

BODY = ["squat", "push_up", "bridge", "towel_row", "arm_raise", "prone_arm_lift", "reverse_lunge", "dead_bug"]


def strength_of(plan: Plan) -> list[Session]:
    return [one for one in plan.sessions if one.type is Sort.STRENGTH]


def cardio_of(plan: Plan) -> list[Session]:
    return [one for one in plan.sessions if one.type is Sort.CARDIO]


def moves_in(session: Session) -> list[str]:
    return [one.exercise for one in session.exercises]


def test_p1_somebody_who_begins() -> None:
    plan = plan_for(somebody())
    monday, thursday, saturday = plan.sessions
    assert [(one.day, one.type.value) for one in plan.sessions] == [(0, "strength"), (3, "strength"), (5, "cardio")]
    assert moves_in(monday) == moves_in(thursday) == BODY
    assert {(one.sets, one.reps, one.rest_s, one.lasts_s // one.sets) for one in monday.exercises} == {
        (2, (8, 12), 90, 130)
    }
    assert (monday.warmup_min, monday.main_min, monday.cooldown_min) == (5, 34.7, 5)
    assert (saturday.main_min, saturday.hr, saturday.intensity) == (35, (111, 133), Intensity.MODERATE)
    assert (plan.aerobic_target_min_eq, plan.walk_extra_min, plan.rest_days) == (60, 25, (1, 2, 4, 6))
    assert (plan.weeks, plan.deload_week, [one.deload_sets for one in monday.exercises]) == (4, 4, [1] * 8)


def test_p2_somebody_who_lifts() -> None:
    plan = plan_for(lifter())
    assert [one.day for one in plan.sessions] == [0, 1, 3, 4]
    lower, upper = moves_in(plan.sessions[0]), moves_in(plan.sessions[1])
    assert lower == moves_in(plan.sessions[2]) == ["barbell_squat", "deadlift", "reverse_lunge", "hanging_knee_raise"]
    assert upper == moves_in(plan.sessions[3]) == ["bench_press", "barbell_row", "overhead_press", "pull_up"]
    assert [[one.sets for one in session.exercises] for session in plan.sessions] == [[4, 4, 3, 3]] * 4
    assert {(one.reps, one.lasts_s // one.sets) for session in plan.sessions for one in session.exercises} == {
        ((5, 8), 206)
    }
    assert {session.main_min for session in plan.sessions} == {48.1}
    assert (plan.aerobic_target_min_eq, plan.walk_extra_min) == (90, 90)
    assert [one.deload_sets for one in plan.sessions[0].exercises] == [2, 2, 2, 2]
    assert [one.pct_1rm for one in plan.sessions[0].exercises] == [(75, 85), (75, 85), None, None]


def test_p3_somebody_older_with_knees() -> None:
    plan = plan_for(somebody(age=68, minutes=30, resting_hr=70, limits=frozenset({Limit.KNEE})))
    first, second = strength_of(plan)
    assert moves_in(first) == moves_in(second) == ["sit_to_stand", "push_up", "bridge"]
    assert {(one.sets, one.reps, one.lasts_s // one.sets) for one in first.exercises} == {(2, (10, 15), 140)}
    (cardio,) = cardio_of(plan)
    assert (cardio.main_min, cardio.hr) == (15, (106, 123))
    assert [one.balance_min for one in plan.sessions] == [5, 5, 5]
    assert (plan.aerobic_target_min_eq, plan.walk_extra_min) == (60, 45)


def test_p4_somebody_who_loses_weight() -> None:
    answers = somebody(
        goal=Goal.WEIGHT_LOSS,
        days=5,
        minutes=40,
        age=35,
        resting_hr=72,
        weekly_min=80,
        equipment=frozenset({Equipment.DUMBBELLS}),
    )
    plan = plan_for(answers)
    assert len(strength_of(plan)) == 2
    assert [(one.main_min, one.hr) for one in cardio_of(plan)] == [(29, (117, 138))] * 3
    assert (plan.aerobic_target_min_eq, plan.walk_extra_min) == (88, 0)


def test_p5_somebody_who_wants_too_much() -> None:
    plan = plan_for(somebody(goal=Goal.STRENGTH, days=6, minutes=60, resting_hr=None))
    assert [one.day for one in strength_of(plan)] == [0, 2, 4]
    assert [(one.day, one.main_min, one.hr, one.rpe) for one in cardio_of(plan)] == [
        (day, 20, None, (5, 6)) for day in (1, 3, 5)
    ]
    assert plan.rest_days == (6,)


def test_who_trains_endurance_and_may_goes_hard_every_second_time() -> None:
    plan = plan_for(lifter(goal=Goal.ENDURANCE, days=5))
    hard = [one for one in cardio_of(plan) if one.intensity is Intensity.VIGOROUS]
    assert [one.intensity for one in cardio_of(plan)] == [Intensity.MODERATE, Intensity.VIGOROUS, Intensity.MODERATE]
    assert [(one.hr, one.rpe, one.moderate_min) for one in hard] == [((136, 162), (7, 8), 44)]
    assert [one.main_min for one in cardio_of(plan)] == [22, 22, 22]
    for careful in (
        {"level": Level.NOVICE},
        {"age": 65},
        {"limits": frozenset({Limit.HYPERTENSION})},
        {"limits": frozenset({Limit.PREGNANCY})},
    ):
        plan = plan_for(lifter(**{"goal": Goal.ENDURANCE, "days": 5} | careful))
        assert {one.intensity for one in cardio_of(plan)} == {Intensity.MODERATE}


def test_there_are_two_exercises_where_there_is_hardly_time() -> None:
    (monday,) = plan_for(lifter(days=1, minutes=15)).sessions
    assert [(one.exercise, one.sets, one.reps) for one in monday.exercises] == [
        ("barbell_squat", 1, (8, 12)),
        ("bench_press", 1, (8, 12)),
    ]


@pytest.mark.parametrize(
    ("level", "days", "goal", "count"),
    [
        *((Level.NOVICE, 6, Goal.STRENGTH, 3), (Level.INTERMEDIATE, 6, Goal.STRENGTH, 4)),
        *((Level.ADVANCED, 6, Goal.HYPERTROPHY, 5), (Level.ADVANCED, 1, Goal.ENDURANCE, 0)),
    ],
)
def test_days_of_strength_have_an_end(level: Level, days: int, goal: Goal, count: int) -> None:
    assert days_of_strength(somebody(level=level, days=days, goal=goal)) == count


@pytest.mark.parametrize(("so_far", "target"), [(0, 60), (55, 60), (80, 88), (89, 97), (290, 300), (2000, 300)])
def test_minutes_of_endurance_grow_by_a_tenth(so_far: int, target: int) -> None:
    assert plan_for(somebody(weekly_min=so_far)).aerobic_target_min_eq == target


def test_a_red_flag_and_the_young_get_no_plan() -> None:
    assert why_no_plan(somebody()) is None
    flagged = [why_no_plan(somebody(red_flags=frozenset({flag}))) for flag in RedFlag]
    assert [str(one)[:25] for one in flagged] == ["Please talk to a doctor b"] * len(RedFlag)
    assert [str(why_no_plan(somebody(age=age)))[:15] for age in (1, 17)] == ["Plans from here"] * 2
    assert why_no_plan(somebody(age=18)) is None


def check(answers: Answers) -> list[str]:
    plan = plan_for(answers)
    shape = [] if len(plan.sessions) == answers.days else [f"{len(plan.sessions)} sessions"]
    return shape + violations(plan, answers)


def test_a_sample_of_all_plans_keeps_to_the_rules() -> None:
    sample = Random(208).sample(list(grid()), 3_000)
    assert [(one, wrong) for one in sample if (wrong := check(one))] == []


@pytest.mark.slow
def test_all_plans_keep_to_the_rules() -> None:
    everybody = list(grid())
    assert len(everybody) == 43_200
    assert [(one, wrong) for one in everybody if (wrong := check(one))] == []


def test_the_same_answers_give_the_same_plan_and_it_can_be_stored() -> None:
    for answers in Random(7).sample(list(grid()), 100):
        plan = plan_for(answers)
        assert plan == plan_for(answers)
        assert Plan.read(stored(plan.written())) == plan
        assert Answers.read(stored(answers.written())) == answers


def stored(written: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(written))
    return found
