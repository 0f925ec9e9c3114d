"""Ada runs this place, Cleo does not; and a web that answers as a test wants it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.app.workbench.conftest import MailServer, ada, ada_id, cleo, cleo_id, inside, mail_server, run_jobs

__all__ = ["MailServer", "ada", "ada_id", "cleo", "cleo_id", "inside", "mail_server", "run_jobs"]

WELL = "database: ok\nredis: ok\nworkers: ok (1 alive)\n"


class Web(ThreadingHTTPServer):
    """Says of itself what it is told to."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Asked)
        self.status, self.text = 200, WELL
        self.asked: list[str] = []


class Asked(BaseHTTPRequestHandler):
    """One look at it."""

    server: Web

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(self.server.text.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def web() -> Iterator[Web]:
    """A web on the loopback."""
    with Web() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def settings(web: Web) -> dict[str, str]:
    """Where it is."""
    return {"HEALTH_URL": f"http://127.0.0.1:{web.server_address[1]}/readyz"}
