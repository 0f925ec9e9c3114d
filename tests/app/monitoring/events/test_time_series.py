"""Events arrive in a real store of time series, and when it is away nobody waits for it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

import pytest
from flask import Flask

from app.monitoring import influx
from app.monitoring.events import queries
from app.monitoring.events.services import recorder_of
from app.monitoring.influx import Influx
from app.stream import Kind, tell
from tests.app.activities.conftest import program_of
from tests.servers import VictoriaServer

RUN = {"kind": "running", "duration_min": 30, "weight_kg": 70, "started_at": "2026-11-20T06:10:00Z"}
ODD = 'two words, a=b "quoted" back\\slash\nnew line'


def sender_of(app: Flask) -> Influx:
    found = recorder_of(app)._influx
    assert found is not None
    return found


@pytest.fixture(scope="module")
def victoria() -> Iterator[VictoriaServer]:
    """VictoriaMetrics as Debian has it."""
    with VictoriaServer() as server:
        yield server


class TestRealStore:
    @pytest.fixture
    def settings(self, victoria: VictoriaServer) -> dict[str, str]:
        return {"INFLUX_URL": victoria.url, "INFLUX_TOKEN": "a-token"}

    def test_what_was_sent_is_queried_back(
        self, app: Flask, victoria: VictoriaServer, cleo_id: int, run_jobs: Callable[[], None]
    ) -> None:
        assert program_of(app, cleo_id)("POST", "/api/v1/activities", json=RUN).status_code == 201
        run_jobs()
        with app.app_context():
            tell(Kind.SYSTEM, ODD, ODD, part=ODD, took_ms=12.5, odd=True)
        recorder_of(app).record()
        assert sender_of(app).send()
        request = found(victoria, 'metronome_took_ms{kind="request"}')[0]
        assert (request["metric"]["action"], request["metric"]["status"], request["metric"]["method"]) == (
            "activities_api.create",
            "201",
            "POST",
        )
        job = found(victoria, 'metronome_count{kind="job", outcome="succeeded"}')[0]
        assert (job["metric"]["action"], job["metric"]["outcome"], job["values"]) == (
            "activities.count_calories",
            "succeeded",
            [1],
        )
        (written_down,) = found(victoria, 'metronome_count{kind="job", outcome="enqueued"}')
        assert (written_down["metric"]["action"], written_down["values"]) == ("activities.count_calories", [1])
        odd = found(victoria, 'metronome_took_ms{kind="system"}')[0]
        as_sent = 'two words, a=b "quoted" back/slash new line'
        assert (odd["metric"]["action"], odd["metric"]["part"], odd["values"]) == (as_sent, as_sent, [12.5])
        assert abs(odd["timestamps"][0] / 1000 - time.time()) < 60
        scraped = app.test_client().get("/metrics").get_data(as_text=True)
        assert "events_sent_total 4.0" in scraped.splitlines()


def found(victoria: VictoriaServer, selector: str) -> list[dict[str, dict[str, str]]]:
    """The series that match, once the store shows them."""
    deadline = time.monotonic() + 10
    while True:
        victoria.ask("/internal/force_flush")
        lines = victoria.ask(f"/api/v1/export?match%5B%5D={quote(selector)}").splitlines()
        if lines or time.monotonic() > deadline:
            assert lines, selector
            return [json.loads(line) for line in lines]
        time.sleep(0.05)


class Fake(ThreadingHTTPServer):
    """Answers as it is told to, or not for a long while."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Door)
        self.status, self.lines = 204, []
        self.go_on = threading.Event()
        self.go_on.set()

    status: int
    lines: list[str]


class Door(BaseHTTPRequestHandler):
    server: Fake

    def do_POST(self) -> None:
        self.server.go_on.wait(5)
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if 200 <= self.server.status <= 299:
            self.server.lines += body.splitlines()
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def fake() -> Iterator[Fake]:
    with Fake() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.go_on.set()
        server.shutdown()
        thread.join()


class TestTrouble:
    @pytest.fixture
    def settings(self, fake: Fake) -> dict[str, str]:
        return {"INFLUX_URL": f"http://127.0.0.1:{fake.server_address[1]}"}

    def test_what_is_not_taken_is_sent_again_in_order_and_what_is_called_wrong_is_dropped(
        self, app: Flask, fake: Fake
    ) -> None:
        sender = quiet(app)
        fake.status = 503
        say(app, "first")
        assert not sender.send()
        say(app, "second")
        fake.status = 204
        assert sender.send()
        assert [line.partition("words=")[2].split('"')[1] for line in fake.lines] == ["first", "second"]
        fake.status = 400
        say(app, "third")
        assert sender.send()
        assert sender.take_dropped() == 1

    def test_a_store_that_hangs_keeps_nobody_waiting(self, app: Flask, fake: Fake) -> None:
        fake.go_on.clear()
        say(app, "first")
        began = time.monotonic()
        assert app.test_client().get("/sign-in").status_code == 200
        recorder_of(app).record()
        assert time.monotonic() - began < 2

    def test_too_many_give_way_and_are_counted(self, app: Flask, fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(influx, "MOST_UNSENT", 3)
        sender = quiet(app)
        for number in range(5):
            say(app, f"number {number}")
        with app.app_context():
            assert sender.take_dropped() + queries.dropped_within(timedelta(days=1))["influx"] == 2
        assert sender.send()
        assert [f"number {number}" in line for number, line in zip((2, 3, 4), fake.lines, strict=True)] == [True] * 3


def quiet(app: Flask) -> Influx:
    """The sender, which sends only when the test does."""
    sender = sender_of(app)
    sender._has_more = threading.Event()
    sender._keep_sending = lambda: None  # type: ignore[method-assign]
    return sender


def say(app: Flask, words: str) -> None:
    with app.app_context():
        tell(Kind.SYSTEM, "x", words)
    recorder_of(app).record()
