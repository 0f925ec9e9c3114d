"""Who may come in: sign-in, staff, tokens, CSRF.

Every view says who may use it with one of the marks below; the gate reads the mark before the view runs. A view
without a mark is closed to everybody.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, Request, Response, current_app, g, has_request_context, request, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_wtf.csrf import CSRFProtect
from itsdangerous import URLSafeTimedSerializer

from app.config import Config
from app.errors import CameFromElsewhere, NotAllowed, SignInNeeded
from app.web import asked_itself, asks_to_sign_in, settings
from jobs import COMMAND_LINE, Channel, enter_by

PUBLIC, SIGNED_IN, API = "public", "signed_in", "api:"
VIEWER, OPERATOR, ADMIN = "viewer", "operator", "admin"
MAY = {"": set[str](), VIEWER: {"see"}, OPERATOR: {"see", "act"}, ADMIN: {"see", "act", "manage"}}
"""What the roles may: `see` all jobs, `act` on them, `manage` people, settings and what cannot be undone."""
NEEDED = {VIEWER: "see", OPERATOR: "act", ADMIN: "manage"}
FOR_WHOM = {"see": "viewers, operators and admins", "act": "operators and admins", "manage": "admins"}
SCOPES = {
    "read": "See your activities",
    "write": "Log, change and delete activities",
    "jobs": "See and steer everybody's jobs, as your role allows",
    "admin": "Everything staff may do (admins)",
}
FOR_STAFF = {"jobs", "admin"}
REMEMBERED = timedelta(days=30)
OURSELVES = ("127.0.0.1", "localhost")
"""By these names health checks on the machine itself ask, whatever names people use."""
SAFE_METHODS = {"GET", "HEAD", "OPTIONS", "TRACE"}
NOT_ASKED: Any = object()

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Person:
    """Who makes the request: by a cookie in `session_id`, or by a token with `scopes`."""

    id: int
    name: str
    email: str | None
    zone: str
    is_admin: bool
    is_guest: bool
    theme: str
    live_updates: bool
    role: str = ""
    refresh_s: int = 3
    session_id: int | None = None
    scopes: frozenset[str] = frozenset()

    def may(self, action: str) -> bool:
        """Whether their role allows to `see`, `act` or `manage`; with a token, whatever its scopes are."""
        return action in MAY[ADMIN if self.is_admin else self.role]


Recognise = Callable[[str], Person | None]
"""Finds the person behind the secret of a session or a token."""


def public(view: View) -> View:
    """Anybody may use it."""
    return _marked(view, PUBLIC)


def signed_in(view: View) -> View:
    """Whoever is signed in may use it; others are sent to the sign-in page."""
    return _marked(view, SIGNED_IN)


def viewers(view: View) -> View:
    """Who may see all jobs may use it: viewers, operators and admins."""
    return _marked(view, VIEWER)


def operators(view: View) -> View:
    """Who may act on all jobs may use it: operators and admins."""
    return _marked(view, OPERATOR)


def admin_only(view: View) -> View:
    """Admins may use it; others who are signed in get a 403."""
    return _marked(view, ADMIN)


def api_access(*scopes: str) -> Callable[[View], View]:
    """For programs with a token of one of these scopes, and for people in their browser. "write" includes "read"."""
    for scope in scopes:
        if scope not in SCOPES:
            raise ValueError(f"there is no scope {scope!r}")
    return lambda view: _marked(view, f"{API}{' '.join(scopes)}")


def without_csrf(view: View) -> View:
    """For a view that does nothing in anybody's name."""
    view.without_csrf = True  # type: ignore[attr-defined]
    return view


def me() -> Person:
    """The person who makes the request. Raises SignInNeeded when nobody does."""
    person = someone()
    if person is None:
        raise SignInNeeded("Sign in to go on.")
    return person


def someone() -> Person | None:
    """The person who makes the request, or None. Asks the database once in a request, and only when asked."""
    person: Person | None = g.get("person", NOT_ASKED)
    if person is NOT_ASKED:
        token = session.get("token")
        g.person = person = current_app.extensions["recognise_session"](token) if isinstance(token, str) else None
        if token and person is None:
            session.pop("token", None)
    return person


