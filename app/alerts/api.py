"""Alerts for programs."""

from typing import Any

from flask import Response

from app.background.schemas import ReasonIn
from app.openapi import KEY, ApiBlueprint, answer, sent_once
from app.security import api_access, me

from . import queries, services
from .schemas import AlertArgs, AlertMuteIn, AlertPageOut, AlertWithStepsOut, alert_out, alert_with_steps_out

blp = ApiBlueprint("alerts_api", __name__, url_prefix="/api/v1/alerts", description="What is wrong, and who knows.")


@blp.get("")
@blp.arguments(AlertArgs(), location="query")
@blp.response(200, AlertPageOut)
@api_access("jobs")
def index(args: dict[str, Any]) -> Response:
    """List alerts, the newest first."""
    found, following = queries.alerts(args["state"], below_id=args.get("next"), limit=args["limit"])
    return answer({"alerts": [alert_out(one) for one in found], "next": following})


@blp.get("/<int:alert_id>")
@blp.response(200, AlertWithStepsOut)
@api_access("jobs")
def show(alert_id: int) -> Response:
    """Show an alert with its history."""
    return _shown(alert_id)


@blp.post("/<int:alert_id>/acknowledgement")
@blp.arguments(ReasonIn(), required=False)
@blp.response(200, AlertWithStepsOut)
@api_access("jobs")
def acknowledge(given: dict[str, Any], alert_id: int) -> Response:
    """Look after an alert: nobody is told of it any more while it lasts."""
    services.acknowledge(me(), alert_id, reason=given.get("reason"))
    return _shown(alert_id)


@blp.post("/<int:alert_id>/resolution")
@blp.arguments(ReasonIn(), required=False)
@blp.response(200, AlertWithStepsOut)
@api_access("jobs")
def resolve(given: dict[str, Any], alert_id: int) -> Response:
    """Say that an alert is over."""
    services.resolve(me(), alert_id, reason=given.get("reason"))
    return _shown(alert_id)


@blp.put("/<int:alert_id>/mute")
@blp.arguments(AlertMuteIn())
@blp.response(200, AlertWithStepsOut)
@api_access("jobs")
def mute(given: dict[str, Any], alert_id: int) -> Response:
    """Have nobody told of an alert and those alike, for a while or for good."""
    services.mute(me(), alert_id, hours=given["hours"], reason=given.get("reason"))
    return _shown(alert_id)


@blp.delete("/<int:alert_id>/mute")
@blp.arguments(ReasonIn(), location="query")
@blp.response(200, AlertWithStepsOut)
@api_access("jobs")
def unmute(given: dict[str, Any], alert_id: int) -> Response:
    """Have people told again."""
    services.unmute(me(), alert_id, reason=given.get("reason"))
    return _shown(alert_id)


@blp.post("/tests")
@blp.doc(parameters=[KEY])
@blp.response(201, AlertWithStepsOut)
@blp.alt_response(200, schema=AlertWithStepsOut, description="It was sent before.")
@api_access("jobs")
def create_test() -> Response:
    """Raise an alert that means nothing, to see that it arrives."""
    sent = sent_once("alert test", lambda: [services.try_out(me())])
    return _shown(sent.made[0], status=201 if sent.is_new else 200)


def _shown(alert_id: int, *, status: int = 200) -> Response:
    alert = queries.alert(alert_id)
    told = alert_with_steps_out(alert, queries.steps_of(alert_id), queries.mute_of(alert.fingerprint))
    return answer(told, status=status)
