"""What goes wrong, told: as a page, as a part of one, or as application/problem+json to programs."""

import logging
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from flask import Flask, Response, g, json, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, SecurityError

from app.errors import CameFromElsewhere, Invalid, NotAllowed, Problem, SignInNeeded
from app.headers import request_id
from app.security import requester, role_of
from app.stream import Kind, Level, tell
from app.web import asks_to_sign_in, client_address, reloading, varying, wants_fragment
from jobs import Crowded

log = logging.getLogger("metronome.problems")

NOT_SAVED = "Could not save right now. Nothing was stored. Please try again."
NOT_READ = "This cannot be shown right now. Nothing was lost. Please try again."
NO_ROOM = "The storage of this server is full. Nothing was stored. Please tell whoever runs it, and try again later."
AGAIN_IN_S = 5
DISK_FULL = "53100"
SECRETS = ("password", "secret")
OURS = ("app.", "jobs.")


class Words(NamedTuple):
    """What a status means to a person, and what they can do about it."""

    title: str
    message: str
    hint: str = ""


WORDS = {
    400: Words("That was not understood", "The request could not be read, so nothing was done."),
    401: Words("Sign in to go on", "This is only for people who are signed in."),
    403: Words("Not allowed", "You may not do this."),
    404: Words("Not found", "There is nothing here. It may have been deleted, or the address is mistyped."),
    405: Words("Not possible here", "This address does not do that."),
    406: Words("Not available in that form", "This is not to be had in the form that was asked for."),
    409: Words("Things have changed", "It cannot be done in the state things are in now."),
    410: Words("Gone", "This is no longer here."),
    413: Words("Too large", "What was sent is larger than 1 MiB, so nothing was stored."),
    414: Words("Too long", "The address is longer than anybody could need."),
    415: Words("Not in that form", "Send it as application/json."),
    422: Words("Invalid input", "Something in it cannot be accepted, so nothing was stored."),
    429: Words("Too many tries", "Please wait a little."),
    431: Words("Too much", "The request's headers are too large."),
    500: Words("Something went wrong", "This is our fault, not yours.", "It has been written down. Please try again."),
    503: Words("Not available right now", NOT_SAVED),
}
SESSION_CHANGED = Words(
    "Your session has changed", "This page belongs to an earlier session, so nothing was done.", "Reload and try again."
)


def install(app: Flask) -> None:
    """Have every problem told in the same way. Comes after others who register handlers."""
    app.register_error_handler(Problem, _problem)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Crowded, _crowded)
    for kind in (OperationalError, InterfaceError, PoolTimeout):
        app.register_error_handler(kind, _away)


def _problem(problem: Problem) -> Response:
    if isinstance(problem, SignInNeeded) and not _from_program():
        return asks_to_sign_in()
    if isinstance(problem, NotAllowed):
        _tell_refusal(problem)
    wait_s = getattr(problem, "retry_after_s", None)
    headers = {"Retry-After": str(wait_s)} if wait_s else {}
    errors = list(_errors(problem.errors)) if isinstance(problem, Invalid) else []
    return _told(problem.status, Words(problem.title, str(problem)), errors=errors, headers=headers)


def _http(error: HTTPException) -> Response:
    if error.code is None or error.code < 400:
        return make_response(error.get_response())  # a redirect of the router
    if isinstance(error, CSRFError):
        _tell_security("stale form", "A form came without the token of its session", address=client_address())
    words = SESSION_CHANGED if isinstance(error, CSRFError) else _words(error)
    headers = {name: value for name, value in error.get_headers() if name in {"Allow", "Retry-After"}}
    found = getattr(error, "data", None) or {}
    response = _told(error.code, words, errors=list(_errors(found.get("messages", {}))), headers=headers)
    return reloading(response) if isinstance(error, CSRFError) else response


def _tell_refusal(problem: NotAllowed) -> None:
    """Who asked for what; the role is what we know of them, and not what they say."""
    person = g.get("person")
    asked = f"{request.method} {request.endpoint or 'none'}"
    if isinstance(problem, CameFromElsewhere):
        _tell_security("cross-site request", f"Another site made a browser ask for {asked}", address=client_address())
    elif person is not None:
        told = f"Person {person.id}, whose role is {role_of(person)}, asked for {asked}, which it does not allow"
        _tell_security("forbidden", told, who=requester(person.id), role=role_of(person), address=client_address())


