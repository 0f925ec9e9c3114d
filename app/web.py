"""Pages and fragments: the only reader and writer of HX-* headers."""

import json
import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address, ip_network
from typing import Any, cast
from urllib.parse import urlsplit

from flask import Request, Response, current_app, flash, make_response, redirect, render_template, request, url_for
from werkzeug.routing import IntegerConverter, Map, Rule

from app.config import Config
from app.errors import Invalid
from app.text import one_line

LARGEST_ROW_NUMBER = 2**31 - 1
FRESH_S, SLOW_AFTER_S = 10, 600
LONGEST_PATH = 2_000
LONGEST_REASON = 200
_LOCAL_PATH = re.compile(r"/(?![/\\])[^\x00-\x20\x7f\\]*")

Triggers = Mapping[str, Any]
"""Events for the page, by name: {"activity-settled": "", "announce": {"text": "Running: 315 kcal"}}."""


class RowNumber(IntegerConverter):
    """The number of a row in an address. What no table can hold is no address of ours."""

    def __init__(self, url_map: Map) -> None:
        super().__init__(url_map, max=LARGEST_ROW_NUMBER)


class Address(Rule):
    """A rule that works out how to build its addresses when the first one is wanted.

    The library does so for each rule when it is added, twice: nine tenths of a start, for rules few of which are built.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:  # noqa: FBT001, FBT002
        build: Callable[..., tuple[str, str]] | None = None
        make = super()._compile_builder

        def built(rule: Address, **values: Any) -> tuple[str, str]:
            nonlocal build
            build = build or make(append_unknown)
            return build(rule, **values)

        return built


def settings() -> Config:
    """The settings of the running application."""
    return cast("Config", current_app.extensions["config"])


def address_of(path: str) -> str:
    """Where people reach a path of ours, for links in mail: at PUBLIC_URL, or where we listen."""
    config = settings()
    return f"{config.public_url or f'http://{config.host}:{config.port}'}{path}"


def pace_of_waiting(waited_s: float) -> float:
    """In how many seconds a page looks again that waits for something to be made: soon at first, and less and less."""
    usual_s = settings().poll_pace_s
    return 0.5 if waited_s < FRESH_S else usual_s if waited_s < SLOW_AFTER_S else max(60.0, usual_s)


def asked_itself() -> Request:
    """The request, for who looks at it several times: Flask's name for it costs more than the look."""
    return cast("Request", request._get_current_object())  # type: ignore[attr-defined]


def reason_sent() -> str | None:
    """Why something is done, if the form of this request says so; for the audit log. Raises Invalid."""
    try:
        return one_line(request.form.get("reason", ""), longest=LONGEST_REASON) or None
    except ValueError as error:
        raise Invalid({"reason": str(error)}) from None


def wants_fragment() -> bool:
    """Whether a part of a page is asked for, and not a whole one."""
    return request.headers.get("HX-Request") == "true" and request.headers.get("HX-Request-Type") != "full"


def page_or_fragment(page: str, fragment: str, **context: Any) -> Response:
    """The whole page for who typed its address, the fragment for a page that asks for a part of itself."""
    return _drawn(fragment if wants_fragment() else page, context)


def done(fragment: str | None, *, see: str, announce: str | None = None, **context: Any) -> Response:
    """The answer to something that worked: 201 with the fragment, or 303 to the page `see`.

    What is to be announced is spoken by the page that stays, or shown on the page that comes. Without a fragment
    the browser is sent to `see` either way.
    """
    if not wants_fragment() or fragment is None:
        if announce:
            flash(announce, "success")
        return see_other(see)
    return with_triggers(_drawn(fragment, context, status=201), {"announce": {"text": announce}} if announce else {})


def invalid(page: str, fragment: str, **context: Any) -> Response:
    """The form once more with its errors and its values: 422, as page or as fragment."""
    return _drawn(fragment if wants_fragment() else page, context, status=422)


def shown_once(page: str, fragment: str, **context: Any) -> Response:
    """201 with what will not be shown again, so that no redirect must carry it."""
    return _drawn(fragment if wants_fragment() else page, context, status=201)


def see_other(url: str) -> Response:
    """Send the browser to another page, whoever made the request."""
    if wants_fragment():
        response = Response(status=204)
        response.headers["HX-Redirect"] = url
    else:
        response = cast("Response", redirect(url, code=303))
    return varying(response)


def unchanged(tag: str) -> Response | None:
    """304 when the page that asks has just this already; ask before the work of drawing it."""
    if not wants_fragment() or request.headers.get("HX-PTag") != tag:
        return None
    response = Response(status=304)
    response.headers["HX-PTag"] = tag
    return varying(response)


def tag_shown() -> str:
    """The tag of what the page that asks shows already; empty when it shows nothing yet."""
    return request.headers.get("HX-PTag", "")


def live(fragment: str, *, tag: str, page: str | None = None, triggers: Triggers | None = None, **ctx: Any) -> Response:
    """A region that asks again: 304 while its `tag` stays the same, else drawn anew under the new tag.

    Opened by hand, and without a `page` of its own, it is the fragment alone.
    """
    if same := unchanged(tag):
        return same
    response = _drawn(page if page and not wants_fragment() else fragment, {**ctx, "tag": tag})
    response.headers["HX-PTag"] = tag
    return with_triggers(response, triggers or {})


def with_triggers(response: Response, triggers: Triggers) -> Response:
    """The response, with events for the page it is swapped into."""
    if triggers:
        response.headers["HX-Trigger"] = json.dumps(triggers, ensure_ascii=True)
    return response


def asks_to_sign_in() -> Response:
    """401 and the way to the sign-in page for a part of a page, else a redirect; both lead back afterwards."""
    back = _page_shown() if wants_fragment() else request.full_path.rstrip("?") if request.method == "GET" else None
    url = url_for("accounts.sign_in", next=back if back and back != "/" else None)
    if not wants_fragment():
        return see_other(url)
    response = Response("Sign in to go on.", status=401, mimetype="text/plain")
    response.headers["HX-Redirect"] = url
    return varying(response)


def reloading(response: Response) -> Response:
    """The response, and the page it would go into starts over: its form belongs to another session."""
    if wants_fragment():
        response.headers["HX-Refresh"] = "true"
    return response


def client_address() -> str:
    """Whose machine asks, for limits; of IPv6 the network, because one machine has as many addresses as it likes.

    The server believes a proxy only when TRUSTED_PROXY names it.
    """
    text = request.remote_addr or ""
    try:
        address = ip_address(text)
    except ValueError:
        return text
    return text if address.version == 4 else str(ip_network((address, 64), strict=False))


def local_path(text: str | None, *, otherwise: str) -> str:
    """`text` when it is a path on this very site, else `otherwise`. What browsers bend into another host is refused."""
    return text if text and len(text) <= LONGEST_PATH and _LOCAL_PATH.fullmatch(text) else otherwise


def _page_shown() -> str | None:
    parts = urlsplit(request.headers.get("HX-Current-URL", "")[:LONGEST_PATH])
    return local_path(f"{parts.path}?{parts.query}" if parts.query else parts.path, otherwise="") or None


def _drawn(template: str, context: Mapping[str, Any], *, status: int = 200) -> Response:
    return varying(make_response(render_template(template, **context), status))


def varying(response: Response) -> Response:
    """Say that the answer depends on who asks, htmx or a person, and is to be kept nowhere."""
    response.headers.add("Vary", "HX-Request, HX-Request-Type")
    response.headers["Cache-Control"] = "no-store"
    return response
