"""Leaderboards under /api/v1."""

from typing import Any

from flask import Response

from app.errors import NotFound
from app.openapi import ApiBlueprint, answer
from app.security import api_access, me

from . import queries, services
from .boards import Measure, Period
from .schemas import BoardArgs, BoardOut, MembershipIn, MembershipOut, board_out, membership_out, place_out

blp = ApiBlueprint("leaderboards_api", __name__, url_prefix="/api/v1/leaderboards", description="How people stand.")


@blp.get("")
@blp.arguments(BoardArgs(), location="query")
@blp.response(200, BoardOut)
@api_access("read")
def show(args: dict[str, Any]) -> Response:
    """Tell how those who take part stand."""
    period, measure = Period(args["period"]), Measure(args["by"])
    after, limit = args["next"], args["limit"]
    found = queries.places_of(period, measure, viewer_id=me().id, after=after, limit=limit + 1)
    return answer(
        {
            "period": period.value,
            "by": measure.value,
            **board_out(queries.board_of(period)),
            "people": queries.count_of(period),
            "places": [place_out(one) for one in found[:limit]],
            "next": after + limit if len(found) > limit else None,
            "you": place_out(queries.own_place_of(me().id, period, measure)),
        }
    )


@blp.get("/membership")
@blp.response(200, MembershipOut)
@blp.alt_response(404, description="You do not take part.")
@api_access("read")
def membership() -> Response:
    """Tell under which name you take part."""
    return _membership()


@blp.put("/membership")
@blp.arguments(MembershipIn())
@blp.response(200, MembershipOut)
@api_access("write")
def join(given: dict[str, str]) -> Response:
    """Take part under a name that everybody here may see, or change it."""
    services.join_leaderboards(me(), display_name=given["display_name"])
    return _membership()


@blp.delete("/membership")
@blp.response(204)
@api_access("write")
def leave() -> Response:
    """Take part no more; your lines go at once."""
    services.leave_leaderboards(me().id)
    return Response(status=204)


def _membership() -> Response:
    member = queries.member_of(me().id)
    if member is None:
        raise NotFound("You do not take part in the leaderboards.")
    return answer(membership_out(member))
