"""Activities in the staff area."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import false

from app.errors import Invalid
from app.security import Person
from app.staff import Act, Choice, During, Exactly, Field, Pill, StaffPage
from app.units import duration, kcal, plain, typed_duration

from .care import services
from .forms import read_duration, read_kind, read_notes, read_weight
from .mets import Kind
from .models import Activity

STATUSES = {"completed": "Completed", "pending": "Pending", "failed": "Failed", "deleted": "Deleted"}
LANES = {"completed": "done", "pending": "queued", "failed": "failed", "deleted": "cancelled"}
READERS: Mapping[str, Callable[[str], Any]] = {
    "kind": read_kind,
    "duration": read_duration,
    "weight_kg": read_weight,
    "notes": read_notes,
}


def _status(one: Activity) -> str:
    if one.deleted_at:
        return "deleted"
    if one.energy_kcal is not None:
        return "completed"
    return "failed" if one.uncountable_since else "pending"


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _save(by: Person, activity_id: int, values: Mapping[str, str], reason: str | None) -> None:
    changes: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for name, read in READERS.items():
        try:
            changes[name] = read(values[name])
        except ValueError as error:
            wrong[name] = str(error)
    if wrong:
        raise Invalid(wrong)
    services.correct(by, activity_id, changes, reason=reason)


ACTIVITIES = StaffPage(
    key="activities",
    title="Activities",
    icon="list",
    model=Activity,
    columns={
        "Id": lambda one: one.id,
        "Person": lambda one: one.user_id,
        "Kind": lambda one: one.label,
        "Duration": lambda one: duration(one.duration),
        "Energy": lambda one: kcal(one.energy_kcal),
        "Status": lambda one: Pill(LANES[_status(one)], STATUSES[_status(one)]),
        "Started": lambda one: one.started_at,
        "Notes": lambda one: one.notes,
    },
    sections={
        "How it was counted": {
            "MET": lambda one: one.met,
            "Weight in kg": lambda one: one.weight_kg,
            "Calculated": lambda one: one.counted_at,
            "Could not be calculated since": lambda one: one.uncountable_since,
            "Reason": lambda one: one.uncountable_reason,
        },
        "The row": {
            "Created": lambda one: one.created_at,
            "Changed": lambda one: one.changed_at,
            "Deleted": lambda one: one.deleted_at,
        },
    },
    filters=(
        Choice(
            "Status",
            STATUSES,
            lambda status: {
                "completed": Activity.energy_kcal.is_not(None) & Activity.deleted_at.is_(None),
                "pending": Activity.energy_kcal.is_(None)
                & Activity.uncountable_since.is_(None)
                & Activity.deleted_at.is_(None),
                "failed": Activity.energy_kcal.is_(None)
                & Activity.uncountable_since.is_not(None)
                & Activity.deleted_at.is_(None),
                "deleted": Activity.deleted_at.is_not(None),
            }[status],
        ),
        Choice("Kind", {kind.value: kind.label for kind in Kind}, lambda kind: Activity.kind == kind),
        Exactly("Person", lambda text: Activity.user_id == int(text) if _is_id(text) else false()),
        During("Started", Activity.started_at),
    ),
    searched=(Activity.notes,),
    acts=(
        Act(
            "recalculate",
            "Try again",
            "Try again to work out {count} {activities}?",
            "Trying again: {count}.",
            services.recount,
            detail="Those that have their energy are left as they are.",
            kind="primary",
        ),
        Act(
            "delete",
            "Delete",
            "Delete {count} {activities}?",
            "Deleted: {count}.",
            services.delete,
            detail="They go into their owners' bins, where they stay for 30 days and can be taken back.",
            kind="danger",
            icon="trash",
            undo="restore",
        ),
        Act(
            "restore",
            "Take back",
            "Take {count} {activities} back out of the bin?",
            "Taken back: {count}.",
            services.restore,
            kind="primary",
        ),
    ),
    fields={
        "kind": Field("Kind", lambda one: str(one.kind), choices=dict(Kind.choices())),
        "duration": Field(
            "Duration", lambda one: typed_duration(one.duration), hint='Minutes, or hours and minutes: "30", "1:15".'
        ),
        "weight_kg": Field("Weight in kg", lambda one: plain(one.weight_kg)),
        "notes": Field("Notes", lambda one: one.notes, is_long=True, is_optional=True),
    },
    save=_save,
)
