"""Pages and fragments."""

import json
from typing import Any

import pytest
from flask import Flask, Response, render_template_string, url_for
from hypothesis import given
from hypothesis import strategies as some
from werkzeug.routing import Rule

from app.security import public
from app.web import Address, done, invalid, live, local_path, page_or_fragment

PART = {"HX-Request": "true", "HX-Request-Type": "partial"}
WHOLE = {"HX-Request": "true", "HX-Request-Type": "full"}
PAGE, FRAGMENT = "errors/problem.html", "errors/_problem.html"
WORDS = {"status": 1, "title": "T", "message": "M", "hint": "", "request_id": ""}


@pytest.fixture
def pages(app: Flask) -> Flask:
    """The product with a few pages for trying."""

    @app.get("/try/page")
    @public
    def _page() -> Response:
        return page_or_fragment(PAGE, FRAGMENT, **WORDS)

    @app.post("/try/done")
    @public
    def _done() -> Response:
        return done(FRAGMENT, see="/try/page", announce="Saved: é", **WORDS)

    @app.post("/try/gone")
    @public
    def _gone() -> Response:
        return done(None, see="/try/page", announce="Saved.")

    @app.post("/try/invalid")
    @public
    def _invalid() -> Response:
        return invalid(PAGE, FRAGMENT, **WORDS)

    @app.get("/try/live")
    @public
    def _live() -> Response:
        return live(FRAGMENT, tag="t1", triggers={"activity-settled": ""}, **WORDS)

    @app.get("/try/flashes")
    @public
    def _flashes() -> str:
        return render_template_string("{{ get_flashed_messages(with_categories=true) }}")

    app.config["WTF_CSRF_ENABLED"] = False
    return app


def is_whole(response: object) -> bool:
    return response.get_data(as_text=True).lstrip().startswith("<!doctype html>")  # type: ignore[attr-defined]


def test_a_page_is_whole_by_hand_and_a_part_by_htmx(pages: Flask) -> None:
    client = pages.test_client()
    by_hand, part = client.get("/try/page"), client.get("/try/page", headers=PART)
    assert (is_whole(by_hand), is_whole(part), is_whole(client.get("/try/page", headers=WHOLE))) == (True, False, True)
    for response in (by_hand, part):
        assert {"HX-Request", "HX-Request-Type"} <= {
            one.strip() for one in ",".join(response.headers.getlist("Vary")).split(",")
        }
        assert response.headers["Cache-Control"] == "no-store"


def test_what_worked_leads_on_by_hand_and_gives_the_fragment_to_htmx(pages: Flask) -> None:
    client = pages.test_client()
    by_hand = client.post("/try/done")
    assert (by_hand.status_code, by_hand.headers["Location"]) == (303, "/try/page")
    assert "Saved: é" in client.get("/try/flashes").get_data(as_text=True)
    part = client.post("/try/done", headers=PART)
    assert part.status_code == 201
    assert part.headers["HX-Trigger"].isascii()
    assert json.loads(part.headers["HX-Trigger"]) == {"announce": {"text": "Saved: é"}}


def test_without_a_fragment_htmx_is_sent_on_too(pages: Flask) -> None:
    part = pages.test_client().post("/try/gone", headers=PART)
    assert (part.status_code, part.headers["HX-Redirect"], part.data) == (204, "/try/page", b"")


def test_wrong_input_is_422_in_both_forms(pages: Flask) -> None:
    client = pages.test_client()
    by_hand, part = client.post("/try/invalid"), client.post("/try/invalid", headers=PART)
    assert [(one.status_code, is_whole(one)) for one in (by_hand, part)] == [(422, True), (422, False)]


def test_an_unchanged_region_is_not_drawn_again(pages: Flask) -> None:
    client = pages.test_client()
    first = client.get("/try/live", headers=PART)
    assert (first.status_code, first.headers["HX-PTag"]) == (200, "t1")
    assert json.loads(first.headers["HX-Trigger"]) == {"activity-settled": ""}
    again = client.get("/try/live", headers={**PART, "HX-PTag": "t1"})
    assert (again.status_code, again.data, again.headers.get("HX-Trigger")) == (304, b"", None)
    assert client.get("/try/live", headers={**PART, "HX-PTag": "t0"}).status_code == 200
    assert client.get("/try/live", headers={"HX-PTag": "t1"}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/activities/?q=a%20b", "/settings/#tokens", "/a//b"])
def test_a_path_on_this_site_is_followed(path: str) -> None:
    assert local_path(path, otherwise="/") == path


@pytest.mark.parametrize(
    "path",
    ["", None, "//evil.example", "/\\evil.example", "\\\\evil.example", "https:evil.example", "https://evil.example",
     "https:///evil.example", "///evil.example", "/\t/evil.example", "/\n/evil", " /home", "javascript:alert(1)",
     "evil.example", "/a\\b", "/\x00", "/\x7f", "/" + "a" * 2000, "?next=/", "data:text/html,x"],
)  # fmt: skip
def test_a_way_to_another_site_is_not(path: str | None) -> None:
    assert local_path(path, otherwise="/home") == "/home"


@given(some.text())
def test_whatever_is_followed_stays_here(text: str) -> None:
    path = local_path(text, otherwise="/")
    assert path.startswith("/")
    assert not path.startswith(("//", "/\\"))
    assert all(sign not in path for sign in "\\\r\n\t")


def test_how_an_address_is_built_is_worked_out_when_it_is_wanted(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    worked_out: list[str] = []
    library = Rule._compile_builder

    def noted(rule: Rule, append_unknown: bool = True) -> Any:
        worked_out.append(rule.rule)
        return library(rule, append_unknown)

    monkeypatch.setattr(Rule, "_compile_builder", noted)
    app.add_url_rule("/try/<int:number>", endpoint="try", view_func=lambda number: number)
    assert worked_out == []
    with app.test_request_context():
        built = [url_for("try", number=1), url_for("try", number=2, more="x y")]
    assert built == ["/try/1", "/try/2?more=x+y"]
    assert worked_out == ["/try/<int:number>"]
    assert {type(rule) for rule in app.url_map.iter_rules()} == {Address}
