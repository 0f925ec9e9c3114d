"""The engine's console as part of the product: who comes in, and what their doing is called."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select, update

from app import security
from app.accounts.models import User
from app.db import reading, transaction
from app.tuning import services
from jobs import Entry, JobRequest, State, engine_of
from tests.app.conftest import Browser, text_of


@pytest.fixture
def ada(app: Flask, ada: Browser) -> Browser:
    """Ada, an admin."""
    with app.app_context(), transaction() as session:
        session.execute(update(User).where(User.name == "Ada").values(is_admin=True))
    return ada


@pytest.fixture
def uid(app: Flask) -> str:
    """A job that waits."""
    engine = engine_of(app)
    with app.app_context(), transaction() as session:
        job = engine.jobs["activities.count_calories"]
        return engine.write_down(session, [JobRequest(job, {"activity_id": 1}, "activity", 1)])[0]


@pytest.fixture
def state(app: Flask, uid: str) -> Callable[[], str]:
    """The state of that job."""

    def found() -> str:
        with app.app_context():
            return str(reading().scalar(select(Entry.state).where(Entry.uid == uid)))

    return found


@pytest.mark.parametrize("path", ["/ops/", "/ops/jobs", "/ops/jobs/{uid}", "/ops/jobs/{uid}/record"])
def test_only_admins_see_the_console(ada: Browser, cleo: Browser, stranger: Browser, uid: str, path: str) -> None:
    path = path.format(uid=uid)
    assert stranger.get(path).headers["Location"].startswith("/sign-in")
    refused = cleo.get(path)
    assert (refused.status_code, "calories" in text_of(refused)) == (403, False)
    seen = ada.get(path)
    assert seen.status_code == 200
    assert "calories" in text_of(seen) or path == "/ops/" or path.endswith("record")


def test_only_admins_act(ada: Browser, cleo: Browser, stranger: Browser, uid: str, state: Callable[[], str]) -> None:
    path = f"/ops/jobs/{uid}/cancellations"
    assert stranger.post(path).status_code == 303
    assert cleo.post(path).status_code == 403
    assert ada.client.post(path).status_code == 400
    assert state() == State.READY
    assert ada.post(path).status_code == 303
    assert state() == State.CANCELLED
    page = text_of(ada.get(f"/ops/jobs/{uid}"))
    assert re.search(r"cancelled by Ada, user \d+,", page)


def test_who_did_something_is_shown_with_their_name(app: Flask, ada: Browser, cleo: Browser) -> None:
    engine = engine_of(app)
    with app.app_context():
        numbers = {one.name: one.id for one in reading().scalars(select(User))}
        ada_is, cleo_is, nobody = f"user {numbers['Ada']}", f"user {numbers['Cleo']}", "user 987654321"
        engine.pause(("queue", "reports"), by=ada_is, reason=None)
        engine.pause(("queue", "imports"), by=cleo_is, reason=None)
        engine.pause(("queue", "analytics"), by=nobody, reason=None)
        services.change({"page_size": "25"}, by=None, reason="from the terminal")
    assert ada.post("/ops/settings/defaults", {"name": "page_size"}).status_code == 303
    audit, queues, changes = (text_of(ada.get(f"/ops/{page}")) for page in ("audit", "queues", "settings/changes"))
    for words in (f"reports Ada, {ada_is} by", f"imports Cleo, {cleo_is} by", f"analytics {nobody} by"):
        assert words in audit
    for words in (f"by Ada, {ada_is}", f"by Cleo, {cleo_is}", f"by {nobody}"):
        assert words in queues
    assert f" Ada, {ada_is} " in changes
    with app.app_context():
        assert {one.by for one in engine.audit.page()} == {ada_is, cleo_is, nobody, security.who(None)}


def test_names_are_asked_for_once_a_page(app: Flask, ada: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[set[str]] = []
    monkeypatch.setitem(
        app.config, "JOBS_CONSOLE_PEOPLE", lambda who: asked.append(set(who)) or {"user 1": "<i>Al</i>"}
    )
    with app.app_context():
        for number in (1, 2, 1):
            engine_of(app).pause(("queue", "reports"), by=f"user {number}", reason=None)
    page = ada.get("/ops/audit").get_data(as_text=True)
    assert asked == [{"user 1", "user 2"}]
    assert "&lt;i&gt;Al&lt;/i&gt;, user 1 by" in page


def test_people_without_rights_do_not_see_the_way_there(ada: Browser, cleo: Browser) -> None:
    assert 'href="/ops/"' in ada.get("/").get_data(as_text=True)
    assert 'href="/ops/"' not in cleo.get("/").get_data(as_text=True)


def test_a_region_of_the_console_is_part_of_no_page_cache(ada: Browser, uid: str) -> None:
    region = ada.client.get("/ops/jobs", headers={"HX-Request": "true", "HX-Request-Type": "partial"})
    assert region.get_data(as_text=True).startswith('<section id="jobs"')
    assert (region.headers["Cache-Control"], region.headers["Vary"].split(", ")[:2]) == (
        "no-store",
        ["HX-Request", "HX-Request-Type"],
    )