def _tell_security(action: str, words: str, *, who: str | None = None, **fields: Any) -> None:
    tell(Kind.SECURITY, action, words, level=Level.WARNING, who=who or client_address(), **fields)


def _away(error: Exception) -> Response:
    log.warning("database away", exc_info=error)
    g.person = g.get("person")  # whoever it is, the database cannot say now
    message = NOT_READ if request.method in {"GET", "HEAD"} else NO_ROOM if _is_full(error) else NOT_SAVED
    return _told(503, Words(WORDS[503].title, message), headers={"Retry-After": str(AGAIN_IN_S)})


def _crowded(error: Crowded) -> Response:
    return _told(503, Words(WORDS[503].title, str(error)), headers={"Retry-After": str(AGAIN_IN_S)})


def _is_full(error: Exception) -> bool:
    cause = getattr(error, "orig", None)
    return getattr(cause, "pgcode", None) == DISK_FULL or "disk is full" in str(cause)


def _words(error: HTTPException) -> Words:
    code = error.code or 500
    known = WORDS.get(code) or Words(HTTPStatus(code).phrase, "This could not be done.")
    # Only our own descriptions are fit to be shown; the library's speak to developers.
    own = error.description if type(error).__module__.startswith(OURS) else None
    return known._replace(message=own) if own else known


def _told(
    status: int, words: Words, *, errors: list[dict[str, str]] | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    response = _for_programs(status, words, errors or []) if _from_program() else _for_people(status, words)
    response.headers.update(headers or {})
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    response.headers["Cache-Control"] = "no-store"
    return response


def _for_programs(status: int, words: Words, errors: list[dict[str, str]]) -> Response:
    told = {"type": "about:blank", "title": words.title, "status": status, "detail": words.message}
    body = json.dumps({**told, "errors": errors, "request_id": request_id()})
    return Response(body, status, mimetype="application/problem+json")


def _for_people(status: int, words: Words) -> Response:
    if isinstance(request.routing_exception, SecurityError):  # at a strange address no link can be made
        return Response(f"{words.title}. {words.message}", status, mimetype="text/plain")
    template = "errors/_problem.html" if wants_fragment() else "errors/problem.html"
    if status >= 500:
        g.person = g.get("person")
    told: dict[str, Any] = {"status": status, "request_id": request_id(), "again": _again(status), **words._asdict()}
    try:
        page = render_template(template, **told)
    except Exception:  # the last resort must not depend on what has just failed
        log.exception("problem page failed")
        return Response(f"{words.title}. {words.message} Request {request_id()}", status, mimetype="text/plain")
    return varying(make_response(page, status))


def _again(status: int) -> list[tuple[str, str]]:
    """The fields of a form that could not be saved for now, to be sent again; nothing secret is put into a page."""
    if status != 503 or request.method != "POST" or request.files:
        return []
    fields = [(name, value) for name, value in request.form.items(multi=True) if name != "csrf_token"]
    return [] if any(secret in name for name, _ in fields for secret in SECRETS) else fields


def _from_program() -> bool:
    is_api = request.path.startswith(("/api/", "/tasks/", "/alerts/")) or request.path == "/batch-request"
    return is_api and not request.path.startswith("/api/docs")


def _errors(messages: Any, path: str = "") -> Iterator[dict[str, str]]:
    """Each message under the name of its field; where in the request it was, JSON or query, nobody needs to know."""
    if isinstance(messages, Mapping):
        for name, inner in messages.items():
            place = "" if not path and name in {"json", "query", "headers", "json_or_form", "_schema"} else str(name)
            yield from _errors(inner, f"{path}.{place}".strip(".") if place != "_schema" else path)
    elif isinstance(messages, list | tuple):
        for inner in messages:
            yield from _errors(inner, path)
    else:
        yield {"field": path, "code": _code(str(messages)), "message": str(messages)}


def _code(message: str) -> str:
    return {"Unknown field.": "unknown", "Missing data for required field.": "required"}.get(message, "invalid")
