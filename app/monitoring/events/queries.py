"""Finding events again."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, select, tuple_

from app.clock import now
from app.db import reading
from app.stream import Kind, Level

from .listing import SIZE, Listing, Place
from .models import EventRow

COUNT_UP_TO = 1_000
SEARCH_THROUGH = 20_000
"""Events whose words a search looks into, the newest of those that the other filters leave."""
MOST_ACTIONS = 200
GRAVE = {Level.WARNING: (Level.WARNING, Level.ERROR), Level.ERROR: (Level.ERROR,)}
"""The levels that are at least so grave."""


def events(
    listing: Listing, *, limit: int = SIZE, least: Level = Level.INFO
) -> tuple[Sequence[EventRow], Place | None]:
    """A page of events at least so grave, the newest first, and where the page after it begins; None on the last."""
    chosen = _chosen(listing)
    if least is not Level.INFO:
        chosen = chosen.where(EventRow.level.in_(GRAVE[least]))
    if listing.below:
        chosen = chosen.where(tuple_(EventRow.at, EventRow.id) < (listing.below.at, listing.below.id))
    found = reading().scalars(_searched(chosen, listing).limit(limit + 1)).all()
    last = found[limit - 1] if len(found) > limit else None
    return found[:limit], Place(last.at, last.id) if last else None


def count(listing: Listing) -> int:
    """How many events pass, counted no further than `COUNT_UP_TO` + 1."""
    some = _searched(_chosen(listing), listing).with_only_columns(EventRow.id).limit(COUNT_UP_TO + 1).subquery()
    return reading().scalar(select(func.count()).select_from(some)) or 0


def dropped_within(time: timedelta) -> dict[str, int]:
    """How many events were dropped lately in all processes, by the reason."""
    told = select(EventRow.fields, EventRow.count).where(
        EventRow.action == "events dropped", EventRow.at > now() - time
    )
    sums: dict[str, int] = {}
    for fields, number in reading().execute(told.limit(COUNT_UP_TO)):
        reason = str(fields.get("reason", ""))
        sums[reason] = sums.get(reason, 0) + int(fields.get("number", number))
    return sums


def newest(kind: Kind, *, since: datetime) -> EventRow | None:
    """The newest event of this sort since then."""
    query = select(EventRow).where(EventRow.kind == kind, EventRow.at > since)
    return reading().scalar(query.order_by(EventRow.at.desc(), EventRow.id.desc()).limit(1))


def _chosen(listing: Listing) -> Select[EventRow]:
    query = select(EventRow).order_by(EventRow.at.desc(), EventRow.id.desc())
    for name in ("kind", "level", "action", "who", "request_id", "job"):
        if wanted := getattr(listing, name):
            query = query.where(getattr(EventRow, name) == wanted)
    if listing.reach:
        query = query.where(EventRow.at > now() - listing.reach)
    return query


def _searched(query: Select[EventRow], listing: Listing) -> Select[Any]:
    if not listing.q:
        return query
    some = query.with_only_columns(EventRow.id, EventRow.at, EventRow.words).limit(SEARCH_THROUGH).subquery()
    ids = select(some.c.id).where(some.c.words.icontains(listing.q, autoescape=True))
    ids = ids.order_by(some.c.at.desc(), some.c.id.desc()).limit(COUNT_UP_TO + 1)
    return select(EventRow).where(EventRow.id.in_(ids)).order_by(EventRow.at.desc(), EventRow.id.desc())
