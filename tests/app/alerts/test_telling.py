"""How people hear of an alert: by mail, by webhook, once, and not at night."""

from __future__ import annotations

import email
import json
from collections.abc import Callable
from datetime import timedelta
from email.policy import default
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.accounts import services as accounts
from app.alerts import queries, services
from app.alerts.models import AlertStep
from app.alerts.telling import services as telling
from app.alerts.watch import services as watch
from app.db import db, reading
from jobs import Wanted, engine_of
from tests.app.conftest import PASSWORD, Clock
from tests.app.workbench.conftest import MailServer, make_due

from .conftest import Listener

RunJobs = Callable[[], None]


@pytest.fixture
def online(mail_server: MailServer, settings: dict[str, str], request: pytest.FixtureRequest) -> Flask:
    """The product with a mail server, and Ada who runs it."""
    settings |= {"MAIL_URL": mail_server.url, "PUBLIC_URL": "https://metronome.example"}
    app: Flask = request.getfixturevalue("app")
    request.getfixturevalue("ada_id")
    request.getfixturevalue("cleo_id")
    return app


def raise_one(app: Flask, rule: str = "queue age", **changes: Any) -> int:
    with app.app_context():
        return services.raise_alert(
            rule, "Jobs wait too long: ai", "The oldest waits for 301 s.", about="ai", **changes
        )


def steps_of(app: Flask, alert_id: int) -> list[str]:
    with app.app_context():
        query = select(AlertStep.words).where(AlertStep.alert_id == alert_id).order_by(AlertStep.id)
        return list(reading().scalars(query))


def test_admins_get_a_mail_and_others_none(online: Flask, mail_server: MailServer, run_jobs: RunJobs) -> None:
    alert_id = raise_one(online)
    run_jobs()
    ((to, text),) = mail_server.letters
    message = email.message_from_string(text, policy=default)
    assert (to, message["Subject"]) == ("ada@example.org", "Alert: Jobs wait too long: ai")
    lines = message.get_content().replace("\r\n", "\n").split("\n\n")
    assert lines[:2] == ["Queue waits: Jobs wait too long: ai.", "The oldest waits for 301 s."]
    assert lines[3].splitlines()[1] == f"https://metronome.example/ops/alerts/{alert_id}"
    assert steps_of(online, alert_id) == ["Raised", "Told 1 by mail"]


def test_told_again_by_the_same_job_nobody_gets_a_second_mail(
    online: Flask, mail_server: MailServer, run_jobs: RunJobs
) -> None:
    with online.app_context():
        accounts.create_user(email="eve@example.org", password=PASSWORD, name="Eve", is_admin=True)
    raise_one(online)
    refuse_second(mail_server)
    run_jobs()
    assert [to for to, _ in mail_server.letters] == ["ada@example.org"]
    mail_server.says.clear()
    with online.app_context():
        make_due()
    run_jobs()
    assert [to for to, _ in mail_server.letters] == ["ada@example.org", "eve@example.org"]


def refuse_second(mail_server: MailServer) -> None:
    """Hang up when the second letter is about to be taken."""

    class Cut(list[str]):
        def __contains__(self, step: object) -> bool:
            return step == "MAIL" and len(mail_server.letters) == 1

        def remove(self, _step: str) -> None:
            """Cut every time."""

    mail_server.cut_at = Cut()
    mail_server.says = {}

    def stop() -> None:
        mail_server.cut_at = []

    mail_server.says = Ending(stop)


class Ending(dict[str, str]):
    """Answers as usual; cleared, it lets the mail through again."""

    def __init__(self, stop: Callable[[], None]) -> None:
        super().__init__()
        self._stop = stop

    def clear(self) -> None:
        self._stop()


def test_a_second_job_for_the_same_telling_does_nothing(
    online: Flask, mail_server: MailServer, run_jobs: RunJobs
) -> None:
    alert_id = raise_one(online)
    run_jobs()
    with online.app_context():
        assert telling.tell_people(alert_id, once=lambda _name, act: act("other key")) == {"mails": 0, "webhooks": 0}
    assert len(mail_server.letters) == 1


def test_what_goes_on_is_told_again_after_the_cool_down_and_not_before(
    online: Flask, mail_server: MailServer, run_jobs: RunJobs, frozen_clock: Clock
) -> None:
    for _ in range(3):
        raise_one(online)
        run_jobs()
        frozen_clock.forward(timedelta(minutes=25))
    subjects = [email.message_from_string(text, policy=default)["Subject"] for _, text in mail_server.letters]
    assert subjects == ["Alert: Jobs wait too long: ai"]
    raise_one(online)
    run_jobs()
    subjects = [email.message_from_string(text, policy=default)["Subject"] for _, text in mail_server.letters]
    assert subjects[1:] == ["Alert: Jobs wait too long: ai (4 times)"]


def test_what_is_measured_and_goes_on_gives_one_mail_in_each_cool_down(
    online: Flask, mail_server: MailServer, run_jobs: RunJobs, frozen_clock: Clock
) -> None:
    told = []
    for _ in range(6):
        with online.app_context():
            watch.watch_engine()
            watch.watch_engine()
            services.tell_again()
        run_jobs()
        told.append(len(mail_server.letters))
        frozen_clock.forward(timedelta(minutes=30))
    assert told == [1, 1, 2, 2, 3, 3]
    message = email.message_from_string(mail_server.letters[-1][1], policy=default)
    assert message["Subject"] == "Alert: No worker is alive"
    assert "Since 2026-11-20 12:00:00 UTC, once, last at 2026-11-20 14:00:00 UTC." in message.get_content()


