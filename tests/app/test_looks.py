"""What many operators look at is drawn once; nothing of one of them comes to another."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update
from werkzeug.test import TestResponse

from app.accounts.models import User
from app.db import transaction
from jobs import JobRequest, engine_of
from tests.app.conftest import PASSWORD, Browser, text_of

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
PACKED = {"Accept-Encoding": "gzip"}


@pytest.fixture
def app(app: Flask) -> Flask:
    """The product, in which all looks of a test fall into the same second."""
    app.config["JOBS_CONSOLE_KEPT_S"] = 1_000
    return app


@pytest.fixture
def ada(app: Flask, ada: Browser) -> Browser:
    """Ada, an admin."""
    _become(app, "Ada", is_admin=True)
    return ada


@pytest.fixture
def vera(app: Flask, browser: Callable[[], Browser]) -> Browser:
    """Vera, who may look."""
    vera = browser().sign_up("Vera")
    _become(app, "Vera", role="viewer")
    return vera


@pytest.mark.parametrize("is_first", [True, False])
def test_who_may_less_is_not_given_what_was_drawn_for_another(ada: Browser, vera: Browser, *, is_first: bool) -> None:
    order = [ada, vera] if is_first else [vera, ada]
    seen = {one: _look(one) for one in order}
    words = {one: text_of(answer) for one, answer in seen.items()}
    assert [len(TOKEN.findall(seen[one].text)) for one in (ada, vera)] == [1, 0]
    assert words[ada].replace("Run a test job ", "") == words[vera]
    assert words[ada] != words[vera]
    assert seen[ada].headers["HX-PTag"] != seen[vera].headers["HX-PTag"]


def test_each_session_finds_its_own_token_in_what_is_shared(ada: Browser, browser: Callable[[], Browser]) -> None:
    again = browser()
    again.post("/sign-in", {"email": "ada@example.org", "password": PASSWORD})
    looks = [_look(one).text for one in (ada, again)]
    tokens = [TOKEN.findall(one) for one in looks]
    assert ([len(one) for one in tokens], tokens[0] != tokens[1]) == ([1, 1], True)
    assert TOKEN.sub("", looks[0]) == TOKEN.sub("", looks[1])
    others = [ada.client.post("/ops/test-jobs", data={"csrf_token": tokens[1][0]}).status_code]
    own = [
        one.client.post("/ops/test-jobs", data={"csrf_token": token[0]}).status_code
        for one, token in zip((ada, again), tokens, strict=True)
    ]
    assert (others, own) == ([400], [303, 303])


def test_a_part_with_tokens_is_packed_for_each_alone(ada: Browser) -> None:
    packed = [_look(ada, **PACKED) for _ in range(20)]
    assert {one.headers["Content-Encoding"] for one in packed} == {"gzip"}
    assert {len(TOKEN.findall(gzip.decompress(one.data).decode())) for one in packed} == {1}
    assert len({one.content_length for one in packed}) > 3


def test_a_part_without_tokens_is_packed_once_for_all_who_see_the_same(
    app: Flask, vera: Browser, browser: Callable[[], Browser]
) -> None:
    _write_a_job(app)
    walt = browser().sign_up("Walt")
    _become(app, "Walt", role="viewer")
    plain, *packed = _look(vera), _look(vera, **PACKED), _look(walt, **PACKED)
    assert [one.headers.get("Content-Encoding") for one in (plain, *packed)] == [None, "gzip", "gzip"]
    assert packed[0].data == packed[1].data
    assert gzip.decompress(packed[0].data) == plain.data
    assert plain.text.startswith('<section id="overview"')
    told = {name.strip() for name in ", ".join(plain.headers.getlist("Vary")).split(",")}
    assert told == {"HX-Request", "HX-Request-Type", "Accept-Encoding", "Cookie"}


def test_a_page_that_asks_less_often_is_given_its_own_pace(app: Flask, vera: Browser, ada: Browser) -> None:
    paces = re.compile(r"every (\d+)ms")
    both = [_look(vera), _look(ada)]
    _become(app, "Vera", refresh_s=10)
    slower = _look(vera, HX_PTag=both[0].headers["HX-PTag"])
    assert [paces.findall(one.text) for one in (*both, slower)] == [["3000"], ["3000"], ["10000"]]


def test_what_the_page_shows_already_is_not_sent_again(ada: Browser, vera: Browser) -> None:
    for one in (ada, vera):
        tags = re.findall(r'<section id="overview"[^>]* hx-ptag="(\w+)"', one.get("/ops/").text)
        same = _look(one, HX_PTag=tags[0])
        assert (same.status_code, same.data, same.headers["HX-PTag"]) == (304, b"", tags[0])


def test_who_may_no_longer_look_is_refused_at_once(app: Flask, vera: Browser) -> None:
    assert _look(vera).status_code == 200
    _become(app, "Vera", role="")
    assert _look(vera).status_code == 403


def _look(browser: Browser, **headers: str) -> TestResponse:
    asked = {"HX-Request": "true", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return browser.client.get("/ops/", headers=asked)


def _become(app: Flask, name: str, **values: Any) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(User).where(User.name == name).values(**values))


def _write_a_job(app: Flask) -> None:
    engine = engine_of(app)
    with app.app_context(), transaction() as session:
        job = engine.jobs["activities.count_calories"]
        engine.write_down(session, [JobRequest(job, {"activity_id": 1}, "activity", 1)])
