"""Weights on the settings page: noting one, replacing it, taking it away."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from html import unescape

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.accounts import queries, services
from app.accounts.models import WeightRecord
from app.db import reading
from tests.app.conftest import Browser, Clock, Settings, errors_of, text_of

PATH = "/settings/weights"
TYPED = {"weight-weight_kg": "70.5", "weight-on_day": "2026-11-20"}
TODAY = date(2026, 11, 20)
BETWEEN = "Weight must be between 20 and 500 kg."
NO_NUMBER = "Weight must be a number."
LIKE = "Enter a day like 2026-11-20."
TO_COME = "Enter a day that has come."

pytestmark = pytest.mark.usefixtures("frozen_clock")


def noted(app: Flask, name: str = "ada") -> list[tuple[date, Decimal]]:
    """Somebody's weights, the newest day first."""
    with app.app_context():
        user = queries.user_by_email(f"{name}@example.org")
        assert user
        return [(row.on_day, row.weight_kg) for row in queries.weights_of(user.id)]


def ids(app: Flask) -> list[int]:
    """The ids of everybody's weights."""
    with app.app_context():
        return list(reading().scalars(select(WeightRecord.id).order_by(WeightRecord.id)))


def shown(response: TestResponse) -> list[tuple[str, str]]:
    """The days and weights on the page, from top to bottom."""
    rows = r'<tr id="weight-\d+">.*?datetime="([^"]+)".*?<td class="num">([^<]+)</td>'
    return re.findall(rows, response.text, re.DOTALL)


def typed(response: TestResponse) -> Settings:
    """What stands in the fields of the form."""
    found = re.findall(r'<input[^>]* name="(weight-[^"]+)"[^>]* value="([^"]*)"', response.text)
    return {name: unescape(value) for name, value in found}


def parts(response: TestResponse) -> list[str]:
    """The sections of the page; of a fragment, the one it is."""
    return re.findall(r'<section [^>]*id="([^"]+)"', response.text)


# -- noting one ---------------------------------------------------------------------------------------------------


def test_a_weight_is_noted(app: Flask, ada: Browser, cleo: Browser) -> None:
    assert typed(ada.get("/settings/")) == {"weight-weight_kg": "", "weight-on_day": "2026-11-20"}
    assert "None noted yet." in text_of(ada.get("/settings/"))
    answer = ada.post(PATH, TYPED)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/settings/#weights")
    page = ada.get("/settings/")
    assert ("The weight is noted." in text_of(page), shown(page)) == (True, [("2026-11-20", "70.5 kg")])
    assert (noted(app), noted(app, "cleo")) == ([(TODAY, Decimal("70.50"))], [])
    assert shown(cleo.get("/settings/")) == []


def test_htmx_gets_the_section_drawn_anew(ada: Browser) -> None:
    part = ada.part(PATH, TYPED)
    assert (part.status_code, parts(part), shown(part)) == (201, ["weights"], [("2026-11-20", "70.5 kg")])
    assert "The weight is noted." in part.headers["HX-Trigger"]
    assert typed(part) == {"weight-weight_kg": "", "weight-on_day": "2026-11-20"}


def test_the_weight_of_a_day_is_replaced_and_nobody_elses(app: Flask, ada: Browser, cleo: Browser) -> None:
    for one, weight in ((ada, "70"), (cleo, "55"), (ada, "71.25")):
        assert one.post(PATH, TYPED | {"weight-weight_kg": weight}).status_code == 303
    assert (noted(app), noted(app, "cleo")) == ([(TODAY, Decimal("71.25"))], [(TODAY, Decimal(55))])


def test_noting_the_same_day_many_times_at_once_leaves_one(app: Flask, ada: Browser) -> None:
    def note(weight_kg: int) -> None:
        with app.app_context():
            services.record_weight(1, weight_kg=Decimal(weight_kg), on_day=TODAY)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(note, range(70, 78)))
    [(day, weight_kg)] = noted(app)
    assert (day, weight_kg in range(70, 78)) == (TODAY, True)


