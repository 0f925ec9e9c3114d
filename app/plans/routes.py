"""Plans on the web."""

from decimal import Decimal
from typing import Any, NamedTuple

from flask import Blueprint, Response, request, url_for

from app.clock import now, today
from app.security import me, signed_in
from app.web import SLOW_AFTER_S, done, invalid, live, pace_of_waiting, page_or_fragment, tag_shown

from . import queries, services
from .forms import PlanForm
from .models import WAITING, WorkoutPlan
from .progression import next_load_kg

SHOWN = 20
LOADS_KG = tuple(map(Decimal, (10, 20, 40, 60, 80, 100, 140)))

bp = Blueprint("plans", __name__, url_prefix="/plan")


class Growth(NamedTuple):
    """What follows a load that has become easy; the same load when repetitions are added first."""

    load_kg: Decimal
    upper_kg: Decimal
    lower_kg: Decimal


@bp.get("/")
@signed_in
def index() -> Response:
    """The newest plan, and those before it."""
    after = request.args.get("after", "")
    below = int(after) if after.isascii() and after.isdecimal() and len(after) < 10 else None
    found = queries.plans_of(me().id, below=below, limit=SHOWN + 1)
    newest = found[0] if found and below is None else None
    return page_or_fragment(
        "plans/index.html",
        "plans/_list.html",
        plans=found[:SHOWN],
        following=found[SHOWN - 1].id if len(found) > SHOWN else None,
        **(_shown(newest) if newest else {"row": None, "today": today(me().zone)}),
    )


@bp.get("/new")
@signed_in
def new() -> Response:
    """The questions, with what was answered the last time."""
    last = queries.newest_of(me().id)
    if last:
        form = PlanForm.of(last.answers, asks_model=last.asks_model)
    else:
        form = PlanForm.blank(weekly_min=queries.weekly_minutes_of(me().id, until=today(me().zone)))
    return page_or_fragment("plans/new.html", "plans/_form.html", **_asked(form))


@bp.post("/")
@signed_in
def create() -> Response:
    """Have one made."""
    form = PlanForm(request.form)
    answers = form.answers()
    if answers is None:
        return invalid("plans/new.html", "plans/_form.html", **_asked(form))
    plan_id, _ = services.request_plan(me(), answers, asks_model=bool(form.asks_model.data))
    return done(None, see=url_for(".show", plan_id=plan_id))


@bp.get("/<int:plan_id>")
@signed_in
def show(plan_id: int) -> Response:
    """One plan; looks again while it is being made."""
    row = queries.plan_of(me().id, plan_id)
    is_new = tag_shown().endswith(WAITING) and not row.is_waiting
    triggers = {"announce": {"text": "Your plan is ready."}} if is_new else {}
    return live("plans/_plan.html", page="plans/show.html", triggers=triggers, **_shown(row))


@bp.post("/<int:plan_id>/repeat")
@signed_in
def repeat(plan_id: int) -> Response:
    """Have another one made of the same answers."""
    row = queries.plan_of(me().id, plan_id)
    made_id, _ = services.request_plan(me(), row.answers, asks_model=row.asks_model)
    return done(None, see=url_for(".show", plan_id=made_id))


@bp.post("/<int:plan_id>/deletion")
@signed_in
def delete(plan_id: int) -> Response:
    """Delete one, with its answers."""
    services.delete_plan(me().id, plan_id)
    return done(None, see=url_for(".index"), announce="The plan and what you answered are deleted.")


def _asked(form: PlanForm) -> dict[str, Any]:
    return {"form": form, "model_host": services.model_host()}


def _shown(row: WorkoutPlan) -> dict[str, Any]:
    waited_s = (now() - row.created_at).total_seconds()
    pace_s = pace_of_waiting(waited_s) if row.is_waiting else None
    return {
        "row": row,
        "plan": row.plan,
        "pace_s": pace_s,
        "is_slow": waited_s >= SLOW_AFTER_S,
        "growths": [Growth(one, _grown(one, is_lower=False), _grown(one, is_lower=True)) for one in LOADS_KG],
        "today": today(me().zone),
        "tag": f"{pace_s}~{row.id}{row.state}",
    }


def _grown(load_kg: Decimal, *, is_lower: bool) -> Decimal:
    return next_load_kg(load_kg, is_lower=is_lower, sessions_at_top=2)
