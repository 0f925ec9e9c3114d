"""The page of a job for the person who asked for it."""

from __future__ import annotations

import re

import pytest
from flask import Flask, render_template
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from app.accounts import services
from app.accounts.models import User
from app.background.watching import left_in_words, title_of
from app.db import reading, transaction
from app.security import requester
from jobs import Entry, JobRequest, engine_of
from jobs.testing import run_queue
from tests.app.conftest import Browser, text_of

from .conftest import group


@pytest.fixture
def uid(app: Flask, ada: Browser) -> str:
    """A job of Ada's that waits."""
    engine = engine_of(app)
    if "sample.walk" not in engine.jobs:
        engine.include(group)
    with app.app_context():
        ada_id = reading().scalars(select(User.id).where(User.name == "Ada")).one()
        return engine.enqueue(JobRequest(engine.jobs["sample.walk"], {"steps": 3}, requested_by=requester(ada_id)))


def change(app: Flask, uid: str, **values: object) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(Entry).where(Entry.uid == uid).values(values))


def part(browser: Browser, path: str, tag: str = "") -> TestResponse:
    return browser.client.get(path, headers={"HX-Request": "true", "HX-Request-Type": "partial", "HX-PTag": tag})


def test_a_job_looks_again_until_it_is_over(app: Flask, ada: Browser, uid: str) -> None:
    page = ada.get(f"/jobs/{uid}")
    assert ("Go so many steps, and tell of each" in text_of(page), "Waiting" in text_of(page)) == (True, True)
    first = part(ada, f"/jobs/{uid}")
    assert first.get_data(as_text=True).startswith(f'<section id="job-{uid}"')
    assert "every " in first.get_data(as_text=True)
    assert part(ada, f"/jobs/{uid}", first.headers["HX-PTag"]).status_code == 304
    run_queue(engine_of(app), "samples")
    over = part(ada, f"/jobs/{uid}", first.headers["HX-PTag"])
    assert "hx-trigger" not in over.get_data(as_text=True)
    assert "job-settled" in over.headers["HX-Trigger"]
    assert "Done Result there" in text_of(over)


def test_a_result_that_was_not_kept_is_told_of(app: Flask, ada: Browser, uid: str) -> None:
    run_queue(engine_of(app), "samples")
    assert engine_of(app).let_results_go(keep_s=-1) == 1
    said = text_of(ada.get(f"/jobs/{uid}"))
    assert re.search(r"What came of it was kept for a while, and is gone since .*\d\d:\d\d", said)
    assert "Result there" not in said


def test_how_far_it_is_is_told(app: Flask, ada: Browser, uid: str) -> None:
    change(app, uid, state="running", attempt=1, progress_current=1, progress_total=4, progress_note="step 1")
    said = text_of(ada.get(f"/jobs/{uid}"))
    assert ("Running" in said, "25.0 % · step 1" in said) == (True, True)


def test_its_person_cancels_it(app: Flask, ada: Browser, uid: str) -> None:
    assert ada.post(f"/jobs/{uid}/cancellations").headers["Location"] == f"/jobs/{uid}"
    page = text_of(ada.get(f"/jobs/{uid}"))
    assert ("Cancelled" in page, "It is cancelled." in page) == (True, True)
    assert "It was over already." in ada.part(f"/jobs/{uid}/cancellations").headers["HX-Trigger"]


def test_a_job_of_another_is_not_there(app: Flask, cleo: Browser, uid: str) -> None:
    assert cleo.get(f"/jobs/{uid}").status_code == 404
    assert cleo.post(f"/jobs/{uid}/cancellations").status_code == 404
    assert cleo.get("/jobs/x").status_code == 404


def test_a_viewer_sees_it_and_does_not_stop_it(app: Flask, cleo: Browser, ada: Browser, uid: str) -> None:
    with app.app_context():
        cleo_id = reading().scalars(select(User.id).where(User.name == "Cleo")).one()
        services.give_role(cleo_id, "viewer", by=None)
    assert cleo.get(f"/jobs/{uid}").status_code == 200
    assert cleo.post(f"/jobs/{uid}/cancellations").status_code == 403
    assert "Waiting" in text_of(ada.get(f"/jobs/{uid}"))


def test_a_job_is_put_on_any_page_by_its_id(app: Flask, uid: str) -> None:
    with app.test_request_context():
        drawn = render_template("background/_embedded.html", uid=uid)
    assert (f'hx-get="/jobs/{uid}"' in drawn, 'hx-trigger="load"' in drawn, f'href="/jobs/{uid}"' in drawn) == (
        *(True, True, True),
    )


def test_words_for_what_is_left_and_what_it_is_called() -> None:
    assert [left_in_words(one) for one in (None, 0.4, 45, 200, 9_000)] == [
        *("", "about 1 second left", "about 45 seconds left", "about 3 minutes left", "about 2 hours left"),
    ]
    assert [title_of("a.count_all", doc) for doc in ("Count it. All.", "")] == ["Count it", "Count all"]
