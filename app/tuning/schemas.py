"""What the API of settings accepts and returns."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields

from app.background.schemas import moment_out
from app.fields import LineField, WholeField

from .models import SettingChange
from .queries import Shown

LONGEST_REASON = 500
LARGEST_ID = 2**31 - 1


class ChangesField(fields.Field[dict[str, str | None]]):
    """New values by the names of settings, each as the environment has it; null takes a change back."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> dict[str, str | None]:
        if not isinstance(value, dict) or not value:
            raise ValidationError("Give an object: new values by the names of settings.")
        wrong = {
            name: ["Give a text, a number, true, false or null."] for name, one in value.items() if not _plain(one)
        }
        if wrong:
            raise ValidationError(wrong)
        return {name.lower(): _text(one) for name, one in value.items()}


class SettingsIn(Schema):
    """Which settings shall be what."""

    settings = ChangesField(required=True, metadata={"type": "object", "example": {"page_size": 25}})
    reason = LineField(longest=LONGEST_REASON, load_default="", metadata={"description": "For the history."})
    version = WholeField(0, LARGEST_ID, metadata={"description": "What was looked at; another one by now is a 409."})


class SettingOut(Schema):
    """One setting. A secret is told as "set" or not at all."""

    name = fields.String(required=True)
    value = fields.String(required=True)
    source = fields.String(required=True, metadata={"description": "default, environment, file, .env, changed here"})
    default = fields.String(required=True)
    about = fields.String(required=True)
    may_change = fields.Boolean(required=True)


class SettingChangeOut(Schema):
    """One change; without a text it was, or is again, as the environment has it."""

    id = fields.Integer(required=True)
    name = fields.String(required=True)
    before = fields.String(required=True, allow_none=True)
    after = fields.String(required=True, allow_none=True)
    by = fields.String(required=True)
    reason = fields.String(required=True)
    at = fields.DateTime(required=True)


class SettingsOut(Schema):
    """Every setting, and which version of them this is."""

    settings = fields.List(fields.Nested(SettingOut), required=True)
    version = fields.Integer(required=True)


class SettingChangesArgs(Schema):
    """Which page of changes."""

    next = WholeField(1, LARGEST_ID, digits=True)
    limit = WholeField(1, 100, digits=True, load_default=25)


class SettingChangesOut(Schema):
    """A page of changes, the newest first."""

    changes = fields.List(fields.Nested(SettingChangeOut), required=True)
    next = fields.Integer(required=True, allow_none=True)


class RecalculationIn(Schema):
    """Which kind of activity shall be counted again."""

    kind = LineField(longest=40, required=True)
    reason = LineField(longest=200, metadata={"description": "For the audit log."})


def setting_out(one: Shown) -> dict[str, Any]:
    """As `SettingOut` has it."""
    told = {"name": one.name, "value": one.value, "source": one.source, "default": "" if one.is_secret else one.default}
    return told | {"about": one.says, "may_change": one.may_change}


def change_out(one: SettingChange) -> dict[str, Any]:
    """As `SettingChangeOut` has it."""
    told = {name: getattr(one, name) for name in ("id", "name", "before", "after", "by", "reason")}
    return told | {"at": moment_out(one.at)}


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool)


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)
