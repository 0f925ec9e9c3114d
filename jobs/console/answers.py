"""Pages of the console, parts of them, and regions that ask again."""

import hashlib
from typing import Any

from flask import Response, current_app, make_response, render_template, request

PLAIN_LAYOUT = "console/layout.html"
PACE_MS = 3_000


def wants_part() -> bool:
    """Whether a part of the page is asked for."""
    return request.headers.get("HX-Request") == "true" and request.headers.get("HX-Request-Type") != "full"


def page(template: str, *, status: int = 200, **context: Any) -> Response:
    """A whole page in the host's layout, or in a plain one."""
    layout = current_app.config.get("JOBS_CONSOLE_LAYOUT", PLAIN_LAYOUT)
    return _answer(render_template(f"console/{template}.html", layout=layout, pace_ms=PACE_MS, **context), status)


def region(template: str, part: str, *, told_by: object, event: str | None = None, **context: Any) -> Response:
    """A page, or the part of it that asks again: 304 while what `told_by` holds stays the same.

    `event` is sent to the page with the part.
    """
    tag = _tag(told_by)
    if not wants_part():
        return page(template, tag=tag, **context)
    if request.headers.get("HX-PTag") == tag:
        response = _answer("", 304)
    else:
        response = _answer(render_template(f"console/{part}.html", tag=tag, pace_ms=PACE_MS, **context), 200)
    response.headers["HX-PTag"] = tag
    if event:
        response.headers["HX-Trigger"] = event
    return response


def unchanged(told_by: object) -> Response | None:
    """The 304 for a region that asks again while nothing has changed; it need not be read for that."""
    tag = _tag(told_by)
    if not wants_part() or request.headers.get("HX-PTag") != tag:
        return None
    response = _answer("", 304)
    response.headers["HX-PTag"] = tag
    return response


def _tag(told_by: object) -> str:
    return hashlib.sha256(repr(told_by).encode("utf-8", "replace")).hexdigest()[:16]


def part(template: str, **context: Any) -> Response:
    """A part alone."""
    return _answer(render_template(f"console/{template}.html", **context), 200)


def _answer(body: str, status: int) -> Response:
    response = make_response(body, status)
    response.headers.add("Vary", "HX-Request, HX-Request-Type")
    response.headers["Cache-Control"] = "no-store"
    return response
