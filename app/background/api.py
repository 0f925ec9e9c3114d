"""Jobs under /api/v1."""

from typing import Any

from flask import Response, request, url_for
from marshmallow import ValidationError

from app.errors import Invalid
from app.openapi import (
    KEY,
    ApiBlueprint,
    answer,
    by_field,
    idempotency_key,
    listed,
    of_each,
    read_json,
    sent_once,
)
from app.security import api_access, is_theirs, me, steers_all_jobs
from jobs import Entry, engine_of

from . import queries, services
from .drafts import MOST_AT_ONCE, Draft
from .schemas import (
    BatchArgs,
    JobAttemptsOut,
    JobChange,
    JobIn,
    JobLookOut,
    JobPageOut,
    JobProgressOut,
    JobResultOut,
    JobRevelationOut,
    JobsOut,
    KindsOut,
    ListArgs,
    ReasonIn,
    SomeJobsOut,
    WaitArgs,
    attempt_out,
    job_out,
    kind_out,
    meant_by,
    progress_out,
    result_out,
    revelation_out,
)

MANY = {"type": "array", "items": JobIn, "minItems": 1, "maxItems": MOST_AT_ONCE}

blp = ApiBlueprint("jobs_api", __name__, url_prefix="/api/v1", description="Background jobs: start, watch, steer.")


@blp.post("/jobs")
@blp.doc(parameters=[KEY])
@blp.arguments(JobIn())
@blp.response(201, JobLookOut)
@blp.alt_response(200, schema=JobLookOut, description="It was sent before.")
@api_access("write", "jobs")
def create(given: dict[str, Any]) -> Response:
    """Start a job of a kind that you may start."""
    started = services.start(me(), [Draft(**given)], key=idempotency_key("job"), one=True)
    response = answer(_told(queries.job_made(started.made[0])), status=201 if started.is_new else 200)
    response.headers["Location"] = url_for(".show", uid=started.made[0])
    return response


@blp.post("/jobs/batch")
@blp.doc(
    parameters=[KEY],
    requestBody={"required": True, "content": {"application/json": {"schema": MANY}}},
)
@blp.arguments(BatchArgs(), location="query")
@blp.response(201, JobsOut)
@blp.alt_response(200, schema=JobsOut, description="It was sent before.")
@blp.alt_response(207, schema=SomeJobsOut, description="With partial=1: what became of each.")
@api_access("write", "jobs")
def create_many(args: dict[str, Any]) -> Response:
    """Start up to 1,000 jobs with one statement, a priority each, all or none."""
    given = read_json(request)
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_AT_ONCE:
        raise Invalid({"": f"Send a list of 1 to {MOST_AT_ONCE} jobs."})
    if args["some"]:
        return answer({"results": of_each(sent_once("some", lambda: _some(given), content=given))}, status=207)
    try:
        drafts = [Draft(**one) for one in JobIn(many=True).load(given)]
    except ValidationError as error:
        raise Invalid(by_field(error)) from None
    started = services.start(me(), drafts, key=idempotency_key("jobs"))
    made = [_told(one) for one in queries.jobs_made(started.made)]
    return answer({"jobs": made}, status=201 if started.is_new else 200)


@blp.get("/jobs")
@blp.arguments(ListArgs(), location="query")
@blp.response(200, JobPageOut)
@api_access("read", "jobs")
def index(args: dict[str, Any]) -> Response:
    """List jobs: your own, the newest first; for who may see all jobs, everybody's. All that is asked has to hold.

    Words of errors, workers and arguments, and times, are looked for among a few thousand jobs at a time: a page may
    hold less than its limit, or nothing, and `next` still lead on.
    """
    meant = meant_by(args, now=engine_of().inspector.now())
    entries, following = queries.page_of(me(), meant, below=args.get("next"), limit=args["limit"])
    response = answer({"jobs": [_told(one) for one in entries], "next": following and str(following)})
    if following:
        address = url_for(".index", **{**request.args, "next": str(following)}, _external=True)
        response.headers["Link"] = f'<{address}>; rel="next"'
    return response


@blp.get("/jobs/<string:uid>")
@blp.arguments(WaitArgs(), location="query")
@blp.response(200, JobLookOut)
@api_access("read", "jobs")
def show(args: dict[str, Any], uid: str) -> Response:
    """Show a job; with `wait`, when it has settled. When too many wait already, it answers at once."""
    return answer(_told(queries.settled_job_of(me(), uid, wait_s=args["wait"])))


