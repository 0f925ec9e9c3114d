"""Pages of the console, parts of them, and regions that ask again."""

import hashlib
from collections.abc import Callable, Hashable, Mapping
from typing import Any, NamedTuple

from flask import Response, current_app, make_response, render_template, request

from . import people
from .shared import Told, token_to_come

PLAIN_LAYOUT = "console/layout.html"
PACE_MS = 3_000
REFRESH_S = (3, 10, 30)


class Refresh(NamedTuple):
    """How often the pages of this person ask again, in seconds, whether they do, and where that is changed."""

    every_s: int = 3
    is_on: bool = True
    endpoint: str = ""


def refresh() -> Refresh:
    """As the host says by its settings JOBS_CONSOLE_REFRESH and JOBS_CONSOLE_REFRESH_URL; else every three seconds."""
    asked = current_app.config.get("JOBS_CONSOLE_REFRESH")
    if asked is None:
        return Refresh()
    every_s, is_on = asked()
    return Refresh(every_s, is_on, current_app.config.get("JOBS_CONSOLE_REFRESH_URL", ""))


def pace_ms() -> int:
    """Milliseconds between two looks of a region; whether it looks at all is for the page's script to know."""
    return refresh().every_s * 1000


def wants_part() -> bool:
    """Whether a part of the page is asked for."""
    return request.headers.get("HX-Request") == "true" and request.headers.get("HX-Request-Type") != "full"


def page(template: str, *, status: int = 200, **context: Any) -> Response:
    """A whole page in the host's layout, or in a plain one."""
    layout = current_app.config.get("JOBS_CONSOLE_LAYOUT", PLAIN_LAYOUT)
    return _answer(_drawn(template, layout=layout, **context), status)


def region(template: str, part: str, *, told_by: object, event: str | None = None, **context: Any) -> Response:
    """A page, or the part of it that asks again: 304 while what `told_by` holds stays the same.

    `event` is sent to the page with the part.
    """
    tag = tag_of(told_by)
    if not wants_part():
        return page(template, tag=tag, **context)
    response = unchanged(told_by)
    if response is None:
        response = _answer(_drawn(part, tag=tag, **context), 200)
    response.headers["HX-PTag"] = tag
    if event:
        response.headers["HX-Trigger"] = event
    return response


def unchanged(told_by: object) -> Response | None:
    """304 when the part that asks has just this already; ask before the work of drawing it."""
    return _same(tag_of(told_by)) if wants_part() else None


def shared(part: str, told: Told, *, seen_by: tuple[Hashable, ...], draw: Callable[[], Mapping[str, Any]]) -> Response:
    """The part that asks again, drawn once for all who see the same: 304 for who has just this already.

    `seen_by` holds all in which those differ who do not; what `draw` gives is read only when something is drawn.
    """
    shape = seen_by, refresh(), request.script_root
    tag = told.tag(shape, lambda: tag_of((told.text, *seen_by)))
    response = _same(tag)
    if response is None:
        found = told.part(shape, lambda: _drawn(part, tag=tag, **token_to_come(), **draw()))
        packed = found.packed if request.accept_encodings.quality("gzip") > 0 else None
        response = _answer(packed or found.body, 200)
        response.headers["HX-PTag"] = tag
        if found.packed:
            response.headers.add("Vary", "Accept-Encoding")
        if packed:
            response.headers["Content-Encoding"] = "gzip"
    return response


def tag_of(told_by: object) -> str:
    """A short word for just this; it also tells the pace: where a person changes it, the part comes anew."""
    return hashlib.sha256(repr((told_by, refresh())).encode("utf-8", "replace")).hexdigest()[:16]


def fresh(template: str, *, told_by: object, **context: Any) -> Response:
    """A part alone, or 304 for who has just this already."""
    response = unchanged(told_by) or part(template, **context)
    response.headers["HX-PTag"] = tag_of(told_by)
    return response


def part(template: str, **context: Any) -> Response:
    """A part alone."""
    return _answer(_drawn(template, **context), 200)


def _drawn(template: str, **context: Any) -> str:
    drawn = render_template(f"console/{template}.html", pace_ms=pace_ms(), person=people.person, **context)
    return people.named(drawn)


def _same(tag: str) -> Response | None:
    if request.headers.get("HX-PTag") != tag:
        return None
    response = _answer("", 304)
    response.headers["HX-PTag"] = tag
    return response


def _answer(body: str | bytes, status: int) -> Response:
    response = make_response(body, status)
    response.headers.add("Vary", "HX-Request, HX-Request-Type")
    response.headers["Cache-Control"] = "no-store"
    return response
