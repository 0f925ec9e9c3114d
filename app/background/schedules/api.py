"""Schedules under /api/v1."""

from typing import Any

from flask import Response, request, url_for

from app.background.queries import job_made
from app.background.schemas import JobLookOut, ReasonIn, job_out, moment_out
from app.errors import Conflict
from app.openapi import KEY, ApiBlueprint, answer, sent_once
from app.security import api_access, is_theirs, me
from jobs import Entry, Schedule

from . import queries, services
from .schemas import (
    RunsArgs,
    ScheduleBackfillIn,
    ScheduleBackfillOut,
    ScheduleChange,
    ScheduleIn,
    ScheduleOut,
    SchedulePageOut,
    SchedulePauseIn,
    SchedulePreviewOut,
    ScheduleRuleIn,
    ScheduleRunPageOut,
    SchedulesArgs,
    backfill_out,
    preview_out,
    run_out,
    schedule_out,
)

blp = ApiBlueprint("schedules_api", __name__, url_prefix="/api/v1", description="Jobs that run by the clock.")


@blp.get("/schedules")
@blp.arguments(SchedulesArgs(), location="query")
@blp.response(200, SchedulePageOut)
@api_access("read", "jobs")
def index(args: dict[str, Any]) -> Response:
    """List schedules: your own, the newest first; for admins everybody's."""
    found, following = queries.page_of(me(), below=args.get("next"), limit=args["limit"])
    return _page("schedules", [_told(one) for one in found], None if following is None else str(following))


@blp.post("/schedules")
@blp.doc(parameters=[KEY])
@blp.arguments(ScheduleIn())
@blp.response(201, ScheduleOut)
@blp.alt_response(200, schema=ScheduleOut, description="It was sent before.")
@api_access("write", "jobs")
def create(given: dict[str, Any]) -> Response:
    """Have a kind that you may start run by the clock."""
    sent = sent_once("schedule", lambda: [services.create(me(), given)], content=given)
    (uid,) = sent.made
    response = _schedule(uid, status=201 if sent.is_new else 200)
    response.headers["Location"] = url_for(".show", uid=uid)
    return response


@blp.post("/schedules/preview")
@blp.arguments(ScheduleRuleIn())
@blp.response(200, SchedulePreviewOut)
@api_access("read", "jobs")
def preview_rule(given: dict[str, Any]) -> Response:
    """Tell a rule in words, and its next runs. Nothing is stored."""
    return answer(preview_out(*services.preview(given)))


@blp.get("/schedules/<string:uid>")
@blp.response(200, ScheduleOut)
@api_access("read", "jobs")
def show(uid: str) -> Response:
    """Show a schedule."""
    return _schedule(uid)


@blp.patch("/schedules/<string:uid>")
@blp.arguments(ScheduleChange())
@blp.response(200, ScheduleOut)
@api_access("write", "jobs")
def update(given: dict[str, Any], uid: str) -> Response:
    """Change some of a schedule. With another rule its next run is told anew from now on."""
    services.change(me(), uid, given)
    return _schedule(uid)


@blp.delete("/schedules/<string:uid>")
@blp.arguments(ReasonIn(), location="query")
@blp.response(204)
@api_access("write", "jobs")
def delete(given: dict[str, Any], uid: str) -> Response:
    """Delete a schedule. Its jobs stay."""
    services.delete(me(), uid, reason=given.get("reason"))
    return Response(status=204)


@blp.get("/schedules/<string:uid>/preview")
@blp.response(200, SchedulePreviewOut)
@api_access("read", "jobs")
def preview(uid: str) -> Response:
    """Tell the rule of a schedule in words, and its next runs."""
    one = queries.schedule_of(me(), uid)
    try:
        return answer(preview_out(*queries.preview_of(one)))
    except ValueError as error:
        raise Conflict(f"This schedule cannot be followed: {error}.") from None


@blp.get("/schedules/<string:uid>/runs")
@blp.arguments(RunsArgs(), location="query")
@blp.response(200, ScheduleRunPageOut)
@api_access("read", "jobs")
def runs(args: dict[str, Any], uid: str) -> Response:
    """List what became of the slots of a schedule, the newest first."""
    one = queries.schedule_of(me(), uid)
    found, following = queries.runs_of(one, below=args.get("next"), limit=args["limit"])
    return _page("runs", [run_out(each) for each in found], moment_out(following), uid=uid)


@blp.post("/schedules/<string:uid>/runs")
@blp.doc(parameters=[KEY])
@blp.arguments(ReasonIn(), required=False)
@blp.response(201, JobLookOut)
@blp.alt_response(200, schema=JobLookOut, description="It was sent before.")
@api_access("write", "jobs")
def run(given: dict[str, Any], uid: str) -> Response:
    """Make a job of a schedule at once, paused or not, beside its slots."""
    reason = given.get("reason")
    sent = sent_once("schedule run", lambda: [services.run_now(me(), uid, reason=reason)], content=[uid, reason])
    (job_uid,) = sent.made
    response = answer(_job_out(job_made(job_uid)), status=201 if sent.is_new else 200)
    response.headers["Location"] = url_for("jobs_api.show", uid=job_uid)
    return response


@blp.post("/schedules/<string:uid>/backfills")
@blp.arguments(ScheduleBackfillIn())
@blp.response(201, ScheduleBackfillOut)
@api_access("write", "jobs")
def backfill(given: dict[str, Any], uid: str) -> Response:
    """Make the jobs of past slots that made none, at most 1,000. Sent twice, the second time finds nothing."""
    return answer(backfill_out(services.backfill(me(), uid, **given)), status=201)


@blp.post("/schedules/<string:uid>/pause")
@blp.arguments(SchedulePauseIn())
@blp.response(200, ScheduleOut)
@api_access("write", "jobs")
def pause(given: dict[str, Any], uid: str) -> Response:
    """Let a schedule make no more jobs until it is resumed. Pausing twice changes nothing."""
    services.pause(me(), uid, reason=given.get("reason"))
    return _schedule(uid)


@blp.delete("/schedules/<string:uid>/pause")
@blp.arguments(ReasonIn(), required=False)
@blp.response(200, ScheduleOut)
@api_access("write", "jobs")
def resume(given: dict[str, Any], uid: str) -> Response:
    """Let a schedule go on with its next slot."""
    services.resume(me(), uid, reason=given.get("reason"))
    return _schedule(uid)


def _schedule(uid: str, *, status: int = 200) -> Response:
    return answer(_told(queries.schedule_of(me(), uid)), status=status)


def _page(name: str, found: list[dict[str, Any]], following: str | None, **place: str) -> Response:
    """A page, with the address of the one after it."""
    response = answer({name: found, "next": following})
    if following:
        address = url_for(request.endpoint or "", **{**request.args, **place, "next": following}, _external=True)
        response.headers["Link"] = f'<{address}>; rel="next"'
    return response


def _told(one: Schedule) -> dict[str, Any]:
    return schedule_out(one, is_own=is_theirs(me(), one.requested_by))


def _job_out(entry: Entry) -> dict[str, Any]:
    return job_out(entry, is_own=is_theirs(me(), entry.requested_by))
