"""The web is called, its parts are looked at, and people hear when it is not well."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, text

from app import create_app
from app.alerts.models import Alert
from app.clock import now
from app.config import Config
from app.db import db, reading, transaction
from app.monitoring.health import queries, services
from app.monitoring.health.models import HealthCheck, HealthPart
from jobs import engine_of
from tests.app.activities.conftest import program_of
from tests.app.conftest import Browser, Clock, text_of
from tests.app.workbench.conftest import MailServer
from tests.jobs.tampering import unguarded

from .conftest import Web


def alerts() -> list[tuple[str, str]]:
    db.session.remove()
    return [(one.fingerprint, one.state) for one in reading().scalars(select(Alert).order_by(Alert.id))]


def looks() -> list[tuple[str, int | None, str]]:
    db.session.remove()
    found = reading().scalars(select(HealthCheck).order_by(HealthCheck.id))
    return [(one.condition, one.status, one.words) for one in found]


def test_look_is_written_down_with_its_latency(inside: Flask, web: Web) -> None:
    services.check()
    assert (looks(), web.asked) == ([("ok", 200, "All is well.")], ["/readyz"])
    last = queries.last_check()
    assert last is not None
    assert 0 < last.latency_ms < 5_000


def test_without_an_address_the_one_it_listens_on_is_called(tmp_path_factory: pytest.TempPathFactory) -> None:
    for host, address in (("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("10.0.0.7", "10.0.0.7")):
        folder = str(tmp_path_factory.mktemp("data"))
        app = create_app(Config.from_env({"DATA_DIR": folder, "HOST": host, "PORT": "8123"}), with_pages=False)
        with app.app_context():
            assert services.address() == f"http://{address}:8123/readyz"


def test_web_that_fails_three_times_is_an_alert_and_one_good_look_ends_it(inside: Flask, web: Web) -> None:
    web.status, web.text = 503, "database: down (refused)\n"
    services.check()
    services.check()
    assert [name for name, _ in alerts() if name == "health"] == []
    services.check()
    services.check()
    assert ("health", "open") in alerts()
    words = reading().scalars(select(Alert.words).where(Alert.rule == "health")).one()
    assert words == f"database: down (refused) Asked at {services.address()}."
    web.status, web.text = 200, "database: ok\n"
    services.check()
    assert ("health", "resolved") in alerts()


def test_web_that_does_not_answer_is_down(inside: Flask, web: Web) -> None:
    web.server_close()
    web.shutdown()
    services.check()
    ((condition, status, words),) = looks()
    assert (condition, status) == ("down", None)
    assert words.startswith("The web does not answer: ")


def test_parts_say_since_when(inside: Flask, web: Web, frozen_clock: Clock) -> None:
    services.check()
    first = queries.part_named("redis")
    assert first is not None
    assert (first.condition, first.since) == ("degraded", frozen_clock.now)
    began = frozen_clock.now
    frozen_clock.forward(timedelta(seconds=10))
    services.check()
    second = queries.part_named("redis")
    assert second is not None
    assert (second.since, second.looked_at) == (began, frozen_clock.now)
    names = ["database", "disk", "migrations", "redis", "scheduler", "workers"]
    assert sorted(one.name for one in queries.parts()) == names


def test_part_that_stays_unwell_is_an_alert_of_its_own(inside: Flask, web: Web, frozen_clock: Clock) -> None:
    services.check()
    assert ("part of the system:redis", "open") not in alerts()
    frozen_clock.forward(timedelta(seconds=30))
    services.check()
    assert ("part of the system:redis", "open") in alerts()
    with transaction() as session:
        session.execute(text("UPDATE health_part SET condition = 'ok' WHERE name = 'redis'"))
    services._alert(services.read_answer(200, "database: ok"))
    assert ("part of the system:redis", "resolved") in alerts()


class TestMail:
    @pytest.fixture
    def settings(self, web: Web, mail_server: MailServer) -> dict[str, str]:
        return {"HEALTH_URL": f"http://127.0.0.1:{web.server_address[1]}/", "MAIL_URL": mail_server.url}

    def test_mail_server_is_greeted_once_a_minute(
        self, inside: Flask, mail_server: MailServer, frozen_clock: Clock
    ) -> None:
        services.check()
        mail_server.says = {"connect": "554 go away"}
        frozen_clock.forward(timedelta(seconds=59))
        services.check()
        found = queries.part_named("mail")
        assert found is not None
        assert (found.condition, found.words) == ("ok", "it greets")
        frozen_clock.forward(timedelta(seconds=1))
        services.check()
        found = queries.part_named("mail")
        assert found is not None
        assert found.condition == "degraded"
        assert "554" in found.words
        assert mail_server.letters == []

    def test_without_the_database_a_file_and_a_mail_say_so_once(
        self, inside: Flask, ada_id: int, mail_server: MailServer, run_jobs: Callable[[], None]
    ) -> None:
        services.check()
        with transaction() as session:
            session.execute(text("ALTER TABLE health_check RENAME TO away"))
        for _ in range(3):
            services.check()
        folder = inside.extensions["config"].data_dir / "error_reports"
        (report,) = [file.read_text() for file in folder.glob("health_*_0.txt")]
        assert "Type: Health\nDescription: The database is away. " in report
        assert [to for to, _ in mail_server.letters] == ["ada@example.org"]
        with transaction() as session:
            session.execute(text("ALTER TABLE away RENAME TO health_check"))
        services.check()
        assert len(looks()) == 2


def test_audit_log_is_walked_once_a_day_and_a_break_is_an_alert(inside: Flask, frozen_clock: Clock) -> None:
    for number in range(3):
        engine_of().audit.note(by="user 1", action="pause", subject=f"queue {number}", details={})
    assert [services.verify_audit(), services.verify_audit()] == [True, None]
    assert alerts() == []
    with transaction() as session, unguarded(session):
        session.execute(text("UPDATE job_audit SET action = 'resume' WHERE id = 2"))
    frozen_clock.forward(timedelta(hours=23))
    assert services.verify_audit() is None
    frozen_clock.forward(timedelta(hours=1))
    assert services.verify_audit() is False
    assert alerts() == [("audit log", "open")]
    words = reading().scalars(select(Alert.words)).one()
    assert words.startswith("The row is not as it was written. First broken entry: 2.")


def test_old_looks_are_forgotten(inside: Flask, web: Web, frozen_clock: Clock) -> None:
    services.check()
    frozen_clock.forward(timedelta(days=8))
    services.check()
    assert services.forget_old() == 1
    assert len(looks()) == 1


class TestPage:
    def test_page_says_that_nobody_looks_or_looks_no_more(self, ada: Browser, app: Flask) -> None:
        assert "Nobody looks." in text_of(ada.get("/ops/health"))
        with app.app_context(), transaction() as session:
            at = now() - timedelta(minutes=2)
            session.add(HealthCheck(at=at, condition="ok", status=200, latency_ms=3.0, words="All is well."))
        assert "Nobody looks any more." in text_of(ada.get("/ops/health"))

    def test_page_shows_parts_strip_and_troubles(self, ada: Browser, app: Flask, web: Web) -> None:
        with app.app_context():
            services.check()
            web.status, web.text = 503, "database: down\n"
            services.check()
        page = ada.get("/ops/health")
        said = text_of(page)
        assert "The web does not answer as it should. database: down" in said
        assert "Of 2 looks in the last day 1 failed." in page.get_data(as_text=True)
        assert page.get_data(as_text=True).count("<rect ") == 144
        assert "Answered, last day 50.00 %" in said
        part = ada.get("/ops/health", headers={"HX-Request": "true", "HX-Request-Type": "partial"})
        assert part.get_data(as_text=True).startswith('<section id="health"')

    def test_page_says_that_all_is_well(self, ada: Browser, app: Flask) -> None:
        with app.app_context(), transaction() as session:
            session.add(HealthCheck(at=now(), condition="ok", status=200, latency_ms=3.2, words="All is well."))
            session.add(
                HealthPart(
                    name="database", condition="ok", words="", remedy="", took_ms=1, looked_at=now(), since=now()
                )
            )
        assert "All is well. The web answered in 3 ms" in text_of(ada.get("/ops/health"))

    def test_cleo_does_not_see_it(self, cleo: Browser) -> None:
        assert cleo.get("/ops/health").status_code == 403


def test_about_describes_the_system_without_its_secrets(app: Flask, cleo_id: int, stranger: Browser) -> None:
    found = program_of(app, cleo_id)("GET", "/api/v1/about").json
    assert found is not None
    assert (found["name"], found["version"], found["workers"]) == ("Metronome", "0.1.0", 0)
    assert found["database"]["kind"] in {"sqlite", "postgresql"}
    assert "activities" in found["queues"]
    assert "secret" not in str(found).casefold()
    assert stranger.client.get("/api/v1/about").status_code == 401


def test_the_console_tells_what_was_seen_last_and_since_when_nobody_looks(
    app: Flask, web: Web, ada: Browser, frozen_clock: Clock
) -> None:
    with app.app_context():
        services.check()
        assert {one.name for one in queries.dependencies()} == {"Database", "Redis", "Disk", "Migrations"}
        assert {one.word.endswith("ago") for one in queries.dependencies()} == {False}
        frozen_clock.forward(timedelta(minutes=5))
        assert {one.word.endswith(", 5 min ago") for one in queries.dependencies()} == {True}
    assert "5 min ago" in text_of(ada.get("/ops/"))
