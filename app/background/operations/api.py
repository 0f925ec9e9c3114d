"""What operators see and do, under /api/v1."""

from typing import Any

from flask import Response, url_for

from app.background.schemas import ReasonIn
from app.once import Sent
from app.openapi import KEY, PROBLEM, ApiBlueprint, ProblemOut, answer, sent_once
from app.security import api_access, me
from jobs import RANGES, Limits

from . import queries, services
from .schemas import (
    AuditArgs,
    AuditPageOut,
    BrokerOut,
    BrokerRepairOut,
    BulkIn,
    BulkOut,
    BulkPageOut,
    BulkPreviewOut,
    EngineOverviewOut,
    ErrorGroupsArgs,
    ErrorGroupsOut,
    HistoryArgs,
    HistoryOut,
    IntegrityOut,
    KindLaneOut,
    LanePauseIn,
    LimitsIn,
    MuteIn,
    OperatorPageArgs,
    PromiseOut,
    QueueOut,
    QueuesOut,
    VerificationOut,
    WishIn,
    WorkerOut,
    WorkersOut,
    audit_entry_out,
    broker_out,
    bulk_out,
    error_group_out,
    history_out,
    kind_lane_out,
    overview_out,
    preview_out,
    promise_out,
    queue_out,
    request_of,
    verification_out,
    worker_out,
)

blp = ApiBlueprint("operations_api", __name__, url_prefix="/api/v1", description="For operators: the whole of it.")


# -- queues and kinds -------------------------------------------------------------------------------------------------


@blp.get("/queues")
@blp.response(200, QueuesOut)
@api_access("jobs")
def queues() -> Response:
    """List the queues, with what waits in them and what was decided about them."""
    return answer({"queues": [queue_out(one) for one in queries.queues()]})


@blp.get("/queues/<string:name>")
@blp.response(200, QueueOut)
@api_access("jobs")
def queue(name: str) -> Response:
    """Show a queue."""
    return answer(queue_out(queries.queue_named(name)))


@blp.post("/queues/<string:name>/pause")
@blp.arguments(LanePauseIn())
@blp.response(200, QueueOut)
@api_access("jobs")
def pause_queue(given: dict[str, Any], name: str) -> Response:
    """Let nothing more start in a queue, for good or for a while; what runs goes on."""
    services.pause(me(), ("queue", name), **given)
    return answer(queue_out(queries.queue_named(name)))


@blp.delete("/queues/<string:name>/pause")
@blp.arguments(ReasonIn(), location="query")
@blp.response(200, QueueOut)
@api_access("jobs")
def resume_queue(given: dict[str, Any], name: str) -> Response:
    """Let jobs start in a queue again."""
    services.resume(me(), ("queue", name), reason=given.get("reason"))
    return answer(queue_out(queries.queue_named(name)))


@blp.put("/queues/<string:name>/limits")
@blp.arguments(LimitsIn())
@blp.response(200, QueueOut)
@api_access("jobs")
def limit_queue(given: dict[str, Any], name: str) -> Response:
    """Decide how many jobs of a queue run at a time, and how many start in a while."""
    reason = given.pop("reason", None)
    services.limit(me(), ("queue", name), Limits(**given), reason=reason)
    return answer(queue_out(queries.queue_named(name)))


@blp.get("/kinds/<string:name>")
@blp.response(200, KindLaneOut)
@api_access("jobs")
def kind(name: str) -> Response:
    """Show a kind of job."""
    return answer(kind_lane_out(queries.kind_named(name)))


@blp.post("/kinds/<string:name>/pause")
@blp.arguments(LanePauseIn())
@blp.response(200, KindLaneOut)
@api_access("jobs")
def pause_kind(given: dict[str, Any], name: str) -> Response:
    """Let nothing more of a kind start, for good or for a while; what runs goes on."""
    services.pause(me(), ("kind", name), **given)
    return answer(kind_lane_out(queries.kind_named(name)))


@blp.delete("/kinds/<string:name>/pause")
@blp.arguments(ReasonIn(), location="query")
@blp.response(200, KindLaneOut)
@api_access("jobs")
def resume_kind(given: dict[str, Any], name: str) -> Response:
    """Let jobs of a kind start again."""
    services.resume(me(), ("kind", name), reason=given.get("reason"))
    return answer(kind_lane_out(queries.kind_named(name)))


