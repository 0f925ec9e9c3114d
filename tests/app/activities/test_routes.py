"""Activities on the web: by hand, by htmx, with wrong input, and for somebody else."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import update
from werkzeug.test import TestResponse

from app.accounts import queries as account_queries
from app.accounts import services as accounts
from app.activities import queries, services
from app.activities.mets import Kind
from app.activities.models import Activity
from app.db import transaction
from jobs import engine_of
from tests.app.conftest import Browser, Clock, errors_of, text_of

from .conftest import MORNING, ZONE, run

PART = {"HX-Request": "true", "HX-Request-Type": "partial"}
TYPED = {"kind": "running", "duration": "30", "weight_kg": "70", "day": "2026-11-20", "time": "07:10", "notes": "River"}

Log = Callable[..., int]
RunJobs = Callable[[], None]


def trigger_of(response: TestResponse) -> str:
    found = re.search(r'hx-trigger="([^"]*activity-queued[^"]*)"', response.get_data(as_text=True))
    assert found
    return found[1]


def tag_of(response: TestResponse) -> str:
    found = re.search(r'hx-ptag="([^"]+)"', response.get_data(as_text=True))
    assert found
    return found[1]


def rows_of(response: TestResponse) -> list[int]:
    return [int(found) for found in re.findall(r'id="activity-(\d+)-row"', response.get_data(as_text=True))]


def spoil(app: Flask, activity_id: int, *, met: int = 0) -> None:
    """Make it one that cannot be counted, or, with a MET, one that can be again."""
    with app.app_context(), transaction() as session:
        session.execute(update(Activity).where(Activity.id == activity_id).values(met=met))


# -- logging ------------------------------------------------------------------------------------------------------


def test_the_form_knows_now_and_the_weight(ada: Browser, ada_id: int, log: Log, frozen_clock: Clock) -> None:
    log(ada_id, weight_kg=Decimal("70.5"))
    page = ada.get("/activities/new").get_data(as_text=True)
    assert re.findall(r'name="(?:day|time|weight_kg)"[^>]*value="([^"]*)"', page) == ["70.5", "2026-11-20", "13:00"]


def test_the_form_offers_the_last_five_different_ones(ada: Browser, ada_id: int, log: Log) -> None:
    for minutes in (10, 10, 20, 30, 40, 50, 60):
        log(ada_id, duration=timedelta(minutes=minutes), started_at=MORNING + timedelta(minutes=minutes))
    page = ada.get("/activities/new").get_data(as_text=True)
    chips = re.search(r'id="log-again">(.*?)</nav>', page, re.DOTALL)
    assert chips
    assert re.findall(r"</svg>([^<]+)</a>", chips[1]) == [
        f"Running, {text}" for text in ("1:00 h", "50 min", "40 min", "30 min", "20 min")
    ]


def test_a_chip_fills_the_form(ada: Browser, ada_id: int, log: Log) -> None:
    made = log(ada_id, kind=Kind.YOGA, duration=timedelta(minutes=75), notes="With Ana")
    page = ada.get(f"/activities/new?like={made}").get_data(as_text=True)
    assert re.search(r'checked[^>]*value="yoga"|value="yoga"[^>]*checked|id="kind-4"[^>]*checked', page)
    assert 'value="1:15"' in page
    assert "With Ana</textarea>" in page
    assert "5.0" not in page


def test_logging_leads_to_the_activity(ada: Browser, ada_id: int, app: Flask) -> None:
    answer = ada.post("/activities/", TYPED)
    assert (answer.status_code, answer.location) == (303, "/activities/1")
    with app.app_context():
        assert queries.activity_of(ada_id, 1).draft == run(notes="River")


def test_logging_by_htmx_gives_the_row(ada: Browser) -> None:
    answer = ada.part("/activities/", TYPED)
    assert (answer.status_code, rows_of(answer)) == (201, [1])
    assert answer.get_data(as_text=True).lstrip().startswith("<li ")
    assert "activity-queued" in answer.headers["HX-Trigger"]


def test_sent_twice_it_is_logged_once(ada: Browser) -> None:
    page = ada.get("/activities/new").get_data(as_text=True)
    token = re.search(r'name="token"[^>]*value="([^"]+)"', page)
    assert token
    first = ada.post("/activities/", {**TYPED, "token": token[1]})
    again = ada.post("/activities/", {**TYPED, "token": token[1]})
    other = ada.post("/activities/", {**TYPED, "token": token[1], "duration": "31"})
    assert first.location == again.location == "/activities/1"
    assert other.location not in (first.location, "/activities/")


def token_in(page: TestResponse) -> str:
    found = re.search(r'name="token"[^>]*value="([^"]+)"', page.get_data(as_text=True))
    assert found
    return found[1]


def test_sent_again_after_it_was_deleted_it_is_logged_anew_and_once(ada: Browser) -> None:
    typed = {**TYPED, "token": token_in(ada.get("/activities/new"))}
    first = ada.post("/activities/", typed).location
    ada.post(f"{first}/deletion")
    again = [ada.post("/activities/", typed) for _ in "12"]
    [anew] = rows_of(ada.get("/activities/"))
    assert [(answer.status_code, answer.location) for answer in again] == [(303, f"/activities/{anew}")] * 2
    assert ada.post(f"{first}/restorations").location == first == "/activities/1"
    assert rows_of(ada.get("/activities/")) == [anew, 1]
    assert ada.post("/activities/", typed).location == f"/activities/{anew}"


def test_a_copy_that_was_deleted_is_made_anew_from_the_same_page(ada: Browser, ada_id: int, log: Log) -> None:
    made = log(ada_id)
    token = {"token": token_in(ada.get(f"/activities/{made}"))}
    copied = ada.post(f"/activities/{made}/copies", token).location
    ada.post(f"{copied}/deletion")
    answer = ada.post(f"/activities/{made}/copies", token)
    anew, old = rows_of(ada.get("/activities/"))
    assert (answer.status_code, answer.location, old) == (303, f"/activities/{anew}", made)
    assert copied not in (answer.location, f"/activities/{made}")


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("kind", "", "Choose what you did."),
        ("kind", "jogging", "Choose one of: running, walking, cycling, swimming, yoga."),
        ("duration", "", "Enter how long it took."),
        ("duration", "0", "Duration must be between 1 and 1440 minutes."),
        ("duration", "24:01", "Duration must be between 1 and 1440 minutes."),
        ("duration", "half an hour", "Duration must be minutes, or hours and minutes like 1:15."),
        ("weight_kg", "19.99", "Weight must be between 20 and 500 kg."),
        ("weight_kg", "heavy", "Weight must be a number."),
        ("weight_kg", "70.123", "Weight can have 2 decimals at most."),
        ("weight_kg", "", "Enter your weight: none is known for that day."),
        ("day", "2026-02-30", "There is no such day."),
        ("day", "20.11.2026", "Enter a day like 2026-11-20."),
        ("day", "1999-12-31", "It cannot have begun before the year 2000."),
        ("day", "9999-12-31", "It cannot begin in the future."),
        ("time", "24:00", "Enter a time like 07:10."),
        ("time", "", "Enter the time it began."),
        ("notes", "x" * 2001, "Notes may have 2000 characters and 8000 bytes; these have 2001 and 2001."),
        ("notes", "a\x00b", "It holds characters that cannot be kept."),
    ],
)
def test_wrong_input_names_its_field_and_keeps_the_rest(
    ada: Browser, app: Flask, ada_id: int, field: str, typed: str, sentence: str
) -> None:
    answer = ada.post("/activities/", {**TYPED, field: typed})
    assert (answer.status_code, errors_of(answer)) == (422, [sentence])
    page = answer.get_data(as_text=True)
    assert ("River" in page) == (field != "notes")
    assert 'value="2026-11-20"' in page or field == "day"
    with app.app_context():
        assert queries.recent_of(ada_id, count=1) == []


def test_a_time_the_clock_skips_is_refused(ada: Browser) -> None:
    answer = ada.post("/activities/", {**TYPED, "day": "2026-03-29", "time": "02:30"})
    assert errors_of(answer) == ["The clock skips that time on that day; choose another."]


def test_several_wrong_fields_are_summed_up(ada: Browser) -> None:
    answer = ada.part("/activities/", {**TYPED, "duration": "0", "weight_kg": "1"})
    assert "2 things need another look." in text_of(answer)
    assert "<html" not in answer.get_data(as_text=True)


def test_a_comma_and_hours_are_understood(ada: Browser, ada_id: int, app: Flask) -> None:
    ada.post("/activities/", {**TYPED, "duration": "1:15", "weight_kg": "70,5"})
    with app.app_context():
        found = queries.activity_of(ada_id, 1)
    assert (found.duration, found.weight_kg) == (timedelta(minutes=75), Decimal("70.50"))


def test_the_estimate_is_the_formula(ada: Browser) -> None:
    answer = ada.get("/activities/estimate?kind=running&duration=30&weight_kg=70", headers=PART)
    assert text_of(answer) == "9.0 MET × 70 kg × 0.5 h = 315 kcal"


def test_the_formula_shows_the_met_it_counts_with(
    app: Flask, ada: Browser, ada_id: int, log: Log, run_jobs: RunJobs
) -> None:
    app.extensions["config"] = replace(app.extensions["config"], met_running=Decimal("9.25"))
    formula = "9.25 MET × 70 kg × 0.5 h = 323.8 kcal"
    assert text_of(ada.get("/activities/estimate?kind=running&duration=30&weight_kg=70", headers=PART)) == formula
    made = log(ada_id)
    run_jobs()
    assert formula in text_of(ada.get(f"/activities/{made}"))


@pytest.mark.parametrize(
    "query", ["", "kind=running", "kind=x&duration=30&weight_kg=70", "kind=yoga&duration=sNaN&weight_kg=1e9"]
)
def test_an_estimate_of_too_little_says_what_it_needs(ada: Browser, query: str) -> None:
    answer = ada.get(f"/activities/estimate?{query}")
    assert answer.status_code == 200
    assert "the estimate stands here" in text_of(answer)


# -- the weight of a day ------------------------------------------------------------------------------------------


@pytest.fixture
def grew_heavier(app: Flask, ada_id: int, frozen_clock: Clock) -> None:
    """Ada weighed 70 kg ten days ago, and weighs 80 today."""
    with app.app_context():
        accounts.record_weight(ada_id, weight_kg=Decimal(70), on_day=date(2026, 11, 10))
        accounts.record_weight(ada_id, weight_kg=Decimal(80), on_day=date(2026, 11, 20))


def weights(app: Flask, user_id: int) -> list[tuple[date, Decimal]]:
    with app.app_context():
        return [(row.on_day, row.weight_kg) for row in account_queries.weights_of(user_id)]


def shown_in(response: TestResponse, name: str) -> list[str]:
    return re.findall(rf'<input[^>]* name="{name}"[^>]* value="([^"]*)"', response.get_data(as_text=True))


@pytest.mark.parametrize(
    ("day", "typed_kg", "used_kg", "noted"),
    [
        ("2026-11-20", "80", 80, []),
        ("2026-11-15", "80", 70, []),
        ("2026-11-15", "", 70, []),
        ("2026-11-15", "70", 70, []),
        ("2026-11-15", "75", 75, [(date(2026, 11, 15), 75)]),
        ("2026-11-09", "80", 80, [(date(2026, 11, 9), 80)]),
    ],
)
@pytest.mark.usefixtures("grew_heavier")
def test_the_weight_that_was_filled_in_is_that_of_the_day_and_rewrites_nothing(
    app: Flask, ada: Browser, ada_id: int, day: str, typed_kg: str, used_kg: int, noted: list[tuple[date, int]]
) -> None:
    filled_kg = shown_in(ada.get("/activities/new"), "filled_kg")
    assert filled_kg == ["80"]
    before = weights(app, ada_id)
    answer = ada.post("/activities/", {**TYPED, "day": day, "weight_kg": typed_kg, "filled_kg": filled_kg[0]})
    assert answer.location == "/activities/1"
    with app.app_context():
        assert queries.activity_of(ada_id, 1).weight_kg == used_kg
    assert sorted(set(weights(app, ada_id)) - set(before)) == noted


@pytest.mark.usefixtures("grew_heavier")
def test_another_day_in_the_form_brings_the_weight_of_that_day(ada: Browser) -> None:
    query = "/activities/estimate?kind=running&duration=30&filled_kg=80&day=2026-11-15&weight_kg="
    untouched = ada.get(f"{query}80", headers=PART)
    assert (shown_in(untouched, "weight_kg"), shown_in(untouched, "filled_kg")) == (["70"], ["70"])
    assert "9.0 MET × 70 kg × 0.5 h = 315 kcal" in text_of(untouched)
    typed = ada.get(f"{query}75", headers=PART)
    assert (shown_in(typed, "weight_kg"), text_of(typed)) == ([], "9.0 MET × 75 kg × 0.5 h = 337.5 kcal")
    emptied = ada.get(query, headers=PART)
    assert (shown_in(emptied, "weight_kg"), text_of(emptied)) == ([], "9.0 MET × 70 kg × 0.5 h = 315 kcal")


@pytest.mark.usefixtures("grew_heavier")
def test_a_form_that_comes_back_shows_the_weight_of_its_day(ada: Browser) -> None:
    sent = {**TYPED, "duration": "0", "day": "2026-11-15", "weight_kg": "80", "filled_kg": "80"}
    answer = ada.post("/activities/", sent)
    assert (answer.status_code, shown_in(answer, "weight_kg"), shown_in(answer, "filled_kg")) == (422, ["70"], ["70"])


def test_a_weight_set_for_who_gave_none_does_not_become_ones_own(app: Flask, ada: Browser, ada_id: int) -> None:
    app.extensions["config"] = replace(app.extensions["config"], default_weight_kg=Decimal(72))
    assert shown_in(ada.get("/activities/new"), "weight_kg") == ["72"]
    made = ada.post("/activities/", {**TYPED, "weight_kg": "72", "filled_kg": "72"}).location
    ada.post(f"{made}/copies")
    assert weights(app, ada_id) == []


# -- one activity -------------------------------------------------------------------------------------------------


def test_the_page_shows_the_number_and_how_it_came_about(
    ada: Browser, ada_id: int, log: Log, run_jobs: RunJobs
) -> None:
    made = log(ada_id)
    run_jobs()
    text = text_of(ada.get(f"/activities/{made}"))
    assert "9.0 MET × 70 kg × 0.5 h = 315 kcal" in text
    assert re.search(r"State Calculated Tries 1 Processing time \d+ ms Logged ", text)
    assert re.search(r"Started \w+ [\d:]{8} Finished \w+ [\d:]{8} Job [0-9a-f]{32} Worker \S+:\d+", text)


def test_the_region_asks_until_it_has_the_number(ada: Browser, ada_id: int, log: Log, run_jobs: RunJobs) -> None:
    made = log(ada_id)
    waiting = ada.get(f"/activities/{made}", headers=PART)
    assert trigger_of(waiting) == "every 500ms, activity-queued from:body"
    assert "Calculating" in text_of(waiting)
    run_jobs()
    done = ada.get(f"/activities/{made}", headers={**PART, "HX-PTag": tag_of(waiting)})
    assert trigger_of(done) == "activity-queued from:body"
    assert done.headers["HX-Trigger"] == '{"activity-settled": "", "announce": {"text": "Running: 315 kcal"}}'
    assert "<html" not in done.get_data(as_text=True)


def test_an_unchanged_region_is_not_drawn_again(ada: Browser, ada_id: int, log: Log, frozen_clock: Clock) -> None:
    made = log(ada_id)
    first = ada.get(f"/activities/{made}", headers=PART)
    again = ada.get(f"/activities/{made}", headers={**PART, "HX-PTag": tag_of(first)})
    assert (again.status_code, again.get_data()) == (304, b"")


@pytest.mark.parametrize(
    ("waited_s", "pace_ms", "word"),
    [
        (0, "500", "Calculating"),
        (30, "2000", "Waiting"),
        (90, "10000", "Waiting"),
        (700, "60000", "Taking longer than usual"),
    ],
)
def test_the_pace_slows_down(
    ada: Browser, ada_id: int, log: Log, frozen_clock: Clock, waited_s: int, pace_ms: str, word: str
) -> None:
    made = log(ada_id)
    frozen_clock.forward(timedelta(seconds=waited_s))
    page = ada.get(f"/activities/{made}", headers=PART)
    assert trigger_of(page).startswith(f"every {pace_ms}ms,")
    assert word in text_of(page)


def test_a_failure_is_told_in_words_with_a_way_out(
    app: Flask, ada: Browser, ada_id: int, log: Log, run_jobs: RunJobs
) -> None:
    made = log(ada_id)
    spoil(app, made)
    run_jobs()
    page = ada.get(f"/activities/{made}")
    assert "Could not calculate It has no MET. Try again" in text_of(page)
    assert trigger_of(page) == "activity-queued from:body"
    spoil(app, made, met=9)
    assert ada.post(f"/activities/{made}/recounts").location == f"/activities/{made}"
    run_jobs()
    assert "= 315 kcal" in text_of(ada.get(f"/activities/{made}"))


def test_activity_whose_calculation_was_cancelled_says_so(app: Flask, ada: Browser, ada_id: int, log: Log) -> None:
    activity_id = log(ada_id)
    with app.app_context():
        engine = engine_of(app)
        engine.cancel(engine.latest_for("activity", [activity_id])[activity_id].uid, by="ops")
    page = ada.get(f"/activities/{activity_id}")
    assert "Could not calculate It was cancelled. Try again" in text_of(page)
    assert trigger_of(page) == "activity-queued from:body"


def test_trying_again_by_htmx_gives_the_row_and_wakes_the_regions(
    app: Flask, ada: Browser, ada_id: int, log: Log, run_jobs: RunJobs
) -> None:
    made = log(ada_id)
    spoil(app, made)
    run_jobs()
    answer = ada.part(f"/activities/{made}/recounts")
    assert (answer.status_code, rows_of(answer)) == (201, [made])
    assert "Calculating" in text_of(answer)
    assert "activity-queued" in answer.headers["HX-Trigger"]


def test_the_edit_form_holds_what_was_logged(ada: Browser, ada_id: int, log: Log) -> None:
    made = log(ada_id, notes="River", duration=timedelta(minutes=75))
    page = ada.get(f"/activities/{made}/edit").get_data(as_text=True)
    assert re.findall(r'name="(?:duration|weight_kg|day|time)"[^>]*value="([^"]*)"', page) == [
        "1:15", "70", "2026-11-20", "07:10",
    ]  # fmt: skip


def test_an_edit_recalculates(ada: Browser, ada_id: int, log: Log, run_jobs: RunJobs) -> None:
    made = log(ada_id)
    run_jobs()
    assert ada.post(f"/activities/{made}", {**TYPED, "duration": "60"}).location == f"/activities/{made}"
    assert "Calculating" in text_of(ada.get(f"/activities/{made}"))
    run_jobs()
    assert "= 630 kcal" in text_of(ada.get(f"/activities/{made}"))


def test_a_wrong_edit_is_refused(ada: Browser, ada_id: int, log: Log) -> None:
    made = log(ada_id)
    answer = ada.post(f"/activities/{made}", {**TYPED, "duration": "0"})
    assert (answer.status_code, errors_of(answer)) == (422, ["Duration must be between 1 and 1440 minutes."])


def test_logging_it_again_makes_a_copy_of_now_and_can_be_undone(
    app: Flask, ada: Browser, ada_id: int, log: Log, frozen_clock: Clock
) -> None:
    made = log(ada_id, notes="River")
    assert ada.post(f"/activities/{made}/copies", {"token": "t"}).location == "/activities/2"
    assert ada.post(f"/activities/{made}/copies", {"token": "t"}).location == "/activities/2"
    with app.app_context():
        assert queries.activity_of(ada_id, 2).draft == run(notes="River", started_at=frozen_clock.now)
    assert 'action="/activities/2/deletion"' in ada.get("/activities/2").get_data(as_text=True)


def test_a_deleted_one_is_gone_and_comes_back_by_undo(ada: Browser, ada_id: int, log: Log) -> None:
    made = log(ada_id)
    ada.get(f"/activities/{made}")
    listed = ada.post(f"/activities/{made}/deletion", follow_redirects=True)
    assert rows_of(listed) == []
    assert f'action="/activities/{made}/restorations"' in listed.get_data(as_text=True)
    assert "Running" in text_of(ada.get("/activities/bin"))
    assert ada.get(f"/activities/{made}").status_code == 404
    assert ada.post(f"/activities/{made}/restorations").location == f"/activities/{made}"
    assert rows_of(ada.get("/activities/")) == [made]


@pytest.mark.parametrize("path", ["", "/edit"])
def test_cleo_does_not_see_it(cleo: Browser, ada: Browser, ada_id: int, log: Log, path: str) -> None:
    made = log(ada_id, notes="Secret river")
    assert ada.get(f"/activities/{made}{path}").status_code == 200
    foreign, missing = cleo.get(f"/activities/{made}{path}"), cleo.get(f"/activities/999{path}")
    assert (foreign.status_code, missing.status_code) == (404, 404)
    assert "river" not in text_of(foreign)


@pytest.mark.parametrize("path", ["", "/deletion", "/restorations", "/recounts", "/copies"])
def test_cleo_cannot_act_on_it(cleo: Browser, ada_id: int, log: Log, app: Flask, path: str) -> None:
    made = log(ada_id)
    assert cleo.post(f"/activities/{made}{path}", TYPED).status_code == 404
    with app.app_context():
        assert queries.activity_of(ada_id, made).draft == run()


@pytest.mark.parametrize(
    "path", ["/activities/", "/activities/new", "/activities/bin", "/activities/estimate", "/activities/1"]
)
def test_strangers_are_asked_to_sign_in(stranger: Browser, path: str) -> None:
    answer = stranger.get(path)
    assert (answer.status_code, answer.location.partition("?")[0]) == (303, "/sign-in")


@pytest.mark.parametrize("number", ["0", "99999999999", "99999999999999999999999999", "-1", "1.5", "x"])
def test_odd_numbers_are_not_found(ada: Browser, number: str) -> None:
    assert ada.get(f"/activities/{number}").status_code == 404


# -- the list -----------------------------------------------------------------------------------------------------


def test_the_list_goes_by_day_newest_first_with_totals(
    ada: Browser, ada_id: int, log: Log, run_jobs: RunJobs, frozen_clock: Clock
) -> None:
    first = log(ada_id, started_at=MORNING - timedelta(days=1))
    second = log(ada_id)
    third = log(ada_id, kind=Kind.YOGA, started_at=MORNING + timedelta(hours=1))
    run_jobs()
    page = ada.get("/activities/")
    assert rows_of(page) == [third, second, first]
    assert re.findall(r"(Today|Yesterday) (\d+) kcal", text_of(page)) == [("Today", "455"), ("Yesterday", "315")]


def test_pages_follow_each_other_without_gap_or_repeat(ada: Browser, ada_id: int, app: Flask) -> None:
    with app.app_context():
        services.log_activities(ada_id, [run() for _ in range(23)], zone=ZONE)  # all at the same moment
    seen, address = [], "/activities/?per_page=10"
    while address:
        page = ada.get(address)
        seen.append(rows_of(page))
        found = re.search(r'href="([^"]+)"[^>]*>(?:<svg.*?</svg>)?Older', page.get_data(as_text=True))
        address = found[1].replace("&amp;", "&") if found else ""
    assert [len(rows) for rows in seen] == [10, 10, 3]
    assert [one for rows in seen for one in rows] == list(range(23, 0, -1))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [4, 3, 2, 1]),
        ("kind=yoga", [3]),
        ("from=2026-11-20", [4, 3]),
        ("to=2026-11-19", [2, 1]),
        ("from=2026-11-19&to=2026-11-19", [2]),
        ("q=river", [1]),
        ("q=100%25", [2]),
        ("q=_", []),
        ("state=completed", [2, 1]),
        ("state=pending", [4]),
        ("state=failed", [3]),
        ("kind=running&q=RIVER", [1]),
    ],
)
def test_filters(
    app: Flask, ada: Browser, ada_id: int, log: Log, run_jobs: RunJobs, query: str, expected: list[int]
) -> None:
    log(ada_id, started_at=MORNING - timedelta(days=2), notes="Along the River")
    log(ada_id, started_at=MORNING - timedelta(days=1), notes="100% effort")
    spoil(app, log(ada_id, kind=Kind.YOGA))
    run_jobs()
    log(ada_id, started_at=MORNING + timedelta(hours=1))
    assert rows_of(ada.get(f"/activities/?{query}")) == expected


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("per_page=0", "Choose one of: 10, 25, 50, 100."),
        ("per_page=1e3", "Choose one of: 10, 25, 50, 100."),
        ("per_page=１０", "Choose one of: 10, 25, 50, 100."),
        ("next=abc", "This is not the place of a page."),
        ("next=2026-11-20.999999999999999999.1", "This is not the place of a page."),
        ("from=2026-02-30", "There is no such day."),
        ("from=2026-11-20&to=2026-11-19", "The last day must not be before the first."),
        ("kind=jogging", "Choose one of: running, walking, cycling, swimming, yoga."),
        ("state=x", "Choose one of: completed, pending, failed."),
        ("q=" + "x" * 101, "Search for up to 100 characters of plain text."),
        ("q=%00", "Search for up to 100 characters of plain text."),
    ],
)
def test_wrong_filters_are_said_and_left_out(ada: Browser, query: str, sentence: str) -> None:
    answer = ada.get(f"/activities/?{query}")
    assert answer.status_code == 422
    assert sentence in text_of(answer)


def test_a_key_given_twice_is_refused(ada: Browser) -> None:
    assert ada.get("/activities/?per_page=10&per_page=25").status_code == 400


def test_an_empty_list_says_what_will_be_here(ada: Browser) -> None:
    assert "What you log appears here, day by day. Log activity" in text_of(ada.get("/activities/"))
    assert "Nothing matches. Clear filters" in text_of(ada.get("/activities/?kind=yoga"))


@pytest.mark.parametrize(("count", "words"), [(1, "1 activity pending"), (3, "3 activities pending")])
def test_what_is_pending_is_counted_in_words(ada: Browser, ada_id: int, log: Log, count: int, words: str) -> None:
    for _ in range(count):
        log(ada_id)
    assert f"{words} processing." in text_of(ada.get("/activities/"))


def test_the_list_tells_what_settled_since(ada: Browser, ada_id: int, log: Log, run_jobs: RunJobs) -> None:
    log(ada_id)
    log(ada_id)
    waiting = ada.get("/activities/", headers=PART)
    assert trigger_of(waiting).startswith("every 500ms")
    run_jobs()
    done = ada.get("/activities/", headers={**PART, "HX-PTag": tag_of(waiting)})
    assert done.headers["HX-Trigger"] == '{"activity-settled": "", "announce": {"text": "2 activities calculated"}}'
    assert trigger_of(done) == "activity-queued from:body"
    quiet = ada.get("/activities/", headers={**PART, "HX-PTag": tag_of(done)})
    assert (quiet.status_code, "HX-Trigger" in quiet.headers) == (304, False)


def test_a_foreign_tag_tells_nothing_of_others(cleo: Browser, ada_id: int, log: Log, run_jobs: RunJobs) -> None:
    made = log(ada_id)
    run_jobs()
    answer = cleo.get("/activities/", headers={**PART, "HX-PTag": f"{made}~0123456789abcdef"})
    assert (answer.status_code, "HX-Trigger" in answer.headers) == (200, False)


def test_notes_are_shown_as_text(ada: Browser, ada_id: int, log: Log) -> None:
    made = log(ada_id, notes="<script>alert(1)</script>{{7*7}}")
    for path in ("/activities/", f"/activities/{made}", f"/activities/{made}/edit"):
        page = ada.get(path).get_data(as_text=True)
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page


def test_the_list_in_htmx_is_the_region_alone(ada: Browser) -> None:
    page = ada.get("/activities/", headers=PART)
    assert page.get_data(as_text=True).strip().startswith('<section id="activities"')
    assert page.headers["Vary"].startswith("HX-Request, HX-Request-Type")
    assert page.headers["Cache-Control"] == "no-store"
