"""Statistics on the web."""

from flask import Blueprint, Response

from app.activities import regions
from app.activities.mets import Kind
from app.activities.queries import waiting_of
from app.activities.standing import pace_s
from app.clock import now
from app.security import me, signed_in
from app.web import live, settings

from . import services
from .chart import drawn

bp = Blueprint("statistics", __name__, url_prefix="/statistics")


@bp.get("/")
@signed_in
def index() -> Response:
    """The last thirty days and the personal bests; looks again while energy is still to come."""
    row, moment = services.statistics_of(me().id, zone=me().zone), now()
    # What waited when they were added up may have its energy by now: then it is looked for at once.
    since = (waiting_of(me().id).since or moment) if row.uncounted else None
    pace = pace_s(since, now=moment, usual_s=settings().poll_pace_s)
    summary = row.summary
    return live(
        "statistics/_statistics.html",
        page="statistics/index.html",
        tag=regions.tag((row.kinds, row.days, row.bests, row.uncounted, pace), waiting=()),
        row=row,
        summary=summary,
        bests=row.personal_bests,
        chart=drawn(summary),
        kinds={kind.value: kind for kind in Kind},
        today=row.until_day,
        pace_s=pace,
    )
