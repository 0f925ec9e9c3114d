"""Static files are small, kept for a year, and never shown in an old version."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from flask import Flask, url_for
from flask.testing import FlaskClient

from app import assets

ROOT = Path(__file__).parents[2]
EVERY_PAGE = [
    "app.css",
    "app.js",
    "icons.svg",
    "mark.svg",
    "vendor/htmx/htmx.min.js",
    "vendor/htmx/hx-ptag.min.js",
    "fonts/sofia-cond.woff2",
]
LARGEST_FIRST_LOAD_BYTES = 60_000
ROOM_FOR_THE_PAGE_BYTES = 5_000
MOST_REQUESTS = 8
PACKED = {"Accept-Encoding": "gzip, deflate, br"}


def site(folder: Path) -> Flask:
    app = Flask("site", static_folder=str(folder), static_url_path="/static")
    assets.install(app)
    return app


@pytest.fixture
def client() -> FlaskClient:
    return site(ROOT / "static").test_client()


def address(client: FlaskClient, name: str) -> str:
    with client.application.test_request_context("/"):
        return url_for("static", filename=name)


def test_address_carries_the_key_of_the_content(client: FlaskClient) -> None:
    key = assets.keys_of(ROOT / "static")["app.css"]
    assert address(client, "app.css") == f"/static/app.css?v={key}"


def test_key_changes_with_the_content_alone(tmp_path: Path) -> None:
    for folder, text in (("one", "a {}"), ("same", "a {}"), ("other", "b {}")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "app.css").write_text(text)
    keys = {folder: assets.keys_of(tmp_path / folder)["app.css"] for folder in ("one", "same", "other")}
    assert keys["one"] == keys["same"]
    assert keys["one"] != keys["other"]


def test_font_keeps_the_address_that_the_stylesheet_gives_it(client: FlaskClient) -> None:
    assert address(client, "fonts/sofia-cond.woff2") == "/static/fonts/sofia-cond.woff2"
    assert 'url("fonts/sofia-cond.woff2")' in (ROOT / "static" / "app.css").read_text()


@pytest.mark.parametrize("name", EVERY_PAGE)
def test_browser_keeps_the_file_for_a_year(client: FlaskClient, name: str) -> None:
    answer = client.get(address(client, name))
    assert (answer.status_code, answer.data) == (200, (ROOT / "static" / name).read_bytes())
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("query", ["", "?v=", "?v=0123456789ab"])
def test_address_of_another_version_is_not_kept(client: FlaskClient, query: str) -> None:
    answer = client.get(f"/static/app.css{query}")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "public, no-cache")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("app.css", "text/css; charset=utf-8"),
        ("app.js", "text/javascript; charset=utf-8"),
        ("icons.svg", "image/svg+xml; charset=utf-8"),
    ],
)
def test_text_travels_packed_to_who_takes_it(client: FlaskClient, name: str, kind: str) -> None:
    plain, packed = client.get(address(client, name)), client.get(address(client, name), headers=PACKED)
    assert [one.headers.get("Content-Encoding") for one in (plain, packed)] == [None, "gzip"]
    assert [one.headers["Vary"] for one in (plain, packed)] == ["Accept-Encoding", "Accept-Encoding"]
    assert [one.headers["Content-Type"] for one in (plain, packed)] == [kind, kind]
    assert gzip.decompress(packed.data) == plain.data
    assert packed.content_length == len(packed.data) < len(plain.data) / 2


def test_refused_gzip_is_not_sent(client: FlaskClient) -> None:
    answer = client.get(address(client, "app.css"), headers={"Accept-Encoding": "gzip;q=0, identity"})
    assert answer.headers.get("Content-Encoding") is None


def test_font_is_packed_already_and_varies_with_nothing(client: FlaskClient) -> None:
    answer = client.get(address(client, "fonts/sofia-cond.woff2"), headers=PACKED)
    assert [answer.headers.get(name) for name in ("Content-Encoding", "Vary", "Content-Type")] == [
        None,
        None,
        "font/woff2",
    ]


def test_each_form_has_a_tag_of_its_own_and_304_for_it_alone(client: FlaskClient) -> None:
    url = address(client, "app.css")
    plain, packed = client.get(url).headers["ETag"], client.get(url, headers=PACKED).headers["ETag"]
    assert plain != packed
    again = [client.get(url, headers={**PACKED, "If-None-Match": tag}) for tag in (packed, plain)]
    assert [one.status_code for one in again] == [304, 200]
    assert again[0].data == b""
    assert again[0].headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize("path", ["nothing.css", "", "fonts", "../wsgi.py", "%2e%2e/wsgi.py", "fonts/../../wsgi.py"])
def test_what_is_not_a_file_of_ours_is_not_found(client: FlaskClient, path: str) -> None:
    assert client.get(f"/static/{path}").status_code == 404


def test_in_debug_mode_a_changed_file_is_seen_at_once(tmp_path: Path) -> None:
    app = Flask("site", static_folder=str(tmp_path), static_url_path="/static")
    app.debug = True
    assets.install(app)
    (tmp_path / "app.css").write_text("a {}")
    (tmp_path / "late.css").write_text("b {}")
    with app.test_client().get("/static/late.css") as answer:
        assert (answer.data, answer.headers["Cache-Control"]) == (b"b {}", "no-cache")


def test_everything_a_first_visit_loads_stays_in_its_budget(client: FlaskClient) -> None:
    sizes = {name: len(client.get(address(client, name), headers=PACKED).data) for name in EVERY_PAGE}
    print(sizes, sum(sizes.values()))
    assert len(sizes) + 1 <= MOST_REQUESTS
    assert sum(sizes.values()) + ROOM_FOR_THE_PAGE_BYTES <= LARGEST_FIRST_LOAD_BYTES


def test_the_budget_counts_every_file_that_the_shell_asks_for() -> None:
    shell = (ROOT / "templates" / "layouts" / "base.html").read_text()
    named = {name for name in assets.keys_of(ROOT / "static") if f'filename="{name}"' in shell}
    assert named | {"icons.svg"} == set(EVERY_PAGE)
