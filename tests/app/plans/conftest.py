"""Ada and Cleo, a worker in this very process, and a model that says what it is told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.app.activities.conftest import inside
from tests.app.reports.conftest import ada, ada_id, api, cleo, cleo_id, cleos_api, log, run_jobs

__all__ = ["ada", "ada_id", "api", "cleo", "cleo_id", "cleos_api", "inside", "log", "run_jobs"]


class Model:
    """A server on this machine that answers as a model does, or as none should."""

    def __init__(self) -> None:
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body = b""
        self.hangs = False
        self._is_over = threading.Event()
        self.heard: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        model = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                model.heard.append((self.path, dict(self.headers), json.loads(body)))
                if model.hangs:
                    model._is_over.wait(10)
                    return
                self.send_response(model.status)
                for name, value in {"Content-Length": str(len(model.body)), **model.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                with suppress(OSError):  # it may be too long for whoever asked
                    self.wfile.write(model.body)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=lambda: self._server.serve_forever(poll_interval=0.01), daemon=True)
        self._thread.start()

    def says(self, content: Any) -> None:
        """Answer with this: a text, or what is to be JSON in one."""
        text = content if isinstance(content, str) else json.dumps(content)
        self.body = json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]}).encode()

    def close(self) -> None:
        """Answer nobody any more."""
        self._is_over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def model() -> Iterator[Model]:
    """A model; it is asked when `settings` name its address."""
    found = Model()
    yield found
    found.close()
