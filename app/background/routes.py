"""A job on the web, for the person who asked for it: how far it is, what it came to, and a way to stop it."""

import json
from hashlib import blake2s
from typing import Any

from flask import Blueprint, Response, url_for

from app.clock import now, today
from app.discretion import told, told_text
from app.errors import Conflict
from app.security import is_theirs, me, signed_in
from app.web import done, live, settings
from jobs import FAILED, Entry, engine_of

from . import queries, services
from .watching import is_slow, left_in_words, pace_s, standing, title_of

bp = Blueprint("jobs", __name__, url_prefix="/jobs")


@bp.get("/<string:uid>")
@signed_in
def show(uid: str) -> Response:
    """The job: as a page, or the part of one that looks again until it is over."""
    context = _context(queries.job_of(me(), uid))
    triggers = {} if context["job"]["is_live"] else {"job-settled": ""}
    return live("background/_job.html", page="background/show.html", triggers=triggers, **context)


@bp.post("/<string:uid>/cancellations")
@signed_in
def cancel(uid: str) -> Response:
    """Stop it: at once while it waits, by asking it to end while it runs."""
    try:
        said = "It is cancelled." if services.cancel(me(), uid) else "It was asked to end."
    except Conflict:
        said = "It was over already."
    return done("background/_job.html", see=url_for(".show", uid=uid), announce=said, **_context(_fresh(uid)))


def _fresh(uid: str) -> Entry:
    return queries.job_of(me(), uid)


def _context(entry: Entry) -> dict[str, Any]:
    progress = queries.progress_of(entry)
    is_own = is_theirs(me(), entry.requested_by)
    is_ending = entry.cancel_requested_at is not None and entry.is_live
    known = engine_of().jobs.get(entry.kind)
    job = {
        "uid": entry.uid,
        "title": title_of(entry.kind, known.told()["doc"] if known else ""),
        "state": standing(entry.state, failures=entry.failures, is_ending=is_ending),
        "is_live": entry.is_live,
        "can_cancel": entry.is_live and not is_ending,
        "percent": progress.percent if entry.is_live else None,
        "note": told_text(progress.note, is_own=is_own) if entry.is_live else None,
        "left": left_in_words(progress.eta_s),
        "is_slow": entry.is_live and is_slow(entry.created_at, now=now()),
        "result": _as_text(told(entry.result, is_own=is_own)),
        "result_gone_at": entry.result_gone_at,
        "error": told_text(entry.error_message, is_own=is_own) if entry.state in FAILED else None,
        "took_ms": entry.processing_ms,
        "tries": entry.attempt,
        "created_at": entry.created_at,
    }
    pace = pace_s(entry.created_at, now=now(), usual_s=settings().poll_pace_s) if entry.is_live else None
    tag = blake2s(repr((job, pace)).encode("utf-8", "replace"), digest_size=8).hexdigest()
    return {"job": job, "pace_s": pace, "tag": tag, "today": today(me().zone)}


def _as_text(shown: Any) -> str | None:
    """A result as people read it: text as it is, the rest as JSON with every digit."""
    if shown is None:
        return None
    return shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False, indent=2)
