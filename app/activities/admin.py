"""Activities in the staff area."""

from sqlalchemy import false

from app.staff import Choice, Exactly, StaffPage
from app.units import duration, kcal

from .mets import Kind
from .models import Activity

STATUSES = {"completed": "Completed", "pending": "Pending", "failed": "Failed", "deleted": "Deleted"}

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
        "Status": lambda one: STATUSES[_status(one)],
        "Started": lambda one: one.started_at,
        "Notes": lambda one: one.notes,
    },
    details={
        "MET": lambda one: one.met,
        "Weight in kg": lambda one: one.weight_kg,
        "Calculated": lambda one: one.counted_at,
        "Could not be calculated since": lambda one: one.uncountable_since,
        "Reason": lambda one: one.uncountable_reason,
        "Created": lambda one: one.created_at,
        "Changed": lambda one: one.changed_at,
        "Deleted": lambda one: one.deleted_at,
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
    ),
    searched=(Activity.notes,),
)


def _status(one: Activity) -> str:
    if one.deleted_at:
        return "deleted"
    if one.energy_kcal is not None:
        return "completed"
    return "failed" if one.uncountable_since else "pending"


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10
