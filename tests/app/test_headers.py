"""What every response carries."""

import logging
import re

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.app.conftest import Browser, Settings

PATHS = ["/", "/sign-in", "/settings/", "/nothing", "/static/app.css", "/static/nothing", "/api/v1/nothing"]


def policy(text: str) -> dict[str, str]:
    return dict(part.strip().partition(" ")[::2] for part in text.split(";"))


def test_every_answer_says_what_browsers_may_do_with_it(ada: Browser) -> None:
    for path in PATHS:
        for method in ("GET", "POST", "OPTIONS", "DELETE", "TRACE"):
            check_headers(ada.client.open(path, method=method))


def check_headers(answer: TestResponse) -> None:
    found = {name: answer.headers.get(name) for name in (
        "X-Content-Type-Options", "Referrer-Policy", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy",
        "Access-Control-Allow-Origin", "Strict-Transport-Security",
    )}  # fmt: skip
    assert found == {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Access-Control-Allow-Origin": None,
        "Strict-Transport-Security": None,
    }
    rules = policy(answer.headers["Content-Security-Policy"])
    assert (rules["default-src"], rules["script-src"], rules["style-src"]) == ("'none'", "'self'", "'self'")
    assert (rules["frame-ancestors"], rules["base-uri"], rules["form-action"]) == ("'none'", "'none'", "'self'")
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-ID"])


def test_staff_pages_have_a_policy_of_their_own_and_only_they(app: Flask, ada: Browser) -> None:
    assert "'unsafe-inline'" in ada.client.get("/admin/x").headers["Content-Security-Policy"]
    assert "unsafe" not in ada.client.get("/administrators").headers["Content-Security-Policy"]


def test_personal_pages_are_not_kept(ada: Browser) -> None:
    kept = {path: ada.client.get(path).headers["Cache-Control"] for path in ("/", "/settings/", "/nothing")}
    assert kept == {"/": "no-store", "/settings/": "no-store", "/nothing": "no-store"}
    assert "no-store" not in ada.client.get("/static/app.css").headers["Cache-Control"]


@pytest.mark.parametrize(
    ("given", "is_kept"),
    [("abcd-1234.X_y", True), ("short", False), ("x" * 65, False), ("a b c d e f g", False), ("<script>alert", False)],
)
def test_a_sane_request_id_is_kept(stranger: Browser, given: str, is_kept: bool) -> None:
    answer = stranger.client.get("/sign-in", headers={"X-Request-ID": given})
    assert (answer.headers["X-Request-ID"] == given) == is_kept


class TestOnHttps:
    @pytest.fixture
    def settings(self) -> Settings:
        return {"PUBLIC_URL": "https://metronome.example.org"}

    def test_browsers_come_back_with_https_only(self, stranger: Browser) -> None:
        https = stranger.client.get("/sign-in", base_url="https://localhost")
        assert https.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
        assert "Strict-Transport-Security" not in stranger.client.get("/sign-in").headers

    def test_the_cookie_is_bound_to_the_host_and_to_https(self, stranger: Browser) -> None:
        [cookie] = stranger.client.get("/sign-in", base_url="https://localhost").headers.getlist("Set-Cookie")
        parts = {part.strip() for part in cookie.split(";")}
        assert cookie.startswith("__Host-sid=")
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= parts
        assert not [part for part in parts if part.startswith("Domain")]


def test_the_cookie_on_plain_http_is_plain(stranger: Browser) -> None:
    [cookie] = stranger.client.get("/sign-in").headers.getlist("Set-Cookie")
    assert cookie.startswith("sid=")
    assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= {part.strip() for part in cookie.split(";")}
    assert "Secure" not in cookie


class TestTrustedHosts:
    @pytest.fixture
    def settings(self) -> Settings:
        return {"TRUSTED_HOSTS": "metronome.example.org"}

    def test_only_our_names_are_answered(self, stranger: Browser) -> None:
        def ask(host: str) -> int:
            return stranger.client.get("/sign-in", base_url=f"http://{host}").status_code

        assert (ask("metronome.example.org"), ask("evil.example")) == (200, 400)

    def test_a_health_check_on_the_machine_itself_is_answered(self, stranger: Browser) -> None:
        assert stranger.client.get("/healthz", base_url="http://127.0.0.1:8000").status_code == 200

    def test_a_stranger_name_is_refused_quietly(self, stranger: Browser, caplog: pytest.LogCaptureFixture) -> None:
        answer = stranger.client.get("/sign-in", base_url="http://evil.example")
        assert answer.mimetype == "text/plain"
        assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_a_report_is_logged_and_more_than_ten_a_minute_are_not(
    app: Flask, stranger: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "metronome.web"):
        answers = [
            stranger.client.post("/csp-report", data=b'{"csp-report": {"violated-directive": "script-src"}}',
                                 content_type="application/csp-report").status_code
            for _ in range(11)
        ]  # fmt: skip
    assert answers == [204] * 10 + [429]
    assert len(caplog.records) == 10
    assert "script-src" in caplog.records[0].report  # type: ignore[attr-defined]
