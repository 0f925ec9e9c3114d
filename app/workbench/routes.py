"""The workbench on the web."""

from hashlib import blake2s
from typing import Any

from flask import Blueprint, Response, request, url_for

from app.clock import now, today
from app.discretion import told, told_text
from app.errors import Conflict, Invalid, NotFound
from app.security import is_theirs, me, signed_in
from app.web import done, invalid, live, page_or_fragment, settings

from . import kinds, queries, services
from .forms import KindForm, form_of
from .kinds import Kind, Section
from .standing import lane, percent, shown

FRESH_S, SLOW_AFTER_S = 60, 600

bp = Blueprint("workbench", __name__, url_prefix="/workbench")


@bp.get("/")
@signed_in
def index() -> Response:
    """What there is to try."""
    return _bench(kinds.ALL[0])


@bp.get("/<string:name>")
@signed_in
def show(name: str) -> Response:
    """The form of one kind."""
    return _bench(_kind(name))


@bp.post("/<string:name>/runs")
@signed_in
def create(name: str) -> Response:
    """Set one going."""
    kind = _kind(name)
    form = form_of(kind, _schema(kind), request.form)
    args = form.arguments()
    try:
        uid = services.start(me(), kind, args) if args is not None else None
    except Invalid as error:
        form.refuse(error.errors)
        uid = None
    if uid is None:
        return invalid("workbench/index.html", "workbench/_desk.html", **_desk(kind, form))
    return done("workbench/_desk.html", see=url_for(".show_run", uid=uid), **_desk(kind, form, uid=uid))


@bp.get("/runs/<string:uid>")
@signed_in
def show_run(uid: str) -> Response:
    """How something that was tried stands, looking again until it is over."""
    look = _look(uid)
    return live("workbench/_run.html", page="workbench/show.html", **_run(look))


@bp.post("/runs/<string:uid>/cancellation")
@signed_in
def cancel(uid: str) -> Response:
    """Cancel it: at once while it waits, by asking it to end while it runs."""
    try:
        services.cancel(me(), uid)
        said = "It is being cancelled."
    except Conflict as error:
        said = str(error)
    return done("workbench/_run.html", see=url_for(".show_run", uid=uid), announce=said, **_run(_look(uid)))


def _bench(kind: Kind) -> Response:
    return page_or_fragment("workbench/index.html", "workbench/_desk.html", **_desk(kind, form_of(kind, _schema(kind))))


def _kind(name: str) -> Kind:
    kind = kinds.BY_NAME.get(name)
    if kind is None or (kind.is_for_staff and not me().is_admin):
        raise NotFound("There is no such kind.")
    return kind


def _schema(kind: Kind) -> dict[str, Any]:
    schema: dict[str, Any] = services.taker(kind).told()["arguments"]
    return schema


def _desk(kind: Kind, form: KindForm, *, uid: str | None = None) -> dict[str, Any]:
    offered = [one for one in kinds.ALL if me().is_admin or not one.is_for_staff]
    sections = [(section, [one for one in offered if one.section is section]) for section in Section]
    run = _run(_look(uid)) if uid else {"look": None}
    return {
        "kind": kind,
        "form": form,
        "sections": [(section, some) for section, some in sections if some],
        "recent": _recent(),
        **run,
    }


def _recent() -> list[dict[str, Any]]:
    jobs = [_look_of_job(one) for one in queries.recent_of(me())]
    flows = [_look_of_flow(one, with_steps=False) for one in queries.recent_flows_of(me())]
    return sorted([*jobs, *flows], key=lambda look: look["uid"], reverse=True)[: queries.RECENT]


def _look(uid: str) -> dict[str, Any]:
    if queries.is_flow(uid):
        return _look_of_flow(queries.flow_of(me(), uid))
    return _look_of_job(queries.job_of(me(), uid))


def _look_of_job(job: Any) -> dict[str, Any]:
    is_own = is_theirs(me(), job.requested_by)
    is_ending = job.cancel_requested_at is not None and job.is_live
    done_percent = percent(job.progress_current, job.progress_total) if job.is_live else None
    return {
        "uid": job.uid,
        "title": _title(job.kind),
        "state": lane(job.state, failures=job.failures, is_ending=is_ending),
        "is_live": job.is_live,
        "can_cancel": job.is_live and not is_ending,
        "percent": done_percent,
        "note": told_text(job.progress_note, is_own=is_own),
        "attempts": job.attempt,
        "took_ms": job.processing_ms,
        "result": shown(told(job.result, is_own=is_own)) if job.result is not None else None,
        "result_gone_at": job.result_gone_at,
        "error": told_text(job.error_message, is_own=is_own) if job.state != "succeeded" else None,
        "created_at": job.created_at,
        "steps": [],
        "more_steps": 0,
    }


def _look_of_flow(flow: Any, *, with_steps: bool = True) -> dict[str, Any]:
    steps = queries.steps_of(flow) if with_steps else []
    result = queries.result_of(flow) if with_steps else None
    total = sum(flow.counts.values())
    is_own = is_theirs(me(), flow.requested_by)
    failed = next((step.error_message for step in steps if step.name == flow.failed_step), None)
    return {
        "uid": flow.uid,
        "title": _title(flow.name),
        "state": lane(flow.state),
        "is_live": flow.is_live,
        "can_cancel": flow.is_live,
        "percent": percent(flow.settled, total) if flow.is_live else None,
        "note": f"{flow.settled} of {total} steps",
        "attempts": None,
        "took_ms": None,
        "result": shown(told(result, is_own=is_own)) if result is not None else None,
        "result_gone_at": queries.result_gone_at(flow) if with_steps else None,
        "error": told_text(failed, is_own=is_own),
        "created_at": flow.created_at,
        "steps": [(one.name, lane(one.state), told_text(one.error_message, is_own=is_own)) for one in steps],
        "more_steps": max(0, total - len(steps)),
    }


def _title(name: str) -> str:
    kind = kinds.named(name)
    return kind.title if kind else name


def _run(look: dict[str, Any]) -> dict[str, Any]:
    facts = (look["state"], look["percent"], look["note"], look["attempts"], look["result"], look["steps"])
    return {
        "look": look,
        "pace_s": _pace_s(look),
        "tag": blake2s(repr(facts).encode(), digest_size=8).hexdigest(),
        "today": today(me().zone),
    }


def _pace_s(look: dict[str, Any]) -> float | None:
    """Seconds between two looks; None: do not look."""
    if not look["is_live"]:
        return None
    waited_s = (now() - look["created_at"]).total_seconds()
    usual_s = settings().poll_pace_s
    return min(0.5, usual_s) if waited_s < FRESH_S else usual_s if waited_s < SLOW_AFTER_S else max(10.0, usual_s)
