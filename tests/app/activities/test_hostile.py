"""Bad input of every sort: never a 500, nothing stored by half, the field named."""

import json
from typing import Any

import pytest
from flask import Flask

from app.activities import queries
from app.activities.pages import Filter
from tests.app.conftest import Browser, errors_of

from .conftest import Program

RUN = {"kind": "running", "duration_min": 30, "weight_kg": 70, "started_at": "2026-11-20T06:10:00Z", "notes": "River"}
TYPED = {"kind": "running", "duration": "30", "weight_kg": "70", "day": "2026-11-20", "time": "07:10", "notes": "River"}
NOT_NUMBERS: list[Any] = [None, True, False, "30", "", [], {}, [30], "NaN", "１２", 0.0001, 1e300, -1, 10**400]

VALUES: dict[str, list[Any]] = {
    "kind": ["", "RUN", "running ", "<script>", "x" * 10_000, [], {}, None, 1, True],
    "duration_min": [*NOT_NUMBERS, 0, 0.9, 1440.1, 30.05],
    "weight_kg": [*NOT_NUMBERS, 19.99, 500.01, -0.0, 70.001],
    "started_at": [
        None, "", "now", 1763618400, 10**12, [], "2026-11-20", "2026-11-20T06:10:00", "2026-02-30T06:10:00Z",
        "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00",
        "2026-11-20T24:00:00Z", "2026-11-20T06:10:00+99:99", "1999-12-31T23:59:59Z", "2100-01-01T00:00:00Z",
        "2026-W47-5T06:10:00Z", "２０２６-11-20T06:10:00Z", "2026-11-20T06:10:00Z\n",
    ],
    "notes": [None, 1, [], {}, "x" * 2_001, "a\x07b", "\x1b[31m", "\u0301" * 50_000],
}  # fmt: skip


@pytest.mark.parametrize("field", list(VALUES))
def test_the_api_names_the_field_and_stores_nothing(api: Program, app: Flask, ada_id: int, field: str) -> None:
    for value in VALUES[field]:
        body = json.dumps({**RUN, field: value})
        answer = api("POST", "/api/v1/activities", data=body, content_type="application/json")
        assert answer.mimetype == "application/problem+json", value
        assert answer.json
        told = {error["field"] for error in answer.json["errors"]}
        # A number of hundreds of digits is no number to the JSON reader already.
        assert (answer.status_code, told) in ((422, {field}), (400, set())), value
        assert answer.status_code == 422 or value == 10**400, value
    with app.app_context():
        assert queries.count_of(ada_id, Filter()) == 0


@pytest.mark.parametrize("field", list(VALUES))
def test_a_change_is_checked_like_a_new_one(api: Program, field: str) -> None:
    api("POST", "/api/v1/activities", json=RUN)
    for value in VALUES[field]:
        answer = api("PATCH", "/api/v1/activities/1", data=json.dumps({field: value}), content_type="application/json")
        assert answer.status_code in (400, 422), value
    found = api("GET", "/api/v1/activities/1").json
    assert found
    assert {name: found[name] for name in RUN} == RUN


BODIES = [
    (b"", 400),
    (b"{", 400),
    (b"\xff\xfe", 400),
    (json.dumps(RUN).encode("utf-16"), 400),
    (b'{"kind":"yoga","kind":"running","duration_min":1}', 400),
    (b'{"kind":"yoga","duration_min":NaN}', 400),
    (b'{"kind":"yoga","duration_min":-Infinity}', 400),
    (b'{"kind":"yoga","duration_min":1e400}', 400),
    (b'{"kind":"yoga","duration_min":' + b"9" * 5_000 + b"}", 400),
    (b'{"notes":"a\\u0000b"}', 400),
    (b'{"notes":"\\ud800"}', 400),
    (b"[" * 5_000 + b"]" * 5_000, 400),
    (b"[]", 422),
    (b"null", 422),
    (b"3", 422),
    (b'"x"', 422),
    (b'{"__proto__":1,"constructor":{},"kind":"yoga","duration_min":1}', 422),
    (b'{"notes":"' + b"x" * 1_100_000 + b'"}', 413),
]


