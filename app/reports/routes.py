"""Reports on the web."""

from typing import Any

from flask import Blueprint, Response, request, send_file, url_for

from app.clock import now, today
from app.security import me, signed_in
from app.web import done, invalid, live, page_or_fragment, settings

from . import queries, services
from .forms import ReportForm
from .orders import Sort

FRESH_S, SLOW_AFTER_S = 10, 600

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
    pace_s = None
    if waiting:
        waited_s = (now() - max(waiting)).total_seconds()
        usual_s = settings().poll_pace_s
        pace_s = 0.5 if waited_s < FRESH_S else usual_s if waited_s < SLOW_AFTER_S else max(60.0, usual_s)
    return {
        "form": form,
        "reports": reports,
        "pace_s": pace_s,
        "today": today(me().zone),
        "tag": f"{pace_s}~" + ".".join(f"{one.id}{one.state[0]}" for one in reports),
    }
