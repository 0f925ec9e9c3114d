"""Ada and Cleo in Berlin, a mail server on the loopback, and a worker in this very process."""

from __future__ import annotations

import email
from collections.abc import Callable
from datetime import datetime
from email.message import EmailMessage
from email.policy import default

import pytest
from flask import Flask

from app.db import db
from app.reminders import services
from tests.app.activities.conftest import Program
from tests.app.conftest import Clock, Settings
from tests.app.reports.conftest import ada, ada_id, api, cleo, cleo_id, cleos_api, log, run_jobs
from tests.app.workbench.conftest import MailServer, mail_server

__all__ = [
    "MailServer",
    "Program",
    "ada",
    "ada_id",
    "api",
    "cleo",
    "cleo_id",
    "cleos_api",
    "log",
    "mail_server",
    "run_jobs",
]

EVENING = datetime.fromisoformat("2127-03-05T18:00+01:00")
"""A Wednesday in Berlin. No job of that day expires while the tests are run: the database has a clock of its own."""
ADDRESS = "https://metronome.example"


@pytest.fixture(autouse=True)
def _evening(frozen_clock: Clock) -> None:
    """Everybody signs up in the evening, at six."""
    frozen_clock.now = EVENING


@pytest.fixture
def settings(mail_server: MailServer) -> Settings:
    """The product with a mail server."""
    return {"MAIL_URL": mail_server.url, "PUBLIC_URL": ADDRESS}


@pytest.fixture
def look(app: Flask) -> Callable[[], int]:
    """Looks who is to be reminded, as the scheduler does; how many people are."""

    def run() -> int:
        with app.app_context():
            try:
                return services.send_reminders()
            finally:
                db.session.remove()

    return run


@pytest.fixture
def letters(mail_server: MailServer) -> Callable[[], list[EmailMessage]]:
    """What has arrived."""

    def read() -> list[EmailMessage]:
        return [email.message_from_string(text, policy=default) for _, text in mail_server.letters]

    return read
