"""Whatever is wrong with a plan is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from app.plans.answers import Answers, Limit
from app.plans.checking import violations
from app.plans.rules import plan_for
from app.plans.week import Intensity, Plan, Sort
from tests.app.plans.people import lifter, somebody

ADA = somebody(limits=frozenset({Limit.KNEE}))
OLDER = somebody(age=68)
Change = Callable[[Plan], Plan]


def with_session(number: int, **changes: Any) -> Change:
    """The plan with something else about one session."""

    def change(plan: Plan) -> Plan:
        sessions = list(plan.sessions)
        sessions[number] = replace(sessions[number], **changes)
        return replace(plan, sessions=tuple(sessions))

    return change


def with_exercise(**changes: Any) -> Change:
    """The plan with something else about the first exercise."""

    def change(plan: Plan) -> Plan:
        first, *others = plan.sessions[0].exercises
        return with_session(0, exercises=(replace(first, **changes), *others))(plan)

    return change


def every_day(plan: Plan) -> Plan:
    return replace(plan, sessions=tuple(replace(plan.sessions[0], day=day) for day in range(7)))


WRONG: list[tuple[str, Answers, Change]] = [
    ("A day has more than one session, or is none.", ADA, with_session(0, day=3)),
    ("A day has more than one session, or is none.", ADA, with_session(0, day=7)),
    ("There is no day of rest.", ADA, every_day),
    ("It has 0 sessions, and 3 were asked for.", ADA, lambda plan: replace(plan, sessions=())),
    ("It has 7 days of strength.", ADA, every_day),
    ("Somebody who begins has strength on two days in a row.", ADA, with_session(0, day=2)),
    ("It has 61 minutes of endurance, and 60 are right.", ADA, lambda plan: replace(plan, walk_extra_min=26)),
    ("It has 30 minutes of endurance, and 60 are right.", ADA, lambda plan: replace(plan, walk_extra_min=-5)),
    ("It is for other answers.", ADA, lambda plan: replace(plan, goal="strength")),
    ("Day 5: it takes 46 minutes.", ADA, with_session(2, main_min=36)),
    ("Day 5: it has no time to warm up, to train or to cool down.", ADA, with_session(2, warmup_min=4)),
    ("Day 5: it has no time to warm up, to train or to cool down.", ADA, with_session(2, main_min=0)),
    ("Day 0: balance is missing.", OLDER, with_session(0, balance_min=4)),
    ("Day 0: it is neither strength nor endurance.", ADA, with_session(0, exercises=())),
    ("Day 5: it is neither strength nor endurance.", ADA, with_session(2, type=Sort.STRENGTH)),
    ("Day 5: it is too hard.", ADA, with_session(2, intensity=Intensity.VIGOROUS, main_min=10)),
    ("Day 0: its exercises take longer than 34.7 minutes.", ADA, with_exercise(sets=3)),
    ("Day 0: squat does not suit this person.", ADA, with_exercise(exercise="squat")),
    ("Day 0: pull_up does not suit this person.", ADA, with_exercise(exercise="pull_up")),
    ("Day 0: sit_to_stand is too heavy.", ADA, with_exercise(reps=(5, 8))),
]


@pytest.mark.parametrize(("sentence", "answers", "change"), WRONG)
def test_what_is_wrong_is_said(sentence: str, answers: Answers, change: Change) -> None:
    plan = plan_for(answers)
    assert violations(plan, answers) == []
    assert sentence in violations(change(plan), answers)


def test_the_week_has_no_end_between_sunday_and_monday() -> None:
    plan = with_session(1, day=6)(plan_for(ADA))
    assert violations(plan, ADA) == ["Somebody who begins has strength on two days in a row."]


def test_who_is_no_beginner_may_lift_heavily_and_on_days_in_a_row() -> None:
    assert violations(plan_for(lifter()), lifter()) == []