@blp.put("/kinds/<string:name>/limits")
@blp.arguments(LimitsIn())
@blp.response(200, KindLaneOut)
@api_access("jobs")
def limit_kind(given: dict[str, Any], name: str) -> Response:
    """Decide how many jobs of a kind run at a time, and how many start in a while; above what the kind declares."""
    reason = given.pop("reason", None)
    services.limit(me(), ("kind", name), Limits(**given), reason=reason)
    return answer(kind_lane_out(queries.kind_named(name)))


# -- at a glance ------------------------------------------------------------------------------------------------------


@blp.get("/workers")
@blp.response(200, WorkersOut)
@api_access("jobs")
def workers() -> Response:
    """List the processes that run jobs and sweeps."""
    return answer({"workers": [worker_out(one) for one in queries.workers()]})


@blp.post("/workers/<string:name>/wishes")
@blp.arguments(WishIn())
@blp.response(202, WorkerOut)
@api_access("jobs")
def wish(given: dict[str, Any], name: str) -> Response:
    """Have a process take nothing more, take work again, or stop; its next beat hears of it."""
    services.wish(me(), name, given["wish"], reason=given.get("reason"))
    return answer(worker_out(queries.worker_named(name)), status=202)


@blp.delete("/workers/<string:name>")
@blp.arguments(ReasonIn(), location="query")
@blp.response(204)
@api_access("jobs")
def forget_worker(given: dict[str, Any], name: str) -> Response:
    """Take a process that fell silent off the list; jobs it ran go back by themselves."""
    services.forget_worker(me(), name, reason=given.get("reason"))
    return Response(status=204)


@blp.get("/integrity")
@blp.response(200, IntegrityOut)
@api_access("jobs")
def integrity() -> Response:
    """Tell of each promise of the engine whether it holds now."""
    kept = queries.integrity()
    return answer({"holds": all(one.holds for one in kept), "promises": [promise_out(one) for one in kept]})


@blp.post("/integrity/<string:name>/repair")
@blp.arguments(ReasonIn(), required=False)
@blp.response(200, PromiseOut)
@api_access("jobs")
def repair(given: dict[str, Any], name: str) -> Response:
    """Put right what breaks a promise, and tell how it stands then."""
    return answer(promise_out(services.repair(me(), name, reason=given.get("reason"))))


@blp.get("/broker")
@blp.response(200, BrokerOut)
@api_access("jobs")
def broker() -> Response:
    """Tell what lies in Redis."""
    return answer(broker_out(queries.broker()))


@blp.post("/broker/repair")
@blp.arguments(ReasonIn(), required=False)
@blp.response(200, BrokerRepairOut)
@blp.alt_response(503, schema=ProblemOut, content_type=PROBLEM, description="Redis is away.")
@api_access("jobs")
def repair_broker(given: dict[str, Any]) -> Response:
    """Remove from Redis what nobody holds, and wake workers for all that is ready."""
    return answer({"removed": services.tidy_up_broker(me(), reason=given.get("reason"))})


@blp.get("/metrics")
@blp.arguments(HistoryArgs(), location="query")
@blp.response(200, HistoryOut)
@api_access("jobs")
def history(args: dict[str, Any]) -> Response:
    """Tell waits, runs and outcomes over minutes, hours or days."""
    chosen = next(one for one in RANGES if one.key == args["range"])
    moments, points = queries.metrics(chosen, queue=args.get("queue"), kind=args.get("kind"))
    return answer(history_out(chosen, moments, points, counted_to=queries.counted_to()))


@blp.get("/overview")
@blp.response(200, EngineOverviewOut)
@api_access("jobs")
def overview() -> Response:
    """Tell everything at a glance."""
    return answer(overview_out(queries.overview()))


@blp.get("/errors")
@blp.arguments(ErrorGroupsArgs(), location="query")
@blp.response(200, ErrorGroupsOut)
@api_access("jobs")
def errors(args: dict[str, Any]) -> Response:
    """List what went wrong, alike errors together, the one met last first."""
    found, following = queries.errors(below_id=args.get("next"), limit=args["limit"])
    muted = queries.muted_errors()
    told = [error_group_out(one, is_muted=one.fingerprint in muted) for one in found]
    return answer({"errors": told, "next": following})


@blp.post("/errors/<string:fingerprint>/retries")
@blp.doc(parameters=[KEY])
@blp.arguments(ReasonIn(), required=False)
@blp.response(202, BulkOut)
@blp.alt_response(200, schema=BulkOut, description="It was sent before.")
@api_access("jobs")
def retry_error(given: dict[str, Any], fingerprint: str) -> Response:
    """Run all jobs again that ended with this error, by a bulk operation."""
    reason = given.get("reason")
    content = [fingerprint, reason]
    sent = sent_once("error retry", lambda: [services.retry_error(me(), fingerprint, reason=reason)], content=content)
    return _begun(sent)


