"""What a person can do with their reports, and how they are built in the background."""

import os
import secrets
from collections.abc import Callable
from datetime import date, timedelta
from itertools import islice
from pathlib import Path

from sqlalchemy import delete, select, update

from app.clock import now
from app.db import reading, transaction
from app.errors import NotAllowed, NotFound
from app.events import ReportRequested, announce
from app.limits import Limit, take
from app.security import Person, requester
from app.web import settings
from jobs import GiveUp

from . import queries
from .models import Report
from .orders import Grouping, Order, Sort
from .sheet import Excerpt, excerpt, lines

FOLDER = "reports"
LINES_AT_ONCE = 500
FORGOTTEN_AT_ONCE = 500
NO_FILE = "This report has no file."


def request_report(person: Person, order: Order) -> tuple[int, str]:
    """Have a report built; its id, and the id of the job that builds it.

    Raises:
        NotAllowed: it is about everybody, and they are no admin
        TooMany
    """
    if (order.sort.is_for_staff or order.everybody) and not person.is_admin:
        raise NotAllowed("This report is for admins.")
    take(Limit("reports", times=settings().reports_per_hour), str(person.id))
    with transaction() as session:
        report = Report(
            created_by=person.id,
            kind=order.sort.value,
            state="waiting",
            filters=order.filters(),
            file=f"{order.sort.value}-{secrets.token_hex(16)}.csv",
            created_at=now(),
        )
        session.add(report)
        session.flush()
        job_uid = announce(ReportRequested(report.id), by=requester(person.id))[0]
    return report.id, job_uid


def build(report_id: int, *, on_progress: Callable[[int], None] = lambda _rows: None) -> dict[str, int]:
    """Write the report's file; how many rows and bytes it has. Running it twice writes the same file again.

    A file takes `MOST_ROWS`; whether there was more is noted.

    The file appears whole or not at all. `on_progress` hears now and then how many rows there are so far.

    Raises:
        GiveUp: the report was deleted meanwhile
    """
    report = reading().get(Report, report_id)
    if report is None:
        raise GiveUp("The report was deleted before it was built.")
    user_id, order, path = report.created_by, _order_of(report), file_of(report)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        rows, is_cut = _write(draft, order, user_id=user_id, on_progress=on_progress)
        size_bytes = draft.stat().st_size
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    came = {"size_bytes": size_bytes, "row_count": rows, "is_cut": is_cut}
    _note(report_id, state="ready", **came, built_at=now(), failure=None, failed_at=None)
    return {"report_id": report_id, "rows": rows, "size_bytes": size_bytes}


def could_not_build(report_id: int, *, reason: str) -> None:
    """Note that the report will not come by itself, and why. One that has its file keeps it."""
    with transaction() as session:
        session.execute(
            update(Report)
            .where(Report.id == report_id, Report.state != "ready")
            .values(state="failed", failure=reason[:500], failed_at=now())
        )


def delete_report(person: Person, report_id: int) -> None:
    """Remove a report and its file. Raises NotFound."""
    report = queries.report_of(person.id, report_id, is_staff=person.is_admin)
    path = file_of(report)
    with transaction() as session:
        session.execute(delete(Report).where(Report.id == report_id))
    path.unlink(missing_ok=True)


def path_of(person: Person, report_id: int) -> Path:
    """Where the file of a finished report is. Raises NotFound."""
    report = queries.report_of(person.id, report_id, is_staff=person.is_admin)
    if not has_file(report):
        raise NotFound(NO_FILE)
    return file_of(report)


def has_file(report: Report) -> bool:
    """Whether there is something to read: it is built, and nobody took its file away."""
    return report.is_ready and file_of(report).is_file()


def rows_in(person: Person, report_id: int, *, after: int = 0, limit: int) -> Excerpt:
    """Some rows of a finished report as they stand in its file, behind the first `after`. Raises NotFound."""
    try:
        with path_of(person, report_id).open(encoding="utf-8-sig", newline="") as file:
            return excerpt(file, after=after, limit=limit)
    except FileNotFoundError:  # deleted at this very moment
        raise NotFound(NO_FILE) from None


def forget_old(*, days: int) -> int:
    """Remove reports made longer ago than that, and files without a report; how many reports."""
    with transaction() as session:
        gone = session.execute(
            delete(Report)
            .where(
                Report.id.in_(
                    select(Report.id)
                    .where(Report.created_at < now() - timedelta(days=days))
                    .order_by(Report.id)
                    .limit(FORGOTTEN_AT_ONCE)
                )
            )
            .returning(Report.id)
        ).all()
    # Files first: whose report comes in between is not taken for one that is left over.
    files = [path for path in _folder().glob("*.csv") if not path.name.startswith(".")]
    kept = set(reading().scalars(select(Report.file)))
    for path in files:
        if path.name not in kept:
            path.unlink(missing_ok=True)
    return len(gone)


def file_of(report: Report) -> Path:
    """Where the report's file is, or will be."""
    return _folder() / report.file


def _folder() -> Path:
    return settings().data_dir / FOLDER


def _order_of(report: Report) -> Order:
    filters = report.filters
    return Order(
        Sort(report.kind),
        since=date.fromisoformat(filters["from"]) if "from" in filters else None,
        until=date.fromisoformat(filters["to"]) if "to" in filters else None,
        grouping=Grouping(filters.get("group_by", Grouping.DAY)),
        everybody=bool(filters.get("everybody")),
    )


def _write(draft: Path, order: Order, *, user_id: int, on_progress: Callable[[int], None]) -> tuple[int, bool]:
    """How many rows it has, and whether there would have been more."""
    count = 0
    # Spreadsheets take UTF-8 for something else without the mark at its beginning.
    with draft.open("x", encoding="utf-8-sig", newline="") as file:
        file.write(lines([queries.HEADINGS[order.sort]]))
        rows = queries.rows_of(order, user_id=user_id)
        while some := list(islice(rows, min(LINES_AT_ONCE, queries.MOST_ROWS - count))):
            file.write(lines(some))
            count += len(some)
            on_progress(count)
        is_cut = next(rows, None) is not None
        file.flush()
        os.fsync(file.fileno())
    return count, is_cut


def _note(report_id: int, **values: object) -> None:
    with transaction() as session:
        session.execute(update(Report).where(Report.id == report_id).values(values))
