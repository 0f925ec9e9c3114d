"""Activities on the web."""

import secrets
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

from flask import Blueprint, Response, flash, request, url_for
from werkzeug.exceptions import BadRequest

from app import periods, units
from app.clock import now, today
from app.security import me, signed_in
from app.web import done, invalid, live, page_or_fragment, see_other, settings, tag_shown, wants_fragment, with_triggers

from . import queries, regions, services
from .calories import burned
from .drafts import Draft
from .forms import ActivityForm, read_day, read_duration, read_kind, read_weight
from .mets import Kind
from .models import Activity
from .pages import SIZES, Shown, read_listing
from .standing import failure_words, pace_s

bp = Blueprint("activities", __name__, url_prefix="/activities")

for read in (units.clock, units.duration, units.hours, units.kcal, units.met, units.milliseconds, units.plain):
    bp.add_app_template_filter(read)
for name in (periods.clock_time, periods.day_and_time, periods.long_day, periods.named_day, periods.short_day):
    bp.add_app_template_filter(name)


@bp.get("/")
@signed_in
def index() -> Response:
    """The list, newest first, by day."""
    for name in request.args:
        if len(request.args.getlist(name)) > 1:
            raise BadRequest(f"{name} is given more than once.")
    listing, wrong = read_listing(request.args, usual_size=settings().page_size)
    items, following = queries.page_of(me().id, listing)
    waiting = queries.waiting_of(me().id, shown=items)
    pace = pace_s(waiting.since, now=now(), usual_s=settings().poll_pace_s)
    totals = queries.day_totals(me().id, listing.filter, {item.day for item in items})
    day = today(me().zone)
    context: dict[str, Any] = {
        "days": [(day, list(of_day)) for day, of_day in groupby(items, key=lambda item: item.day)],
        "totals": totals,
        "count": queries.count_of(me().id, listing.filter),
        "count_up_to": queries.COUNT_UP_TO,
        "waiting": waiting,
        "today": day,
        "listing": listing,
        "following": following,
        "trigger": regions.trigger(pace),
        "wrong": wrong,
        "kinds": list(Kind),
        "states": Shown,
        "sizes": [(size, _address(listing.query(size=size, below=None))) for size in SIZES],
        "here": _address(listing.query()),
        "first": _address(listing.query(below=None)),
        "next": _address(listing.query(below=following)),
    }
    if wrong:
        return invalid("activities/index.html", "activities/_list.html", **context, tag="")
    still = [item.id for item in items if item.is_waiting]
    return live(
        "activities/_list.html",
        page="activities/index.html",
        tag=regions.tag((items, totals, waiting.count, context["count"], day, pace), waiting=still),
        triggers=regions.news(queries.settled_of(me().id, regions.waiting_in(tag_shown()) - set(still))),
        **context,
    )


@bp.get("/new")
@signed_in
def new() -> Response:
    """The form, empty or, with `?like=42`, with that activity's values."""
    known_kg = _weight_on(today(me().zone))
    form = ActivityForm.blank(zone=me().zone, weight_kg=known_kg, token=secrets.token_urlsafe(12))
    like = request.args.get("like", "")
    if like.isascii() and like.isdigit():
        form.copy(queries.activity_of(me().id, int(like)))
    return page_or_fragment("activities/new.html", "activities/_form.html", **_form_context(form))


@bp.post("/")
@signed_in
def create() -> Response:
    """Log it."""
    form = ActivityForm(request.form)
    draft = form.draft(zone=me().zone, knows_weight=_weight_on)
    if draft is None:
        form.refill(_weight_on)
        return invalid("activities/new.html", "activities/_form.html", **_form_context(form))
    key = _key("form", form.token.data, draft)
    logged = services.log_activity(me().id, draft, zone=me().zone, key=key)
    return _queued(logged.id)


@bp.get("/estimate")
@signed_in
def estimate() -> Response:
    """What the values typed so far would come to; and for a form, the weight of its day."""
    form = ActivityForm(request.args)
    context = {"form": form, "refilled": form.refill(_weight_on), "estimate": _estimate(form.typed())}
    return page_or_fragment("activities/estimate.html", "activities/_typed.html", **context)


@bp.get("/bin")
@signed_in
def in_bin() -> Response:
    """What was deleted and can still be taken back."""
    context = {"activities": queries.bin_of(me().id), "today": today(me().zone), "bin_days": services.BIN_DAYS}
    return page_or_fragment("activities/bin.html", "activities/_bin.html", **context)


@bp.get("/<int:activity_id>")
@signed_in
def show(activity_id: int) -> Response:
    """One activity: its number, and how it came about."""
    activity = queries.activity_of(me().id, activity_id)
    job = queries.jobs_for([activity_id]).get(activity_id)
    standing = queries.standing_of(activity, job)
    since = activity.changed_at if activity.is_waiting else None
    pace = pace_s(since, now=now(), usual_s=settings().poll_pace_s)
    facts = job and (job.uid, job.state, job.attempt, job.failures, job.worker, job.started_at, job.finished_at)
    settled = regions.waiting_in(tag_shown()) if since is None else set()
    return live(
        "activities/_activity.html",
        page="activities/show.html",
        tag=regions.tag((activity.changed_at, standing, facts, pace), waiting=[activity_id] if since else []),
        triggers=regions.news([(activity.label, activity.energy_kcal)] if activity_id in settled else []),
        activity=activity,
        job=job,
        standing=standing,
        failure=failure_words(
            job.error_class if job else None, activity.uncountable_reason, job_state=job.state if job else None
        ),
        trigger=regions.trigger(pace),
        today=today(me().zone),
        copy_token=secrets.token_urlsafe(12),
    )