@blp.put("/errors/<string:fingerprint>/mute")
@blp.arguments(MuteIn())
@blp.response(204)
@api_access("jobs")
def mute_error(given: dict[str, Any], fingerprint: str) -> Response:
    """Hide an error from the page of failures until another version runs; jobs fail and are tried again as before."""
    services.mute_error(me(), fingerprint, reason=given.get("reason"))
    return Response(status=204)


@blp.delete("/errors/<string:fingerprint>/mute")
@blp.arguments(ReasonIn(), location="query")
@blp.response(204)
@api_access("jobs")
def unmute_error(given: dict[str, Any], fingerprint: str) -> Response:
    """Show an error again."""
    services.unmute_error(me(), fingerprint, reason=given.get("reason"))
    return Response(status=204)


# -- many at once -----------------------------------------------------------------------------------------------------


@blp.post("/bulk-operations")
@blp.doc(parameters=[KEY])
@blp.arguments(BulkIn())
@blp.response(202, BulkOut)
@blp.alt_response(
    200,
    schema={"oneOf": [BulkPreviewOut, BulkOut]},
    description="With dry_run: the jobs that are meant. Else: it was sent before.",
)
@api_access("jobs")
def create(given: dict[str, Any]) -> Response:
    """Retry, cancel, delete, move or reprioritise many jobs in the background."""
    request = request_of(given)
    if given["dry_run"]:
        return answer(preview_out(services.preview(request)))
    reason = given.get("reason")
    return _begun(sent_once("bulk", lambda: [services.start(me(), request, reason=reason)], content=given))


@blp.get("/bulk-operations")
@blp.arguments(OperatorPageArgs(), location="query")
@blp.response(200, BulkPageOut)
@api_access("jobs")
def index(args: dict[str, Any]) -> Response:
    """List bulk operations, the newest first."""
    found, following = queries.operations(before_id=args.get("next"), limit=args["limit"])
    return answer({"operations": [bulk_out(one) for one in found], "next": following})


@blp.get("/bulk-operations/<string:uid>")
@blp.response(200, BulkOut)
@api_access("jobs")
def show(uid: str) -> Response:
    """Show how far a bulk operation is."""
    return answer(bulk_out(queries.operation(uid)))


@blp.post("/bulk-operations/<string:uid>/cancellation")
@blp.arguments(ReasonIn(), required=False)
@blp.response(200, BulkOut)
@blp.alt_response(202, schema=BulkOut, description="It runs, and ends after the jobs it is at.")
@api_access("jobs")
def cancel(given: dict[str, Any], uid: str) -> Response:
    """Stop a bulk operation where it is."""
    is_done = services.cancel(me(), uid, reason=given.get("reason"))
    return answer(bulk_out(queries.operation(uid)), status=200 if is_done else 202)


@blp.post("/bulk-operations/<string:uid>/undo")
@blp.doc(parameters=[KEY])
@blp.arguments(ReasonIn(), required=False)
@blp.response(202, BulkOut)
@blp.alt_response(200, schema=BulkOut, description="It was sent before.")
@api_access("jobs")
def undo(given: dict[str, Any], uid: str) -> Response:
    """Put the jobs that were cancelled, moved or reprioritised back as they were; what changed since stays."""
    reason = given.get("reason")
    return _begun(sent_once("undo", lambda: [services.undo(me(), uid, reason=reason)], content=[uid, reason]))


# -- what was done ----------------------------------------------------------------------------------------------------


@blp.get("/audit")
@blp.arguments(AuditArgs(), location="query")
@blp.response(200, AuditPageOut)
@api_access("jobs")
def audit(args: dict[str, Any]) -> Response:
    """List what operators did, the newest first."""
    span = {name: args.get(name) for name in ("since", "until")}
    found, following = queries.audit(**span, before_id=args.get("next"), limit=args["limit"])
    return answer({"entries": [audit_entry_out(one) for one in found], "next": following})


@blp.get("/audit/verification")
@blp.response(200, VerificationOut)
@api_access("jobs")
def verify() -> Response:
    """Walk the audit log, and tell whether it is as it was written."""
    return answer(verification_out(queries.verification()))


def _begun(sent: Sent) -> Response:
    (uid,) = sent.made
    response = answer(bulk_out(queries.operation(uid)), status=202 if sent.is_new else 200)
    response.headers["Location"] = url_for(".show", uid=uid)
    return response
