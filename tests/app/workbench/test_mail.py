"""Mail: what is sent, what is written, and what happens when the conversation is cut at each step."""

from __future__ import annotations

import email
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app import mail
from app.accounts.models import User
from app.db import reading
from app.mail import Letter, MailDelayed, MailRefused
from tests.app.activities.conftest import Program

from .conftest import MailServer, make_due, told

RunJobs = Callable[[], None]
LETTER = Letter(to="ben@example.org", subject="Grüße", text="Hello\n.\nBen", key="a key")
ORDER = {"subject": "Hello", "message": "Two\nlines", "recipients": ["ben@example.org"]}


@pytest.fixture
def online(mail_server: MailServer, settings: dict[str, str], request: pytest.FixtureRequest) -> Flask:
    """The product with a mail server."""
    settings |= {"MAIL_URL": mail_server.url, "MAIL_FROM": "Metronome <metronome@example.org>"}
    app: Flask = request.getfixturevalue("app")
    return app


def read(text: str | bytes) -> Any:
    data = text.encode() if isinstance(text, str) else text
    return email.message_from_bytes(data, policy=default)


def outbox(app: Flask) -> list[Path]:
    return sorted((app.extensions["config"].data_dir / "outbox").glob("*"))


def send(api: Program, **changes: Any) -> str:
    answer = api("POST", "/tasks/", json={"kind": "send_email", "arguments": ORDER | changes})
    assert answer.status_code == 202, answer.json
    assert answer.json is not None
    return str(answer.json["task_id"])


def test_without_a_server_mail_is_written_for_everybody_to_see(app: Flask) -> None:
    with app.app_context():
        first, again = mail.send(LETTER), mail.send(LETTER)
    assert first == again
    (file,) = outbox(app)
    message = read(file.read_bytes())
    assert (message["To"], message["Subject"], message["Message-ID"]) == ("ben@example.org", "Grüße", first)
    assert message.get_content().splitlines() == ["Hello", ".", "Ben"]


def test_server_takes_the_message(online: Flask, mail_server: MailServer) -> None:
    with online.app_context():
        message_id = mail.send(LETTER)
    ((to, text),) = mail_server.letters
    message = read(text)
    assert (to, message["From"], message["To"], message["Subject"]) == (
        "ben@example.org",
        "Metronome <metronome@example.org>",
        "ben@example.org",
        "Grüße",
    )
    assert message["Message-ID"] == message_id
    assert message_id.endswith("@example.org>")


@pytest.mark.parametrize(("scheme", "one_click"), [("https", "List-Unsubscribe=One-Click"), ("http", None)])
def test_letter_says_where_it_is_ended_and_over_https_that_one_click_does_it(
    online: Flask, mail_server: MailServer, scheme: str, one_click: str | None
) -> None:
    link = f"{scheme}://metronome.example.org/{'a' * 200}"
    with online.app_context():
        mail.send(replace(LETTER, unsubscribe=link))
        mail.send(LETTER)
    (_, text), (_, other) = mail_server.letters
    assert f"\r\nList-Unsubscribe: <{link}>\r\n" in text
    assert (read(text)["List-Unsubscribe-Post"], read(text)["Subject"]) == (one_click, "Grüße")
    assert "Unsubscribe" not in other


def test_link_that_would_be_two_headers_is_refused(app: Flask) -> None:
    with app.app_context(), pytest.raises(MailRefused):
        mail.send(replace(LETTER, unsubscribe="https://metronome.example.org/\r\nBcc: ben@example.org"))
    assert outbox(app) == []


def test_key_decides_the_message_id(app: Flask) -> None:
    with app.app_context():
        ids = [mail.send(Letter("ben@example.org", "Hello", "text", key)) for key in ("one", "two", "one")]
    assert ids[0] == ids[2] != ids[1]


@pytest.mark.parametrize("step", ["connect", "EHLO", "MAIL", "RCPT", "DATA", "dot"])
@pytest.mark.parametrize(("code", "error"), [(451, MailDelayed), (550, MailRefused)])
def test_code_of_the_answer_decides(
    online: Flask, mail_server: MailServer, step: str, code: int, error: type[Exception]
) -> None:
    mail_server.says = {step: f"{code} no"} | ({"HELO": f"{code} no"} if step == "EHLO" else {})
    with online.app_context(), pytest.raises(error) as refusal:
        mail.send(LETTER)
    assert str(refusal.value) == f"The mail server says: {code} no"
    assert mail_server.letters == []


