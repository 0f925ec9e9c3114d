"""Leaderboards on the web."""

from typing import Any

from flask import Blueprint, Response, request, url_for

from app.clock import today
from app.errors import Invalid, NotFound
from app.security import me, signed_in
from app.web import done, invalid, page_or_fragment

from . import queries, services
from .boards import Measure, Period
from .forms import MembershipForm

SHOWN = 50

bp = Blueprint("leaderboards", __name__, url_prefix="/leaderboards")


@bp.get("/")
@signed_in
def index() -> Response:
    """One leaderboard, and the way to the others."""
    try:
        period = Period(request.args.get("period", Period.WEEK.value))
        measure = Measure(request.args.get("by", Measure.ENERGY.value))
    except ValueError:
        raise NotFound("There is no such leaderboard.") from None
    after = request.args.get("after", "0")
    start = int(after) if after.isascii() and after.isdecimal() and len(after) < 7 else 0
    found = queries.places_of(period, measure, viewer_id=me().id, after=start, limit=SHOWN + 1)
    places, own = found[:SHOWN], queries.own_place_of(me().id, period, measure)
    board = queries.board_of(period)
    return page_or_fragment(
        "leaderboards/index.html",
        "leaderboards/_board.html",
        period=period,
        measure=measure,
        periods=list(Period),
        measures=list(Measure),
        standings=places,
        own=None if own is None or any(one.is_own for one in places) else own,
        people=queries.count_of(period),
        after=start,
        size=SHOWN,
        has_more=len(found) > SHOWN,
        board=board,
        next_at=board and services.next_update(board.calculated_at),
        member=queries.member_of(me().id),
        today=today(me().zone),
    )


@bp.get("/membership")
@signed_in
def membership() -> Response:
    """Whether they take part, and under which name."""
    return page_or_fragment("leaderboards/membership.html", "leaderboards/_membership.html", **section())


@bp.post("/membership")
@signed_in
def join() -> Response:
    """Take part, or change the name."""
    form = MembershipForm(request.form, prefix="leaderboards-")
    if not _joined(form):
        return invalid("leaderboards/membership.html", "leaderboards/_membership.html", **section(form))
    return _redrawn(f"You take part as {form.display_name.data}.")


@bp.post("/membership/end")
@signed_in
def leave() -> Response:
    """Take part no more."""
    services.leave_leaderboards(me().id)
    return _redrawn("You are on no leaderboard any more.")


def section(form: MembershipForm | None = None) -> dict[str, Any]:
    """What `_membership.html` needs, on its own page and among the settings."""
    member = queries.member_of(me().id)
    name = member.display_name if member else ""
    return {"member": member, "membership": form or MembershipForm(prefix="leaderboards-", display_name=name)}


def _joined(form: MembershipForm) -> bool:
    if not form.validate():
        return False
    try:
        services.join_leaderboards(me(), display_name=form.display_name.data or "")
    except Invalid as problem:
        form.display_name.errors = list(problem.errors.values())
        return False
    return True


def _redrawn(announce: str) -> Response:
    see = url_for("accounts.index", _anchor="leaderboards")
    return done("leaderboards/_membership.html", see=see, announce=announce, **section())
