"""The audit log on the console: read, filtered, checked, and taken away as a file."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select, text

from jobs import AuditRow
from jobs.console.areas import audit as audit_pages
from jobs.console.areas.audit import harmless
from jobs.ledger import audit
from tests.jobs.console.conftest import GuardedHost
from tests.jobs.tampering import unguarded
from tests.jobs.workshop import QUEUE, Workshop

from .looking import done, get, post, said


def note(shop: Workshop, *subjects: str, by: str = "olga", action: str = "pause", **details: object) -> None:
    for subject in subjects:
        with shop.host.transaction() as session:
            audit.append(session, by=by, action=action, subject=subject, details=details)


def listed(app: Flask, path: str) -> list[int]:
    return [int(number) for number in re.findall(r'id="entry-(\d+)"', get(app, path).get_data(as_text=True))]


def test_nobody_did_anything_yet(app: Flask) -> None:
    words = said(get(app, "/ops/audit"))
    assert "Nobody has acted on anything yet." in words
    assert "The log is whole. 0 entries are as they were written." in words


def test_an_entry_tells_who_what_before_after_and_why(app: Flask, staffed: Workshop) -> None:
    staffed.noting()
    staffed.engine.pause(("queue", QUEUE), by="olga", reason="disk is full")
    words = said(get(app, "/ops/audit"))
    assert "Pause queue work olga" in words
    assert "Before is paused: no After is paused: yes Reason disk is full" in words
    assert 'href="/ops/queue?name=work"' in get(app, "/ops/audit").get_data(as_text=True)


def test_it_is_filtered_and_paged(app: Flask, staffed: Workshop) -> None:
    note(staffed, *(f"queue q{number}" for number in range(60)))
    note(staffed, "worker 50%_a", by="ben", action="stop")
    assert listed(app, "/ops/audit") == list(range(61, 11, -1))
    assert listed(app, "/ops/audit?below=12") == list(range(11, 0, -1))
    assert listed(app, "/ops/audit?by=BEN") == [61]
    assert listed(app, "/ops/audit?action=stop") == [61]
    assert listed(app, "/ops/audit?subject=q59") == [60]
    assert listed(app, "/ops/audit?subject=%25_a") == [61]
    assert listed(app, "/ops/audit?subject=_") == [61]
    assert "Nothing matches" in said(get(app, "/ops/audit?by=cleo"))
    assert get(app, "/ops/audit?by=a%00b").status_code == 404


def test_a_log_that_was_changed_is_said_once_it_is_checked(app: Flask, staffed: Workshop) -> None:
    note(staffed, "a", "b", "c")
    assert "The log is whole. 3 entries" in said(get(app, "/ops/audit"))
    tamper(staffed, 2)
    words = done(app, "/ops/audit/checks")
    assert "The log is broken at entry 2." in words
    assert "The row is not as it was written." in words


def test_the_file_holds_what_was_filtered(app: Flask, staffed: Workshop) -> None:
    note(staffed, "queue a", by="olga", before={"is_paused": False}, after={"is_paused": True}, reason="=1+1")
    note(staffed, "queue b", by="@ben")
    answer = get(app, "/ops/audit.csv?action=pause")
    rows = list(csv.reader(io.StringIO(answer.get_data(as_text=True))))
    assert rows[0][:8] == ["number", "at", "by", "channel", "action", "subject", "before", "after"]
    assert [row[0] for row in rows[1:]] == ["2", "1"]
    assert rows[2][2:9] == ["olga", "system", "pause", "queue a", "is paused: no", "is paused: yes", "'=1+1"]
    assert rows[1][2] == "'@ben"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="audit.csv"'


def test_what_is_said_of_the_log_is_of_the_log_as_it_ends_now(app: Flask, staffed: Workshop) -> None:
    note(staffed, "a", "b")
    assert "The log is whole. 2 entries" in said(get(app, "/ops/audit"))
    note(staffed, "c")
    assert "The log is whole. 3 entries" in said(get(app, "/ops/audit"))
    note(staffed, "d")
    tamper(staffed, 4)
    words = said(get(app, "/ops/audit"))
    assert "The log is broken at entry 4." in words
    assert "Of those before it, 3 entries are as they were written." in words


def test_what_was_changed_long_ago_is_found_by_whoever_looks_after_a_while(
    app: Flask, staffed: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    note(staffed, "a", "b", "c")
    monkeypatch.setattr(audit_pages, "WALK_EVERY", timedelta(seconds=1))
    monkeypatch.setattr(audit_pages, "WALKS_SHARE", 0)
    assert "The log is whole. 3 entries" in said(get(app, "/ops/audit"))
    tamper(staffed, 2)
    time.sleep(1.1)
    assert "The log is broken at entry 2." in said(get(app, "/ops/audit"))
    with staffed.host.transaction() as session, unguarded(session):
        session.execute(text("UPDATE job_audit SET subject = 'b' WHERE id = 2"))
    time.sleep(1.1)
    assert "The log is whole. 3 entries" in said(get(app, "/ops/audit"))


def tamper(shop: Workshop, number: int) -> None:
    with shop.host.transaction() as session, unguarded(session):
        session.execute(text("UPDATE job_audit SET subject = 'z' WHERE id = :number"), {"number": number})


@pytest.mark.parametrize(
    ("cell", "shown"),
    [("=1", "'=1"), (" =1", "' =1"), ("-2", "'-2"), ("\t=1", "'\t=1"), ("a=1", "a=1"), ("", ""), ("ü", "ü")],
)
def test_no_cell_is_a_formula(cell: str, shown: str) -> None:
    assert harmless(cell) == shown


def test_who_may_not_see_sees_nothing(app: Flask, staffed: Workshop, guarded: GuardedHost) -> None:
    note(staffed, "queue a")
    guarded.allowed = frozenset()
    assert [get(app, path).status_code for path in ("/ops/audit", "/ops/audit.csv")] == [403, 403]
    guarded.allowed = frozenset({"see"})
    assert [get(app, path).status_code for path in ("/ops/audit", "/ops/audit.csv")] == [200, 200]
    assert post(app, "/ops/audit/checks").status_code == 403


# -- when, and by which way


def at(shop: Workshop, number: int, moment: str) -> None:
    """Have an entry be of another moment, as if it had been written then."""
    with shop.host.transaction() as session, unguarded(session):
        row = session.get_one(AuditRow, number)
        row.at = datetime.fromisoformat(moment)


def test_it_is_narrowed_to_a_time(app: Flask, staffed: Workshop) -> None:
    note(staffed, "a", "b", "c")
    for number, day in ((1, "01"), (2, "02"), (3, "03")):
        at(staffed, number, f"2026-11-{day}T12:00:00+00:00")
    assert listed(app, "/ops/audit?since=2026-11-02T12:00") == [3, 2]
    assert listed(app, "/ops/audit?until=2026-11-02T12:00") == [1]
    assert listed(app, "/ops/audit?since=2026-11-02T13:00%2B01:00&until=2026-11-02T12:00:01") == [2]
    assert listed(app, "/ops/audit?since=2026-11-02T12:00&subject=c") == [3]
    file = get(app, "/ops/audit.csv?since=2026-11-02T00:00&until=2026-11-03T00:00").get_data(as_text=True)
    assert [row[0] for row in csv.reader(io.StringIO(file))][1:] == ["2"]
    run = app.test_cli_runner()
    told = run.invoke(args=["audit", "list", "--since", "2026-11-03T00:00:00Z", "--json"])
    assert [one["id"] for one in json.loads(told.output)["entries"]] == [3]


@pytest.mark.parametrize("path", ["audit?since=yesterday", "audit?until=1999-01-01T00:00", "audit.csv?since=x"])
def test_what_is_no_moment_is_said(app: Flask, path: str) -> None:
    answer = get(app, f"/ops/{path}")
    assert (answer.status_code, "A date and a time between the years 2000 and 2999 is needed." in said(answer)) == (
        422, True,
    )  # fmt: skip


def test_a_search_that_stopped_goes_on_from_there(
    app: Flask, staffed: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "LOOK_AT", 3)
    note(staffed, "queue old", *(f"q{number}" for number in range(6)))
    page = get(app, "/ops/audit?subject=old")
    assert (listed(app, "/ops/audit?subject=old"), "Nothing matches among those" in said(page)) == ([], True)
    assert "Look further" in said(page)
    assert listed(app, "/ops/audit?subject=old&below=5") == []
    assert listed(app, "/ops/audit?subject=old&below=2") == [1]
    file = get(app, "/ops/audit.csv?subject=old").get_data(as_text=True)
    assert [row[0] for row in csv.reader(io.StringIO(file))][1:] == ["1"]


@pytest.mark.parametrize(("entries", "is_cut"), [(4, False), (5, False), (6, True)])
def test_a_file_that_is_cut_says_so(
    app: Flask, staffed: Workshop, monkeypatch: pytest.MonkeyPatch, entries: int, is_cut: bool
) -> None:
    monkeypatch.setattr(audit_pages, "MOST_EXPORTED", 5)
    monkeypatch.setattr(audit_pages, "AT_ONCE", 2)
    note(staffed, *map(str, range(entries)))
    assert "A file holds the newest 5 entries" in said(get(app, "/ops/audit"))
    answer = get(app, "/ops/audit.csv")
    rows = [row[0] for row in csv.reader(io.StringIO(answer.get_data(as_text=True)))][1:]
    newest = [str(number) for number in range(entries, max(0, entries - 5), -1)]
    cut = ["These are the newest 5 entries; there are more. Ask for an earlier time to have them."]
    assert rows == newest + (cut if is_cut else [])
    assert ("audit-newest-5.csv" in answer.headers["Content-Disposition"]) == is_cut


def test_each_entry_tells_by_which_way_somebody_came(app: Flask, staffed: Workshop) -> None:
    staffed.noting()
    staffed.engine.pause(("queue", QUEUE), by=None, reason=None)
    post(app, "/ops/resumptions?scope=queue&name=work")
    assert app.test_cli_runner().invoke(args=["queues", "pause", "work"]).exit_code == 0
    staffed.engine.resume(("queue", QUEUE), by=None)
    with staffed.host.inside():
        rows = staffed.engine.audit.page()
        assert [row.channel for row in rows] == ["system", "terminal", "page", "system"]
        assert staffed.engine.audit.verify().is_whole
    file = get(app, "/ops/audit.csv").get_data(as_text=True)
    assert [row[3] for row in csv.reader(io.StringIO(file))] == ["channel", "system", "terminal", "page", "system"]
    words = said(get(app, "/ops/audit"))
    assert "Resume queue work Ada by page," in words
    assert "Pause queue work command line by terminal," in words


def test_entries_from_before_there_were_ways_are_whole_and_a_way_cannot_be_changed(
    app: Flask, staffed: Workshop
) -> None:
    note(staffed, "old", "new")
    with staffed.host.transaction() as session, unguarded(session):
        head = audit.FIRST_HASH
        for row in session.scalars(select(AuditRow).order_by(AuditRow.id)):
            row.details = {} if row.id == 1 else row.details
            row.prev_hash, row.hash = head, ""
            row.hash = head = row.seal()
        session.execute(text("UPDATE job_audit_head SET hash = :head"), {"head": head})
    assert "The log is whole. 2 entries" in said(get(app, "/ops/audit"))
    assert "Pause old olga, " in said(get(app, "/ops/audit"))
    with staffed.host.transaction() as session, unguarded(session):
        session.get_one(AuditRow, 2).details = {"channel": "page"}
    assert "The log is broken at entry 2." in done(app, "/ops/audit/checks")
