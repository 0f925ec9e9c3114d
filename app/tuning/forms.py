"""What the form of a group of settings accepts: text, judged by the settings themselves."""

from collections.abc import Mapping
from typing import Any

from wtforms import Form, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice

from .knobs import Group


def form_for(group: Group, values: Mapping[str, str], *, optional: set[str], sent: Any = None) -> Form:
    """The form of a group with the values that hold, or with those that were sent."""
    parts: dict[str, Any] = {}
    for knob in group.knobs:
        if knob.choices:
            options = [SelectChoice(value, word) for value, word in knob.choices]
            parts[knob.name] = SelectField(knob.label, choices=options, description=knob.hint, validate_choice=False)
        else:
            kind = TextAreaField if knob.is_long else StringField
            parts[knob.name] = kind(knob.label, description=knob.hint)
    parts["reason"] = StringField("Why", description="For whoever reads the history.")
    made: type[Form] = type("SettingsForm", (Form,), parts)
    form = made(sent, data=dict(values), prefix=f"{group.key}-")
    for knob in group.knobs:
        form[knob.name].flags.required = knob.name not in optional
    return form


def sent_values(form: Form, group: Group) -> dict[str, str | None]:
    """What was typed; a text of several lines as one."""
    return {knob.name: " ".join((form[knob.name].data or "").split()) for knob in group.knobs}


def tell(form: Form, errors: Mapping[str, str]) -> None:
    """Put each sentence beside its field."""
    for name, sentence in errors.items():
        form[name].errors = [*form[name].errors, sentence]
