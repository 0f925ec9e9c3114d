"""How what goes wrong is told."""

import re
import sqlite3
from html import unescape
from typing import Any

import pytest
from flask import Flask, request
from psycopg2.errors import DiskFull as PostgresDiskFull
from sqlalchemy.exc import OperationalError
from werkzeug.datastructures import MultiDict

from app.errors import Conflict, Gone, Invalid, NotFound, TooMany, Unavailable
from app.problems import WORDS
from app.security import public
from jobs import Crowded
from tests.app.conftest import Browser, text_of

PART = {"HX-Request": "true", "HX-Request-Type": "partial"}
RAISED: dict[str, Exception] = {
    "missing": NotFound("There is no such activity."),
    "conflict": Conflict("It was deleted meanwhile."),
    "gone": Gone("It was deleted since."),
    "invalid": Invalid({"weight_kg": "Weight must be between 20 and 500 kg.", "notes": "Too long."}),
    "twice": Invalid({"x": "It must be a number.", "y": "It must be a number."}),
    "many": TooMany("Too many tries. Try again in 2 minutes.", retry_after_s=120),
    "away": Unavailable("Try again."),
    "database": OperationalError("SELECT secret", {}, Exception("password=hunter2")),
    "crowded": Crowded("Others ask for the same at this moment, again and again."),
    "bug": RuntimeError("password=hunter2"),
}


class DiskFull(PostgresDiskFull):
    """As PostgreSQL's, which only a server's answer gives its code."""

    pgcode = "53100"


@pytest.fixture
def failing(app: Flask) -> Flask:
    """The product with pages that fail, for people and for programs."""

    @public
    def fail(what: str) -> str:
        raise RAISED[what]

    @public
    def read() -> dict[str, Any]:
        return {"got": request.get_json()}

    app.add_url_rule("/try/fail/<what>", "try_fail", fail, methods=["GET", "POST"])
    app.add_url_rule("/api/try/fail/<what>", "try_api_fail", fail, methods=["GET", "POST"])
    app.add_url_rule("/api/try/read", "try_read", read, methods=["POST"])
    app.config["WTF_CSRF_ENABLED"] = False
    app.config["PROPAGATE_EXCEPTIONS"] = False
    return app


STATUSES = {
    "twice": 422,
    "missing": 404,
    "conflict": 409,
    "gone": 410,
    "invalid": 422,
    "many": 429,
    "away": 503,
    "database": 503,
    "crowded": 503,
    "bug": 500,
}


@pytest.mark.parametrize("what", RAISED)
def test_people_get_a_page_and_htmx_its_middle(failing: Flask, what: str) -> None:
    client = failing.test_client()
    page, part = client.get(f"/try/fail/{what}"), client.get(f"/try/fail/{what}", headers=PART)
    assert (page.status_code, part.status_code) == (STATUSES[what], STATUSES[what])
    assert (page.text.lstrip()[:15], part.text.lstrip()[:20]) == ("<!doctype html>", '<section class="prob')
    assert page.headers["X-Request-ID"] in text_of(page)
    assert "hunter2" not in page.text + part.text


@pytest.mark.parametrize("what", RAISED)
def test_programs_get_problem_json(failing: Flask, what: str) -> None:
    answer = failing.test_client().get(f"/api/try/fail/{what}")
    assert (answer.status_code, answer.mimetype) == (STATUSES[what], "application/problem+json")
    told = answer.json
    assert told is not None
    assert set(told) == {"type", "title", "status", "detail", "errors", "request_id"}
    assert (told["status"], told["request_id"]) == (STATUSES[what], answer.headers["X-Request-ID"])
    assert "hunter2" not in answer.text


def test_every_wrong_field_is_named(failing: Flask) -> None:
    answer = failing.test_client().get("/api/try/fail/invalid").json
    assert answer is not None
    assert answer["errors"] == [
        {"field": "weight_kg", "code": "invalid", "message": "Weight must be between 20 and 500 kg."},
        {"field": "notes", "code": "invalid", "message": "Too long."},
    ]


def test_a_wait_is_said_in_words_and_in_the_header(failing: Flask) -> None:
    answer = failing.test_client().get("/try/fail/many")
    assert "Try again in 2 minutes." in text_of(answer)
    assert answer.headers["Retry-After"] == "120"


def test_a_database_that_is_away_is_said_so(failing: Flask) -> None:
    client = failing.test_client()
    wrote, read = client.post("/try/fail/database"), client.get("/try/fail/database")
    assert "Could not save right now. Nothing was stored. Please try again." in text_of(wrote)
    assert "This cannot be shown right now. Nothing was lost. Please try again." in text_of(read)
    assert (wrote.headers["Retry-After"], read.headers["Retry-After"]) == ("5", "5")


def middle(page: str) -> str:
    return page.partition('<section class="problem')[2].partition("</section>")[0]


