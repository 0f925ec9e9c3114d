"""Activities under /api/v1."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

from flask import Response, current_app, request, url_for
from marshmallow import ValidationError
from werkzeug.exceptions import BadRequest

from app.errors import Invalid
from app.openapi import ApiBlueprint, read_json
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
    StatusArgs,
    StatusesOut,
    StatusOut,
    activity_out,
    changes_of,
    draft_of,
    status_out,
)

MOST_AT_ONCE = 1_000
LONGEST_KEY = 200
KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "schema": {"type": "string", "maxLength": LONGEST_KEY},
    "description": "Sent again with the same body, the request answers 200 with what the first one made.",
}
MANY = {"type": "array", "items": ActivityIn, "minItems": 1, "maxItems": MOST_AT_ONCE}

blp = ApiBlueprint("activities_api", __name__, url_prefix="/api", description="What people did, and what it burned.")


class BadKey(BadRequest):
    """An Idempotency-Key that cannot be one."""

    description = f"An Idempotency-Key is 1 to {LONGEST_KEY} printable ASCII characters."


@blp.post("/v1/activities")
@blp.doc(parameters=[KEY])
@blp.arguments(ActivityIn())
@blp.response(201, ActivityOut)
@blp.alt_response(200, schema=ActivityOut, description="It was sent before.")
@api_access("write")
def create(given: dict[str, Any]) -> Response:
    """Log an activity."""
    key = _key()
    logged = services.log_activity(me().id, draft_of(given), zone=me().zone, key=key and f"api:{key}")
    content = _activity(logged.id) if logged.row is None else _just_logged(logged)
    response = _answer(content, status=201 if logged.is_new else 200)
    response.headers["Location"] = url_for(".show", activity_id=logged.id)
    return response


@blp.post("/v1/activities/batch")
@blp.doc(
    parameters=[KEY],
    requestBody={"required": True, "content": {"application/json": {"schema": MANY}}},
)
@blp.arguments(BatchArgs(), location="query")
@blp.response(201, ActivitiesOut)
@blp.alt_response(200, schema=ActivitiesOut, description="It was sent before.")
@blp.alt_response(207, description="With partial=1: what became of each.")
@api_access("write")
def create_many(args: dict[str, Any]) -> Response:
    """Log up to 1,000 activities, all or none."""
    given = read_json(request)
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_AT_ONCE:
        raise Invalid({"": f"Send a list of 1 to {MOST_AT_ONCE} activities."})
    if args["some"] not in ("", "0", "1"):
        raise Invalid({"partial": "Choose one of: 0, 1."})
    key = _key()
    if args["some"] == "1":
        return _answer({"results": _some(given, key)}, status=207)
    try:
        drafts = [draft_of(one) for one in ActivityIn(many=True).load(given)]
    except ValidationError as error:
        raise Invalid(_by_item(error)) from None
    logged = services.log_activities(me().id, drafts, zone=me().zone, key=key and f"batch:{key}")
    made = _activities([one.id for one in logged])
    return _answer({"activities": made}, status=201 if logged[0].is_new else 200)


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
    response = _answer({"activities": _activities([item.id for item in items]), "next": following and str(following)})
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
    return _answer({"activities": _statuses(args["ids"])})


@blp.get("/activities/status/")
@blp.doc(deprecated=True)
@blp.arguments(StatusArgs(), location="query")
@blp.response(200, StatusesOut)
@api_access("read")
def older_statuses(args: dict[str, Any]) -> Response:
    """Tell how far several activities are, under an older name."""
    return _answer({"activities": _statuses(args["ids"])})


@blp.get("/activity/<int:activity_id>/status/")
@blp.doc(deprecated=True)
@blp.response(200, StatusOut)
@api_access("read")
def older_status(activity_id: int) -> Response:
    """Tell how far an activity is, under an older name."""
    row = queries.row_of(me().id, activity_id)
    job = queries.jobs_for([row.id]).get(row.id)
    return _answer(status_out(row, queries.standing_of(row, job), job))


@blp.get("/v1/activities/<int:activity_id>")
@blp.response(200, ActivityOut)
@api_access("read")
def show(activity_id: int) -> Response:
    """Show an activity."""
    return _answer(_activity(activity_id))


@blp.patch("/v1/activities/<int:activity_id>")
@blp.arguments(ActivityChange(partial=True))
@blp.response(200, ActivityOut)
@api_access("write")
def update(given: dict[str, Any], activity_id: int) -> Response:
    """Change an activity; what its energy depends on makes it count again."""
    services.change_activity(me().id, activity_id, changes_of(given), zone=me().zone)
    return _answer(_activity(activity_id))


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
    return _answer(_activity(activity_id))


@blp.post("/v1/activities/<int:activity_id>/recounts")
@blp.response(202, ActivityOut)
@api_access("write")
def recount(activity_id: int) -> Response:
    """Try again to work out the energy of an activity that has none."""
    services.recount_activity(me().id, activity_id)
    return _answer(_activity(activity_id), status=202)


def _key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (1 <= len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        raise BadKey
    return key


def _answer(content: dict[str, Any], *, status: int = 200) -> Response:
    response = cast("Response", current_app.json.response(content))
    response.status_code = status
    response.headers["Cache-Control"] = "no-store"
    return response


def _just_logged(logged: services.Logged) -> dict[str, Any]:
    """A new activity from what was written a moment ago, without asking for it again: this answers every POST."""
    row = SimpleNamespace(id=logged.id, energy_kcal=None, uncountable_since=None, **(logged.row or {}))
    job = JobBrief(logged.job_uid, State.READY) if logged.job_uid else None
    return activity_out(row, queries.standing_of(row, job), job)


def _activity(activity_id: int) -> dict[str, Any]:
    row = queries.row_of(me().id, activity_id)
    job = queries.jobs_for([activity_id]).get(activity_id)
    return activity_out(row, queries.standing_of(row, job), job)


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


def _some(given: Sequence[Any], key: str | None) -> list[dict[str, Any]]:
    """Log what can be logged; what became of each, in order."""
    results: list[dict[str, Any]] = []
    for number, one in enumerate(given):
        try:
            draft = draft_of(ActivityIn().load(one))
            logged = services.log_activity(me().id, draft, zone=me().zone, key=key and f"some:{key}:{number}")
            results.append({"status": 201 if logged.is_new else 200, "id": logged.id})
        except ValidationError as error:
            results.append({"status": 422, "errors": _errors({str(k): v for k, v in _messages(error).items()})})
        except Invalid as error:
            results.append({"status": 422, "errors": _errors(error.errors)})
    return results


def _errors(messages: dict[str, Any]) -> list[dict[str, str]]:
    return [
        {
            "field": name.replace("_schema", ""),
            "code": "invalid",
            "message": one if isinstance(one, str) else " ".join(one),
        }
        for name, one in messages.items()
    ]


def _messages(error: ValidationError) -> dict[Any, Any]:
    return dict(error.normalized_messages())  # type: ignore[no-untyped-call]


def _by_item(error: ValidationError) -> dict[str, str]:
    """The messages of a list's items, each under its number and its field."""
    return {
        f"{number}.{field}".removesuffix("._schema"): " ".join(messages)
        for number, fields in _messages(error).items()
        for field, messages in (fields.items() if isinstance(fields, dict) else [("_schema", fields)])
    }
