"""Reports in the staff area: to read."""

from sqlalchemy import false

from app.staff import Choice, During, Exactly, Pill, StaffPage
from app.units import milliseconds, size

from .models import Report

LANES = {"waiting": ("queued", "Waiting"), "ready": ("done", "Ready"), "failed": ("failed", "Failed")}


def _took(one: Report) -> str | None:
    if one.built_at is None:
        return None
    return milliseconds(round((one.built_at - one.created_at).total_seconds() * 1000))


def _person(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


REPORTS = StaffPage(
    key="reports",
    title="Reports",
    icon="download",
    model=Report,
    columns={
        "Id": lambda one: one.id,
        "Person": lambda one: one.created_by,
        "Kind": lambda one: one.title,
        "State": lambda one: Pill(*LANES.get(one.state, ("scheduled", one.state.capitalize()))),
        "Size": lambda one: None if one.size_bytes is None else size(one.size_bytes),
        "Took": _took,
        "Asked for": lambda one: one.created_at,
    },
    sections={
        "What was asked for": {"Filters": lambda one: one.filters, "Called": lambda one: one.file_name},
        "What came of it": {
            "Lines": lambda one: one.row_count,
            "Cut": lambda one: "yes, there was more" if one.is_cut else "no",
            "Built": lambda one: one.built_at,
            "Failed": lambda one: one.failed_at,
            "Reason": lambda one: one.failure,
        },
    },
    filters=(
        Choice("State", {key: word for key, (_, word) in LANES.items()}, lambda state: Report.state == state),
        Exactly("Person", lambda text: Report.created_by == int(text) if _person(text) else false()),
        During("Asked for", Report.created_at),
    ),
    searched=(Report.kind, Report.failure),
)
