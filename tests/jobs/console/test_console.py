"""Looking at jobs and acting on them, in an application that is not the product."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from flask import Flask
from sqlalchemy import select

from jobs import Entry, State
from tests.jobs.workshop import Workshop

from .asked import get, listed, part, text_of
from .conftest import GuardedHost

NOBODYS = "0" * 32


def fail(number: int) -> None:
    raise ValueError(f"no {number}")


# -- who may


@pytest.mark.parametrize("path", ["/ops/", "/ops/jobs", f"/ops/jobs/{NOBODYS}", f"/ops/jobs/{NOBODYS}/retries"])
def test_the_console_is_closed_unless_the_host_allows(app: Flask, guarded: GuardedHost, path: str) -> None:
    guarded.allowed = frozenset()
    assert get(app, path).status_code == 403
    guarded.allowed = frozenset({"see"})
    assert get(app, path).status_code in {200, 404}


def test_who_may_only_see_can_do_nothing(app: Flask, guarded: GuardedHost, staffed: Workshop) -> None:
    uid = staffed.submit_one(staffed.noting())
    guarded.allowed = frozenset({"see"})
    assert "Cancel…" not in text_of(get(app, f"/ops/jobs/{uid}"))
    assert app.test_client().post(f"/ops/jobs/{uid}/cancellations").status_code == 403
    assert staffed.state(uid) == State.READY
    guarded.allowed = frozenset({"see", "act"})
    assert "Cancel…" in text_of(get(app, f"/ops/jobs/{uid}"))


# -- the list


def test_jobs_are_listed_by_state_in_the_words_of_operators(app: Flask, staffed: Workshop) -> None:
    note, hopeless = staffed.noting(), staffed.job(fail, max_retries=0)
    done, dead = staffed.submit(note, 1), staffed.submit(hopeless, 2)
    again = staffed.submit(staffed.noting("again", queue="other"), 3)
    staffed.work()
    for state, uids in {"done": done, "failed": dead, "queued": again, "": [*again, *dead, *done]}.items():
        assert listed(get(app, f"/ops/jobs?state={state}")) == uids
    chips = "All Scheduled 0 Queued 1 Running 0 Retrying 0 Failed 1 Cancelled 0 Done 1"
    assert chips in text_of(get(app, "/ops/jobs"))


def test_jobs_are_listed_by_kind_queue_and_id(app: Flask, staffed: Workshop) -> None:
    mine = staffed.submit(staffed.noting(), 1, 2)
    other = staffed.submit(staffed.noting("other", queue="elsewhere"), 3)
    assert listed(get(app, "/ops/jobs?kind=shop.note")) == mine[::-1]
    assert listed(get(app, "/ops/jobs?queue=elsewhere")) == other
    assert listed(get(app, "/ops/jobs?queue=elsewhere&kind=shop.note")) == []
    assert listed(get(app, "/ops/jobs?queue=nowhere")) == []
    assert listed(get(app, f"/ops/jobs?uid={mine[0].upper()}")) == [mine[0]]
    assert listed(get(app, f"/ops/jobs?uid={mine[0]}&state=done")) == []
    assert listed(get(app, f"/ops/jobs?uid={NOBODYS}")) == []


def test_a_row_says_what_its_job_is_about_and_how_long_it_took(app: Flask, staffed: Workshop) -> None:
    job = staffed.noting()
    uids = [staffed.submit_one(job, subject_kind="round", subject_id=number) for number in (None, 7)]
    staffed.work()
    with staffed.host.transaction() as session:
        for entry in session.scalars(select(Entry)):
            assert entry.started_at is not None
            entry.finished_at = entry.started_at + timedelta(milliseconds=4)
    rows = text_of(get(app, "/ops/jobs"))
    assert re.findall(r"shop\.note (round(?: \S+)?) work Done 1/\d+ (\S+ \S+)", rows) == [
        ("round 7", "4 ms"),
        ("round", "4 ms"),
    ]
    about = [re.findall(r"About (round \S+)", text_of(get(app, f"/ops/jobs/{uid}"))) for uid in uids]
    assert about == [["round Tries"], ["round 7"]]


def test_the_list_goes_on_where_the_page_ended(app: Flask, staffed: Workshop) -> None:
    uids = staffed.submit(staffed.noting(), *range(60))
    found: list[str] = []
    path = "/ops/jobs?kind=shop.note&state=queued"
    while path:
        page = get(app, path)
        found += listed(page)
        following = re.search(r'href="([^"]+)">Next page', page.get_data(as_text=True))
        path = unescape(following[1]) if following else ""
        assert not path or ("kind:shop.note" in path and "state=queued" in path)
    assert found == uids[::-1]


def test_a_filter_that_is_not_understood_is_named(app: Flask) -> None:
    page = get(app, "/ops/jobs?state=sleeping&kind=a%00b")
    assert page.status_code == 422
    assert "“kind” cannot be read." in text_of(page)
    assert "“sleeping” is not a state." in text_of(page)
    assert ("No job was looked for." in text_of(page), "No job has run yet." in text_of(page)) == (True, False)


def test_no_failures_is_good_news(app: Flask) -> None:
    assert "No job has failed. Good." in text_of(get(app, "/ops/jobs?state=failed"))


# -- one job


def test_a_job_tells_its_tries_and_why_they_failed(app: Flask, staffed: Workshop) -> None:
    uid = staffed.submit_one(staffed.job(fail, max_retries=1, min_backoff=1, max_backoff=1), 7)
    staffed.work()
    staffed.let_time_pass()
    staffed.engine.relay.promote()
    staffed.work()
    page = get(app, f"/ops/jobs/{uid}")
    assert "Failed Failed after 2 tries. Last error: no 7" in text_of(page)
    assert "raise ValueError(f&#34;no {number}&#34;)" in page.get_data(as_text=True)
    assert '"number": 7' in text_of(page)
    assert "Retry…" in text_of(page)
    assert "Cancel…" not in text_of(page)


def test_a_job_asks_again_until_it_is_settled(app: Flask, staffed: Workshop) -> None:
    uid = staffed.submit_one(staffed.noting())
    waiting = part(app, f"/ops/jobs/{uid}")
    assert 'hx-trigger="every 1000ms"' in waiting.get_data(as_text=True)
    assert "HX-Trigger" not in waiting.headers
    staffed.work()
    settled = part(app, f"/ops/jobs/{uid}", waiting.headers["HX-PTag"])
    assert "every" not in settled.get_data(as_text=True)
    assert settled.headers["HX-Trigger"] == "job-settled"
    assert text_of(part(app, f"/ops/jobs/{uid}/record")).startswith("Arguments")


@pytest.mark.parametrize("uid", [NOBODYS, "x", "a%00b", "%F0%9F%8F%83", "1" * 500])
@pytest.mark.parametrize("rest", ["", "/record", "/retries", "/cancellations"])
def test_a_job_that_is_not_there_is_not_found(app: Flask, uid: str, rest: str) -> None:
    assert get(app, f"/ops/jobs/{uid}{rest}").status_code == 404


@pytest.mark.parametrize("rest", ["", "/record", "/retries", "/cancellations"])
def test_a_job_that_is_not_kept_any_more_is_gone_and_of_when_it_was_is_said(app: Flask, rest: str) -> None:
    forgotten = "019a9f1f8c00" + "7abc" + "8def0123456789ab"  # a job of 20 November 2025
    gone = get(app, f"/ops/jobs/{forgotten}{rest}")
    assert gone.status_code == 410
    assert "The job of 2025-11-20 02:37:16 UTC is no longer kept." in text_of(gone)


@pytest.mark.parametrize(
    "uid",
    [
        pytest.param("ffffffffffff" + "7abc" + "8def0123456789ab", id="of the future"),
        pytest.param("000000000001" + "7abc" + "8def0123456789ab", id="before there were jobs"),
        pytest.param("019a9f1f8c00" + "4abc" + "8def0123456789ab", id="another version"),
        pytest.param("019a9f1f8c00" + "7abc" + "cdef0123456789ab", id="another variant"),
    ],
)
def test_a_job_that_never_was_is_not_gone(app: Flask, uid: str) -> None:
    assert get(app, f"/ops/jobs/{uid}").status_code == 404


def test_text_of_others_is_only_text(app: Flask, staffed: Workshop) -> None:
    def shout(number: int) -> None:
        raise ValueError("<script>alert(1)</script>")

    uid = staffed.submit_one(staffed.job(shout, max_retries=0))
    staffed.work()
    page = get(app, f"/ops/jobs/{uid}").get_data(as_text=True)
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


# -- acting


def test_a_job_is_cancelled_after_asking(app: Flask, staffed: Workshop) -> None:
    uid = staffed.submit_one(staffed.noting())
    client = app.test_client()
    asked = client.get(f"/ops/jobs/{uid}/cancellations")
    assert "Cancel this job?" in text_of(asked)
    assert staffed.state(uid) == State.READY
    done = client.post(f"/ops/jobs/{uid}/cancellations")
    assert (done.status_code, done.headers["Location"]) == (303, f"/ops/jobs/{uid}")
    assert (staffed.state(uid), staffed.moves(uid)) == (State.CANCELLED, ["cancelled by Ada"])
    after = text_of(client.get(f"/ops/jobs/{uid}"))
    assert "The job is cancelled, or was asked to end." in after
    assert "cancelled by Ada" in after


def test_a_dead_job_is_retried(app: Flask, staffed: Workshop) -> None:
    uid = staffed.submit_one(staffed.job(fail, max_retries=0))
    staffed.work()
    assert app.test_client().post(f"/ops/jobs/{uid}/retries").status_code == 303
    assert (staffed.state(uid), staffed.moves(uid)) == (State.READY, ["retried by Ada"])


def test_what_a_state_does_not_allow_is_refused_with_the_state_it_is_in(app: Flask, staffed: Workshop) -> None:
    uid = staffed.submit_one(staffed.noting())
    staffed.work()
    refused = app.test_client().post(f"/ops/jobs/{uid}/cancellations")
    assert refused.status_code == 409
    assert "The job is succeeded; it can only be done while it is" in text_of(refused)
    assert "Done after 1 try" in text_of(refused)
    assert (staffed.state(uid), staffed.moves(uid)) == (State.SUCCEEDED, [])