def may(action: str) -> bool:
    """Whether the person of the request may `see`, `act` or `manage`; outside of a request nobody may."""
    person = someone() if has_request_context() else None
    return person is not None and person.may(action)


def requester(user_id: int) -> str:
    """What the ledger of jobs calls a person who asked for one."""
    return f"user {user_id}"


def requester_id(text: str) -> int | None:
    """The number of the person whom the ledger calls that; None for whoever is no person."""
    number = text.removeprefix(requester(0).removesuffix("0"))
    return int(number) if text != number and number.isdecimal() and len(number) < 10 else None


def who(person: Person | None) -> str:
    """How whoever acts is written down everywhere; in the terminal nobody has signed in."""
    return COMMAND_LINE if person is None else requester(person.id)


def check_manages(person: Person | None) -> None:
    """Go on for admins, and in the terminal. Raises NotAllowed."""
    if person is not None and not manages_all_jobs(person):
        raise NotAllowed("Only admins may do that.")


def requester_named(word: str) -> str:
    """How the ledger calls whom somebody means who asks for the jobs of a person: a number, or the name itself."""
    return requester(int(word)) if word.isdecimal() else word


def is_theirs(person: Person, owner: str | None) -> bool:
    """Whether what the ledger says is `owner`'s was asked for by this person."""
    return owner == requester(person.id)


def sees_all_jobs(person: Person) -> bool:
    """Whether they see everybody's jobs: a viewer or more, in their browser or with a token that may."""
    return person.may("see") and (person.session_id is not None or bool(FOR_STAFF & person.scopes))


def steers_all_jobs(person: Person) -> bool:
    """Whether they also steer everybody's jobs: an operator or an admin."""
    return person.may("act") and sees_all_jobs(person)


def manages_all_jobs(person: Person) -> bool:
    """Whether they also decide what is for good: an admin."""
    return person.may("manage") and sees_all_jobs(person)


def role_of(person: Person | None) -> str:
    """What they are here, as this product knows it, whatever they say of themselves."""
    if person is None:
        return "nobody"
    return "admin" if person.is_admin else getattr(person, "role", "") or ("guest" if person.is_guest else "person")


def let_in(token: str, *, remember: bool) -> None:
    """Make this browser the one that holds `token`. Nothing of an earlier session is left in it."""
    session.clear()
    session["token"] = token
    session.permanent = remember
    g.pop("person", None)


def let_out() -> None:
    """Take from this browser whatever it held, but for the token of its forms, which `let_in` takes.

    Windows that find themselves signed out at the same moment would each be given another one, of which only the last
    works.
    """
    for name in session.keys() - {current_app.config["WTF_CSRF_FIELD_NAME"]}:
        del session[name]
    g.person = None


def token_held() -> str | None:
    """The session token of this browser, good or not."""
    token = session.get("token")
    return token if isinstance(token, str) else None


def is_remembered() -> bool:
    """Whether this browser stays signed in when it is closed."""
    return session.permanent


def access_of(app: Flask, endpoint: str, method: str = "GET") -> str | None:
    """Who may use this endpoint: the mark on its view, on its method or, for others' views, the rule for its path."""
    known: dict[tuple[str, str], str | None] = app.extensions.setdefault("access_known", {})
    if (endpoint, method) not in known:
        known[endpoint, method] = _access_of(app, endpoint, method)
    return known[endpoint, method]


def _access_of(app: Flask, endpoint: str, method: str) -> str | None:
    view = app.view_functions[endpoint]
    handler = getattr(getattr(view, "view_class", None), method.lower().replace("head", "get"), None)
    own = getattr(handler, "access", None) or getattr(view, "access", None)
    rules: Mapping[str, str] = app.extensions["access_rules"]
    return own or next((rule for start, rule in rules.items() if endpoint.startswith(start)), None)


