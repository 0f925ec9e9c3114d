"""The event log on the web."""

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, render_template, request, url_for

from app.accounts.queries import names_of
from app.clock import today
from app.security import me, viewers
from app.stream import Kind, Level
from app.web import live, varying

from . import queries
from .listing import Listing, read_listing

DAY = timedelta(days=1)
SPANS = {"15min": "15 minutes", "1h": "1 hour", "6h": "6 hours", "1d": "1 day", "7d": "7 days"}

bp = Blueprint("events", __name__, url_prefix="/ops/events")


@bp.get("")
@viewers
def index() -> Response:
    """What happened: found by who, what, when, request and job."""
    listing, wrong = read_listing(request.args)
    if wrong:
        page = render_template("monitoring/events.html", **_context(listing), wrong=wrong, events=[], tag="")
        return varying(Response(page, status=422))
    found, following = queries.events(listing)
    context = _context(listing) | {
        "events": found,
        "people": names_of({one.who for one in found if one.who}),
        "older": listing.query(below=following) if following else None,
        "count": queries.count(listing) if listing.is_filtered else None,
        "dropped": queries.dropped_within(DAY),
    }
    shown = [one.id for one in found], *(context[name] for name in ("people", "older", "count", "dropped", "pace_s"))
    tag = hashlib.blake2s(str(shown).encode(), digest_size=8).hexdigest()
    return live("monitoring/_events.html", page="monitoring/events.html", tag=tag, wrong={}, **context)


def _context(listing: Listing) -> dict[str, Any]:
    return {
        "listing": listing,
        "kinds": list(Kind),
        "levels": list(Level),
        "spans": SPANS,
        "pace_s": me().refresh_s,
        "today": today(me().zone),
        "here": _address(listing.query()),
        "first": _address(listing.query(below=None)),
        "count_up_to": queries.COUNT_UP_TO,
        "older": None,
        "count": None,
        "dropped": {},
    }


def _address(query: Mapping[str, Any]) -> str:
    return url_for(".index", **query)
