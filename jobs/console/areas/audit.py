"""Who did what: the audit log, filtered, as a file, and whether it is as it was written."""

import csv
import io
import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Response

from jobs.ledger import audit
from jobs.ledger.audit import AuditRow, Verification
from jobs.redaction import masked

from .desk import Desk, Wrong, asked, moment_of, page_number

ON_A_PAGE = 50
MOST_EXPORTED = 50_000
AT_ONCE = 1_000
WORDS = ("by", "action", "subject")
TIMES = ("since", "until")
CUT = "These are the newest {most} entries; there are more. Ask for an earlier time to have them."
WALK_EVERY = timedelta(minutes=2)
WALKS_SHARE = 50
"""After a walk the log is not walked again for so many times as long as that took, however often somebody looks."""
RISKY = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a cell begins with that a spreadsheet would run."""
HEADS = ("number", "at", "by", "channel", "action", "subject", "before", "after", "reason", "details", "hash")


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of the last check, and when that was; until when what was walked then is not walked again."""

    found: Verification
    at: datetime
    walk_again_at: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """A row as it is shown."""

    row: AuditRow
    before: str
    after: str
    reason: str
    rest: str
    url: tuple[str, dict[str, str]] | None


class AuditPages:
    """The pages of the audit log."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._checked: Checked | None = None
        self._lock = threading.Lock()

    def index(self) -> Response:
        """What was done, the newest first."""
        wanted, below = _wanted(), page_number("below")
        kept = {name: text for name, text in wanted.items() if text}
        try:
            meant = _meant(wanted)
        except Wrong as wrong:
            return self._page(kept, errors=wrong.errors, status=422)
        found = audit.found(self._desk.session, **meant, before_id=below, limit=ON_A_PAGE + 1)
        older, has_stopped = self._after(found, meant, below, limit=ON_A_PAGE)
        return self._page(kept, found=found[:ON_A_PAGE], older=older, below=below, has_stopped=has_stopped)

    def _page(
        self, kept: Mapping[str, str], *, found: Sequence[AuditRow] = (), status: int = 200, **more: Any
    ) -> Response:
        told = {"older": None, "below": None, "has_stopped": False, "errors": {}, **more}
        lines, most = [line_of(row) for row in found], MOST_EXPORTED
        return self._desk.page(
            "audit", status=status, lines=lines, wanted=kept, checked=self._newest(), most=most, **told
        )

    def _after(
        self, found: Sequence[AuditRow], meant: Mapping[str, Any], below: int | None, *, limit: int
    ) -> tuple[int | None, bool]:
        """Below which row the next page begins, and whether the search stopped there before it had as many."""
        if len(found) > limit:
            return found[limit - 1].id, False
        span = {name: meant[name] for name in TIMES}
        stopped_at = audit.looked_to(self._desk.session, **span, before_id=below)
        return stopped_at, stopped_at is not None

    def check(self) -> Response:
        """Walk the whole chain."""
        found = self._check().found
        return (self._desk.done if found.is_whole else self._desk.refused)(told(found), ".audit")

    def export(self) -> Response:
        """The log as a file that spreadsheets read, the newest first; one that is cut says so, in its name too."""
        try:
            lines = list(self._lines(_meant(_wanted())))
        except Wrong as wrong:
            return Response(f"{wrong}\n", status=422, mimetype="text/plain")
        is_cut = len(lines) > MOST_EXPORTED
        if is_cut:
            lines[MOST_EXPORTED:] = [_csv([CUT.format(most=MOST_EXPORTED)])]
        name = f"audit-newest-{MOST_EXPORTED}.csv" if is_cut else "audit.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        return Response("".join([_csv(HEADS), *lines]), mimetype="text/csv", headers=headers)

    def _lines(self, meant: Mapping[str, Any]) -> Iterator[str]:
        """A line for each row, and one more than a file takes where there are more."""
        below: int | None = None
        left, goes_on = MOST_EXPORTED + 1, True
        while left > 0 and goes_on:
            rows = audit.found(self._desk.session, **meant, before_id=below, limit=min(AT_ONCE, left) + 1)
            below, _ = self._after(rows, meant, below, limit=min(AT_ONCE, left))
            yield from (_csv(_cells(row)) for row in rows[: min(AT_ONCE, left)])
            left, goes_on = left - min(AT_ONCE, len(rows)), below is not None

    def _newest(self) -> Checked:
        """What is known of the log as it ends now. Of several who look at once one walks it."""
        last = self._checked
        if last is None:
            return self._check()
        if not self._lock.acquire(blocking=False):
            return last
        try:
            at = self._desk.now
            if at >= last.walk_again_at:
                return self._check()
            if audit.head(self._desk.session)[1] != last.found.last_hash:
                found = audit.verify(self._desk.session, known=last.found)
                self._checked = last = replace(last, found=found, at=last.at if found.is_whole else at)
            return last
        finally:
            self._lock.release()

    def _check(self) -> Checked:
        """Walk all of it."""
        at, began = self._desk.now, time.perf_counter()
        found = audit.verify(self._desk.session)
        took = timedelta(seconds=time.perf_counter() - began)
        self._checked = Checked(found, at, at + max(WALK_EVERY, WALKS_SHARE * took))
        return self._checked


def _wanted() -> dict[str, str]:
    """What the address asks for, as it is written there."""
    return {name: asked(name, longest=200).strip() for name in (*WORDS, *TIMES)}


def _meant(wanted: Mapping[str, str]) -> dict[str, Any]:
    """What is asked for. Raises Wrong."""
    words = {name: wanted[name] for name in WORDS}
    return words | {name: moment_of(name, wanted[name]) for name in TIMES}


def told(found: Verification) -> str:
    """What the check came to, as a sentence."""
    if found.is_whole:
        return f"The log is whole: {found.counted}."
    return f"The log is broken at entry {found.broken_id or 'unknown'}. {found.problem}"


def line_of(row: AuditRow) -> Line:
    """A row in words: what was before, what came after, why, and what else is told."""
    details = masked(row.told)
    before, after, reason = (details.pop(name, None) for name in ("before", "after", "reason"))
    return Line(row, _said(before), _said(after), str(reason or ""), _said(details or None), _place_of(row.subject))


def _said(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        said = {name.replace("_", " "): one for name, one in value.items() if one not in (None, "", {}, [])}
        return ", ".join(f"{name}: {_plain(one)}" for name, one in said.items()) or "nothing"
    return _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _place_of(subject: str) -> tuple[str, dict[str, str]] | None:
    """Where more is told of what was acted on."""
    sort, _, name = subject.partition(" ")
    if sort in ("job", "schedule", "workflow"):
        return sort, {"uid": name}
    if sort in ("queue", "kind"):
        return sort, {"name": name}
    if subject.startswith("bulk operation "):
        return "operation", {"uid": subject.removeprefix("bulk operation ")}
    return None


def _cells(row: AuditRow) -> Sequence[str]:
    line = line_of(row)
    at = row.at.isoformat(timespec="seconds")
    cells = (row.by or "", row.channel, row.action, row.subject, line.before, line.after, line.reason, line.rest)
    return [str(row.id), at, *(harmless(cell) for cell in cells), row.hash]


def harmless(cell: str) -> str:
    """The text, never to be taken for a formula."""
    return f"'{cell}" if cell.lstrip(" ").startswith(RISKY) else cell


def _csv(cells: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()


def mount(bp: Blueprint, desk: Desk) -> None:
    """Put the pages on the blueprint."""
    pages = AuditPages(desk)
    bp.add_url_rule("/audit", "audit", pages.index)
    bp.add_url_rule("/audit.csv", "audit_file", pages.export)
    bp.add_url_rule("/audit/checks", "create_check", pages.check, methods=["POST"])
