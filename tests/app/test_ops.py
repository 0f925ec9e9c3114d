"""The engine's console as part of the product: who comes in, and what their doing is called."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.accounts.models import User
from app.db import reading, transaction
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
    assert re.search(r"cancelled by user \d+", page)


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
