"""Activities under /api/v1."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from flask import Response, request, url_for
from marshmallow import ValidationError

from app.errors import Gone, Invalid, NotFound
from app.openapi import KEY, PROBLEM, ApiBlueprint, ProblemOut, answer, by_field, listed, of_each, read_json, sent_once
from app.security import api_access, me
from app.web import settings
from jobs import JobBrief, State

from . import queries, services
from .pages import read_listing
from .schemas import (
    ActivitiesOut,
    ActivityChange,
    ActivityIn,
    ActivityOut,
    BatchArgs,
    ListArgs,
    PageOut,
    SomeActivitiesOut,
    StatusArgs,
    StatusesOut,
    StatusOut,
    activity_out,
    changes_of,
    draft_of,
    status_out,
)

MOST_AT_ONCE = 1_000
GONE = "What the key logged was deleted since; nothing was stored."
MANY = {"type": "array", "items": ActivityIn, "minItems": 1, "maxItems": MOST_AT_ONCE}

blp = ApiBlueprint("activities_api", __name__, url_prefix="/api", description="What people did, and what it burned.")


@blp.post("/v1/activities")
@blp.doc(parameters=[KEY])
@blp.arguments(ActivityIn())
@blp.response(201, ActivityOut)
@blp.alt_response(200, schema=ActivityOut, description="It was sent before.")
@blp.alt_response(410, schema=ProblemOut, content_type=PROBLEM, description=GONE)
@api_access("write")
def create(given: dict[str, Any]) -> Response:
    """Log an activity."""
    person, logged = me(), list[services.Logged]()

    def log() -> list[int]:
        logged.append(services.log_activity(person.id, draft_of(given), zone=person.zone))
        return [logged[0].id]

    sent = sent_once("api", log, content=given)
    content = _just_logged(logged[0]) if sent.is_new else _logged_before(sent.made[0])
    response = answer(content, status=201 if sent.is_new else 200)
    response.headers["Location"] = f"{request.path}/{sent.made[0]}"
    return response


@blp.post("/v1/activities/batch")
@blp.doc(
    parameters=[KEY],
    requestBody={"required": True, "content": {"application/json": {"schema": MANY}}},
)
@blp.arguments(BatchArgs(), location="query")
@blp.response(201, ActivitiesOut)
@blp.alt_response(200, schema=ActivitiesOut, description="It was sent before; what was deleted since is left out.")
@blp.alt_response(207, schema=SomeActivitiesOut, description="With partial=1: what became of each.")
@api_access("write")
def create_many(args: dict[str, Any]) -> Response:
    """Log up to 1,000 activities, all or none."""
    given = read_json(request)
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_AT_ONCE:
        raise Invalid({"": f"Send a list of 1 to {MOST_AT_ONCE} activities."})
    if args["some"] not in ("", "0", "1"):
        raise Invalid({"partial": "Choose one of: 0, 1."})
    if args["some"] == "1":
        sent = sent_once("some activities", lambda: _some(given), content=given)
        return answer({"results": of_each(sent)}, status=207)
    try:
        drafts = [draft_of(one) for one in ActivityIn(many=True).load(given)]
    except ValidationError as error:
        raise Invalid(by_field(error)) from None

    def log() -> list[int]:
        return [one.id for one in services.log_activities(me().id, drafts, zone=me().zone)]

    sent = sent_once("batch", log, content=given)
    return answer({"activities": _activities(sent.made)}, status=201 if sent.is_new else 200)


@blp.get("/v1/activities")
@blp.arguments(ListArgs(), location="query")
@blp.response(200, PageOut)
@api_access("read")
def index(args: dict[str, str]) -> Response:
    """List activities, newest first."""
    listing, wrong = read_listing(args, usual_size=settings().page_size)
    if wrong:
        raise Invalid(wrong)
    items, following = queries.page_of(me().id, listing)
    response = answer({"activities": _activities([item.id for item in items]), "next": following and str(following)})
    if following:
        address = url_for(".index", **listing.query(below=following), _external=True)
        response.headers["Link"] = f'<{address}>; rel="next"'
    return response


@blp.get("/v1/activities/status")
@blp.arguments(StatusArgs(), location="query")
@blp.response(200, StatusesOut)
@api_access("read")
def statuses(args: dict[str, Any]) -> Response:
    """Tell how far several activities are."""
    return answer({"activities": _statuses(args["ids"])})


@blp.get("/activities/status/")
@blp.doc(deprecated=True)
@blp.arguments(StatusArgs(), location="query")
@blp.response(200, StatusesOut)
@api_access("read")
def older_statuses(args: dict[str, Any]) -> Response:
    """Tell how far several activities are, under an older name."""
    return answer({"activities": _statuses(args["ids"])})


@blp.get("/activity/<int:activity_id>/status/")
@blp.doc(deprecated=True)
@blp.response(200, StatusOut)
@api_access("read")
def older_status(activity_id: int) -> Response:
    """Tell how far an activity is, under an older name."""
    row = queries.row_of(me().id, activity_id)
    job = queries.jobs_for([row.id]).get(row.id)
    return answer(status_out(row, queries.standing_of(row, job), job))


@blp.get("/v1/activities/<int:activity_id>")
@blp.response(200, ActivityOut)
@api_access("read")
def show(activity_id: int) -> Response:
    """Show an activity."""
    return answer(_activity(activity_id))


@blp.patch("/v1/activities/<int:activity_id>")
@blp.arguments(ActivityChange(partial=True))
@blp.response(200, ActivityOut)
@api_access("write")
def update(given: dict[str, Any], activity_id: int) -> Response:
    """Change an activity; what its energy depends on makes it count again."""
    services.change_activity(me().id, activity_id, changes_of(given), zone=me().zone)
    return answer(_activity(activity_id))


@blp.delete("/v1/activities/<int:activity_id>")
@blp.response(204)
@api_access("write")
def delete(activity_id: int) -> Response:
    """Lay an activity in the bin, from where it can be taken back for 30 days."""
    services.delete_activity(me().id, activity_id)
    return Response(status=204)


@blp.post("/v1/activities/<int:activity_id>/restorations")
@blp.response(200, ActivityOut)
@api_access("write")
def restore(activity_id: int) -> Response:
    """Take an activity back out of the bin."""
    services.restore_activity(me().id, activity_id)
    return answer(_activity(activity_id))


@blp.post("/v1/activities/<int:activity_id>/recounts")
@blp.response(202, ActivityOut)
@api_access("write")
def recount(activity_id: int) -> Response:
    """Try again to work out the energy of an activity that has none."""
    services.recount_activity(me().id, activity_id)
    return answer(_activity(activity_id), status=202)


def _just_logged(logged: services.Logged) -> dict[str, Any]:
    """A new activity from what was written a moment ago, without asking for it again: this answers every POST."""
    row = SimpleNamespace(id=logged.id, energy_kcal=None, uncountable_since=None, **(logged.row or {}))
    job = JobBrief(logged.job_uid, State.READY) if logged.job_uid else None
    return activity_out(row, queries.standing_of(row, job), job)


def _activity(activity_id: int) -> dict[str, Any]:
    row = queries.row_of(me().id, activity_id)
    job = queries.jobs_for([activity_id]).get(activity_id)
    return activity_out(row, queries.standing_of(row, job), job)


def _logged_before(activity_id: int) -> dict[str, Any]:
    try:
        return _activity(activity_id)
    except NotFound:
        raise Gone("What this Idempotency-Key logged was deleted since.") from None


def _activities(ids: Sequence[int]) -> list[dict[str, Any]]:
    rows, jobs = queries.rows_of(me().id, ids), queries.jobs_for(ids)
    made = {row.id: activity_out(row, queries.standing_of(row, jobs.get(row.id)), jobs.get(row.id)) for row in rows}
    return [made[one] for one in ids if one in made]


def _statuses(text: str) -> list[dict[str, Any]]:
    words = text.split(",")[:MOST_AT_ONCE]
    ids = [int(word) for word in words if word.isascii() and word.isdigit() and len(word) <= 10]
    rows, jobs = queries.rows_of(me().id, ids), queries.jobs_for(ids)
    made = {row.id: status_out(row, queries.standing_of(row, jobs.get(row.id)), jobs.get(row.id)) for row in rows}
    return [made[one] for one in dict.fromkeys(ids) if one in made]


def _some(given: Sequence[Any]) -> list[dict[str, Any]]:
    """Log what can be logged; what became of each, in order."""
    results: list[dict[str, Any]] = []
    for one in given:
        try:
            logged = services.log_activity(me().id, draft_of(ActivityIn().load(one)), zone=me().zone)
            results.append({"status": 201, "id": logged.id})
        except ValidationError as error:
            results.append({"status": 422, "errors": listed(by_field(error))})
        except Invalid as error:
            results.append({"status": 422, "errors": listed(error.errors)})
    return results
