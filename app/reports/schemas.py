"""What the API of reports returns."""

from typing import Any

from flask import url_for
from marshmallow import Schema, fields

from app.fields import WholeField

from .models import Report
from .queries import MOST_ROWS


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
    rows = fields.Integer(required=True, allow_none=True, metadata={"description": "How many its file has."})
    is_cut = fields.Boolean(
        required=True, metadata={"description": f"There was more: a file takes {MOST_ROWS:,} rows, the first ones."}
    )
    size_bytes = fields.Integer(required=True, allow_none=True)
    failure = fields.String(required=True, allow_none=True)
    created_at = fields.AwareDateTime(required=True)
    built_at = fields.AwareDateTime(required=True, allow_none=True)
    download_url = fields.String(required=True, allow_none=True)


class ReportRowsArgs(Schema):
    """Which rows."""

    limit = WholeField(1, 1_000, digits=True, load_default=100)
    next = WholeField(0, MOST_ROWS, digits=True, load_default=0, metadata={"description": "From the page before."})


class ReportRowsOut(Schema):
    """Some rows of a report, as its file has them; `next` asks for those after them and is null at the end."""

    columns = fields.List(fields.String(), required=True)
    rows = fields.List(fields.List(fields.String()), required=True)
    next = fields.Integer(required=True, allow_none=True)


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
        "is_cut": report.is_cut,
        "size_bytes": report.size_bytes,
        "failure": report.failure,
        "created_at": report.created_at.isoformat(),
        "built_at": report.built_at and report.built_at.isoformat(),
        "download_url": url_for("reports_api.download", report_id=report.id) if report.is_ready else None,
    }
