"""What a model is asked, and how its answer becomes a plan."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from app.strict_json import BadJson, loads
from app.text import one_line

from .aerobic import EFFORTS, heart_rates, target_min
from .answers import Answers
from .checking import FEWEST_LIGHT_REPS, SHORTEST_MIN, violations
from .exercises import move, moves_for
from .rules import balance_min, main_min
from .strength import CAPS
from .week import Exercise, Intensity, Plan, Range, Session, Sort, minutes_of

UNREADABLE = "The model's answer was no plan that can be read, so this one follows our rules."
BEYOND_LIMITS = "The model's plan did not keep to the limits you gave, so this one follows our rules."
LONGEST_WORDS = 300
MOST_EXERCISES, MOST_SETS, MOST_REPS, LONGEST_REST_S = 10, 6, 30, 300

TASK = """\
You make workout plans of one week. Answer with one JSON object and nothing else:
{"words": "one or two sentences on why this plan fits, at most 300 characters",
 "sessions": [
  {"day": 0, "type": "strength", "warmup_min": 5, "cooldown_min": 5, "balance_min": 0,
   "exercises": [{"exercise": "squat", "sets": 2, "reps": [8, 12], "rest_s": 90}]},
  {"day": 5, "type": "cardio", "warmup_min": 5, "main_min": 30, "cooldown_min": 5, "balance_min": 0,
   "intensity": "moderate"}],
 "walk_extra_min": 0}
Day 0 is Monday. All numbers are whole numbers. A session of strength lasts as long as its sets: a set takes 4 seconds
for each repetition of the middle of "reps", and then its rest. Use only the exercises that are listed, by their keys,
and keep to every limit. A vigorous minute counts as two minutes of endurance; "walk_extra_min" counts, too.
Give no advice on diet, illness or medicine."""


class Unusable(Exception):
    """The answer is no plan for this person; the text is what they are told."""


def question(answers: Answers, *, model: str) -> bytes:
    """The body of the request: what was answered, the exercises that suit, and the limits. Nothing says who it is."""
    told = answers.written()
    del told["red_flags"]
    limits = {
        "minutes_of_a_session": answers.minutes,
        "minutes_of_a_session_between_warming_up_and_cooling_down": main_min(answers),
        "sessions": answers.days,
        "days_of_strength_at_most": CAPS[answers.level],
        "minutes_of_endurance_at_most": target_min(answers),
        "may_be_vigorous": not answers.stays_moderate,
        "repetitions_at_least": FEWEST_LIGHT_REPS if answers.stays_moderate else 1,
        "minutes_of_balance_in_each_session": balance_min(answers),
        "days_of_rest_at_least": 1,
        "strength_on_two_days_in_a_row": answers.level.value != "novice",
    }
    exercises = {one.key: f"{one.label} ({one.pattern.value})" for one in moves_for(answers)}
    asked = {"answers": told, "limits": limits, "exercises": exercises}
    messages = [{"role": "system", "content": TASK}, {"role": "user", "content": json.dumps(asked)}]
    return json.dumps({"model": model, "messages": messages, "response_format": {"type": "json_object"}}).encode()


def plan_in(body: bytes, answers: Answers) -> Plan:
    """The plan in what came back, when it is one for this person. What a load or a heart rate should be is ours to say.

    Raises:
        Unusable
    """
    try:
        content = loads(body)["choices"][0]["message"]["content"]
        plan = _plan(loads(_text(content)), answers)
    except (BadJson, KeyError, IndexError, TypeError, ValueError):
        raise Unusable(UNREADABLE) from None
    if violations(plan, answers):
        raise Unusable(BEYOND_LIMITS)
    return plan


def _plan(given: Mapping[str, Any], answers: Answers) -> Plan:
    return Plan(
        goal=answers.goal.value,
        level=answers.level.value,
        minutes=answers.minutes,
        sessions=tuple(
            sorted(
                (_session(one, answers) for one in _list(given["sessions"], most=7)),
                key=lambda one: one.day,
            )
        ),
        aerobic_target_min_eq=target_min(answers),
        walk_extra_min=_whole(given["walk_extra_min"], 0, 300),
        words=_words(given.get("words", "")),
    )


def _session(given: Mapping[str, Any], answers: Answers) -> Session:
    sort = Sort(_text(given["type"]))
    times: dict[str, Any] = {name: _whole(given[name], SHORTEST_MIN, 30) for name in ("warmup_min", "cooldown_min")}
    times |= {"day": _whole(given["day"], 0, 6), "balance_min": _whole(given.get("balance_min", 0), 0, 30)}
    if sort is Sort.CARDIO:
        intensity = Intensity(_text(given["intensity"]))
        return Session(
            **times,
            type=sort,
            main_min=_whole(given["main_min"], 1, 90),
            intensity=intensity,
            hr=heart_rates(intensity, answers),
            rpe=EFFORTS[intensity],
        )
    exercises = tuple(_exercise(one) for one in _list(given["exercises"], most=MOST_EXERCISES))
    if len({one.exercise for one in exercises}) < len(exercises):
        raise ValueError("an exercise is there twice")
    return Session(**times, type=sort, main_min=minutes_of(exercises), exercises=exercises)


def _exercise(given: Mapping[str, Any]) -> Exercise:
    known = move(_text(given["exercise"]))
    return Exercise(
        exercise=known.key,
        pattern=known.pattern.value,
        sets=_whole(given["sets"], 1, MOST_SETS),
        reps=_range(given["reps"]),
        rest_s=_whole(given["rest_s"], 0, LONGEST_REST_S),
    )


def _range(given: Any) -> Range:
    low, high = (_whole(one, 1, MOST_REPS) for one in _list(given, most=2))
    if low > high:
        raise ValueError("a range ends before it begins")
    return low, high


def _whole(given: Any, low: int, high: int) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or not low <= given <= high:
        raise ValueError("no whole number in its range")
    return given


def _list(given: Any, *, most: int) -> Sequence[Any]:
    if not isinstance(given, list) or not 1 <= len(given) <= most:
        raise ValueError("no list, or one that is too long")
    return given


def _text(given: Any) -> str:
    if not isinstance(given, str):
        raise TypeError("no text")
    return given


def _words(given: Any) -> str:
    return one_line(" ".join(_text(given).split()), longest=10 * LONGEST_WORDS)[:LONGEST_WORDS]
