"""Forms made from what a kind takes."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from wtforms import BooleanField, Form, StringField, TextAreaField
from wtforms.validators import Optional

from .kinds import Bounds, Kind

WHOLE = re.compile(r"[+-]?[0-9]{1,15}", re.ASCII)
NUMBER = re.compile(r"[+-]?(?:[0-9]{1,15}(?:\.[0-9]{0,15})?|\.[0-9]{1,15})(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
PREFIX = "arg_"
"""Arguments may be called what forms call their own things: "data" is one."""
MODES = {"integer": "numeric", "number": "decimal"}


class KindForm(Form):
    """The arguments of one kind. `arguments` is the only way to their values."""

    schema: Mapping[str, Any] = {}

    def arguments(self) -> dict[str, Any] | None:
        """The arguments by name; None when something cannot be read, which is then said beside its field."""
        found: dict[str, Any] = {}
        for name, told in self.schema["properties"].items():
            field = self[PREFIX + name]
            try:
                value = _read(field.data, told)
            except ValueError as error:
                field.errors = [str(error)]
                continue
            if value is not None:
                found[name] = value
            elif name in self.schema["required"]:
                field.errors = ["Fill this in."]
        return None if self.errors else found

    def refuse(self, errors: Mapping[str, str]) -> None:
        """Say what is wrong, beside its field where there is one."""
        for name, sentence in errors.items():
            if PREFIX + name in self._fields:
                self[PREFIX + name].errors = [sentence]
            else:
                self.form_errors.append(sentence)

    def mode(self, field: Any) -> str:
        """Which keys a telephone shows for a field."""
        return MODES.get(self.schema["properties"][field.short_name.removeprefix(PREFIX)].get("type", ""), "")


def form_of(kind: Kind, schema: Mapping[str, Any], typed: Any = None) -> KindForm:
    """The form of a kind: with what was typed, or with its usual values."""
    fields = {PREFIX + name: _field(name, told, kind, schema) for name, told in schema["properties"].items()}
    made = type("KindForm", (KindForm,), {**fields, "schema": schema})
    form: KindForm = made(typed, data={PREFIX + name: _shown(value) for name, value in kind.usual().items()})
    for name in schema["required"]:
        form[PREFIX + name].flags.required = True
    return form


def _field(name: str, told: Mapping[str, Any], kind: Kind, schema: Mapping[str, Any]) -> Any:
    bounds = kind.bounds.get(name, Bounds())
    label = bounds.label or name.replace("_", " ").capitalize()
    checks = [] if name in schema["required"] else [Optional()]
    if told.get("type") == "boolean":
        return BooleanField(label)
    if told.get("type") == "array":
        return TextAreaField(label, checks, description=bounds.hint or "With commas or spaces between them")
    return (TextAreaField if bounds.has_lines else StringField)(label, checks, description=bounds.hint)


def _shown(value: Any) -> Any:
    return ", ".join(f"{one}" for one in value) if isinstance(value, list) else value


def _read(data: Any, told: Mapping[str, Any]) -> Any:
    """The value that was typed; None when nothing was."""
    if told.get("type") == "boolean":
        return bool(data)
    text = str(data if data is not None else "").strip()
    if not text:
        return None
    if told.get("type") == "array":
        each = READ.get(told.get("items", {}).get("type", ""), str)
        return [each(one) for one in re.split(r"[\s,;]+", text) if one]
    return READ.get(told.get("type", ""), str)(text)


def _whole(text: str) -> int:
    if not WHOLE.fullmatch(text):
        raise ValueError(f"“{text[:20]}” is no whole number.")
    return int(text)


def _number(text: str) -> float:
    value = float(text) if NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(value):
        raise ValueError(f"“{text[:20]}” is no number.")
    return int(value) if value == int(value) and "." not in text else value


READ: Mapping[str, Callable[[str], Any]] = {"integer": _whole, "number": _number}
