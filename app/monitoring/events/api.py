"""Events for programs."""

from typing import Any

from flask import Response

from app.errors import Invalid
from app.openapi import ApiBlueprint, answer
from app.security import api_access

from . import queries
from .listing import read_listing
from .schemas import EventArgs, EventPageOut, event_out

blp = ApiBlueprint("events_api", __name__, url_prefix="/api/v1", description="What happened, and how the system is.")


@blp.get("/events")
@blp.arguments(EventArgs(), location="query")
@blp.response(200, EventPageOut)
@api_access("jobs")
def index(args: dict[str, Any]) -> Response:
    """List events, the newest first."""
    listing, wrong = read_listing({name: str(value) for name, value in args.items()})
    if wrong:
        raise Invalid(wrong)
    found, following = queries.events(listing, limit=args["limit"])
    return answer({"events": [event_out(one) for one in found], "next": str(following) if following else None})
