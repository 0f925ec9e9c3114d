"""Reports on the web."""

from datetime import datetime
from typing import Any

from flask import Blueprint, Response, request, send_file, url_for

from app.clock import now, today
from app.security import me, signed_in
from app.web import done, invalid, live, pace_of_waiting, page_or_fragment

from . import queries, services
from .forms import ReportForm
from .orders import Sort

SHOWN = 100
"""So many rows stand on the page; the file has them all."""

bp = Blueprint("reports", __name__, url_prefix="/reports")


@bp.get("/")
@signed_in
def index() -> Response:
    """The form, and the newest reports."""
    return page_or_fragment("reports/index.html", "reports/_desk.html", **_desk(_form()))


@bp.post("/")
@signed_in
def create() -> Response:
    """Have one built."""
    form = _form()
    order = form.order(is_staff=me().is_admin)
    if order is None:
        return invalid("reports/index.html", "reports/_desk.html", **_desk(form))
    services.request_report(me(), order)
    return done("reports/_desk.html", see=url_for(".index"), **_desk(_form(empty=True)))


@bp.get("/list")
@signed_in
def listed() -> Response:
    """The newest reports, looking again while one is being built."""
    return live("reports/_list.html", page="reports/index.html", **_desk(_form()))


@bp.get("/<int:report_id>")
@signed_in
def show(report_id: int) -> Response:
    """What was asked for, and the first rows of what came of it; looks again while it is being built."""
    report = queries.report_of(me().id, report_id, is_staff=me().is_admin)
    pace_s = _pace(report.created_at) if report.is_waiting else None
    return live(
        "reports/_report.html",
        page="reports/show.html",
        tag=f"{pace_s}~{report.id}{report.state[0]}",
        report=report,
        asker=queries.asker_of(report),
        excerpt=services.rows_in(me(), report_id, limit=SHOWN) if services.has_file(report) else None,
        pace_s=pace_s,
        today=today(me().zone),
    )


@bp.get("/<int:report_id>/file")
@signed_in
def download(report_id: int) -> Response:
    """The file of one."""
    report = queries.report_of(me().id, report_id, is_staff=me().is_admin)
    path = services.path_of(me(), report_id)
    return send_file(path, "text/csv", as_attachment=True, download_name=report.file_name, max_age=0)


@bp.post("/<int:report_id>/deletion")
@signed_in
def delete(report_id: int) -> Response:
    """Delete one."""
    services.delete_report(me(), report_id)
    return done(None, see=url_for(".index"), announce="The report is deleted.")


def _form(*, empty: bool = False) -> ReportForm:
    form = ReportForm(None if empty else request.form)
    return form.offer(sort for sort in Sort if me().is_admin or not sort.is_for_staff)


def _desk(form: ReportForm) -> dict[str, Any]:
    reports = queries.reports_of(me().id, is_staff=me().is_admin)
    waiting = [one.created_at for one in reports if one.is_waiting]
    pace_s = _pace(max(waiting)) if waiting else None
    return {
        "form": form,
        "reports": reports,
        "pace_s": pace_s,
        "today": today(me().zone),
        "tag": f"{pace_s}~" + ".".join(f"{one.id}{one.state[0]}" for one in reports),
    }


def _pace(since: datetime) -> float:
    return pace_of_waiting((now() - since).total_seconds())