def test_what_wavers_is_one_alert(online: Flask, run_jobs: RunJobs, mail_server: MailServer) -> None:
    first = raise_one(online)
    with online.app_context():
        assert services.resolve_by_itself("queue age", about="ai")
        assert not services.resolve_by_itself("queue age", about="ai")
    assert raise_one(online) == first
    run_jobs()
    assert (steps_of(online, first), len(mail_server.letters)) == (
        ["Raised", "It is over by itself.", "Raised again", "Told 1 by mail"],
        1,
    )


class TestQuietHours:
    @pytest.fixture
    def settings(self) -> dict[str, str]:
        return {"ALERT_QUIET_HOURS": "11:00-13:00"}

    def test_at_night_only_what_is_critical_is_told_and_the_rest_in_the_morning(
        self, online: Flask, mail_server: MailServer, run_jobs: RunJobs, frozen_clock: Clock
    ) -> None:
        raise_one(online)
        raise_one(online, "no worker")
        run_jobs()
        assert len(mail_server.letters) == 1
        with online.app_context():
            assert services.tell_again() == 0
        frozen_clock.forward(timedelta(hours=1))
        with online.app_context():
            assert [services.tell_again(), services.tell_again()] == [1, 0]
        run_jobs()
        assert len(mail_server.letters) == 2


class TestWebhook:
    @pytest.fixture
    def settings(self, listener: Listener) -> dict[str, str]:
        return {"ALERT_WEBHOOK_URL": listener.url, "WEBHOOK_TRUSTED_HOSTS": "127.0.0.1"}

    def test_webhook_gets_the_alert_as_json(self, online: Flask, listener: Listener, run_jobs: RunJobs) -> None:
        alert_id = raise_one(online)
        run_jobs()
        ((path, headers, body),) = listener.heard
        sent = json.loads(body)
        assert (path, headers["Content-Type"]) == ("/hook?room=ops", "application/json")
        assert headers["Idempotency-Key"].endswith(":webhook")
        assert (sent["text"], sent["url"]) == (
            "Queue waits: Jobs wait too long: ai",
            f"https://metronome.example/ops/alerts/{alert_id}",
        )
        assert (sent["alert"]["id"], sent["alert"]["times"]) == (alert_id, 1)
        assert steps_of(online, alert_id)[1:] == ["Told 1 by mail, and the webhook"]

    @pytest.mark.parametrize("status", [500, 302, 404])
    def test_webhook_that_fails_is_called_again_and_the_mail_is_not_sent_again(
        self, online: Flask, listener: Listener, mail_server: MailServer, run_jobs: RunJobs, status: int
    ) -> None:
        raise_one(online)
        listener.says = status
        run_jobs()
        listener.says = 200
        with online.app_context():
            make_due()
        run_jobs()
        keys = [headers["Idempotency-Key"] for _, headers, _ in listener.heard]
        assert (len(keys), len(set(keys)), len(mail_server.letters)) == (2, 1, 1)


class TestPrivateWebhook:
    @pytest.fixture
    def settings(self, listener: Listener) -> dict[str, str]:
        return {"ALERT_WEBHOOK_URL": listener.url}

    def test_webhook_at_a_private_address_is_not_called(
        self, online: Flask, listener: Listener, mail_server: MailServer, run_jobs: RunJobs
    ) -> None:
        alert_id = raise_one(online)
        run_jobs()
        assert (listener.heard, len(mail_server.letters)) == ([], 1)
        assert steps_of(online, alert_id)[1:] == ["Told 1 by mail"]


class TestWithoutWorker:
    def test_without_a_worker_the_scheduler_tells_and_the_job_does_not_tell_again(
        self, online: Flask, mail_server: MailServer, run_jobs: RunJobs, frozen_clock: Clock
    ) -> None:
        alert_id = raise_one(online, "no worker")
        with online.app_context():
            assert telling.tell_without_worker() == 0
        frozen_clock.forward(timedelta(seconds=11))
        with online.app_context():
            assert [telling.tell_without_worker(), telling.tell_without_worker()] == [1, 0]
            db.session.remove()
        run_jobs()
        assert [to for to, _ in mail_server.letters] == ["ada@example.org"]
        assert steps_of(online, alert_id) == ["Raised", "Told 1 by mail, without a worker"]

    def test_with_a_worker_it_is_left_to_the_job(
        self, online: Flask, mail_server: MailServer, beat: Callable[[], None], frozen_clock: Clock
    ) -> None:
        raise_one(online)
        beat()
        frozen_clock.forward(timedelta(seconds=11))
        with online.app_context():
            assert telling.tell_without_worker() == 0
            assert len(engine_of().inspector.page(Wanted(kinds=("alerts.tell_people",)))[0]) == 1
        assert mail_server.letters == []

    def test_what_could_not_be_told_is_tried_again(
        self, online: Flask, mail_server: MailServer, frozen_clock: Clock
    ) -> None:
        alert_id = raise_one(online)
        frozen_clock.forward(timedelta(seconds=11))
        mail_server.says = {"connect": "451 later"}
        with online.app_context():
            assert telling.tell_without_worker() == 0
            assert queries.alert(alert_id).told_at is None
        mail_server.says = {}
        with online.app_context():
            assert telling.tell_without_worker() == 1
        assert len(mail_server.letters) == 1
