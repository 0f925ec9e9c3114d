"""What the API of reports returns."""

from typing import Any

from flask import url_for
from marshmallow import Schema, fields

from .models import Report


class ReportRequestedOut(Schema):
    """A report that is being built."""

    report_id = fields.Integer(required=True)
    task_id = fields.String(required=True, metadata={"description": "The job that builds it."})
    status_url = fields.String(required=True)


class ReportOut(Schema):
    """A report."""

    id = fields.Integer(required=True)
    report_type = fields.String(required=True)
    state = fields.String(required=True, metadata={"enum": ["waiting", "ready", "failed"]})
    filters = fields.Dict(required=True)
    rows = fields.Integer(required=True, allow_none=True)
    size_bytes = fields.Integer(required=True, allow_none=True)
    failure = fields.String(required=True, allow_none=True)
    created_at = fields.AwareDateTime(required=True)
    built_at = fields.AwareDateTime(required=True, allow_none=True)
    download_url = fields.String(required=True, allow_none=True)


class ReportsOut(Schema):
    """Several reports, newest first."""

    reports = fields.List(fields.Nested(ReportOut), required=True)


def report_out(report: Report) -> dict[str, Any]:
    """What `ReportOut` describes."""
    return {
        "id": report.id,
        "report_type": report.kind,
        "state": report.state,
        "filters": report.filters,
        "rows": report.row_count,
        "size_bytes": report.size_bytes,
        "failure": report.failure,
        "created_at": report.created_at.isoformat(),
        "built_at": report.built_at and report.built_at.isoformat(),
        "download_url": url_for("reports_api.download", report_id=report.id) if report.is_ready else None,
    }
