"""The first page of the console."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from html import unescape

import pytest
from flask import Flask
from sqlalchemy import update

from jobs.console import Dependency
from jobs.console.areas.overview import KEPT_S, Glance, Shared
from jobs.ledger.models import Entry, WorkerRow
from jobs.ledger.moments import db_now
from jobs.rollups import Rollups
from tests.jobs.workshop import QUEUE, Workshop

from .looking import done, get, part, said


def fail(number: int) -> None:
    raise ValueError(f"no {number}")


def test_an_empty_ledger_says_what_is_missing(app: Flask) -> None:
    words = said(get(app, "/ops/"))
    assert "2 problems" in words
    assert "No worker is running: jobs wait. Start bin/worker." in words
    assert "No job has run yet." in words
    assert "Redis away" in words


def test_it_counts_and_shows_failures_that_are_alike_together(app: Flask, staffed: Workshop) -> None:
    staffed.submit(staffed.job(fail, max_retries=0), 1, 2)
    staffed.work()
    staffed.submit(staffed.noting("later", queue="elsewhere"), 2, 3)
    words = said(get(app, "/ops/"))
    assert "Queued 2 Running 0 Retrying 0 Failed, 24 h 2 Oldest waiting" in words
    assert "elsewhere 2 0 0" in words
    assert "shop.fail 2 ValueError: no 2" in words


def test_what_failed_today_leads_to_just_these(app: Flask, staffed: Workshop) -> None:
    uids = staffed.submit(staffed.job(fail, max_retries=0), 1, 2, 3)
    staffed.work()
    with staffed.host.transaction() as session:
        session.execute(update(Entry).where(Entry.uid == uids[0]).values(finished_at=db_now(-90_000)))
    page = get(app, "/ops/").get_data(as_text=True)
    links = {unescape(word): unescape(url) for url, word in re.findall(r'<a href="([^"]+)">([^<]+)</a>', page)}
    today = "/ops/jobs?state=failed&q=since:24h"
    assert [links["Failed, 24 h"], links["2 failed in the last 24 hours."]] == [today, today]
    shown = get(app, today).get_data(as_text=True)
    assert re.findall(r'id="job-(\w+)"', shown) == uids[:0:-1]
    assert links["Newest failures"] == "/ops/failures"
    assert "shop.fail" in said(get(app, links["Newest failures"]))


def test_a_process_that_beats_is_seen(app: Flask, staffed: Workshop) -> None:
    staffed.engine._heartbeat("worker", "here:worker:1", queues=[QUEUE], threads=8).beat()
    words = said(get(app, "/ops/"))
    assert "no Redis worker here:worker:1, 0 of 8 threads busy" in words
    assert "No worker is running" not in words


def test_what_ended_is_drawn_with_a_sentence(app: Flask, staffed: Workshop) -> None:
    staffed.submit(staffed.noting(), 1, 2, 3)
    staffed.work()
    Rollups(staffed.host).keep()
    words = said(get(app, "/ops/"))
    assert "3 finished and none failed in the last 90 minutes" in words
    assert "shop.note 3" in words


def test_it_asks_again_and_is_not_drawn_twice(app: Flask, staffed: Workshop) -> None:
    first = part(app, "/ops/")
    tag = first.headers["HX-PTag"]
    assert first.get_data(as_text=True).startswith('<section id="overview"')
    assert (part(app, "/ops/", tag).status_code, part(app, "/ops/", tag).data) == (304, b"")
    staffed.submit(staffed.noting(), 1)
    again = part(app, "/ops/", tag)
    assert (again.status_code, again.headers["HX-PTag"] == tag) == (200, False)


def test_a_test_job_can_be_run_where_the_host_names_one(app: Flask, staffed: Workshop) -> None:
    assert "Run a test job" not in said(get(app, "/ops/"))
    app.config["JOBS_CONSOLE_TEST_JOB"] = (staffed.noting().name, {"number": 7})
    assert "Run a test job" in said(get(app, "/ops/"))
    assert "A test job is on its way." in done(app, "/ops/test-jobs")
    staffed.work()
    assert staffed.effects() == [7]


def test_a_test_job_that_is_not_there_is_said(app: Flask) -> None:
    app.config["JOBS_CONSOLE_TEST_JOB"] = ("shop.gone", {})
    assert "No job is called shop.gone." in done(app, "/ops/test-jobs")


def test_every_page_has_the_links_to_all_others(app: Flask) -> None:
    app.config["JOBS_CONSOLE_ALSO"] = [("Home", "console.audit"), ("Nowhere", "not.there")]
    words = said(get(app, "/ops/queues"))
    assert (
        "Overview Jobs Failures Queues Workers Schedules Workflows Operations Metrics Broker Integrity Audit Home"
        in words
    )
    assert "Nowhere" not in words


PLACES = (
    *("", "jobs", "failures", "queues", "workers", "schedules", "workflows", "operations", "metrics", "broker"),
    *("integrity", "audit"),
)
NOBODY = '<li><a href="/ops/workers"><span class="badge bad">No worker is running</span></a></li>'


def test_every_page_says_in_red_that_no_worker_lives(app: Flask) -> None:
    pages = {place: get(app, f"/ops/{place}").get_data(as_text=True) for place in PLACES}
    assert {place: page.count(NOBODY) for place, page in pages.items()} == dict.fromkeys(PLACES, 1)


def test_a_worker_that_lives_is_asked_for_every_three_seconds_at_most(
    app: Flask, staffed: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = [100.0]
    monkeypatch.setattr("jobs.console.areas.roster.time.monotonic", lambda: at[0])

    def is_red() -> bool:
        return NOBODY in get(app, "/ops/queues").get_data(as_text=True)

    staffed.engine._heartbeat("scheduler", "here:scheduler:1", queues=[]).beat()
    assert is_red()
    staffed.engine._heartbeat("worker", "here:worker:1", queues=[QUEUE]).beat()
    at[0] += 2.9
    assert is_red()
    at[0] += 0.2
    assert not is_red()
    with staffed.host.transaction() as session:
        session.execute(update(WorkerRow).values(seen_at=db_now(-staffed.engine.lease_s - 1)))
    at[0] += 3.1
    assert is_red()


def test_places_that_have_a_key_tell_it(app: Flask) -> None:
    keys = re.findall(r'<a href="([^"]+)" data-key="(\w)"', get(app, "/ops/audit").get_data(as_text=True))
    assert keys == [("/ops/jobs", "j"), ("/ops/queues", "q"), ("/ops/workers", "w"), ("/ops/schedules", "s")]


def test_links_of_the_host_may_depend_on_who_asks(app: Flask) -> None:
    allowed: list[tuple[str, str]] = []
    app.config["JOBS_CONSOLE_ALSO"] = lambda: allowed
    assert "Home" not in said(get(app, "/ops/queues"))
    allowed.append(("Home", "console.audit"))
    assert "Audit Home" in said(get(app, "/ops/queues"))


def test_a_process_that_fell_silent_is_told_of_until_another_takes_its_place(app: Flask, staffed: Workshop) -> None:
    silent = "processes fell silent"
    for name in ("here:worker:1", "here:worker:2"):
        staffed.engine._heartbeat("worker", name, queues=[QUEUE]).beat()
    with staffed.host.transaction() as session:
        session.execute(update(WorkerRow).values(started_at=db_now(-500), seen_at=db_now(-100)))
    assert f"2 {silent}" in said(get(app, "/ops/"))
    staffed.engine._heartbeat("scheduler", "here:scheduler:1", queues=[]).beat()
    assert f"2 {silent}" in said(get(app, "/ops/"))
    staffed.engine._heartbeat("worker", "here:worker:3", queues=[QUEUE]).beat()
    assert "1 process fell silent" in said(get(app, "/ops/"))
    staffed.engine._heartbeat("worker", "here:worker:4", queues=[QUEUE]).beat()
    assert "fell silent" not in said(get(app, "/ops/"))


def test_the_host_may_tell_of_problems_of_its_own(app: Flask) -> None:
    app.config["JOBS_CONSOLE_PROBLEMS"] = lambda: [("The lift is stuck.", "/lift"), ("It rains.", "")]
    page = get(app, "/ops/").get_data(as_text=True)
    assert '<li><a href="/lift">The lift is stuck.</a></li><li>It rains.</li>' in page


def test_what_the_host_tells_of_is_not_asked_again(app: Flask, staffed: Workshop) -> None:
    app.config["JOBS_CONSOLE_DEPENDENCIES"] = lambda: [
        Dependency("Redis", is_ok=True, word="seen a moment ago", took_s=0.25),
        Dependency("Mail", is_ok=False, word="refuses"),
    ]
    words = said(get(app, "/ops/"))
    assert "well Redis seen a moment ago" in words
    assert "away Mail refuses" in words
    assert ("Redis away" in words, "well Database" in words) == (False, True)


def test_who_looks_again_is_told_what_another_was_told_just_now(app: Flask, staffed: Workshop) -> None:
    app.config[KEPT_S] = 1_000
    tag = part(app, "/ops/").headers["HX-PTag"]
    later = staffed.noting("later", queue="elsewhere")
    staffed.submit(later, 1)
    assert part(app, "/ops/", tag).status_code == 304
    assert "elsewhere 1 0 0" in said(get(app, "/ops/"))
    assert part(app, "/ops/", tag).status_code == 200
    app.config[KEPT_S] = 0
    get(app, "/ops/")
    tag = part(app, "/ops/").headers["HX-PTag"]
    staffed.submit(later, 2)
    assert "elsewhere 2 0 0" in said(part(app, "/ops/", tag))


def test_links_of_a_shared_part_lead_to_where_each_came_in(app: Flask, staffed: Workshop) -> None:
    app.config[KEPT_S] = 1_000
    links = re.compile(r'hx-get="([^"]+)"')
    looks = [
        get(app, "/ops/", headers={"HX-Request": "true"}, base_url=f"http://localhost{root}") for root in ("", "/x")
    ]
    assert [links.findall(one.get_data(as_text=True)) for one in looks] == [["/ops/"], ["/x/ops/"]]


def test_nobody_waits_while_another_looks(app: Flask) -> None:
    app.config[KEPT_S] = 0
    is_asked, may_end = threading.Event(), threading.Event()
    versions = iter(range(1, 10))

    def take() -> Glance:
        version = next(versions)
        if version == 2:
            is_asked.set()
            assert may_end.wait(10)
        return Glance((), {}, (), (), (), (), version)

    def look() -> int:
        with app.app_context():
            return shared.get(anew=False).glance.version

    shared = Shared(take, dict)
    with ThreadPoolExecutor(2) as pool:
        assert look() == 1
        slow = pool.submit(look)
        assert is_asked.wait(10)
        assert pool.submit(look).result(10) == 1
        may_end.set()
        assert slow.result(10) == 2
    assert look() == 3
