"""Ada runs this place, Cleo does not; a worker in this very process, and a mail server that can be cut at any step."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.accounts import services as accounts
from app.db import db, reading, transaction
from jobs import Entry, engine_of
from jobs.testing import run_ready
from tests.app.activities.conftest import Program, account_of, program_of, sign_in
from tests.app.conftest import PASSWORD, Browser


@pytest.fixture
def inside(app: Flask) -> Iterator[Flask]:
    """Inside the application, for tests of services and queries."""
    with app.app_context():
        yield app


@pytest.fixture
def ada_id(app: Flask) -> int:
    """Ada's account; she is an admin."""
    with app.app_context():
        return accounts.create_user(email="ada@example.org", password=PASSWORD, name="Ada", is_admin=True)


@pytest.fixture
def cleo_id(app: Flask) -> int:
    """Cleo's account; what is Ada's is not hers."""
    return account_of(app, "Cleo")


@pytest.fixture
def api(app: Flask, ada_id: int) -> Program:
    """Ada's program, which may do all that she may."""
    return program_of(app, ada_id, "read", "write", "admin")


@pytest.fixture
def cleos_api(app: Flask, cleo_id: int) -> Program:
    """Cleo's program."""
    return program_of(app, cleo_id)


@pytest.fixture
def ada(app: Flask, ada_id: int) -> Browser:
    """Ada, signed in."""
    return sign_in(app, "ada")


@pytest.fixture
def cleo(app: Flask, cleo_id: int) -> Browser:
    """Cleo, signed in."""
    return sign_in(app, "cleo")


@pytest.fixture
def run_jobs(app: Flask) -> Callable[[], None]:
    """Works off every job that is ready, and what they cause."""

    def work() -> None:
        with app.app_context():
            run_ready(engine_of())
            db.session.remove()

    return work


@pytest.fixture
def try_out(api: Program, run_jobs: Callable[[], None]) -> Callable[..., dict[str, Any]]:
    """Has a kind run through POST /tasks/; what is told of it afterwards."""

    def run(kind: str, **arguments: Any) -> dict[str, Any]:
        answer = api("POST", "/tasks/", json={"kind": kind, "arguments": arguments})
        assert answer.status_code == 202, answer.json
        run_jobs()
        return told(api, answer.json["task_id"])

    return run


def told(program: Program, task_id: str) -> dict[str, Any]:
    """What is told of a task."""
    answer = program("GET", f"/api/task-status/{task_id}/")
    assert answer.status_code == 200
    assert answer.json is not None
    return dict(answer.json)


def make_due() -> None:
    """Let the wait before the next try be over."""
    with transaction() as session:
        for entry in session.scalars(select(Entry).where(Entry.state == "scheduled")):
            entry.run_at = entry.created_at


def entry_of(uid: str) -> Entry:
    return reading().scalars(select(Entry).where(Entry.uid == uid)).one()


class MailServer(socketserver.ThreadingTCPServer):
    """Takes mail as SMTP has it. `says` overrides its answers by step; `cut_at` are the steps at which it hangs up.

    Steps: connect, EHLO, MAIL, RCPT, DATA, dot (the message is whole, no answer yet), taken (kept, no answer yet).
    """

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Conversation)
        self.letters: list[tuple[str, str]] = []
        self.says: dict[str, str] = {}
        self.cut_at: list[str] = []

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.server_address[1]}"

    def cuts(self, step: str) -> bool:
        """Whether it hangs up here, once for each time the step is listed."""
        if step not in self.cut_at:
            return False
        self.cut_at.remove(step)
        return True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who hangs up is no fault of the server's."""


class Conversation(socketserver.StreamRequestHandler):
    """One client."""

    server: MailServer

    def handle(self) -> None:
        if self.server.cuts("connect") or not self.answer("connect", "220 here"):
            return
        to = ""
        while line := self.rfile.readline():
            step = line.split()[0].decode().upper() if line.split() else ""
            if self.server.cuts(step):
                return
            if step == "RCPT":
                to = line.decode().partition("<")[2].partition(">")[0]
            usual = {"DATA": "354 go on", "QUIT": "221 bye"}.get(step, "250 good")
            if self.answer(step, usual).startswith("354") and not self.take(to):
                return

    def take(self, to: str) -> bool:
        """Read the message; False when the conversation ends here."""
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.decode())
        if self.server.cuts("dot"):
            return False
        if "dot" not in self.server.says:
            self.server.letters.append((to, "".join(lines)))
        if self.server.cuts("taken"):
            return False
        self.answer("dot", "250 taken")
        return True

    def answer(self, step: str, usual: str) -> str:
        said = self.server.says.get(step, usual)
        self.wfile.write(f"{said}\r\n".encode())
        return said


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    """A mail server on the loopback."""
    with MailServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
