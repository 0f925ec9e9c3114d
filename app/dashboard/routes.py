"""Today: what was done, what is being worked out, what comes next."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from flask import Blueprint, Response, render_template, url_for

from app.accounts.queries import weight_on
from app.activities import queries, regions
from app.activities.calories import burned
from app.activities.mets import Kind
from app.activities.standing import pace_s
from app.clock import now, today
from app.security import Person, me, public, signed_in, someone
from app.web import live, page_or_fragment, see_other, settings, tag_shown, wants_fragment

RECENT = 6

bp = Blueprint("dashboard", __name__)


@bp.get("/")
@public
def index() -> Response | str:
    """Today; for strangers, what this is."""
    person = someone()
    if person is None:
        return render_template("dashboard/welcome.html", sign_up_open=settings().sign_up_open, example=_example())
    day = today(person.zone)
    region = _recent(person)
    again = queries.distinct_recent_of(person.id)
    context: dict[str, Any] = {
        "score": queries.score_of(person.id, today=day),
        "again": again,
        "steps": [] if again else _steps(person),
    }
    return page_or_fragment("dashboard/index.html", "dashboard/index.html", **context, **region)


@bp.get("/recent")
@signed_in
def recent() -> Response:
    """The newest activities, asking again while something is to come."""
    if not wants_fragment():
        return see_other(url_for(".index"))
    region = _recent(me())
    still = {item.id for item in region["items"] if item.is_waiting}
    settled = queries.settled_of(me().id, regions.waiting_in(tag_shown()) - still)
    return live("dashboard/_recent.html", triggers=regions.news(settled), **region)


@bp.get("/scoreboard")
@signed_in
def score() -> Response:
    """The numbers of today and of this week."""
    if not wants_fragment():
        return see_other(url_for(".index"))
    score = queries.score_of(me().id, today=today(me().zone))
    return page_or_fragment("dashboard/_score.html", "dashboard/_score.html", score=score)


@bp.get("/help")
@public
def words() -> str:
    """How the numbers come about, what the states mean, which keys there are."""
    mets = sorted(((kind, queries.met_of(kind)) for kind in Kind), key=lambda one: -one[1])
    return render_template("shared/help.html", example=_example(), mets=mets)


def _example() -> dict[str, Any]:
    """What half an hour of running burns at 70 kg, as it is counted here."""
    met = queries.met_of(Kind.RUNNING)
    energy_kcal = burned(met, weight_kg=Decimal(70), duration=timedelta(minutes=30))
    return {"met": met, "energy_kcal": energy_kcal, "places": 0 if energy_kcal % 1 == 0 else 1}


def _recent(person: Person) -> dict[str, Any]:
    items = queries.recent_of(person.id, count=RECENT)
    waiting = queries.waiting_of(person.id, shown=items)
    day = today(person.zone)
    pace = pace_s(waiting.since, now=now(), usual_s=settings().poll_pace_s)
    return {
        "items": items,
        "waiting": waiting,
        "today": day,
        "here": url_for("dashboard.index"),
        "trigger": regions.trigger(pace),
        "tag": regions.tag((items, waiting.count, day, pace), waiting=[one.id for one in items if one.is_waiting]),
    }


def _steps(person: Person) -> list[tuple[str, str, bool]]:
    """What a new account may begin with: words, where, and whether it is done."""
    weight_kg = weight_on(person.id, today(person.zone))
    return [
        ("Make an account", url_for("accounts.sign_up"), True),
        ("Log one activity", url_for("activities.new"), False),
        ("Say what you weigh", url_for("activities.new") if weight_kg is None else "", weight_kg is not None),
    ]
