"""Bugs that other consoles had, each with what keeps it out of ours: about jobs, one job and failures."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape

import pytest
from flask import Flask
from sqlalchemy import delete, select, update

from app.accounts import services
from app.accounts.models import User
from app.db import reading, transaction
from jobs import Entry, JobRequest, State, Unique, engine_of
from jobs.console import pages
from jobs.testing import run_queue
from tests.app.background.conftest import group
from tests.app.conftest import Browser, text_of

Become = Callable[[str], None]
Submit = Callable[..., str]


@pytest.fixture
def become(app: Flask, ada: Browser) -> Become:
    """Gives Ada a role."""

    def become(role: str) -> None:
        with app.app_context():
            ada_id = reading().scalars(select(User.id).where(User.name == "Ada")).one()
            services.give_role(ada_id, role, by=None)

    return become


@pytest.fixture
def submit(app: Flask) -> Callable[..., str]:
    """Writes a job down."""
    engine = engine_of(app)
    engine.include(group, add={"unique": Unique.WAITING})

    def submit(kind: str = "sample.add", **args: object) -> str:
        with app.app_context():
            return engine.enqueue(JobRequest(engine.jobs[kind], args))

    return submit


def state(app: Flask, uid: str) -> str:
    with app.app_context():
        return str(reading().scalar(select(Entry.state).where(Entry.uid == uid)))


WRITES = ("retries", "starts", "cancellations", "revelations", "copies")


@pytest.mark.parametrize("noun", WRITES)
def test_who_may_only_read_rewrites_no_job(app: Flask, ada: Browser, become: Become, submit: Submit, noun: str) -> None:
    uid = submit(x=1)
    become("viewer")
    page = ada.get(f"/ops/jobs/{uid}")
    assert (page.status_code, "Cancel…" in text_of(page)) == (200, False)
    assert ada.post(f"/ops/jobs/{uid}/{noun}").status_code == 403
    assert ada.post("/ops/jobs/chosen", {"action": "cancel", "uid": uid}).status_code == 403
    assert state(app, uid) == State.READY


def test_a_job_that_was_deleted_is_said_to_have_been(app: Flask, ada: Browser, become: Become, submit: Submit) -> None:
    uid = submit(x=1)
    become("admin")
    with app.app_context(), transaction() as session:
        session.execute(delete(Entry).where(Entry.uid == uid))
    page = ada.get(f"/ops/jobs/{uid}")
    assert page.status_code == 410
    assert re.search(r"Gone .*The job of \S+ \S+ UTC is no longer kept\.", text_of(page))


def test_the_back_button_finds_the_filter_in_the_address(ada: Browser, become: Become, submit: Submit) -> None:
    submit(x=1)
    become("viewer")
    address = "/ops/jobs?state=queued&q=queue:samples"
    page = ada.get(address).get_data(as_text=True)
    assert 'value="queue:samples"' in page
    chips = [unescape(one) for one in re.findall(r'id="view-\w+" href="([^"]+)"', page)]
    assert [one for one in chips if "q=queue:samples" not in one] == []


@pytest.mark.parametrize("name", ["a/b", "a.b", "café ☕", "x" * 128, "%2F..%2F", "a?b#c"])
def test_odd_names_break_no_address(app: Flask, ada: Browser, become: Become, submit: Submit, name: str) -> None:
    uid = submit(x=1)
    with app.app_context(), transaction() as session:
        session.execute(update(Entry).where(Entry.uid == uid).values(queue=name[:64], kind=name))
    become("viewer")
    page = ada.get(f"/ops/jobs/{uid}").get_data(as_text=True)
    links = [unescape(one) for one in re.findall(r'<dd><a href="(/ops/jobs\?[^"]+)"', page)]
    assert len(links) == 2
    for link in links:
        assert (link, uid in ada.get(link).get_data(as_text=True)) == (link, True)


def test_counts_are_never_zero_for_a_moment(ada: Browser, become: Become, submit: Submit) -> None:
    submit(x=1)
    become("viewer")
    counts = {
        re.search(r"Queued (\d+)", text_of(ada.get(f"/ops/jobs{query}")))[1]  # type: ignore[index]
        for query in ("", "?state=done", "?q=queue:samples", "?state=failed&q=kind:sample.add")
        for _ in range(3)
    }
    assert counts == {"1"}


def test_no_wait_is_negative(app: Flask, ada: Browser, become: Become, submit: Submit) -> None:
    uid = submit(x=1)
    run_queue(engine_of(app), "samples")
    with app.app_context(), transaction() as session:
        later = reading().scalars(select(Entry).where(Entry.uid == uid)).one().started_at
        assert later is not None
        session.execute(update(Entry).where(Entry.uid == uid).values(finished_at=later - timedelta(hours=1)))
    become("viewer")
    said = text_of(ada.get(f"/ops/jobs/{uid}")) + text_of(ada.get("/ops/jobs"))
    assert re.findall(r"-\d+(?:\.\d+)? (?:s|ms|min|h)\b", said) == []
    assert pages.in_words(-3) == "0.0 s"


def test_large_numbers_keep_every_digit(app: Flask, ada: Browser, become: Become, submit: Submit) -> None:
    uid = submit("sample.keep", value={"n": 9007199254740993, "f": 0.1})
    run_queue(engine_of(app), "samples")
    become("viewer")
    assert ada.get(f"/ops/jobs/{uid}").get_data(as_text=True).count("9007199254740993") >= 4


def test_retrying_beside_a_unique_twin_is_told(app: Flask, ada: Browser, become: Become, submit: Submit) -> None:
    first = submit(x=1)
    become("operator")
    assert ada.post(f"/ops/jobs/{first}/cancellations").status_code == 303
    twin = submit(x=1)
    assert ada.post(f"/ops/jobs/{first}/retries").status_code == 303
    assert (state(app, first), state(app, twin)) == (State.READY, State.READY)  # it gives its key up to the twin
    assert "The job is in its queue again." in text_of(ada.get(f"/ops/jobs/{first}"))


def test_text_is_there_to_be_copied_by_hand(ada: Browser, become: Become, submit: Submit) -> None:
    """Copy buttons need a secure origin in most browsers; ours fall back, and what they copy is on the page."""
    uid = submit(x=1)
    become("viewer")
    page = ada.get(f"/ops/jobs/{uid}").get_data(as_text=True)
    copied = {unescape(one) for one in re.findall(r'data-copy="([^"]*)"', page)}
    assert uid in copied
    assert [one for one in copied if one not in unescape(page.replace("data-copy", ""))] == []


@pytest.mark.parametrize("noun", ["retries", "cancellations", "starts"])
def test_looking_never_acts(app: Flask, ada: Browser, become: Become, submit: Submit, noun: str) -> None:
    """A poll that races past a confirmation can do nothing: what is asked with GET changes nothing."""
    uid = submit(x=1)
    become("operator")
    before = state(app, uid)
    headers = {"HX-Request": "true", "HX-Request-Type": "partial"}
    assert ada.client.get(f"/ops/jobs/{uid}/{noun}", headers=headers).status_code == 200
    assert ada.client.get(f"/ops/jobs/chosen?action=cancel&uid={uid}", headers=headers).status_code == 200
    assert state(app, uid) == before


@pytest.mark.parametrize("path", ["/ops/jobs", "/ops/failures", "/ops/jobs/chosen?action=retry&uid=1"])
def test_no_page_is_open_without_signing_in(stranger: Browser, cleo: Browser, path: str) -> None:
    assert stranger.get(path).headers["Location"].startswith("/sign-in")
    assert cleo.get(path).status_code == 403