@pytest.mark.parametrize(
    ("weight", "kept"),
    [("20", 20), ("20.00", 20), ("500", 500), ("499.99", "499.99"), ("70,25", "70.25"), (" 70.100 ", "70.1")],
)
def test_a_weight_is_kept_to_the_last_digit(app: Flask, ada: Browser, weight: str, kept: str) -> None:
    assert ada.post(PATH, TYPED | {"weight-weight_kg": weight}).status_code == 303
    assert noted(app) == [(TODAY, Decimal(kept))]


@pytest.mark.parametrize("day", ["1900-01-01", "2024-02-29", "2026-11-20"])
def test_a_day_may_be_any_that_has_come(app: Flask, ada: Browser, day: str) -> None:
    assert ada.post(PATH, TYPED | {"weight-on_day": day}).status_code == 303
    assert noted(app) == [(date.fromisoformat(day), Decimal("70.50"))]


def test_a_day_has_come_when_it_has_where_the_person_lives(
    app: Flask, ada: Browser, cleo: Browser, frozen_clock: Clock
) -> None:
    cleo.post("/settings/profile", {"profile-name": "Cleo", "profile-zone": "America/New_York"})
    frozen_clock.forward(timedelta(hours=11, minutes=30))  # past midnight in Berlin
    tomorrow = TYPED | {"weight-on_day": "2026-11-21"}
    assert [one.post(PATH, tomorrow).status_code for one in (ada, cleo)] == [303, 422]
    assert (noted(app), noted(app, "cleo")) == ([(date(2026, 11, 21), Decimal("70.50"))], [])


WEIGHTS = {
    "": "Enter your weight.",
    **dict.fromkeys(["0", "-70", "19.99", "500.01", "999999999"], BETWEEN),
    **dict.fromkeys(["NaN", "inf", "-Infinity", "1e400", "1e2", "７０", "٧٠", "7_0", "0x46", "70\x00"], NO_NUMBER),
    **dict.fromkeys(["70 kg", "1,000.5", "9" * 400, "70.12345", "\x00", "--70", "½", "<b>"], NO_NUMBER),
    "70.555": "Weight can have 2 decimals at most.",
}
DAYS = {
    "": "Enter the day.",
    **dict.fromkeys(["2026-11-21", "9999-12-31", "1899-12-31", "0001-01-01"], TO_COME),
    **dict.fromkeys(["2026-02-30", "0000-01-01", "10000-01-01", "20.11.2026", "20261120", "2026-W47-5"], LIKE),
    **dict.fromkeys(["２０２６-11-20", "2026-11-2\x00", "2026-11-20\x00", " 2026-11-20", "NaN", "1e400"], LIKE),
}


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        *(({"weight-weight_kg": weight}, sentence) for weight, sentence in WEIGHTS.items()),
        *(({"weight-on_day": day}, sentence) for day, sentence in DAYS.items()),
    ],
)
def test_a_wrong_one_is_told_at_its_field_with_what_was_typed_and_noted_nowhere(
    app: Flask, ada: Browser, sent: Settings, sentence: str
) -> None:
    ada.post(PATH, TYPED | {"weight-weight_kg": "80"})
    for answer in (ada.post(PATH, TYPED | sent), ada.part(PATH, TYPED | sent)):
        assert (answer.status_code, errors_of(answer)) == (422, [sentence])
        assert typed(answer) == TYPED | sent
    assert parts(answer) == ["weights"]
    assert noted(app) == [(TODAY, Decimal(80))]


def test_everything_wrong_is_told_at_once(app: Flask, ada: Browser) -> None:
    answer = ada.post(PATH)
    assert (answer.status_code, errors_of(answer)) == (422, ["Enter your weight.", "Enter the day."])
    assert "2 things need another look." in text_of(answer)
    assert noted(app) == []


