"""`flask events`: what happened, out of the table of events, also what is still to come."""

import json
import time
from collections.abc import Container, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext

from app.clock import now
from app.stream import Kind, Level

from . import queries
from .listing import Listing, read_listing
from .models import EventRow
from .schemas import event_out

LOOK_AGAIN_S = 1.0
LATE = timedelta(minutes=5)
"""Events are written a moment after they happened, and in no order: what is this young is looked at again."""
AT_ONCE = 500
HINTS = {"kind": "--kind", "who": "--who", "request_id": "--request", "job": "--job", "ago": "--since"}


@click.command("events")
@click.option("--follow", "-f", is_flag=True, help="Go on with what happens from now on, until Ctrl-C.")
@click.option("--kind", type=click.Choice([str(one) for one in Kind]), default=None, help="Only events of this sort.")
@click.option("--who", default="", help="Only what they did: user 7, or an address.")
@click.option("--request", "request_id", default="", help="Only events of the request with this X-Request-ID.")
@click.option("--job", default="", help="Only events of the job with this id.")
@click.option("--level", type=click.Choice([str(one) for one in Level]), default="info", help="At least so grave.")
@click.option("--since", "ago", default="", help="How far back: 15min, 6h, 2d.")
@click.option("--lines", "count", type=click.IntRange(0, 100_000), default=100, help="At most so many; 100.")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each.")
@with_appcontext
def events(*, follow: bool, level: str, count: int, as_json: bool, **filters: str | None) -> None:
    """Show the newest events that the database keeps, the oldest of them first."""
    listing, least = _listing({name: text for name, text in filters.items() if text}), Level(level)
    show = _as_json if as_json else _as_line
    # Asked first, so that nothing falls between the list and what comes after it.
    told = {one.id: one.at for one in _young(listing, least, {})} if follow else {}
    listed = _listed(listing, least, count)
    for one in listed:
        click.echo(show(one))
    if follow:
        for coming in _coming(listing, least, told | {one.id: one.at for one in listed}):
            click.echo(show(coming))


def _listing(filters: dict[str, str]) -> Listing:
    listing, wrong = read_listing(filters)
    for name, sentence in wrong.items():
        raise click.UsageError(f"{HINTS[name]}: {sentence}")
    return listing


def _listed(listing: Listing, least: Level, count: int) -> list[EventRow]:
    """The newest so many, the oldest of them first."""
    found: list[EventRow] = []
    while len(found) < count:
        some, place = queries.events(listing, limit=min(AT_ONCE, count - len(found)), least=least)
        found += some
        if place is None:
            break
        listing = replace(listing, below=place)
    return found[::-1]


def _coming(listing: Listing, least: Level, told: dict[int, datetime]) -> Iterator[EventRow]:
    """Every event that is written from now on, beside those that were told."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    while True:
        time.sleep(LOOK_AGAIN_S)
        with app.app_context():
            young = _young(listing, least, told)
            old = now() - 2 * LATE
        yield from young
        told = {id_: at for id_, at in told.items() if at > old} | {one.id: one.at for one in young}


def _young(listing: Listing, least: Level, told: Container[int]) -> list[EventRow]:
    """What happened lately and was not told yet, the oldest first."""
    listing, found = replace(listing, ago=f"{LATE // timedelta(minutes=1)}min"), list[EventRow]()
    while True:
        some, place = queries.events(listing, limit=AT_ONCE, least=least)
        new = [one for one in some if one.id not in told]
        found += new
        if place is None or not new:
            return found[::-1]
        listing = replace(listing, below=place)


def _as_json(one: EventRow) -> str:
    return json.dumps(event_out(one), ensure_ascii=False, separators=(",", ":"))


def _as_line(one: EventRow) -> str:
    count = f"× {one.count}" if one.count > 1 else ""
    about: dict[str, Any] = {"who": one.who, "request_id": one.request_id, "job": one.job}
    rest = [f"{name}={value if ' ' not in value else json.dumps(value)}" for name, value in about.items() if value]
    at = f"{one.at:%Y-%m-%dT%H:%M:%S}.{one.at.microsecond // 1000:03}Z"
    line = "  ".join(filter(None, [f"{at} {one.level:8} {one.kind:8}", one.words, count, *rest]))
    # Words may hold what somebody typed; a terminal must not be steered by it.
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in line)