@bp.get("/<int:activity_id>/edit")
@signed_in
def edit(activity_id: int) -> Response:
    """The form with what was logged."""
    activity = queries.activity_of(me().id, activity_id)
    form = ActivityForm.of(activity, zone=me().zone)
    return page_or_fragment("activities/edit.html", "activities/_form.html", **_form_context(form, activity))


@bp.post("/<int:activity_id>")
@signed_in
def update(activity_id: int) -> Response:
    """Change it."""
    activity = queries.activity_of(me().id, activity_id)
    form = ActivityForm(request.form)
    draft = form.draft(zone=me().zone)
    if draft is None:
        return invalid("activities/edit.html", "activities/_form.html", **_form_context(form, activity))
    services.change_activity(me().id, activity_id, services.changes_in(activity, draft), zone=me().zone)
    return _queued(activity_id)


@bp.post("/<int:activity_id>/copies")
@signed_in
def copy(activity_id: int) -> Response:
    """Log the same once more, as of now."""
    old = queries.activity_of(me().id, activity_id)
    weight_kg = old.weight_kg if _weight_on(today(me().zone)) is None else None
    draft = Draft(kind=Kind.named(old.kind), duration=old.duration, notes=old.notes, weight_kg=weight_kg)
    key = _key(f"copy:{activity_id}", request.form.get("token"), draft)
    logged = services.log_activity(me().id, draft, zone=me().zone, key=key)
    undo = url_for(".delete", activity_id=logged.id)
    flash({"text": f"{old.label} logged again.", "action": undo, "word": "Undo"}, "success")  # type: ignore[arg-type]
    return _queued(logged.id)


@bp.post("/<int:activity_id>/deletion")
@signed_in
def delete(activity_id: int) -> Response:
    """Lay it in the bin."""
    activity = queries.activity_of(me().id, activity_id)
    services.delete_activity(me().id, activity_id)
    undo = url_for(".restore", activity_id=activity_id)
    flash({"text": f"{activity.label} deleted.", "action": undo, "word": "Undo"}, "success")  # type: ignore[arg-type]
    return see_other(url_for(".index"))


@bp.post("/<int:activity_id>/restorations")
@signed_in
def restore(activity_id: int) -> Response:
    """Take it back out of the bin."""
    services.restore_activity(me().id, activity_id)
    return done(None, see=_page(activity_id), announce="It is back.")


@bp.post("/<int:activity_id>/recounts")
@signed_in
def recount(activity_id: int) -> Response:
    """Try again to work out its energy."""
    services.recount_activity(me().id, activity_id)
    return _queued(activity_id)


def _queued(activity_id: int) -> Response:
    """Its row for a part of a page, else the way to its own page; and the regions of the page look again."""
    row: dict[str, Any] = {}
    if wants_fragment():
        row = {"item": queries.item_of(me().id, activity_id), "today": today(me().zone)}
    response = done("activities/_row.html", see=_page(activity_id), **row)
    return with_triggers(response, {"activity-queued": ""})


def _page(activity_id: int) -> str:
    return url_for(".show", activity_id=activity_id)


def _address(query: dict[str, str]) -> str:
    return url_for(".index", **query)  # type: ignore[arg-type]


def _weight_on(day: date) -> Decimal | None:
    return queries.weight_on(me().id, day)


def _form_context(form: ActivityForm, activity: Activity | None = None) -> dict[str, Any]:
    return {
        "form": form,
        "activity": activity,
        "again": [] if activity else queries.distinct_recent_of(me().id),
        "estimate": _estimate(form.typed()),
    }


def _estimate(typed: Any) -> dict[str, Any] | None:
    """The formula of what is typed so far, if it is enough for one."""

    def value(name: str, read: Callable[[str], Any]) -> Any:
        try:
            return read(typed.get(name) or "")
        except ValueError:
            return None

    kind, duration = value("kind", read_kind), value("duration", read_duration)
    weight_kg = value("weight_kg", read_weight) or _weight_on(value("day", read_day) or today(me().zone))
    if kind is None or duration is None or weight_kg is None or duration < timedelta(0):
        return None
    met = queries.met_of(kind)
    energy_kcal = burned(met, weight_kg=weight_kg, duration=duration)
    return {"met": met, "weight_kg": weight_kg, "duration": duration, "energy_kcal": energy_kcal}


def _key(what: str, token: str | None, draft: Draft) -> str | None:
    """Sent twice is logged once; changed in between, it is another activity."""
    return f"{what}:{token}:{draft.fingerprint()}" if token and token.isascii() and len(token) <= 40 else None
