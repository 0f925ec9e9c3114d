"""Changes of settings in the staff area: to read; they are made on the page of settings."""

from flask import url_for

from app.staff import Choice, During, StaffPage

from .knobs import KNOBS
from .models import SettingChange


def _text(text: str | None) -> str:
    return "as started" if text is None else text or "nothing"


SETTINGS = StaffPage(
    key="settings",
    title="Settings",
    icon="settings",
    model=SettingChange,
    columns={
        "Number": lambda one: one.id,
        "Setting": lambda one: KNOBS[one.name].label if one.name in KNOBS else one.name,
        "From": lambda one: _text(one.before),
        "To": lambda one: _text(one.after),
        "Who": lambda one: one.by,
        "When": lambda one: one.at,
    },
    sections={"Why": {"Reason": lambda one: one.reason, "In the environment": lambda one: one.name.upper()}},
    filters=(
        Choice("Setting", {name: knob.label for name, knob in KNOBS.items()}, lambda name: SettingChange.name == name),
        During("When", SettingChange.at),
    ),
    searched=(SettingChange.reason, SettingChange.by),
    elsewhere=lambda one: url_for("tuning.index", _anchor=f"change-{one.id}"),
)
