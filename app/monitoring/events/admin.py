"""Events in the staff area: to read."""

from flask import url_for

from app.staff import LATEST, Badge, Choice, During, Exactly, Search, Short, StaffPage, latest_with
from app.stream import Kind, Level
from app.units import milliseconds

from .models import EventRow

TONES = {"warning": "warn", "error": "bad"}


def _took(one: EventRow) -> str | None:
    took_ms = one.fields.get("took_ms")
    return milliseconds(round(took_ms)) if isinstance(took_ms, int | float) else None


EVENTS = StaffPage(
    key="events",
    title="Events",
    icon="list",
    model=EventRow,
    columns={
        "Number": lambda one: one.id,
        "Words": lambda one: one.words,
        "Sort": lambda one: Badge(one.kind.capitalize(), TONES.get(one.level, "")),
        "Who": lambda one: one.who,
        "Job": lambda one: one.job and Short(one.job, url_for("console.job", uid=one.job)),
        "Took": _took,
        "When": lambda one: one.at,
    },
    sections={
        "What happened": {
            "How grave": lambda one: Badge(one.level.capitalize(), TONES.get(one.level, "")),
            "Action": lambda one: one.action,
            "How often": lambda one: one.count,
            "Request": lambda one: one.request_id,
        },
        "What is known of it": {"Details": lambda one: one.fields},
    },
    filters=(
        Choice("Sort", {str(one): one.capitalize() for one in Kind}, lambda kind: EventRow.kind == kind),
        Choice("How grave", {str(one): one.capitalize() for one in Level}, lambda level: EventRow.level == level),
        Exactly("Who", lambda who: EventRow.who == who),
        Exactly("Job", lambda uid: EventRow.job == uid.lower()),
        Exactly("Request", lambda text: EventRow.request_id == text),
        During("When", EventRow.at),
    ),
    search=Search(
        "words, who, action",
        latest_with(EventRow.words, EventRow.who, EventRow.action),
        f"Words are looked for in the latest {LATEST:,} events.",
    ),
    elsewhere=lambda one: url_for("events.index", action=one.action),
)
