"""The staff area: for admins, to read."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from app.accounts.models import User
from app.activities import services
from app.activities.drafts import Draft
from app.activities.mets import Kind
from app.activities.models import Activity
from app.admin.routes import PAGES, ForAdmins, StaffView
from app.db import reading, transaction
from jobs import Entry, engine_of
from jobs.testing import run_ready
from tests.app.conftest import ZONE, Browser, text_of

TABLES = ("people", "activities", "jobs")
LISTS = [f"/admin/{table}/" for table in TABLES]


@pytest.fixture
def ada(app: Flask, ada: Browser) -> Browser:
    """Ada, an admin."""
    with app.app_context(), transaction() as session:
        session.execute(update(User).where(User.name == "Ada").values(is_admin=True))
    return ada


@pytest.fixture
def log(app: Flask) -> Callable[..., int]:
    """Logs an activity of the first person's; its id."""

    def write(kind: Kind = Kind.RUNNING, *, notes: str = "") -> int:
        draft = Draft(
            kind=kind,
            duration=timedelta(minutes=30),
            weight_kg=Decimal(70),
            started_at=datetime(2026, 11, 20, 6, tzinfo=UTC),
            notes=notes,
        )
        with app.app_context():
            return services.log_activity(1, draft, zone=ZONE).id

    return write


def rows(browser: Browser, path: str) -> list[str]:
    """What stands first in each row of the list."""
    page = browser.get(path)
    assert page.status_code == 200, text_of(page)
    return re.findall(r'<th scope="row" class="wide"><a href="[^"]+">([^<]+)</a>', page.get_data(as_text=True))


# -- who may


@pytest.mark.parametrize("path", ["/admin/", *LISTS, "/admin/people/details/?id=1"])
def test_only_admins_come_in(ada: Browser, cleo: Browser, stranger: Browser, path: str) -> None:
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
        assert [view.can_create, view.can_edit, view.can_delete, view.can_export] == [False] * 4


def test_the_second_lock_holds_without_the_first(app: Flask, cleo: Browser) -> None:
    app.extensions["access_rules"]["admin"] = "signed_in"
    for path in ("/admin/", *LISTS):
        assert cleo.get(path).status_code == 404


# -- nothing is written


@pytest.mark.parametrize("table", TABLES)
def test_nothing_can_be_made_changed_deleted_or_exported(
    app: Flask, ada: Browser, log: Callable[..., int], table: str
) -> None:
    log(notes="as it was")
    before = contents(app)
    start = f"/admin/{table}"
    for path in ("/new/", "/edit/?id=1", "/export/csv/"):
        assert ada.get(start + path).status_code == 302
        ada.post(start + path, {"name": "Eve", "email": "eve@example.org", "notes": "changed"})
    ada.post(f"{start}/delete/", {"id": "1"})
    ada.post(f"{start}/action/", {"action": "delete", "rowid": "1"})
    ada.post(f"{start}/ajax/update/", {"list_form_pk": "1", "notes": "changed"})
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
    assert rows(ada, "/admin/jobs/?flt0_state_is=succeeded") == [entry.uid]
    assert rows(ada, "/admin/jobs/?flt0_state_is=dead") == []
    assert rows(ada, f"/admin/jobs/?flt2_job_id_is={entry.uid.upper()}") == [entry.uid]
    assert f'href="/ops/jobs/{entry.uid}"' in ada.get(f"/admin/jobs/details/?id={entry.id}").get_data(as_text=True)


def test_long_lists_have_pages(ada: Browser, log: Callable[..., int]) -> None:
    ids = [str(log()) for _ in range(30)]
    assert rows(ada, "/admin/activities/") == ids[:4:-1]
    assert rows(ada, "/admin/activities/?page=1") == ids[4::-1]


@pytest.mark.parametrize(
    "query",
    [
        "page=-1", "page=99999999999999999999", "page=x", "page=١", "page_size=0", "page_size=-5", "sort=99&desc=2",
        "sort=-1", "search=%00", "search=%F0%9F%8F%83%25_", "search=" + "x" * 5_000, "flt0_status_is=nonsense",
        "flt2_person_is=%00", "flt2_person_is=9999999999999", "flt2_person_is=１", "flt99_x=1", "flt_=", "flt0_0=1",
        "sort=0",
    ],
)  # fmt: skip
def test_nonsense_in_the_address_is_no_error(ada: Browser, log: Callable[..., int], query: str) -> None:
    log()
    assert ada.get(f"/admin/activities/?{query}").status_code == 200


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("given", ["0", "-1", "abc", "1,2", "%00", "9" * 30, "1%201", "١"])
def test_a_row_that_is_not_there_leads_back_to_the_list(ada: Browser, table: str, given: str) -> None:
    answer = ada.get(f"/admin/{table}/details/?id={given}")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/admin/{table}/")


def test_notes_of_people_are_only_text(ada: Browser, log: Callable[..., int]) -> None:
    log(notes="<script>alert(1)</script>")
    page = ada.get("/admin/activities/").get_data(as_text=True)
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
