"""Plans under /api/v1."""

from typing import Any

from flask import Response, url_for

from app.clock import today
from app.errors import Gone, NotFound
from app.openapi import KEY, PROBLEM, ApiBlueprint, ProblemOut, answer, sent_once
from app.security import api_access, me

from . import queries, services
from .answers import Answers
from .models import WorkoutPlan
from .schemas import ListArgs, PlanIn, PlanOut, PlanRequestedOut, PlansOut, plan_out

GONE = "The plan that the key asked for was deleted since."

blp = ApiBlueprint("plans_api", __name__, url_prefix="/api/v1/plans", description="What people intend to do.")


@blp.post("")
@blp.doc(parameters=[KEY])
@blp.arguments(PlanIn())
@blp.response(201, PlanRequestedOut)
@blp.alt_response(200, schema=PlanRequestedOut, description="It was sent before.")
@blp.alt_response(410, schema=ProblemOut, content_type=PROBLEM, description=GONE)
@api_access("write")
def create(given: dict[str, Any]) -> Response:
    """Have a workout plan made."""
    person = me()

    def request() -> list[Any]:
        answers = {name: value for name, value in given.items() if name != "ask_model"}
        if answers["weekly_min"] is None:
            answers["weekly_min"] = queries.weekly_minutes_of(person.id, until=today(person.zone))
        return list(services.request_plan(person, Answers(**answers), asks_model=given["ask_model"]))

    sent = sent_once("plan", request, content=_comparable(given))
    plan_id, job_uid = sent.made
    try:
        row = queries.plan_of(person.id, plan_id)
    except NotFound:
        raise Gone(GONE) from None
    response = answer({**plan_out(row), "job_id": job_uid}, status=201 if sent.is_new else 200)
    response.headers["Location"] = url_for(".show", plan_id=plan_id)
    return response


@blp.get("")
@blp.arguments(ListArgs(), location="query")
@blp.response(200, PlansOut)
@api_access("read")
def index(args: dict[str, Any]) -> Response:
    """List your plans, the newest first."""
    limit = args["limit"]
    found = queries.plans_of(me().id, below=args["next"], limit=limit + 1)
    following = found[limit - 1].id if len(found) > limit else None
    return answer({"plans": [plan_out(one) for one in found[:limit]], "next": following})


@blp.get("/<int:plan_id>")
@blp.response(200, PlanOut)
@api_access("read")
def show(plan_id: int) -> Response:
    """Show a plan."""
    return answer(plan_out(_plan(plan_id)))


@blp.delete("/<int:plan_id>")
@blp.response(204)
@api_access("write")
def delete(plan_id: int) -> Response:
    """Delete a plan, with the answers it was made of."""
    services.delete_plan(me().id, plan_id)
    return Response(status=204)


def _comparable(given: dict[str, Any]) -> dict[str, Any]:
    """What was sent, with its sets in one order."""
    return {name: sorted(value) if isinstance(value, frozenset) else value for name, value in given.items()}


def _plan(plan_id: int) -> WorkoutPlan:
    return queries.plan_of(me().id, plan_id)
