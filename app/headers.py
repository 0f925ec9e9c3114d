"""What every response carries: the request's id, and what browsers may do with the page."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, g, request

from app import limits, logs
from app.config import Config
from app.security import public, requester, without_csrf
from app.stream import Kind, Level, stream_of, tell
from app.web import asked_itself, client_address

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

log = logging.getLogger("metronome.web")

LARGEST_REPORT = 8_000
REPORTS = limits.Limit("csp-report", times=10, per=timedelta(minutes=1))
_SANE_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; "
    "manifest-src 'self'; report-uri /csp-report"
)
# Flask-Admin asks before deleting in an inline handler; blocked, it would delete without asking.
STAFF_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; "
    "frame-ancestors 'none'"
)
OF_STATIC = (
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), microphone=(), geolocation=(), browsing-topics=()"),
    ("Referrer-Policy", "same-origin"),
    ("Content-Security-Policy", POLICY),
)
OF_PAGES = (*OF_STATIC, ("Cache-Control", "no-store"))
OF_STAFF = (*OF_STATIC[:-1], ("Content-Security-Policy", STAFF_POLICY), ("Cache-Control", "no-store"))
ONE_YEAR_S = 31_536_000
UNTOLD = {"static", "csp_report", "monitoring.healthz", "monitoring.live", "monitoring.readyz", "monitoring.ready"}
"""What is asked for all the time, and by machines."""
SECRET_IN_PATH = "token"  # noqa: S105 -- the name of an argument
LONGEST_PATH = 200


def install(app: Flask, config: Config) -> None:
    """Give every response its headers and every line of the log its request. Comes before all other hooks."""
    always = (("Strict-Transport-Security", f"max-age={ONE_YEAR_S}; includeSubDomains"),)
    on_https = (config.public_url or "").startswith("https:")
    inner = app.wsgi_app

    def with_headers(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        own = _own(environ["PATH_INFO"])
        if on_https and environ["wsgi.url_scheme"] == "https":
            own = (*own, *always)

        def start(status: str, headers: list[tuple[str, str]], error: Any = None) -> Callable[[bytes], object]:
            said = {name.lower() for name, _ in headers}
            headers += [one for one in own if one[0].lower() not in said]
            headers.append(("X-Request-ID", request_id()))
            return start_response(status, headers, error)

        return inner(environ, start)

    app.wsgi_app = with_headers  # type: ignore[method-assign]
    app.before_request(_begin)
    app.after_request(_log)
    app.after_request(_tell)
    app.teardown_request(_end)
    app.add_url_rule("/csp-report", view_func=_take_report, endpoint="csp_report", methods=["POST"])


def _own(path: str) -> Sequence[tuple[str, str]]:
    """What a response says unless it says something else itself."""
    if path == "/admin" or path.startswith("/admin/"):
        return OF_STAFF
    return OF_STATIC if path.startswith("/static/") else OF_PAGES


def request_id() -> str:
    """What this request is called in the log and on error pages."""
    return str(g.get("request_id", ""))


def _begin() -> None:
    given = asked_itself().environ.get("HTTP_X_REQUEST_ID", "")
    own = given if _SANE_ID.fullmatch(given) else secrets.token_hex(16)
    g.request_id, g.began = own, time.perf_counter()
    logs.unbind()
    logs.bind(request_id=own)


def _tell(response: Response) -> Response:
    """For the event log; not of a region that looked again and found nothing new."""
    asked, status = asked_itself(), response.status_code
    if asked.endpoint in UNTOLD or status == 304 or asked.path.startswith("/metrics"):
        return response
    if status < 400 and (stream := stream_of()).has_enough():
        stream.drop("rate", 1)
        return response
    person, rule = g.get("person"), asked.url_rule
    path = str(rule) if rule and SECRET_IN_PATH in (asked.view_args or {}) else asked.path[:LONGEST_PATH]
    tell(
        Kind.REQUEST,
        asked.endpoint or "none",
        f"{asked.method} {path} {status}",
        level=Level.INFO if status < 400 else Level.WARNING if status < 500 else Level.ERROR,
        who=person and requester(person.id),
        is_logged=status >= 400,
        method=asked.method,
        status=status,
        took_ms=round((time.perf_counter() - g.began) * 1000, 1),
    )
    return response


def _log(response: Response) -> Response:
    level = logging.DEBUG if response.status_code < 400 else logging.INFO
    if log.isEnabledFor(level):
        took_ms = round((time.perf_counter() - g.began) * 1000, 1)
        fields = {"method": request.method, "path": request.path, "status": response.status_code, "took_ms": took_ms}
        log.log(level, "request answered", extra=fields)
    return response


def _end(_error: BaseException | None) -> None:
    logs.unbind()


@public
@without_csrf
def _take_report() -> Response:
    """A browser says that a page tried what its policy forbids: that is a bug of ours, or an attack."""
    limits.take(REPORTS, client_address())
    body = request.get_data(cache=False)[:LARGEST_REPORT].decode("utf-8", "replace")
    log.warning("policy violated", extra={"report": body})
    return Response(status=204)
