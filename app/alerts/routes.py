"""Alerts on the web, and the door for Prometheus' Alertmanager."""

import hashlib
import hmac
from typing import Any

from flask import Blueprint, Response, request, url_for
from werkzeug.exceptions import NotFound as NoSuchPage

from app.accounts.queries import names_of
from app.clock import today
from app.errors import Invalid, SignInNeeded
from app.openapi import answer, read_json
from app.security import me, operators, public, viewers, without_csrf
from app.stream import Kind, Level, tell
from app.web import client_address, done, live, page_or_fragment, reason_sent, settings

from . import forms, queries, services
from .models import Alert
from .received import WrongBody, read_body

LARGEST_NUMBER = 10

bp = Blueprint("alerts", __name__)


@bp.get("/ops/alerts")
@viewers
def index() -> Response:
    """The alerts, open ones first asked for."""
    state, below_id = _state(), _below()
    found, following = queries.alerts(state, below_id=below_id)
    told_by = [(one.id, one.state, one.times, one.last_at, one.told_at) for one in found], following, me().refresh_s
    context: dict[str, Any] = {
        "alerts": found,
        "state": state,
        "open_count": queries.open_count(),
        "following": following,
        "below_id": below_id,
        "today": today(me().zone),
        "pace_s": me().refresh_s,
    }
    return live(
        "alerts/_list.html",
        page="alerts/index.html",
        tag=hashlib.blake2s(repr(told_by).encode(), digest_size=8).hexdigest(),
        **context,
    )


@bp.get("/ops/alerts/<int:alert_id>")
@viewers
def show(alert_id: int) -> Response:
    """One alert with its history."""
    return page_or_fragment("alerts/show.html", "alerts/_alert.html", **_shown(queries.alert(alert_id)))


@bp.post("/ops/alerts/tests")
@operators
def create_test() -> Response:
    """Raise one that means nothing."""
    alert_id = services.try_out(me())
    return done(None, see=url_for(".show", alert_id=alert_id), announce="A test alert is on its way.")


@bp.post("/ops/alerts/<int:alert_id>/acknowledgement")
@operators
def acknowledge(alert_id: int) -> Response:
    """Look after it."""
    services.acknowledge(me(), alert_id, reason=reason_sent())
    return _changed(alert_id, "Nobody is told of it any more while it lasts.")


@bp.post("/ops/alerts/<int:alert_id>/resolution")
@operators
def resolve(alert_id: int) -> Response:
    """Say that it is over."""
    services.resolve(me(), alert_id, reason=reason_sent())
    return _changed(alert_id, "It is resolved.")


@bp.post("/ops/alerts/<int:alert_id>/mute")
@operators
def mute(alert_id: int) -> Response:
    """Have nobody told for a while."""
    services.mute(me(), alert_id, hours=forms.hours_of(request.form), reason=reason_sent())
    return _changed(alert_id, "It is muted.")


@bp.post("/ops/alerts/<int:alert_id>/mute/deletion")
@operators
def unmute(alert_id: int) -> Response:
    """Have people told again."""
    services.unmute(me(), alert_id, reason=reason_sent())
    return _changed(alert_id, "People are told of it again.")


@bp.post("/alerts/prometheus")
@public
@without_csrf
def receive() -> Response:
    """Take what the Alertmanager sends, with ALERTS_TOKEN."""
    expected = settings().alerts_token
    if not expected:
        raise NoSuchPage
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(token.strip().encode(), expected.encode()):
        words = "Somebody called /alerts/prometheus without its token"
        tell(Kind.SECURITY, "forged token", words, level=Level.WARNING, who=client_address())
        raise SignInNeeded("This is for the Alertmanager, with ALERTS_TOKEN.")
    try:
        received = read_body(read_json(request))
    except WrongBody as wrong:
        raise Invalid(wrong.errors) from None
    return answer({"taken": services.take_over(received)})


def _changed(alert_id: int, announce: str) -> Response:
    alert = queries.alert(alert_id)
    return done("alerts/_alert.html", see=url_for(".show", alert_id=alert_id), announce=announce, **_shown(alert))


def _shown(alert: Alert) -> dict[str, Any]:
    steps, mute = queries.steps_of(alert.id), queries.mute_of(alert.fingerprint)
    who = {
        alert.acknowledged_by,
        alert.resolved_by,
        alert.labels.get("who"),
        mute and mute.by,
        *(one.by for one in steps),
    }
    return {
        "alert": alert,
        "steps": steps,
        "mute": mute,
        "people": names_of({one for one in who if one}),
        "mutes": forms.MUTES,
        "folder": str(settings().error_reports_dir or settings().data_dir / "error_reports"),
        "today": today(me().zone),
    }


def _state() -> str:
    state = request.args.get("state", "open")
    if state not in queries.STATES:
        raise Invalid({"state": f"Choose one of: {', '.join(queries.STATES)}."})
    return state


def _below() -> int | None:
    text = request.args.get("next", "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= LARGEST_NUMBER):
        raise Invalid({"next": "This is not the place of a page."})
    return min(int(text), queries.LARGEST_ID)
