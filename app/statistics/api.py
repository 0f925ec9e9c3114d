"""Statistics under /api/v1."""

from flask import Response

from app.openapi import ApiBlueprint, answer
from app.security import api_access, me

from . import services
from .schemas import StatisticsOut, statistics_out

blp = ApiBlueprint("statistics_api", __name__, url_prefix="/api/v1", description="What activities add up to.")


@blp.get("/statistics")
@blp.response(200, StatisticsOut)
@api_access("read")
def show() -> Response:
    """Tell what you did in the last thirty days, and the best you ever did."""
    return answer(statistics_out(services.statistics_of(me().id, zone=me().zone)))