def hidden_fields(page: str) -> list[tuple[str, str]]:
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page)
    return [(unescape(name), unescape(value)) for name, value in found if name != "csrf_token"]


def test_what_was_entered_is_kept_to_be_sent_again(failing: Flask) -> None:
    entered = [("kind", "running"), ("notes", 'two\nlines & <b>"quotes"</b>'), ("tag", "a"), ("tag", "b")]
    page = middle(failing.test_client().post("/try/fail/database?at=1", data=MultiDict(entered)).text)
    assert hidden_fields(page) == entered
    assert 'action="/try/fail/database?at=1"' in page
    assert "<b>" not in page


@pytest.mark.parametrize(
    ("what", "fields"), [("database", {"email": "a@b.c", "password": "horse"}), ("bug", {"a": "1"}), ("database", {})]
)
def test_no_secret_and_nothing_that_would_fail_again_is_kept(failing: Flask, what: str, fields: Any) -> None:
    page = middle(failing.test_client().post(f"/try/fail/{what}", data=fields).text)
    assert "<form" not in page


@pytest.mark.parametrize("cause", ["sqlite", "postgresql"])
def test_storage_that_is_full_is_said_so(failing: Flask, monkeypatch: pytest.MonkeyPatch, cause: str) -> None:
    full = sqlite3.OperationalError("database or disk is full") if cause == "sqlite" else DiskFull()
    monkeypatch.setitem(RAISED, "database", OperationalError("INSERT", {}, full))
    answer = failing.test_client().post("/try/fail/database", data={"kind": "running"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "The storage of this server is full. Nothing was stored." in text_of(answer)


def test_a_database_that_is_gone_is_told_to_people_who_are_signed_in(app: Flask, ada: Browser) -> None:
    assert ada.get("/settings/").status_code == 200
    app.extensions["recognise_session"] = lambda _token: (_ for _ in ()).throw(RAISED["database"])
    answer = ada.client.get("/settings/")
    assert answer.status_code == 503
    assert "Nothing was lost" in text_of(answer)


def test_a_problem_page_that_fails_too_is_told_in_plain_words(failing: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> str:
        raise RuntimeError("no template")

    failing.jinja_env.globals["url_for"] = broken
    answer = failing.test_client().get("/try/fail/bug")
    assert (answer.status_code, answer.mimetype) == (500, "text/plain")
    assert answer.text.startswith("Something went wrong. This is our fault, not yours.")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/api/v1/nothing", 404),
        ("DELETE", "/sign-in", 405),
        ("GET", "/api/try/read", 405),
    ],
)
def test_what_the_router_refuses_is_told_in_the_same_way(failing: Flask, method: str, path: str, status: int) -> None:
    answer = failing.test_client().open(path, method=method)
    assert answer.status_code == status
    assert answer.mimetype == ("application/problem+json" if path.startswith("/api/") else "text/html")
    assert WORDS[status].title in answer.text
    assert status != 405 or answer.headers["Allow"]


@pytest.mark.parametrize(
    ("body", "content_type", "status", "detail"),
    [
        (b'{"a": NaN}', "application/json", 400, "JSON has no NaN."),
        (b'{"a": 1, "a": 1}', "application/json", 400, "An object names the same key twice."),
        (b"{", "application/json", 400, "This is not well-formed JSON."),
        (b"{}", "text/plain", 415, "Send it as application/json."),
        (
            b'"' + b"a" * 1_100_000 + b'"',
            "application/json",
            413,
            "What was sent is larger than 1 MiB, so nothing was stored.",
        ),
    ],
)
def test_json_that_cannot_be_read_is_refused_with_a_reason(
    failing: Flask, body: bytes, content_type: str, status: int, detail: str
) -> None:
    answer = failing.test_client().post("/api/try/read", data=body, content_type=content_type)
    assert (answer.status_code, answer.json and answer.json["detail"]) == (status, detail)


def test_good_json_is_read(failing: Flask) -> None:
    answer = failing.test_client().post("/api/try/read", json={"a": [1, "é"]})
    assert answer.json == {"got": {"a": [1, "é"]}}


def test_a_form_larger_than_a_mebibyte_is_refused_before_anything_is_hashed(stranger: Browser) -> None:
    answer = stranger.post("/sign-in", {"email": "ada@example.org", "password": "x" * 2_000_000})
    assert answer.status_code == 413


def test_every_word_is_about_a_status_that_is_one() -> None:
    assert all(400 <= status < 600 and words.message for status, words in WORDS.items())


def test_what_is_wrong_with_many_fields_is_said_once_and_each_is_named(failing: Flask) -> None:
    told = failing.test_client().post("/api/try/fail/twice").get_json()
    assert (told["detail"], [one["field"] for one in told["errors"]]) == ("It must be a number.", ["x", "y"])
