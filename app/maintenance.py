"""Closing the product to people while it is worked on. Jobs go on; admins and machines that ask for health come in."""

from flask import Flask, g, request

from app.errors import Unavailable
from app.security import someone
from app.web import settings

ALWAYS_OPEN = ("monitoring.", "static", "csp_report", "tuning.accent", "tuning.dismiss")
THE_WAY_IN = {
    *("accounts.sign_in", "accounts.create_session", "accounts.delete_session", "accounts.update_theme"),
    *("accounts.setup", "accounts.create_admin"),
}


def install(app: Flask) -> None:
    """Ask before each request. Comes twice: before the gate for browsers, after it for programs, whom it recognises."""
    app.before_request(_stay_out)


def _stay_out() -> None:
    if not settings().maintenance:
        return
    endpoint = request.endpoint or ""
    if endpoint.startswith(ALWAYS_OPEN) or endpoint in THE_WAY_IN or _is_still_to_be_recognised():
        return
    person = someone()
    if person is None or not person.is_admin:
        raise Closed(settings().maintenance_message, retry_after_s=settings().maintenance_retry_s)


def _is_still_to_be_recognised() -> bool:
    from_program = "Authorization" in request.headers
    return from_program and "person" not in g


class Closed(Unavailable):
    """For maintenance."""

    title = "Closed for maintenance"
