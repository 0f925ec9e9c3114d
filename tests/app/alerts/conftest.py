"""Ada runs this place, Cleo does not. What they do is told, recorded and watched when a test says so."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from app.alerts.models import Alert
from app.alerts.telling import services as telling
from app.alerts.watch import services as watch
from app.db import db, reading
from app.monitoring.events.services import recorder_of
from jobs import engine_of
from tests.app.workbench.conftest import (
    MailServer,
    ada,
    ada_id,
    api,
    cleo,
    cleo_id,
    cleos_api,
    inside,
    mail_server,
    run_jobs,
)

__all__ = ["MailServer", "ada", "ada_id", "api", "cleo", "cleo_id", "cleos_api", "inside", "mail_server", "run_jobs"]


@pytest.fixture
def look(app: Flask) -> Callable[[], Sequence[Alert]]:
    """Records what was told, makes alerts of it, writes their files; all alerts, the oldest first."""

    def run() -> Sequence[Alert]:
        while recorder_of(app).record():
            pass
        with app.app_context():
            watch.watch_sightings()
            telling.write_files()
            db.session.remove()
            return reading().scalars(select(Alert).order_by(Alert.id)).all()

    return run


@pytest.fixture
def beat(app: Flask) -> Callable[[], None]:
    """A worker says that it lives."""
    return lambda: engine_of(app)._heartbeat("worker", "here:worker:1", queues=[]).beat()


@pytest.fixture
def reports(app: Flask) -> Callable[[], list[str]]:
    """What the files of alerts say, by their names' order."""
    folder: Path = app.extensions["config"].data_dir / "error_reports"
    return lambda: [file.read_text() for file in sorted(folder.glob("*.txt"))]


class Listener(ThreadingHTTPServer):
    """Takes what a webhook sends. `says` is the status it answers."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Ear)
        self.heard: list[tuple[str, dict[str, str], bytes]] = []
        self.says = 204

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook?room=ops"


class Ear(BaseHTTPRequestHandler):
    """One call."""

    server: Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.append((self.path, dict(self.headers), body))
        self.send_response(self.server.says)
        self.send_header("Location", "http://127.0.0.1:1/")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A webhook's server on the loopback."""
    with Listener() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
