"""What a person can do with their plans, and how they are made in the background."""

import logging
from collections.abc import Callable
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import delete, update

from app.clock import now
from app.db import reading, transaction
from app.errors import Invalid
from app.events import PlanRequested, announce
from app.limits import Limit, take
from app.outward import AddressRefused, Answer, CallFailed, ask
from app.security import Person, requester
from app.web import settings
from jobs import GiveUp, RetryAfter

from . import queries
from .answers import Answers, problem_of_minutes, why_no_plan
from .asking import UNREADABLE, Unusable, plan_in, question
from .models import CLEARANCE_NEEDED, MODEL, READY, RULES, WAITING, WorkoutPlan
from .rules import plan_for

log = logging.getLogger("metronome.plans")

DEADLINE_S = 30.0
LARGEST_ANSWER = 1024 * 1024
LONGEST_WAIT_S = 900.0
NO_MODEL = "The model could not be asked, so this one follows our rules."
PASSES = {408, 425, 429}
"""Statuses below 500 after which asking again is right."""

Once = Callable[[str, Callable[[str], Any]], Any]
"""Does something outside under a name: once, however often it is tried."""


def request_plan(person: Person, answers: Answers, *, asks_model: bool) -> tuple[int, str | None]:
    """Have a plan made; its id, and the id of the job that makes it.

    Whom a doctor has to see first is told so at once, and no job is needed. Where no model is set up, none is asked.

    Raises:
        Invalid: the minutes do not fit the age
        TooMany
    """
    if wrong := problem_of_minutes(answers.minutes, age=answers.age):
        raise Invalid({"minutes": wrong})
    take(Limit("plans", times=settings().plans_per_day, per=timedelta(days=1)), str(person.id))
    told = why_no_plan(answers)
    with transaction() as session:
        row = WorkoutPlan(
            user_id=person.id,
            state=CLEARANCE_NEEDED if told else WAITING,
            given=answers.written(),
            asks_model=asks_model and model_host() is not None,
            remark=told,
            created_at=now(),
        )
        session.add(row)
        session.flush()
        job_uid = None if told else announce(PlanRequested(row.id), by=requester(person.id))[0]
    return row.id, job_uid


def make_workout_plan(plan_id: int, *, once: Once) -> dict[str, Any]:
    """Make the plan, by the model if it is to be asked; who made it. One that is made stays as it is.

    Raises:
        GiveUp: the plan was deleted meanwhile, or the model will never answer this
        RetryAfter, CallFailed: try again
    """
    row = reading().get(WorkoutPlan, plan_id)
    if row is None:
        raise GiveUp("The plan was deleted before it was made.")
    if not row.is_waiting:
        return {"plan_id": plan_id, "made_by": row.made_by}
    answers = row.answers
    if not (row.asks_model and model_host()):
        return _note(plan_id, made=plan_for(answers).written(), made_by=RULES)
    told = once("ask the model", lambda key: _ask_model(answers, key))
    if told["plan"] is None:
        return _note(plan_id, made=plan_for(answers).written(), made_by=RULES, remark=told["remark"])
    return _note(plan_id, made=told["plan"], made_by=MODEL)


def could_not_make(plan_id: int, *, reason: str) -> None:
    """Make by rule what did not come from the model: whoever asked for a plan gets one. One that is made stays."""
    row = reading().get(WorkoutPlan, plan_id)
    if row is not None and row.is_waiting:
        remark = NO_MODEL if row.asks_model else None
        _note(plan_id, made=plan_for(row.answers).written(), made_by=RULES, remark=remark)
        log.info("plan made without its job", extra={"plan": plan_id, "why": reason})


def delete_plan(user_id: int, plan_id: int) -> None:
    """Remove a plan with the answers it was made of. Raises NotFound."""
    queries.plan_of(user_id, plan_id)
    with transaction() as session:
        session.execute(delete(WorkoutPlan).where(WorkoutPlan.id == plan_id))


def model_host() -> str | None:
    """Where the model is that would be asked; None when there is none."""
    base = settings().openai_base_url
    return None if base is None else str(urlsplit(base).hostname)


def _note(plan_id: int, **values: Any) -> dict[str, Any]:
    with transaction() as session:
        session.execute(
            update(WorkoutPlan)
            .where(WorkoutPlan.id == plan_id, WorkoutPlan.state == WAITING)
            .values(state=READY, made_at=now(), **values)
        )
    return {"plan_id": plan_id, "made_by": values["made_by"]}


def _ask_model(answers: Answers, key: str) -> dict[str, Any]:
    """The plan that the model made, or why it cannot be used."""
    answer = _call(answers, key)
    try:
        if answer.is_cut:
            raise Unusable(UNREADABLE)
        return {"plan": plan_in(answer.body, answers).written(), "remark": None}
    except Unusable as refusal:
        log.warning("plan of the model not used", extra={"why": str(refusal)})
        return {"plan": None, "remark": str(refusal)}


def _call(answers: Answers, key: str) -> Answer:
    config = settings()
    base, host = str(config.openai_base_url), str(model_host())
    headers = {"Content-Type": "application/json", "Accept": "application/json", "Idempotency-Key": key}
    if config.openai_api_key:
        headers["Authorization"] = f"Bearer {config.openai_api_key}"
    try:
        answer = ask(
            f"{base}/chat/completions" if base.endswith("/v1") else f"{base}/v1/chat/completions",
            question(answers, model=config.openai_model),
            headers=headers,
            trusted=(host,),  # whoever runs this chose it
            deadline_s=DEADLINE_S,
            largest=LARGEST_ANSWER,
        )
    except AddressRefused as refusal:
        raise GiveUp(f"The model at {host} is not called: {refusal}") from None
    if 200 <= answer.status <= 299:
        return answer
    sentence = f"The model at {host} answered {answer.status}."
    if answer.status < 500 and answer.status not in PASSES:
        raise GiveUp(sentence)
    wait_s = _wait_s(answer.retry_after)
    raise CallFailed(sentence) if wait_s is None else RetryAfter(sentence, seconds=wait_s)


def _wait_s(retry_after: str | None) -> float | None:
    """How long the model wants to be left alone, from a second to a quarter of an hour; None when it does not say."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdecimal():
        wanted_s = float(text[:9])
    else:
        try:
            at = parsedate_to_datetime(text)
        except (ValueError, OverflowError):
            return None
        wanted_s = ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now()).total_seconds()
    return min(LONGEST_WAIT_S, max(1.0, wanted_s))