class CookieSessions(SecureCookieSessionInterface):
    """Flask's own, which makes its signer for every request; programs bring no cookie to be looked at."""

    def __init__(self) -> None:
        self._signer: tuple[Any, URLSafeTimedSerializer | None] = None, None

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """The same one as long as the key is the same."""
        key, signer = self._signer
        if signer is None or key != app.secret_key:
            signer = super().get_signing_serializer(app)
            self._signer = app.secret_key, signer
        return signer

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """What the cookie holds; nothing without one."""
        if "HTTP_COOKIE" not in request.environ or self.get_cookie_name(app) not in request.cookies:
            return self.session_class()
        return super().open_session(app, request)


def install(
    app: Flask, config: Config, *, by_session: Recognise, by_token: Recognise, rules: Mapping[str, str] | None = None
) -> None:
    """Close the application to whoever may not come in.

    `rules` says, by the beginning of the endpoint's name, who may use views that are not ours to mark:
    {"admin.": ADMIN}.
    """
    is_https = (config.public_url or "").startswith("https:")
    app.config.update(
        SECRET_KEY=config.secret_key,
        SESSION_COOKIE_NAME="__Host-sid" if is_https else "sid",
        SESSION_COOKIE_SECURE=is_https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=REMEMBERED,
        TRUSTED_HOSTS=[*config.trusted_hosts, *OURSELVES] if config.trusted_hosts else None,
        MAX_CONTENT_LENGTH=1024 * 1024,
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,
    )
    app.session_interface = CookieSessions()
    CSRFProtect(app)
    app.extensions |= {"recognise_session": by_session, "recognise_token": by_token}
    app.extensions["access_rules"] = {"static": PUBLIC, **(rules or {})}
    app.before_request(_gate)
    app.teardown_request(lambda _error: enter_by(Channel.SYSTEM))
    app.context_processor(lambda: {"me": someone()})


def _marked(view: View, access: str) -> View:
    view.access = access  # type: ignore[attr-defined]
    return view


def _gate() -> Response | None:
    asked = asked_itself()
    if asked.endpoint is None or asked.routing_exception is not None or asked.method == "OPTIONS":
        return None
    access = access_of(current_app, asked.endpoint, asked.method)
    enter_by(Channel.API if access and access.startswith(API) else Channel.PAGE)
    if access is not None and access.startswith(API):
        _check_program(set(access.removeprefix(API).split()))
        return None
    _refuse_other_sites()
    if access is None:
        raise NotAllowed("This page is not open to anybody.")
    if access == PUBLIC:
        return None
    person = someone()
    if person is None:
        return asks_to_sign_in()
    needed = NEEDED.get(access)
    if needed and not person.may(needed):
        raise NotAllowed(f"This page is for {FOR_WHOM[needed]}.")
    return None


def _check_program(scopes: set[str]) -> None:
    asked = asked_itself()
    given = asked.headers.get("Authorization")
    if given is not None:
        scheme, _, token = given.partition(" ")
        person = current_app.extensions["recognise_token"](token.strip()) if scheme.lower() == "bearer" else None
        g.person = person
        if person is None:
            raise SignInNeeded("This token is not valid, or no longer.")
        if not (held := scopes & person.scopes):
            raise NotAllowed(f"This token does not have the scope {' or '.join(sorted(scopes))}.")
    else:
        person, held = me(), scopes
        _refuse_other_sites()
    needed = "manage" if held == {"admin"} else "see" if asked.method in SAFE_METHODS else "act"
    if held <= FOR_STAFF and not person.may(needed):
        raise NotAllowed(f"This is for {FOR_WHOM[needed]}.")


def _refuse_other_sites() -> None:
    """Two walls against requests that another site made the browser send: what the browser says, and a token."""
    view = current_app.view_functions[request.endpoint or ""]
    if request.method in SAFE_METHODS or getattr(view, "without_csrf", False):
        return
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if (site not in {"same-origin", "none"}) if site else (origin is not None and not _is_ours(origin)):
        raise CameFromElsewhere("This came from another site, so nothing was done.")
    if current_app.config["WTF_CSRF_ENABLED"]:
        current_app.extensions["csrf"].protect()


def _is_ours(origin: str) -> bool:
    return urlsplit(origin).netloc in {request.host, urlsplit(settings().public_url or "").netloc} - {""}
