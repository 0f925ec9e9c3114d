"""The staff area: who comes in, and what is shown."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from app.accounts.models import User
from app.activities import services
from app.activities.mets import Kind
from app.activities.models import Activity
from app.admin.routes import PAGES, ForAdmins, StaffView
from app.alerts import services as alerts
from app.db import reading, transaction
from app.monitoring.events.models import EventRow
from jobs import Attempt, Entry, ScheduleRequest, engine_of, rule_of
from jobs.testing import run_ready
from tests.app.conftest import Browser, text_of

TABLES = tuple(page.key for page in PAGES)
MORNINGS = ScheduleRequest(
    "Mornings", "activities.count_calories", rule_of(cron="30 7 * * *", zone="Europe/Berlin"), {"activity_id": 1}
)
READ_ONLY = ("reports", "jobs", "attempts", "events", "alerts", "settings", "audit")
LISTS = [f"/admin/{table}/" for table in TABLES]


def rows(browser: Browser, path: str) -> list[str]:
    """What stands first in each row of the list."""
    page = browser.get(path)
    assert page.status_code == 200, text_of(page)
    return re.findall(r'<th scope="row" class="wide"><a href="[^"]+"[^>]*>([^<]+)</a>', page.get_data(as_text=True))


# -- who may


def test_only_admins_come_in(ada: Browser, cleo: Browser, stranger: Browser) -> None:
    for path in ("/admin/", *LISTS, "/admin/people/details/?id=1"):
        assert stranger.get(path).headers["Location"].startswith("/sign-in")
        assert cleo.get(path).status_code == 403
        assert ada.get(path).status_code == 200


def test_not_even_the_librarys_own_files_are_for_strangers(ada: Browser, stranger: Browser) -> None:
    path = "/admin/static/admin/js/helpers.js"
    assert stranger.get(path).status_code == 303
    with ada.client.get(path) as found:
        assert found.status_code == 200


def test_every_view_is_ours(app: Flask) -> None:
    views = app.extensions["admin"][0]._views
    assert len(views) == 1 + len(PAGES)
    assert all(isinstance(view, ForAdmins) for view in views)
    for view in views[1:]:
        assert isinstance(view, StaffView)
        assert [view.can_create, view.can_delete, view.can_export] == [False] * 3
    assert [view.staff_page.key for view in views[1:] if view.can_edit] == ["people", "activities"]


def test_the_second_lock_holds_without_the_first(app: Flask, cleo: Browser) -> None:
    app.extensions["access_rules"]["admin"] = "signed_in"
    for path in ("/admin/", *LISTS):
        assert cleo.get(path).status_code == 404


# -- nothing is written past the services


def test_nothing_can_be_made_deleted_or_exported_as_the_library_would(
    app: Flask, ada: Browser, log: Callable[..., int]
) -> None:
    log(notes="as it was")
    before = contents(app)
    for start in (f"/admin/{table}" for table in TABLES):
        for path in ("/new/", "/export/csv/"):
            assert ada.get(start + path).status_code == 302
            ada.post(start + path, {"name": "Eve", "email": "eve@example.org", "notes": "changed"})
        ada.post(f"{start}/delete/", {"id": "1"})
        ada.post(f"{start}/action/", {"action": "delete", "rowid": "1"})
        ada.post(f"{start}/ajax/update/", {"list_form_pk": "1", "notes": "changed"})
    for start in (f"/admin/{table}" for table in READ_ONLY):
        assert ada.get(f"{start}/edit/?id=1").status_code == 303
        ada.post(f"{start}/edit/?id=1", {"notes": "changed"})
        assert ada.post(f"{start}/acts/delete?id=1").status_code == 404
    assert contents(app) == before


def contents(app: Flask) -> list[Any]:
    with app.app_context():
        people = reading().execute(select(User.id, User.name, User.is_admin)).all()
        notes = reading().execute(select(Activity.id, Activity.notes)).all()
        return [list(people), list(notes), reading().scalar(select(func.count()).select_from(Entry))]


def test_a_form_without_the_token_is_refused(ada: Browser) -> None:
    assert ada.client.post("/admin/people/delete/", data={"id": "1"}).status_code == 400


# -- what is shown


def test_people_are_shown_without_their_secrets(app: Flask, ada: Browser, cleo: Browser) -> None:
    assert rows(ada, "/admin/people/") == ["2", "1"]
    for path in ("/admin/people/", "/admin/people/details/?id=1"):
        page = ada.get(path).get_data(as_text=True)
        assert "ada@example.org" in page
        assert "argon2" not in page
        assert "password" not in page.lower()
    assert rows(ada, "/admin/people/?flt0_role_is=admin") == ["1"]
    assert rows(ada, "/admin/people/?flt0_role_is=person") == ["2"]
    assert rows(ada, "/admin/people/?search=cle") == ["2"]


def test_activities_are_filtered_by_status_and_kind_and_searched_in_their_notes(
    app: Flask, ada: Browser, log: Callable[..., int]
) -> None:
    done, failed = log(notes="Along the river"), log(Kind.YOGA, notes="At home")
    deleted = log(notes="A mistake")
    with app.app_context():
        run_ready(engine_of())
        services.delete_activity(1, deleted)
        with transaction() as session:
            session.execute(
                update(Activity)
                .where(Activity.id == failed)
                .values(energy_kcal=None, uncountable_since=datetime(2026, 11, 20, tzinfo=UTC))
            )
    pending = log(Kind.YOGA, notes="Along the sea")
    start = "/admin/activities/?"
    assert rows(ada, start) == [str(one) for one in (pending, deleted, failed, done)]
    for status, found in {"completed": done, "failed": failed, "deleted": deleted, "pending": pending}.items():
        assert rows(ada, f"{start}flt0_status_is={status}") == [str(found)]
    assert rows(ada, f"{start}flt1_kind_is=yoga") == [str(pending), str(failed)]
    assert rows(ada, f"{start}flt0_status_is=failed&flt1_kind_is=yoga") == [str(failed)]
    assert rows(ada, f"{start}flt0_status_is=&flt1_kind_is=&search=along") == [str(pending), str(done)]
    assert rows(ada, f"{start}flt2_person_is=1&search=river") == [str(done)]
    assert rows(ada, f"{start}flt2_person_is=99") == []


def test_jobs_are_shown_and_lead_to_where_they_are_steered(app: Flask, ada: Browser, log: Callable[..., int]) -> None:
    log()
    with app.app_context():
        run_ready(engine_of())
        entry = reading().scalars(select(Entry)).one()
    assert rows(ada, "/admin/jobs/?flt0_state_is=succeeded") == [entry.uid[:8]]
    assert rows(ada, "/admin/jobs/?flt0_state_is=dead") == []
    assert rows(ada, f"/admin/jobs/?flt2_job_id_is={entry.uid.upper()}") == [entry.uid[:8]]
    assert f'href="/ops/jobs/{entry.uid}"' in ada.get(f"/admin/jobs/details/?id={entry.id}").get_data(as_text=True)


def test_jobs_and_their_attempts_are_searched_by_id_kind_and_error(
    app: Flask, ada: Browser, log: Callable[..., int]
) -> None:
    for _ in range(3):
        log()
    broken = {"error_class": "TimeoutError", "error_message": "The 100 % Oven is cold"}
    with app.app_context():
        run_ready(engine_of())
        with transaction() as session:
            for sign, entry in zip("abc", session.scalars(select(Entry).order_by(Entry.id)).all(), strict=True):
                entry.uid = f"0{sign}" * 16
                if sign == "b":
                    entry.state, entry.error_class, entry.error_message = "dead", *broken.values()
                    of_it = update(Attempt).where(Attempt.job_id == entry.id)
                    session.execute(of_it.values(worker="attic:worker:7", **broken))
                    number = str(entry.id)
    every = ["0c0c0c0c", "0b0b0b0b", "0a0a0a0a"]
    asked = {
        "0b0b0b0b": every[1:2], "0C" * 16: every[:1], "0b0b0b0": [], "0b0b0b0c": [], "dddddddd": [],
        "activities.count_calories": every, "Count_Cal": every, "countXcal": [],
        "timeout": every[1:2], "100 % oven": every[1:2], "10% oven": [], "%": every[1:2], "oven is hot": [],
    }  # fmt: skip
    assert {word: rows(ada, f"/admin/jobs/?search={quote(word)}") for word in asked} == asked
    assert rows(ada, "/admin/jobs/?flt0_state_is=succeeded&search=calories") == [every[0], every[2]]
    tries = {"0b0b0b0b": [number], "ATTIC": [number], "COLD": [number], "0b0b0b0c": [], "lukewarm": []}
    page = {word: ada.get(f"/admin/attempts/?search={quote(word)}").get_data(as_text=True) for word in tries}
    first = r'<th scope="row" class="wide">([^<]+)</th>'
    assert {word: re.findall(first, one) for word, one in page.items()} == tries


def test_what_no_index_tells_is_looked_for_in_the_latest_only(
    app: Flask, ada: Browser, log: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.admin.ledger.LATEST", 2)
    monkeypatch.setattr("app.staff.LATEST", 2)
    for _ in range(3):
        log()
    with app.app_context():
        newest = reading().scalars(select(Entry.uid).order_by(Entry.id.desc())).all()
        for number in range(3):
            engine_of().pause(("kind", "activities.count_calories"), by=f"Olga {number}", reason=None)
    assert rows(ada, "/admin/jobs/?search=calories") == [uid[:8] for uid in newest[:2]]
    assert rows(ada, f"/admin/jobs/?search={newest[2]}") == [newest[2][:8]]
    whole = ["3", "2", "1"]
    assert [rows(ada, "/admin/audit/"), rows(ada, "/admin/audit/?search=olga")] == [whole, whole[:2]]


def test_events_and_the_audit_log_are_searched(app: Flask, ada: Browser) -> None:
    usual = {"at": datetime(2026, 11, 20, tzinfo=UTC), "count": 1, "fields": {}, "level": "info", "kind": "security"}
    with app.app_context():
        with transaction() as session:
            session.add(EventRow(**usual, action="sign_in", words="Somebody came in", who="user 7"))
            session.add(EventRow(**usual, action="sign_out", words="Somebody went", who="user 8"))
        engine_of().pause(("queue", "default"), by="user 7", reason="a look")
        engine_of().resume(("queue", "default"), by="user 8")
    assert [len(rows(ada, f"/admin/events/?search={word}")) for word in ("WENT", "user%207", "sign_", "x_y")] == [
        1, 1, 2, 0,
    ]  # fmt: skip
    found = {"user 7": ["1"], "RESUME": ["2"], "queue default": ["2", "1"], "nobody": []}
    assert {word: rows(ada, f"/admin/audit/?search={quote(word)}") for word in found} == found


def test_states_are_pills_ids_are_short_and_durations_are_words(
    app: Flask, ada: Browser, log: Callable[..., int]
) -> None:
    log()
    with app.app_context():
        run_ready(engine_of())
        entry = reading().scalars(select(Entry)).one()
    page = ada.get("/admin/jobs/").get_data(as_text=True)
    assert '<span class="state" data-s="done">Done</span>' in page
    assert f'title="{entry.uid}">{entry.uid[:8]}</a>' in page
    assert re.search(r'data-l="Took">\d+ ms<', page)
    assert '<span class="state" data-s="done">Completed</span>' in ada.get("/admin/activities/").get_data(as_text=True)
    attempts = ada.get(f"/admin/attempts/?flt0_job_is={entry.uid}").get_data(as_text=True)
    assert '<span class="badge ok">Succeeded</span>' in attempts


def test_a_list_is_narrowed_to_a_year_a_month_and_a_day(ada: Browser, log: Callable[..., int]) -> None:
    log()
    narrow = "/admin/activities/?flt3_started_is="
    for time, found in {"2026": ["1"], "2026-11": ["1"], "2026-11-20": ["1"], "2026-11-19": [], "2025": []}.items():
        assert rows(ada, narrow + time) == found
    page = ada.get(f"{narrow}2026&search=").get_data(as_text=True)
    links = page.partition('aria-label="Times"')[2].partition("</nav>")[0]
    times = re.findall(r'<a href="([^"]+)"( aria-current="true")?>', links)
    assert times == [
        ("/admin/activities/", ""),
        ("/admin/activities/?flt3_started_is=2026", ' aria-current="true"'),
        ("/admin/activities/?flt3_started_is=2026-11", ""),
    ]


def test_schedules_are_told_in_words_with_a_badge(app: Flask, ada: Browser) -> None:
    with app.app_context():
        uid = engine_of().schedules.create(MORNINGS, requested_by="user 1")
        engine_of().schedules.pause(uid, by="user 1")
        engine_of().schedules.create(replace(MORNINGS, name="Evenings"), requested_by="user 1")
    words = text_of(ada.get("/admin/schedules/"))
    assert "Paused Every day at 07:30 (Europe/Berlin)" in words
    assert "Enabled Every day at 07:30 (Europe/Berlin)" in words
    assert rows(ada, "/admin/schedules/?flt0_state_is=paused") == ["Mornings"]


def test_events_are_found_by_their_sort_and_lead_to_the_job(app: Flask, ada: Browser) -> None:
    usual = {"at": datetime(2026, 11, 20, tzinfo=UTC), "count": 1, "fields": {"took_ms": 4.2}, "level": "info"}
    with app.app_context(), transaction() as session:
        session.add(EventRow(**usual, kind="request", action="x", words="GET /", request_id="r-1"))
        session.add(EventRow(**{**usual, "level": "error"}, kind="job", action="y", words="y died", job="ab" * 16))
    assert len(rows(ada, "/admin/events/")) == 2
    [found] = rows(ada, "/admin/events/?flt0_sort_is=job")
    assert (
        found
        == rows(ada, "/admin/events/?flt1_how_grave_is=error")[0]
        == rows(ada, f"/admin/events/?flt3_job_is={'AB' * 16}")[0]
    )
    page = ada.get("/admin/events/?flt0_sort_is=job")
    assert (f'href="/ops/jobs/{"ab" * 16}"' in page.get_data(as_text=True), "y died" in text_of(page)) == (True, True)


def test_alerts_are_found_by_their_state_and_lead_to_their_page(app: Flask, ada: Browser) -> None:
    with app.app_context():
        alerts.raise_alert("test", "Over", "It was wrong.")
        alerts.resolve_by_itself("test")
        alert_id = alerts.raise_alert("health", "Lasting", "It is wrong.")
    [found] = rows(ada, "/admin/alerts/?flt0_state_is=open")
    assert found == str(alert_id) == rows(ada, "/admin/alerts/?search=Lasting")[0]
    assert len(rows(ada, "/admin/alerts/?flt0_state_is=resolved")) == 1
    assert rows(ada, "/admin/alerts/?flt0_state_is=acknowledged") == []
    assert f'href="/ops/alerts/{alert_id}"' in ada.get(f"/admin/alerts/details/?id={alert_id}").get_data(as_text=True)


def test_long_lists_have_pages(ada: Browser, log: Callable[..., int]) -> None:
    ids = [str(log()) for _ in range(30)]
    assert rows(ada, "/admin/activities/") == ids[:4:-1]
    assert rows(ada, "/admin/activities/?page=1") == ids[4::-1]


NONSENSE = [
    "page=-1", "page=99999999999999999999", "page=x", "page=١", "page_size=0", "page_size=-5", "sort=99&desc=2",
    "sort=-1", "search=%00", "search=%F0%9F%8F%83%25_", "search=" + "x" * 5_000, "flt0_status_is=nonsense",
    "flt2_person_is=%00", "flt2_person_is=9999999999999", "flt2_person_is=１", "flt99_x=1", "flt_=", "flt0_0=1",
    "sort=0", "flt3_started_is=2026-13", "flt3_started_is=9999-12-31", "flt3_started_is=0000", "flt3_started_is=x",
]  # fmt: skip


def test_nonsense_in_the_address_is_no_error(ada: Browser, log: Callable[..., int]) -> None:
    log()
    for table in ("activities", "jobs", "attempts", "events", "audit"):
        assert [query for query in NONSENSE if ada.get(f"/admin/{table}/?{query}").status_code != 200] == []


def test_a_row_that_is_not_there_leads_back_to_the_list(ada: Browser) -> None:
    for table in TABLES:
        for given in ("0", "-1", "abc", "1,2", "%00", "9" * 30, "1%201", "١", "99"):
            answer = ada.get(f"/admin/{table}/details/?id={given}")
            assert (answer.status_code, answer.headers["Location"]) == (302, f"/admin/{table}/")


def test_notes_of_people_are_only_text(ada: Browser, log: Callable[..., int]) -> None:
    log(notes="<script>alert(1)</script>")
    page = ada.get("/admin/activities/").get_data(as_text=True)
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