@blp.get("/jobs/<string:uid>/progress")
@blp.response(200, JobProgressOut)
@api_access("read", "jobs")
def progress(uid: str) -> Response:
    """Tell how far a job is, and how long it will take yet."""
    entry = queries.job_of(me(), uid)
    return answer(progress_out(entry, queries.progress_of(entry), is_own=_is_mine(entry)))


@blp.get("/jobs/<string:uid>/result")
@blp.arguments(WaitArgs(), location="query")
@blp.response(200, JobResultOut)
@api_access("read", "jobs")
def result(args: dict[str, Any], uid: str) -> Response:
    """Give what a job came to."""
    entry = queries.settled_job_of(me(), uid, wait_s=args["wait"])
    queries.needs_result(entry.result_gone_at)
    return answer(result_out(entry, is_own=_is_mine(entry)))


@blp.get("/jobs/<string:uid>/attempts")
@blp.response(200, JobAttemptsOut)
@api_access("read", "jobs")
def attempts(uid: str) -> Response:
    """List the tries of a job that have ended."""
    entry = queries.job_of(me(), uid)
    how = {"with_traceback": steers_all_jobs(me()), "is_own": _is_mine(entry)}
    return answer({"attempts": [attempt_out(one, **how) for one in queries.attempts_of(entry)]})


@blp.post("/jobs/<string:uid>/revelations")
@blp.arguments(ReasonIn(), required=False)
@blp.response(200, JobRevelationOut)
@api_access("jobs")
def reveal(given: dict[str, Any], uid: str) -> Response:
    """Tell what of a job is masked elsewhere. That you looked is written down."""
    entry = services.reveal(me(), uid, reason=given.get("reason"))
    return answer(revelation_out(entry, queries.attempts_of(entry)))


@blp.post("/jobs/<string:uid>/cancellation")
@blp.arguments(ReasonIn(), required=False)
@blp.response(200, JobLookOut)
@blp.alt_response(202, schema=JobLookOut, description="It runs, and was asked to end.")
@api_access("write", "jobs")
def cancel(given: dict[str, Any], uid: str) -> Response:
    """Cancel a job: what waits at once, what runs by asking it to end."""
    is_done = services.cancel(me(), uid, reason=given.get("reason"))
    return _job(uid, status=200 if is_done else 202)


@blp.post("/jobs/<string:uid>/retries")
@blp.arguments(ReasonIn(), required=False)
@blp.response(202, JobLookOut)
@api_access("write", "jobs")
def retry(given: dict[str, Any], uid: str) -> Response:
    """Run a job again that failed or was cancelled."""
    services.retry(me(), uid, reason=given.get("reason"))
    return _job(uid, status=202)


@blp.patch("/jobs/<string:uid>")
@blp.arguments(JobChange())
@blp.response(200, JobLookOut)
@api_access("write", "jobs")
def update(given: dict[str, Any], uid: str) -> Response:
    """Change the priority, the queue or the start of a job that waits."""
    services.change(me(), uid, **given)
    return _job(uid)


@blp.delete("/jobs/<string:uid>")
@blp.arguments(ReasonIn(), location="query")
@blp.response(204)
@api_access("write", "jobs")
def delete(given: dict[str, Any], uid: str) -> Response:
    """Cancel a job, unless it has started."""
    services.withdraw(me(), uid, reason=given.get("reason"))
    return Response(status=204)


@blp.get("/kinds")
@blp.response(200, KindsOut)
@api_access("read", "jobs")
def kinds() -> Response:
    """List the kinds of job that you may start, with what they take."""
    return answer({"kinds": [kind_out(one) for one in queries.kinds_for(me())]})


def _job(uid: str, *, status: int = 200) -> Response:
    return answer(_told(queries.job_of(me(), uid)), status=status)


def _told(entry: Entry) -> dict[str, Any]:
    return job_out(entry, is_own=_is_mine(entry))


def _is_mine(entry: Entry) -> bool:
    return is_theirs(me(), entry.requested_by)


def _some(given: list[Any]) -> list[dict[str, Any]]:
    """Start what can be started; what became of each, in order."""
    drafts: dict[int, Draft] = {}
    results: list[dict[str, Any]] = [{"index": number} for number in range(len(given))]
    for number, one in enumerate(given):
        try:
            drafts[number] = Draft(**JobIn().load(one))
        except ValidationError as error:
            results[number] |= {"status": 422, "errors": listed(by_field(error))}
    for number, found in services.start_some(me(), drafts).items():
        if isinstance(found, str):
            results[number] |= {"status": 201, "id": found}
        else:
            results[number] |= {"status": 422, "errors": listed(found.errors)}
    return results
