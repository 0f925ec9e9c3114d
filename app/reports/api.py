"""Reports for programs."""

from typing import Any, cast

from flask import Response, current_app, request, send_file, url_for

from app.errors import Invalid
from app.openapi import KEY, ApiBlueprint, read_json, sent_once
from app.security import api_access, me

from . import queries, services
from .models import Report
from .orders import Grouping, Sort, WrongOrder, read_order
from .schemas import ReportOut, ReportRequestedOut, ReportRowsArgs, ReportRowsOut, ReportsOut, report_out

BODY: dict[str, Any] = {
    "type": "object",
    "required": ["report_type"],
    "additionalProperties": False,
    "properties": {
        "report_type": {"type": "string", "enum": [sort.value for sort in Sort]},
        "filters": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "from": {"type": "string", "format": "date"},
                "to": {"type": "string", "format": "date"},
                "group_by": {"type": "string", "enum": [one.value for one in Grouping]},
                "everybody": {"type": "boolean", "description": "For admins: of all people."},
            },
        },
    },
}
CSV = {"schema": {"type": "string", "format": "binary"}}

blp = ApiBlueprint("reports_api", __name__, url_prefix="/api", description="Summaries as files.")


@blp.post("/v1/reports")
@blp.doc(parameters=[KEY], requestBody={"required": True, "content": {"application/json": {"schema": BODY}}})
@blp.response(202, ReportRequestedOut)
@blp.alt_response(200, schema=ReportRequestedOut, description="It was sent before.")
@api_access("write")
def create() -> Response:
    """Have a report built."""
    return _requested()


@blp.post("/generate-report/")
@blp.doc(
    parameters=[KEY],
    requestBody={"required": True, "content": {"application/json": {"schema": BODY}}},
    deprecated=True,
)
@blp.response(202, ReportRequestedOut)
@blp.alt_response(200, schema=ReportRequestedOut, description="It was sent before.")
@api_access("write")
def older_create() -> Response:
    """Have a report built, under an older name."""
    return _requested()


@blp.get("/v1/reports")
@blp.response(200, ReportsOut)
@api_access("read")
def index() -> Response:
    """List your newest reports; admins see everybody's."""
    found = queries.reports_of(me().id, is_staff=me().is_admin)
    return _answer({"reports": [report_out(one) for one in found]})


@blp.get("/v1/reports/<int:report_id>")
@blp.response(200, ReportOut)
@api_access("read")
def show(report_id: int) -> Response:
    """Show a report."""
    return _answer(report_out(_report(report_id)))


@blp.get("/v1/reports/<int:report_id>/file")
@blp.doc(responses={"200": {"description": "The file.", "content": {"text/csv": CSV}}})
@blp.alt_response(404, description="It is not there, or not finished.")
@api_access("read")
def download(report_id: int) -> Response:
    """Download a report as CSV."""
    report = _report(report_id)
    path = services.path_of(me(), report_id)
    return send_file(path, "text/csv", as_attachment=True, download_name=report.file_name, max_age=0)


@blp.get("/v1/reports/<int:report_id>/rows")
@blp.arguments(ReportRowsArgs(), location="query")
@blp.response(200, ReportRowsOut)
@blp.alt_response(404, description="It is not there, or not finished.")
@api_access("read")
def rows(args: dict[str, int], report_id: int) -> Response:
    """Tell the rows of a report, a page of them."""
    found = services.rows_in(me(), report_id, after=args["next"], limit=args["limit"])
    return _answer({"columns": found.columns, "rows": found.rows, "next": found.following})


@blp.delete("/v1/reports/<int:report_id>")
@blp.response(204)
@api_access("write")
def delete(report_id: int) -> Response:
    """Delete a report and its file."""
    services.delete_report(me(), report_id)
    return Response(status=204)


def _requested() -> Response:
    given = read_json(request)
    if not isinstance(given, dict):
        raise Invalid({"": "Send an object."})
    unknown = {str(name)[:40]: "Unknown field." for name in given.keys() - BODY["properties"].keys()}
    if unknown:
        raise Invalid(unknown)
    try:
        order = read_order(given.get("report_type"), given.get("filters", {}), is_staff=me().is_admin)
    except WrongOrder as error:
        raise Invalid(error.errors) from None
    sent = sent_once("report", lambda: list(services.request_report(me(), order)), content=given)
    report_id, job_uid = sent.made
    address = url_for("reports_api.show", report_id=report_id)
    response = _answer(
        {"report_id": report_id, "task_id": job_uid, "status_url": address}, status=202 if sent.is_new else 200
    )
    response.headers["Location"] = address
    return response


def _report(report_id: int) -> Report:
    return queries.report_of(me().id, report_id, is_staff=me().is_admin)


def _answer(content: dict[str, Any], *, status: int = 200) -> Response:
    response = cast("Response", current_app.json.response(content))
    response.status_code = status
    response.headers["Cache-Control"] = "no-store"
    return response