@pytest.mark.parametrize("body", [b"7%ED%A0%800", b"70%FF", b"%00", b"70&weight-weight_kg=71%00"])
def test_bytes_that_are_no_text_are_no_number(app: Flask, ada: Browser, body: bytes) -> None:
    ada.get("/settings/")
    sent = {"data": b"weight-on_day=2026-11-20&weight-weight_kg=" + body, "headers": {"X-CSRFToken": ada._token}}
    answer = ada.client.post(PATH, content_type="application/x-www-form-urlencoded", **sent)
    expected = (303, [(TODAY, Decimal(70))]) if b"&" in body else (422, [])  # of a field sent twice the first counts
    assert (answer.status_code, noted(app)) == expected


# -- the list -----------------------------------------------------------------------------------------------------


def test_the_newest_day_stands_first_and_old_ones_fold(ada: Browser) -> None:
    for day in ("2026-11-03", "2026-11-07", "2026-11-01", "2026-11-05", "2026-11-02", "2026-11-06"):
        ada.post(PATH, {"weight-weight_kg": f"70.{day[-1]}", "weight-on_day": day})
    page = ada.get("/settings/")
    assert shown(page) == [(f"2026-11-0{day}", f"70.{day} kg") for day in (7, 6, 5, 3, 2, 1)]
    assert re.findall(r"<summary>([^<]+)</summary>", page.text) == ["1 older"]


def test_the_hundred_newest_are_listed(app: Flask, ada: Browser) -> None:
    days = [TODAY - timedelta(days=number) for number in range(101)]
    with app.app_context():
        for day in days:
            services.record_weight(1, weight_kg=Decimal(70), on_day=day)
    assert [day for day, _ in shown(ada.get("/settings/"))] == [day.isoformat() for day in days[:100]]


# -- taking one away ----------------------------------------------------------------------------------------------


def test_a_weight_is_removed_once(app: Flask, ada: Browser) -> None:
    for day in ("2026-11-19", "2026-11-20"):
        ada.post(PATH, TYPED | {"weight-on_day": day})
    [older, newer] = ids(app)
    answer = ada.post(f"{PATH}/{newer}/removal")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/settings/#weights")
    page = ada.get("/settings/")
    assert ("The weight is removed." in text_of(page), shown(page)) == (True, [("2026-11-19", "70.5 kg")])
    assert ada.post(f"{PATH}/{newer}/removal").status_code == 404
    assert ids(app) == [older]


def test_htmx_gets_the_section_without_it(app: Flask, ada: Browser) -> None:
    ada.post(PATH, TYPED)
    part = ada.part(f"{PATH}/{ids(app)[0]}/removal")
    assert (part.status_code, parts(part), shown(part)) == (201, ["weights"], [])
    assert "The weight is removed." in part.headers["HX-Trigger"]
    assert ids(app) == []


def test_somebody_elses_weight_is_not_there(app: Flask, ada: Browser, cleo: Browser) -> None:
    cleo.post(PATH, TYPED)
    [hers] = ids(app)
    for send in (ada.post, ada.part):
        answer = send(f"{PATH}/{hers}/removal")
        assert (answer.status_code, "There is no such weight." in text_of(answer)) == (404, True)
    assert noted(app, "cleo") == [(TODAY, Decimal("70.50"))]


@pytest.mark.parametrize("number", ["0", "-1", "NaN", "1e400", "%00", "2147483648", "9" * 20, "9" * 400, "1%20"])
def test_an_odd_weight_is_not_there(app: Flask, ada: Browser, number: str) -> None:
    ada.post(PATH, TYPED)
    assert ada.post(f"{PATH}/{number}/removal").status_code == 404
    assert noted(app) == [(TODAY, Decimal("70.50"))]


def test_strangers_note_and_remove_nothing(app: Flask, ada: Browser, stranger: Browser) -> None:
    ada.post(PATH, TYPED)
    for path, sent in ((PATH, TYPED | {"weight-weight_kg": "80"}), (f"{PATH}/{ids(app)[0]}/removal", {})):
        answer, part = stranger.post(path, sent), stranger.part(path, sent)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in")
        assert (part.status_code, part.headers["HX-Redirect"]) == (401, "/sign-in")
    assert noted(app) == [(TODAY, Decimal("70.50"))]
