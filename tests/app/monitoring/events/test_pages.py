"""The event log as people and programs search it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import insert

from app.clock import now
from app.db import transaction
from app.monitoring.events import queries
from app.monitoring.events.listing import Listing, Place, read_listing
from app.monitoring.events.models import EventRow
from tests.app.activities.conftest import Program, program_of
from tests.app.conftest import Browser, text_of

JOB = "0123456789abcdef" * 2
PART = {"HX-Request": "true", "HX-Request-Type": "partial"}


@pytest.fixture
def seeded(app: Flask) -> Flask:
    """120 requests, a minute apart, and one event of each other sort."""
    usual = {"kind": "request", "action": "activities.index", "level": "info", "count": 1, "fields": {"took_ms": 3.2}}
    rows = [
        {**usual, "at": now() - timedelta(minutes=number), "words": f"GET /activities/ {number}", "who": "user 7"}
        for number in range(120)
    ]
    rare = {"who": "user 8", "count": 1, "fields": {}, "at": now() - timedelta(days=3)}
    rows.append({**rare, "kind": "job", "action": "x.y", "level": "warning", "words": "50% done_x", "job": JOB})
    rows.append({**rare, "kind": "health", "action": "web", "level": "error", "words": "down", "request_id": "r-1"})
    names = {name for row in rows for name in row}
    with app.app_context(), transaction() as session:
        session.execute(insert(EventRow), [{name: row.get(name) for name in names} for row in rows])
    return app


@pytest.fixture
def api(app: Flask, ada_id: int) -> Program:
    """Ada's program, which may see what happened."""
    return program_of(app, ada_id, "jobs")


def words(app: Flask, **filters: str) -> list[str]:
    listing, wrong = read_listing(filters)
    assert wrong == {}
    with app.app_context():
        return [one.words for one in queries.events(listing)[0]]


def test_each_filter_leaves_what_it_says(seeded: Flask) -> None:
    assert words(seeded, kind="job") == words(seeded, job=JOB) == words(seeded, action="x.y") == ["50% done_x"]
    assert words(seeded, level="error") == words(seeded, request_id="r-1") == ["down"]
    assert sorted(words(seeded, who="user 8")) == ["50% done_x", "down"]
    assert words(seeded, ago="5min") == [f"GET /activities/ {number}" for number in range(5)]
    assert words(seeded, kind="request", who="user 8") == []


def test_a_search_takes_its_signs_for_what_they_are(seeded: Flask) -> None:
    assert words(seeded, q="50% DONE_") == ["50% done_x"]
    assert words(seeded, q="5_%") == []
    assert words(seeded, q="activities/ 11", kind="request")[0] == "GET /activities/ 11"


def test_pages_hold_every_event_once(seeded: Flask) -> None:
    found: list[str] = []
    below: Place | None = None
    with seeded.app_context():
        for _ in range(3):
            rows, below = queries.events(Listing(below=below))
            found += [row.words for row in rows]
    assert (len(found), len(set(found)), below) == (122, 122, None)
    assert found[:2] == ["GET /activities/ 0", "GET /activities/ 1"]


def test_page_by_hand_by_htmx_and_unchanged(seeded: Flask, ada: Browser) -> None:
    page = ada.get("/ops/events?kind=job")
    assert page.status_code == 200
    assert "1 event" in text_of(page)
    assert f'href="/ops/events?job={JOB}"' in page.get_data(as_text=True)
    part = ada.get("/ops/events?kind=job", headers=PART)
    assert part.get_data(as_text=True).startswith('<section id="events"')
    assert ada.get("/ops/events?kind=job", headers={**PART, "HX-PTag": part.headers["HX-PTag"]}).status_code == 304
    older = ada.get("/ops/events").get_data(as_text=True)
    assert "next=" in older


def test_whoever_has_an_account_is_called_by_name(app: Flask, ada: Browser, ada_id: int) -> None:
    told = {
        "kind": "operator",
        "action": "x",
        "level": "info",
        "count": 1,
        "fields": {},
        "at": now() + timedelta(minutes=1),
    }
    with app.app_context(), transaction() as session:
        session.execute(
            insert(EventRow),
            [
                {**told, "words": "first", "who": f"user {ada_id}"},
                {**told, "words": "second", "who": "the command line"},
            ],
        )
    page = text_of(ada.get("/ops/events?kind=operator"))
    assert f"first Ada, user {ada_id} " in page
    assert "second the command line " in page


def test_empty_pages_say_why(ada: Browser) -> None:
    assert "appears within a second or two" in text_of(ada.get("/ops/events"))
    assert "Nothing matches. Clear filters" in text_of(ada.get("/ops/events?who=nobody"))
    assert "There is nothing older." in text_of(ada.get("/ops/events?next=1.1"))


WRONG = {
    "kind": "odd",
    "level": "bad",
    "ago": "yesterday",
    "request_id": "a b",
    "job": "xyz",
    "q": "x" * 101,
    "who": "a\x00b",
    "next": "0",
}


def test_wrong_input_is_422_and_names_the_field(ada: Browser, api: Program) -> None:
    for name, value in WRONG.items():
        page = ada.get("/ops/events", query_string={name: value})
        assert page.status_code == 422
        answer = api("GET", "/api/v1/events", query_string={name: value})
        assert (answer.status_code, [one["field"] for one in answer.json["errors"]]) == (422, [name])  # type: ignore[index]
    assert api("GET", "/api/v1/events?limit=101").status_code == 422
    assert api("GET", "/api/v1/events?colour=red").status_code == 422
    assert api("GET", "/api/v1/events?next=99999999999999999.1").status_code in {200, 422}


def test_programs_read_it_page_by_page(seeded: Flask, api: Program) -> None:
    first = api("GET", "/api/v1/events?kind=request&limit=100").json
    assert first is not None
    second = api("GET", f"/api/v1/events?kind=request&limit=100&next={first['next']}").json
    assert second is not None
    assert [one["words"] for one in first["events"] + second["events"]] == [
        f"GET /activities/ {number}" for number in range(120)
    ]
    assert second["next"] is None
    assert first["events"][0]["fields"] == {"took_ms": 3.2}


def test_cleo_sees_nothing_of_it(seeded: Flask, cleo: Browser, cleo_id: int) -> None:
    assert cleo.get("/ops/events").status_code == 403
    assert program_of(seeded, cleo_id)("GET", "/api/v1/events").status_code == 403