@pytest.mark.parametrize("path", ["/api/v1/activities", "/api/v1/activities/batch"])
def test_a_body_that_cannot_be_read_is_told_so(api: Program, app: Flask, ada_id: int, path: str) -> None:
    for body, code in BODIES:
        answer = api("POST", path, data=body, content_type="application/json")
        assert (answer.status_code, answer.mimetype) == (code, "application/problem+json"), body[:40]
    with app.app_context():
        assert queries.count_of(ada_id, Filter()) == 0


def test_another_content_type_is_refused(api: Program) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "", "application/xml"):
        answer = api("POST", "/api/v1/activities", data=json.dumps(RUN), content_type=content_type)
        assert answer.status_code == 415, content_type


def test_another_method_is_refused(api: Program) -> None:
    for method in ("PUT", "TRACE", "POST"):
        answer = api(method, "/api/v1/activities/1", headers={"X-HTTP-Method-Override": "DELETE"})
        assert (answer.status_code, answer.mimetype) == (405, "application/problem+json"), method


@pytest.mark.parametrize("path", ["/api/v1/activities/{}", "/api/activity/{}/status/"])
def test_odd_ids_are_not_found(api: Program, path: str) -> None:
    for number in ("0", "-1", "1e3", "99999999999", "9" * 400, "%00", "１", "1'--"):
        answer = api("GET", path.format(number))
        assert (answer.status_code, answer.mimetype) == (404, "application/problem+json"), number


QUERIES = [
    "per_page=0", "per_page=-5", "per_page=10%00", "per_page=" + "9" * 20, "per_page=abc", "per_page=1e3",
    "per_page=10&per_page=10", "sort=password_hash", "next=%00", "next=" + "9" * 5_000, "q=%00", "q=%ff" * 101,
    "from=2026-99-99", "from=x' OR 1=1--", "kind[]=yoga", "q=" + "x" * 101,
]  # fmt: skip


def test_odd_queries_are_refused(api: Program) -> None:
    for query in QUERIES:
        assert api("GET", f"/api/v1/activities?{query}").status_code in (400, 422), query


def test_odd_queries_of_a_page_do_no_harm(ada: Browser) -> None:
    for query in QUERIES:
        assert ada.get(f"/activities/?{query}").status_code in (200, 400, 422), query


def test_a_search_is_for_the_very_text(api: Program) -> None:
    api("POST", "/api/v1/activities", json=RUN)
    for text in ("%", "_", "\\", "'", '"', ".*", "(", "x' OR 1=1--"):
        answer = api("GET", "/api/v1/activities", query_string={"q": text}).json
        assert answer
        assert answer["activities"] == [], text
    found = api("GET", "/api/v1/activities?q=ive").json
    assert found
    assert len(found["activities"]) == 1


def test_odd_text_is_kept_as_text(api: Program, ada: Browser) -> None:
    odd = ["=cmd|'/C calc'!A0", "a\nSet-Cookie: x", "{{7*7}}", "\u202eevil", "👨‍👩‍👧‍👦", "' OR 1=1"]
    for number, notes in enumerate(odd, 1):
        answer = api("POST", "/api/v1/activities", json={**RUN, "notes": notes})
        assert answer.json
        assert answer.json["notes"] == notes
        assert ada.get(f"/activities/{number}").status_code == 200


ODD = [
    "", "NaN", "sNaN", "Infinity", "-inf", "1e309", "1_0", "１２", "٣", "9" * 400, "-1", "\x00", "\ud800", "<script>",
    "'; DROP TABLE activity", "x" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("field", [name for name in TYPED if name != "notes"])
def test_a_form_names_its_errors_and_stores_nothing(ada: Browser, app: Flask, ada_id: int, field: str) -> None:
    for value in ODD:
        answer = ada.post("/activities/", {**TYPED, field: value.encode("utf-8", "surrogatepass")})
        assert (answer.status_code, len(errors_of(answer))) == (422, 1), value[:40]
    with app.app_context():
        assert queries.count_of(ada_id, Filter()) == 0


def test_notes_of_a_form_take_any_text_that_can_be_kept(ada: Browser) -> None:
    codes = {
        value[:20]: ada.post("/activities/", {**TYPED, "notes": value}).status_code
        for value in ODD
        if value != "\ud800"
    }
    assert {value for value, code in codes.items() if code != 303} == {"\x00", "x" * 20}
    assert set(codes.values()) == {303, 422}
