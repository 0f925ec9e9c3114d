"""What every response carries: the request's id, and what browsers may do with the page."""

import logging
import re
import time
import uuid
from collections.abc import Sequence
from datetime import timedelta

from flask import Flask, Response, g, request

from app import limits, logs
from app.config import Config
from app.security import public, requester, without_csrf
from app.stream import Kind, Level, stream_of, tell
from app.web import client_address

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
    on_https = (config.public_url or "").startswith("https:")

    @app.after_request
    def _add(response: Response) -> Response:
        headers = response.headers
        for name, value in _own(request.path, request.endpoint):
            if name not in headers:
                headers.add(name, value)
        if on_https and request.is_secure:
            headers["Strict-Transport-Security"] = f"max-age={ONE_YEAR_S}; includeSubDomains"
        headers["X-Request-ID"] = g.request_id
        return response

    app.before_request(_begin)
    app.after_request(_log)
    app.after_request(_tell)
    app.teardown_request(_end)
    app.add_url_rule("/csp-report", view_func=_take_report, endpoint="csp_report", methods=["POST"])


def _own(path: str, endpoint: str | None) -> Sequence[tuple[str, str]]:
    """What a response says unless it says something else itself."""
    if path == "/admin" or path.startswith("/admin/"):
        return OF_STAFF
    return OF_STATIC if endpoint == "static" else OF_PAGES


def request_id() -> str:
    """What this request is called in the log and on error pages."""
    return str(g.get("request_id", ""))


def _begin() -> None:
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if _SANE_ID.fullmatch(given) else uuid.uuid4().hex
    g.began = time.perf_counter()
    logs.unbind()
    logs.bind(request_id=g.request_id)


def _tell(response: Response) -> Response:
    """For the event log; not of a region that looked again and found nothing new."""
    status = response.status_code
    if request.endpoint in UNTOLD or status == 304 or request.path.startswith("/metrics"):
        return response
    if status < 400 and (stream := stream_of()).has_enough():
        stream.drop("rate", 1)
        return response
    person, rule = g.get("person"), request.url_rule
    path = str(rule) if rule and SECRET_IN_PATH in (request.view_args or {}) else request.path[:LONGEST_PATH]
    tell(
        Kind.REQUEST,
        request.endpoint or "none",
        f"{request.method} {path} {status}",
        level=Level.INFO if status < 400 else Level.WARNING if status < 500 else Level.ERROR,
        who=person and requester(person.id),
        is_logged=status >= 400,
        method=request.method,
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
