"""How the system is, on the web."""

import hashlib
from typing import Any

from flask import Blueprint, Response

from app.clock import now, today
from app.security import me, viewers
from app.web import live, settings

from . import queries

bp = Blueprint("health", __name__, url_prefix="/ops/health")


@bp.get("")
@viewers
def index() -> Response:
    """Every part, the last day as a strip, and what went wrong lately."""
    last, parts, day, troubles = queries.last_check(), queries.parts(), queries.day(), queries.troubles()
    told = (last and last.id, [(one.name, one.condition, one.words, one.looked_at) for one in parts], me().refresh_s)
    context: dict[str, Any] = {
        "last": last,
        "parts": parts,
        "day": day,
        "troubles": troubles,
        "interval_s": settings().health_interval_s,
        "pace_s": me().refresh_s,
        "today": today(me().zone),
        "stale": last is not None and now() - last.at > queries.stale_after(),
        "wrong": [one for one in parts if one.condition != "ok"],
    }
    tag = hashlib.blake2s(repr(told).encode(), digest_size=8).hexdigest()
    return live("monitoring/_health.html", page="monitoring/health.html", tag=tag, **context)
