"""The system page."""

from __future__ import annotations

from collections.abc import Callable
from email import message_from_bytes
from pathlib import Path

import pytest
from flask import Flask

from app.monitoring.queries import newest_migrations
from app.units import size
from jobs import engine_of
from tests.app.conftest import Browser, Settings, text_of


def test_only_admins_see_the_system(ada: Browser, cleo: Browser, stranger: Browser) -> None:
    assert stranger.get("/ops/system").headers["Location"].startswith("/sign-in")
    assert [cleo.get("/ops/system").status_code, cleo.post("/ops/system/mail-tests").status_code] == [403, 403]
    assert ada.get("/ops/system").status_code == 200


def test_it_tells_settings_with_their_source_and_no_secret(app: Flask, ada: Browser) -> None:
    page = ada.get("/ops/system")
    assert "SIGN_UP_PER_HOUR 1000 environment" in text_of(page)
    assert "PAGE_SIZE 10 default" in text_of(page)
    assert "SECRET_KEY set, not shown" in text_of(page)
    config = app.extensions["config"]
    assert [one for one in (config.secret_key, config.database_url) if one in page.get_data(as_text=True)] == []


def test_it_tells_what_is_away(ada: Browser) -> None:
    words = text_of(ada.get("/ops/system"))
    for told in (
        "Workers None lives",
        "None is set: jobs start a second later",
        "no mail server is set",
        "30 days in the",
    ):
        assert told in words


def test_a_test_mail_is_really_sent_and_audited(app: Flask, ada: Browser, tmp_path: Path) -> None:
    assert ada.post("/ops/system/mail-tests").status_code == 303
    assert "Sent to ada@example.org. Into files in" in text_of(ada.get("/ops/system"))
    [file] = (tmp_path / "outbox").glob("*.eml")
    letter = message_from_bytes(file.read_bytes())
    assert [letter["To"], letter["Subject"]] == ["ada@example.org", "Metronome: a test"]
    with app.app_context():
        [row] = engine_of().audit.page()
    assert [row.action, row.by, row.details["went"]] == ["test mail", "user 1", True]


def test_programs_are_told_the_same(app: Flask, ada: Browser, as_program: Callable[..., dict[str, str]]) -> None:
    program, headers = app.test_client(), as_program("admin")
    told = program.get("/api/v1/system", headers=headers).get_json()
    assert [told["processes"], told["migrations"], told["switches"]["REDIS_URL"]] == [
        [],
        sorted(newest_migrations()),
        False,
    ]
    assert told["sizes"][0]["bytes"] > 0
    assert told["disk"]["free_bytes"] <= told["disk"]["total_bytes"]
    sent = program.post("/api/v1/system/mail-tests", headers=headers).get_json()
    assert [sent["went"], sent["told"][:24]] == [True, "Sent to ada@example.org."]
    lesser = as_program("jobs")
    assert [program.get("/api/v1/system", headers=lesser).status_code] == [403]
    assert program.post("/api/v1/system/mail-tests", headers=lesser).status_code == 403


class TestNoServerThere:
    @pytest.fixture
    def settings(self) -> Settings:
        return {"MAIL_URL": "smtp://127.0.0.1:1", "GRAFANA_URL": "https://grafana.example.org"}

    def test_what_went_wrong_is_said(self, ada: Browser) -> None:
        ada.post("/ops/system/mail-tests")
        assert "It was not sent. The mail server did not answer as it should" in text_of(ada.get("/ops/system"))

    def test_grafana_is_linked_where_it_is(self, ada: Browser) -> None:
        page = ada.get("/ops/system").get_data(as_text=True)
        assert '<a href="https://grafana.example.org" rel="noreferrer">Grafana</a>' in page


def test_sizes_are_said_in_words() -> None:
    assert [size(one) for one in (0, 1023, 1536, 200 * 1024, 5 * 1024**4)] == [
        "0 B",
        "1023 B",
        "1.5 KiB",
        "200 KiB",
        "5.0 TiB",
    ]
