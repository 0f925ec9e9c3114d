"""What happens is told, and kept, and costs nobody anything."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import event, text

from app import logs
from app.clock import now
from app.db import db, transaction
from app.monitoring.events import queries, services
from app.monitoring.events.models import EventRow
from app.monitoring.events.services import recorder_of
from app.monitoring.observer import Teller
from app.stream import Happening, Kind, Level, Stream, stream_of, tell
from jobs import engine_of
from tests.app.activities.conftest import program_of
from tests.app.conftest import Browser, Clock

from .conftest import Recorded

RUN = {"kind": "running", "duration_min": 30, "weight_kg": 70, "started_at": "2026-11-20T06:10:00Z"}


def one(kind: Kind = Kind.REQUEST, level: Level = Level.INFO, words: str = "GET / 200") -> Happening:
    return Happening(now(), kind, "dashboard.index", words, level)


def told(rows: Sequence[EventRow]) -> list[tuple[str, str, str | None]]:
    return [(row.kind, row.words, row.who) for row in rows]


def test_a_request_is_told_with_who_made_it_and_how_long_it_took(
    cleo: Browser, cleo_id: int, recorded: Recorded
) -> None:
    recorded()
    cleo.get("/activities/", headers={"X-Request-ID": "a-request-of-hers"})
    row = recorded()[-1]
    assert (row.kind, row.action, row.words, row.who) == (
        "request",
        "activities.index",
        "GET /activities/ 200",
        f"user {cleo_id}",
    )
    assert (row.request_id, row.level, row.fields["status"], row.fields["method"]) == (
        "a-request-of-hers",
        "info",
        200,
        "GET",
    )
    assert row.fields["took_ms"] > 0


def test_who_watches_and_what_lies_still_are_not_told(ada: Browser, recorded: Recorded) -> None:
    before = len(recorded())
    for path in ("/healthz", "/readyz", "/metrics", "/metrics-json/", "/static/app.css"):
        ada.get(path)
    part = ada.get("/ops/alerts", headers={"HX-Request": "true", "HX-Request-Type": "partial"})
    again = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-PTag": part.headers["HX-PTag"]}
    assert ada.get("/ops/alerts", headers=again).status_code == 304
    assert [row.words for row in recorded()[before:]] == ["GET /ops/alerts 200"]


def test_the_secret_of_a_link_is_not_told(app: Flask, stranger: Browser, recorded: Recorded) -> None:
    stranger.get("/setup/a-secret-that-opens-everything")
    assert [row.words for row in recorded()] == ["GET /setup/<token> 404"]


def test_an_activity_is_one_story_from_request_to_job(
    app: Flask, cleo_id: int, run_jobs: Callable[[], None], recorded: Recorded
) -> None:
    logged = program_of(app, cleo_id)("POST", "/api/v1/activities", json=RUN)
    assert logged.json is not None
    run_jobs()
    asked, request, job = recorded()
    assert (request.words, request.who) == ("POST /api/v1/activities 201", f"user {cleo_id}")
    assert [one.words for one in (asked, job)] == [
        "activities.count_calories enqueued",
        "activities.count_calories succeeded",
    ]
    story = (request.request_id, logged.json["job"]["id"])
    assert [(one.request_id, one.job) for one in (asked, job)] == [story, story]
    assert (job.kind, job.fields["outcome"], job.fields["queue"], job.count) == ("job", "succeeded", "activities", 1)


def test_a_thousand_jobs_of_one_request_are_one_event(app: Flask, cleo_id: int, recorded: Recorded) -> None:
    assert program_of(app, cleo_id)("POST", "/api/v1/activities/batch", json=[RUN] * 1_000).status_code == 201
    job, request = recorded()
    assert (job.words, job.count, job.request_id) == (
        "1000 jobs activities.count_calories enqueued",
        1_000,
        request.request_id,
    )


def test_who_cancels_their_own_job_reads_of_it_in_the_log(app: Flask, ada_id: int, recorded: Recorded) -> None:
    api = program_of(app, ada_id, "write", "jobs")
    started = api("POST", "/api/v1/jobs", json={"kind": "workbench.add", "args": {"x": 1, "y": 2}})
    assert started.json is not None, started.text
    api("POST", f"/api/v1/jobs/{started.json['id']}/cancellation")
    rows = [row for row in recorded() if row.kind == "job"]
    assert [(row.words, row.level, row.job, row.who) for row in rows] == [
        ("workbench.add enqueued", "info", started.json["id"], f"user {ada_id}"),
        ("workbench.add cancelled", "info", started.json["id"], f"user {ada_id}"),
    ]


def test_what_comes_too_often_is_not_even_put_together(app: Flask) -> None:
    stream = Stream(usual_per_s=1)
    teller = Teller(stream)
    with app.app_context():
        stream.put(one())
        stream.put(one())
        teller.enqueued("default", "a.kind", 1)
        teller.unstarted("default", "a.kind", "expired", 3)
    assert ([row.words for row in stream.take(9)], stream.take_dropped()) == (
        ["GET / 200", "3 jobs a.kind expired"],
        {"rate": 2},
    )


def test_logging_an_activity_commits_as_often_as_before(app: Flask, cleo_id: int) -> None:
    api = program_of(app, cleo_id)
    api("GET", "/api/v1/activities")
    commits = []
    with app.app_context():
        for engine in (db.engine, app.extensions["reading_engine"]):
            event.listen(engine, "commit", commits.append)
    assert api("POST", "/api/v1/activities", json=RUN).status_code == 201
    assert len(commits) == 1
    recorder_of(app).record()
    assert len(commits) == 2


def test_sign_ins_and_what_operators_do_are_told(app: Flask, ada: Browser, ada_id: int, recorded: Recorded) -> None:
    with app.app_context():
        engine_of().pause(("queue", "reports"), by=f"user {ada_id}", reason="lunch")
    rows = told(recorded())
    assert ("sign-in", f"Person {ada_id} signed in", f"user {ada_id}") in rows
    assert rows[-1] == ("operator", f"user {ada_id}: pause queue reports", f"user {ada_id}")


def test_what_an_operator_did_not_do_after_all_is_not_told(app: Flask, recorded: Recorded) -> None:
    class Undone(Exception):
        pass

    def begin_and_fail() -> None:
        with transaction():
            engine_of().audit.note(by="user 1", action="pause", subject="queue x", details={})
            raise Undone

    with app.app_context(), pytest.raises(Undone):
        begin_and_fail()
    assert recorded() == []


def test_a_process_says_what_it_runs_on(app: Flask, recorded: Recorded) -> None:
    recorder = recorder_of(app)
    recorder.start("web", version="1.2.3")
    stream_of(app).wake = lambda: None
    (row,) = [one for one in recorded() if one.kind == "system"]
    assert row.action == "web started"
    assert row.words.startswith("Web 1.2.3 started on Linux")
    assert sorted(row.fields) == ["host", "machine", "platform", "python", "role", "version"]


def test_secrets_and_addresses_are_not_kept(inside: Flask, recorded: Recorded) -> None:
    with logs.bound(request_id="r-12345678"):
        tell(Kind.SYSTEM, "x", "Mail to ben@example.org, Bearer abcdef", password="hunter2", url="redis://:pw@h")
    (row,) = recorded()
    assert row.words.startswith("Mail to e-mail:")
    assert row.words.endswith("Bearer [redacted]")
    assert row.fields == {"password": "[redacted]", "url": "redis://[redacted]@h"}
    assert row.request_id == "r-12345678"


def test_every_event_is_a_line_of_json(inside: Flask, recorded: Recorded, caplog: pytest.LogCaptureFixture) -> None:
    tell(Kind.HEALTH, "web", "The web is ok: all is well", name="web", status=200)
    tell(Kind.REQUEST, "none", "GET /x 404", level=Level.WARNING, is_logged=True)
    with caplog.at_level(logging.INFO):
        recorded()
    lines = [json.loads(logs.JsonLines().format(record)) for record in caplog.records if "events" in record.name]
    assert [(line["event"], line["kind"], line["action"], line["status"], line["name_"]) for line in lines] == [
        ("The web is ok: all is well", "health", "web", 200, "web")
    ]


class TestBounds:
    def test_what_finds_no_room_is_counted(self) -> None:
        stream = Stream(most=3)
        for _ in range(5):
            stream.put(one(Kind.SECURITY, Level.WARNING))
        assert (len(stream.take(10)), stream.take_dropped(), stream.take_dropped()) == (3, {"buffer": 2}, {})

    def test_ordinary_requests_beyond_so_many_a_second_are_counted_and_what_went_wrong_is_kept(self) -> None:
        stream = Stream(usual_per_s=10)
        for _ in range(100):
            stream.put(one())
            stream.put(one(level=Level.ERROR))
        kept = stream.take(1_000)
        assert sum(each.level is Level.ERROR for each in kept) == 100
        assert 10 <= len(kept) - 100 <= 20
        assert stream.take_dropped() == {"rate": 200 - len(kept)}

    def test_drops_are_told_in_the_log_itself_and_to_prometheus(self, app: Flask, recorded: Recorded) -> None:
        stream_of(app).drop("rate", 7)
        (row,) = recorded()
        assert (row.action, row.words) == ("events dropped", "7 events were dropped: rate")
        with app.app_context():
            assert queries.dropped_within(timedelta(days=1)) == {"rate": 7}
        scraped = app.test_client().get("/metrics").get_data(as_text=True)
        assert 'events_dropped_total{reason="rate"} 7.0' in scraped.splitlines()

    def test_without_the_table_events_wait_and_are_written_once_it_is_back(
        self, app: Flask, inside: Flask, recorded: Recorded
    ) -> None:
        with transaction() as session:
            session.execute(text("ALTER TABLE event RENAME TO away"))
        tell(Kind.SYSTEM, "x", "first")
        assert recorder_of(app).record() == 1
        tell(Kind.SYSTEM, "x", "second")
        assert recorder_of(app).record() == 1
        with transaction() as session:
            session.execute(text("ALTER TABLE away RENAME TO event"))
        assert [row.words for row in recorded()] == ["first", "second"]


def test_old_events_are_forgotten_and_the_rest_stays(
    inside: Flask, recorded: Recorded, frozen_clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "FORGET_AT_ONCE", 2)
    for number in range(5):
        tell(Kind.SYSTEM, "x", f"day {number}")
        frozen_clock.forward(timedelta(days=1))
    assert len(recorded()) == 5
    assert services.forget_old(days=2) == 3
    assert [row.words for row in recorded()] == ["day 3", "day 4"]
