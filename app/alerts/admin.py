"""Alerts in the staff area: to read; what people decide about them, they decide on the page of the alert."""

from flask import url_for
from sqlalchemy import ColumnElement

from app.staff import Badge, Choice, During, StaffPage

from .conditions import RULES, WATCHED, Severity
from .models import Alert

STATES = {"open": ("Open", "bad"), "acknowledged": ("Looked after", "info"), "resolved": ("Resolved", "ok")}
TYPES = sorted({one.type for one in (*RULES.values(), *WATCHED.values())})


def _in_state(state: str) -> ColumnElement[bool]:
    if state == "resolved":
        return Alert.resolved_at.is_not(None)
    is_seen = Alert.acknowledged_at.is_not(None)
    return Alert.resolved_at.is_(None) & (is_seen if state == "acknowledged" else ~is_seen)


ALERTS = StaffPage(
    key="alerts",
    title="Alerts",
    icon="alert",
    model=Alert,
    columns={
        "Id": lambda one: one.id,
        "Title": lambda one: one.title,
        "Type": lambda one: one.type,
        "State": lambda one: Badge(*STATES[one.state]),
        "How grave": lambda one: Badge(one.severity.capitalize(), "bad" if one.severity == "critical" else "warn"),
        "Times": lambda one: one.times,
        "Raised": lambda one: one.raised_at,
    },
    sections={
        "What was seen": {
            "Words": lambda one: one.words,
            "Rule": lambda one: one.rule,
            "Last seen": lambda one: one.last_at,
            "Known of it": lambda one: one.labels,
        },
        "What was done": {
            "People told": lambda one: one.told_at,
            "Looked after": lambda one: one.acknowledged_at,
            "By": lambda one: one.acknowledged_by,
            "Resolved": lambda one: one.resolved_at,
            "Resolved by": lambda one: one.resolved_by,
            "File": lambda one: one.file,
        },
    },
    filters=(
        Choice("State", {key: word for key, (word, _) in STATES.items()}, _in_state),
        Choice("Type", {one: one for one in TYPES}, lambda type_: Alert.type == type_),
        Choice("How grave", {str(one): one.capitalize() for one in Severity}, lambda one: Alert.severity == one),
        During("Raised", Alert.raised_at),
    ),
    searched=(Alert.title, Alert.words),
    elsewhere=lambda one: url_for("alerts.show", alert_id=one.id),
)
