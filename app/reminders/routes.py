"""Reminders on the web."""

from typing import Any

from flask import Blueprint, Response, request, url_for

from app.security import me, public, signed_in, without_csrf
from app.web import done, invalid, page_or_fragment

from . import queries, services
from .forms import RemindersForm

bp = Blueprint("reminders", __name__, url_prefix="/reminders")


@bp.get("/")
@signed_in
def index() -> Response:
    """Whether and when they are reminded."""
    return page_or_fragment("reminders/index.html", "reminders/_reminders.html", **section())


@bp.post("/")
@signed_in
def update() -> Response:
    """Be reminded, at other times, or no more."""
    form = RemindersForm(request.form, prefix="reminders-")
    if not form.validate():
        return invalid("reminders/index.html", "reminders/_reminders.html", **section(form))
    if form.is_on.data:
        services.start_reminders(me(), days=int(form.days.data), hour=int(form.hour.data))
    else:
        services.stop_reminders(me().id)
    announce = "You will be reminded." if form.is_on.data else "You will not be reminded."
    see = url_for("accounts.index", _anchor="reminders")
    return done("reminders/_reminders.html", see=see, announce=announce, **section())


@bp.get("/unsubscribe/<token>")
@public
def unsubscribe(token: str) -> Response:
    """Ask whether that is meant: programs that look at every link of a mail must not end anything."""
    is_on = services.gets_reminders(services.person_behind(token))
    return _unreferred(_unsubscribing(token, is_on=is_on))


@bp.post("/unsubscribe/<token>")
@public
@without_csrf
def end(token: str) -> Response:
    """End somebody's reminders, for whoever holds their link: they themselves, or their mail program (RFC 8058).

    The answer is the page itself: mail programs follow no redirect.
    """
    services.stop_reminders(services.person_behind(token))
    return _unreferred(_unsubscribing(token, is_on=False))


def section(form: RemindersForm | None = None) -> dict[str, Any]:
    """What `_reminders.html` needs, on its own page and among the settings."""
    found = queries.reminder_of(me().id)
    said = {"is_on": found.is_on, "days": str(found.days), "hour": str(found.hour)} if found else {}
    return {"reminders": form or RemindersForm(prefix="reminders-", data=said), "has_mail": services.has_mail()}


def _unsubscribing(token: str, *, is_on: bool) -> Response:
    page = "reminders/unsubscribe.html"
    return page_or_fragment(page, page, token=token, is_on=is_on)


def _unreferred(response: Response) -> Response:
    """The address of the page is a secret: no other page may learn it."""
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
