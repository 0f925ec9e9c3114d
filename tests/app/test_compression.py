"""Pages travel packed; fragments, the API and answers without a body stay as they are."""

from __future__ import annotations

import gzip

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient

from app import compression
from tests.app.conftest import Browser

LONG, SHORT = "<p>Running: 315 kcal</p>" * 200, "<p>Running: 315 kcal</p>"
PACKED = {"Accept-Encoding": "gzip, br"}


@pytest.fixture
def client() -> FlaskClient:
    app = Flask("site")
    compression.install(app)
    answers = {
        "page": lambda: Response(LONG, mimetype="text/html", headers={"Vary": "Cookie"}),
        "fragment": lambda: Response(SHORT, mimetype="text/html"),
        "api": lambda: Response(f'{{"notes": "{LONG}"}}', mimetype="application/json"),
        "unchanged": lambda: Response(status=304),
        "stream": lambda: Response(iter([LONG]), mimetype="text/html"),
        "packed": lambda: Response(LONG, mimetype="text/html", headers={"Content-Encoding": "br"}),
    }
    for name, answer in answers.items():
        app.add_url_rule(f"/{name}", name, answer)
    return app.test_client()


def test_page_is_packed_for_who_takes_it_and_whole_again_when_unpacked(client: FlaskClient) -> None:
    plain, packed = client.get("/page"), client.get("/page", headers=PACKED)
    assert plain.text == LONG
    assert gzip.decompress(packed.data).decode() == LONG
    assert [one.headers.get("Content-Encoding") for one in (plain, packed)] == [None, "gzip"]
    assert packed.content_length == len(packed.data) < len(LONG) / 10


def test_what_a_page_varies_with_is_said_in_both_forms(client: FlaskClient) -> None:
    both = client.get("/page"), client.get("/page", headers=PACKED)
    assert [one.headers.getlist("Vary") for one in both] == [["Cookie, Accept-Encoding"]] * 2


@pytest.mark.parametrize("name", ["fragment", "api", "unchanged", "stream"])
def test_what_is_not_worth_it_stays_as_it_is(client: FlaskClient, name: str) -> None:
    plain, asked = client.get(f"/{name}"), client.get(f"/{name}", headers=PACKED)
    assert (asked.headers.get("Content-Encoding"), asked.headers.get("Vary")) == (None, None)
    assert asked.data == plain.data


def test_what_is_packed_already_is_not_packed_twice(client: FlaskClient) -> None:
    answer = client.get("/packed", headers=PACKED)
    assert (answer.headers["Content-Encoding"], answer.text) == ("br", LONG)


def test_head_promises_what_get_would_carry(client: FlaskClient) -> None:
    answer = client.head("/page", headers=PACKED)
    assert (answer.headers["Content-Encoding"], answer.data) == ("gzip", b"")


def test_length_of_a_page_does_not_tell_how_well_it_packed(client: FlaskClient) -> None:
    lengths = {client.get("/page", headers=PACKED).content_length for _ in range(40)}
    assert len(lengths) > 5
    assert len({len(compression.gzipped(LONG.encode())) for _ in range(40)}) == 1


def test_pages_of_the_product_travel_packed_and_say_all_that_they_vary_with(ada: Browser) -> None:
    plain, packed = ada.client.get("/settings/"), ada.client.get("/settings/", headers=PACKED)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(gzip.decompress(packed.data)) == len(plain.data) > 3 * len(packed.data)
    told = {name.strip() for line in packed.headers.getlist("Vary") for name in line.split(",")}
    assert told == {"HX-Request", "HX-Request-Type", "Accept-Encoding", "Cookie"}
    assert len(packed.headers.getlist("Vary")) == 1


def test_the_api_stays_as_it_is(stranger: Browser) -> None:
    plain, asked = (stranger.client.get("/api/openapi.json", headers=headers) for headers in ({}, PACKED))
    assert (asked.headers.get("Content-Encoding"), asked.data) == (None, plain.data)