@pytest.mark.parametrize(
    ("step", "arrived"),
    [("connect", 1), ("EHLO", 1), ("MAIL", 1), ("RCPT", 1), ("DATA", 1), ("dot", 1), ("taken", 2)],
)
def test_conversation_that_is_cut_is_tried_again_under_the_same_message_id(
    online: Flask, mail_server: MailServer, api: Program, run_jobs: RunJobs, step: str, arrived: int
) -> None:
    mail_server.cut_at = [step]
    task_id = send(api)
    run_jobs()
    assert told(api, task_id)["status"] == "RETRY"
    with online.app_context():
        make_due()
    run_jobs()
    found = told(api, task_id)
    ids = [read(text)["Message-ID"] for _, text in mail_server.letters]
    assert (found["status"], found["attempts"], found["result"]["message_ids"]) == ("SUCCESS", 2, [ids[0]])
    assert ids == [ids[0]] * arrived


def test_who_has_the_message_is_not_sent_another_when_the_rest_is_tried_again(
    online: Flask, mail_server: MailServer, api: Program, run_jobs: RunJobs
) -> None:
    task_id = send(api, recipients=["ben@example.org", "cleo@example.org"])
    first_only = threading.Event()

    def cut_second() -> None:
        while not mail_server.letters:
            time.sleep(0.001)
        mail_server.says["MAIL"] = "451 later"
        first_only.set()

    watcher = threading.Thread(target=cut_second, daemon=True)
    watcher.start()
    run_jobs()
    watcher.join(5)
    first_round = [to for to, _ in mail_server.letters]
    mail_server.says.clear()
    with online.app_context():
        make_due()
    run_jobs()
    assert first_only.is_set()
    assert first_round[:1] == ["ben@example.org"]
    assert [to for to, _ in mail_server.letters] == ["ben@example.org", "cleo@example.org"]
    assert told(api, task_id)["result"]["sent"] == 2


def test_refusal_is_told_and_not_tried_again(
    online: Flask, mail_server: MailServer, api: Program, run_jobs: RunJobs
) -> None:
    mail_server.says = {"RCPT": "550 nobody here"}
    task_id = send(api)
    run_jobs()
    found = told(api, task_id)
    assert (found["status"], found["attempts"]) == ("FAILURE", 1)
    assert found["error"] == "The mail server says: 550 nobody here"


@pytest.mark.parametrize("drips", [b"", b"2"])
def test_server_that_takes_for_ever_is_left_after_the_deadline(
    settings: dict[str, str], request: pytest.FixtureRequest, drips: bytes
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings["MAIL_URL"] = f"smtp://127.0.0.1:{server.getsockname()[1]}"
        app: Flask = request.getfixturevalue("app")
        is_over = threading.Event()

        def drip() -> None:
            client, _ = server.accept()
            with client:
                while not is_over.wait(0.1):
                    try:
                        client.sendall(drips)
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        began = time.monotonic()
        with app.app_context(), pytest.raises(MailDelayed):
            mail.send(LETTER, deadline_s=0.5)
        took_s = time.monotonic() - began
        is_over.set()
        thread.join()
    assert 0.4 < took_s < 2


def test_server_that_is_away_delays(settings: dict[str, str], request: pytest.FixtureRequest) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings["MAIL_URL"] = f"smtp://127.0.0.1:{server.getsockname()[1]}"
    app: Flask = request.getfixturevalue("app")
    with app.app_context(), pytest.raises(MailDelayed):
        mail.send(LETTER)


def test_line_break_in_a_header_is_refused(app: Flask) -> None:
    with app.app_context(), pytest.raises(MailRefused):
        mail.send(Letter("ben@example.org", "Hello\r\nBcc: all@example.org", "text", "key"))
    assert outbox(app) == []


def test_bulk_mail_is_a_group_with_a_message_for_each_person(app: Flask, api: Program, run_jobs: RunJobs) -> None:
    api("POST", "/api/create-users/", json={"count": 3, "prefix": "p"})
    run_jobs()
    with app.app_context():
        people = {one.id: one.email for one in reading().scalars(select(User).where(User.name.like("p %")))}
    arguments = {"user_ids": [*people, 999_999], "subject": "Hello", "message": "All"}
    answer = api("POST", "/tasks/", json={"kind": "send_bulk_emails", "arguments": arguments})
    run_jobs()
    assert answer.json is not None
    result = told(api, answer.json["task_id"])["result"]
    assert (result["mails"], result["without_address"]) == (3, 1)
    flow = told(api, result["workflow_id"])
    assert (flow["status"], flow["total"]) == ("SUCCESS", 3)
    assert sorted(read(file.read_bytes())["To"] for file in outbox(app)) == sorted(map(str, people.values()))


def test_nobody_to_send_to_is_said(api: Program, run_jobs: RunJobs) -> None:
    arguments = {"user_ids": [999_999], "subject": "Hello", "message": "All"}
    answer = api("POST", "/tasks/", json={"kind": "send_bulk_emails", "arguments": arguments})
    run_jobs()
    assert answer.json is not None
    assert told(api, answer.json["task_id"])["error"] == "None of these people has an e-mail address."
