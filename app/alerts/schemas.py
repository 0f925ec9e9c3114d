"""What the API of alerts accepts and returns."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from marshmallow import Schema, fields, validate

from app.fields import LineField, WholeField

from .models import Alert, AlertMute, AlertStep
from .queries import LARGEST_ID, STATES

MOST_HOURS = 8_760


class AlertArgs(Schema):
    """Which alerts."""

    state = fields.String(
        load_default="open", validate=validate.OneOf(STATES, error=f"Choose one of: {', '.join(STATES)}.")
    )
    limit = WholeField(1, 100, digits=True, load_default=25)
    next = WholeField(1, LARGEST_ID, digits=True, metadata={"description": "From the page before."})


class AlertMuteIn(Schema):
    """For how long nobody is told."""

    hours = WholeField(1, MOST_HOURS, load_default=None, allow_none=True, metadata={"description": "null: for good."})
    reason = LineField(longest=200, metadata={"description": "For the audit log."})


class AlertOut(Schema):
    """An alert."""

    id = fields.Integer(required=True)
    rule = fields.String(required=True)
    type = fields.String(required=True)
    severity = fields.String(required=True, metadata={"enum": ["critical", "warning"]})
    state = fields.String(required=True, metadata={"enum": ["open", "acknowledged", "resolved"]})
    title = fields.String(required=True)
    words = fields.String(required=True)
    times = fields.Integer(required=True)
    labels = fields.Dict(required=True)
    raised_at = fields.AwareDateTime(required=True)
    last_at = fields.AwareDateTime(required=True)
    told_at = fields.AwareDateTime(required=True, allow_none=True)
    acknowledged_at = fields.AwareDateTime(required=True, allow_none=True)
    acknowledged_by = fields.String(required=True, allow_none=True)
    resolved_at = fields.AwareDateTime(required=True, allow_none=True)
    resolved_by = fields.String(required=True, allow_none=True)
    file = fields.String(required=True, allow_none=True)


class AlertStepOut(Schema):
    """One thing that became of it."""

    at = fields.AwareDateTime(required=True)
    words = fields.String(required=True)
    by = fields.String(required=True, allow_none=True)


class AlertWithStepsOut(AlertOut):
    """An alert with its history, and whether it is muted."""

    steps = fields.List(fields.Nested(AlertStepOut), required=True)
    is_muted = fields.Boolean(required=True)
    muted_until = fields.AwareDateTime(required=True, allow_none=True)


class AlertPageOut(Schema):
    """A page of alerts, newest first; `next` asks for the page after it and is null on the last."""

    alerts = fields.List(fields.Nested(AlertOut), required=True)
    next = fields.Integer(required=True, allow_none=True)


def alert_out(alert: Alert) -> dict[str, Any]:
    """What `AlertOut` describes."""
    plain = ("id", "rule", "type", "severity", "state", "title", "words", "times", "labels", "file")
    moments = ("raised_at", "last_at", "told_at", "acknowledged_at", "resolved_at")
    told = {name: getattr(alert, name) for name in (*plain, "acknowledged_by", "resolved_by")}
    return told | {name: _moment(getattr(alert, name)) for name in moments}


def alert_with_steps_out(alert: Alert, steps: Sequence[AlertStep], mute: AlertMute | None) -> dict[str, Any]:
    """What `AlertWithStepsOut` describes."""
    told = [{"at": _moment(one.at), "words": one.words, "by": one.by} for one in steps]
    until = _moment(mute.until) if mute else None
    return {**alert_out(alert), "steps": told, "is_muted": mute is not None, "muted_until": until}


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
