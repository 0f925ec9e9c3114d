"""Settings under /api/v1."""

from typing import Any

from flask import Response

from app.activities.mets import Kind
from app.background.schemas import ReasonIn
from app.errors import Invalid
from app.openapi import ApiBlueprint, answer
from app.security import api_access, me

from . import queries, services
from .schemas import (
    RecalculationIn,
    SettingChangesArgs,
    SettingChangesOut,
    SettingsIn,
    SettingsOut,
    change_out,
    setting_out,
)

blp = ApiBlueprint("tuning_api", __name__, url_prefix="/api/v1", description="What changes without a restart.")


@blp.get("/settings")
@blp.response(200, SettingsOut)
@api_access("admin")
def index() -> Response:
    """List every setting with its value and where that comes from."""
    return _settings()


@blp.patch("/settings")
@blp.arguments(SettingsIn())
@blp.response(200, SettingsOut)
@api_access("admin")
def update(given: dict[str, Any]) -> Response:
    """Change settings in every process, all or none; null has a setting be again as the environment says."""
    services.change(given["settings"], by=me(), reason=given["reason"], seen=given.get("version"))
    return _settings()


@blp.get("/settings/changes")
@blp.arguments(SettingChangesArgs(), location="query")
@blp.response(200, SettingChangesOut)
@api_access("admin")
def changes(args: dict[str, Any]) -> Response:
    """List what was changed, the newest first."""
    found, following = queries.changes(before_id=args.get("next"), limit=args["limit"])
    return answer({"changes": [change_out(one) for one in found], "next": following})


@blp.post("/settings/changes/<int:change_id>/restoration")
@blp.arguments(ReasonIn(), required=False)
@blp.response(200, SettingsOut)
@api_access("admin")
def restore(given: dict[str, Any], change_id: int) -> Response:
    """Put a setting back to what it was before a change."""
    services.restore(change_id, by=me(), reason=given.get("reason") or "")
    return _settings()


@blp.post("/settings/recalculations")
@blp.arguments(RecalculationIn())
@blp.response(202, SettingsOut)
@api_access("admin")
def recalculate(given: dict[str, Any]) -> Response:
    """Have activities counted again with the MET that their kind has now, in the background."""
    try:
        kind = Kind.named(given["kind"])
    except ValueError as error:
        raise Invalid({"kind": str(error)}) from None
    services.recalculate(kind, by=me(), reason=given.get("reason"))
    return _settings(status=202)


def _settings(*, status: int = 200) -> Response:
    content = {"settings": [setting_out(one) for one in queries.all_settings()], "version": queries.version()}
    return answer(content, status=status)
