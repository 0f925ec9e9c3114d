"""The one story everything is there for: log an activity, watch its calories appear."""

import time
from datetime import date, timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import log_running, requests_within, sign_up
from tests.browser.watched import Watched

pytestmark = pytest.mark.browser

STAYED = "window.stayed"


def mark(page: Page) -> None:
    """Leave something in the page that a reload would wipe out."""
    page.evaluate(f"{STAYED} = true")


def test_newcomer_sees_the_number_replace_the_word_in_place(slow_windows: Watched) -> None:
    page = slow_windows.open()
    sign_up(page)
    expect(page.get_by_role("heading", name="Start here")).to_be_visible()
    log_running(page)
    mark(page)
    region = page.locator("#activity")
    expect(region.locator(".big")).to_contain_text("Calculating")
    expect(region.locator(".big .kcal")).to_have_text("315 kcal")
    expect(region).to_contain_text("9.0 MET × 70 kg × 0.5 h = 315 kcal")
    expect(region).not_to_contain_text("Calculating")
    expect(page.locator("#announce")).to_have_text("Running: 315 kcal")
    assert page.evaluate(STAYED)
    assert requests_within(page, 3_000) == []


def test_today_counts_what_was_just_worked_out(slow_windows: Watched) -> None:
    page = slow_windows.open()
    sign_up(page)
    log_running(page)
    page.goto("/")
    mark(page)
    today = page.locator("#score > div").filter(has_text="Today")
    expect(page.locator("#recent")).to_contain_text("1 activity pending processing.")
    expect(page.locator("#recent .acts")).to_contain_text("Calculating")
    expect(today).to_contain_text("— kcal")
    expect(today).to_contain_text("315 kcal")
    expect(page.locator("#recent .acts .kcal")).to_have_text("315 kcal")
    expect(page.locator("#recent")).not_to_contain_text("pending")
    expect(page.locator("#announce")).to_have_text("Running: 315 kcal")
    assert page.evaluate(STAYED)
    assert requests_within(page, 3_000) == []


@pytest.mark.looks
def test_list_fills_in_the_numbers_of_its_rows_and_days(slow_windows: Watched) -> None:
    page = slow_windows.open()
    sign_up(page)
    log_running(page)
    log_running(page, minutes="1:00")
    page.goto("/activities/")
    mark(page)
    expect(page.locator("#activities .state")).to_have_text(["Calculating", "Calculating"])
    expect(page.locator("#activities .acts .kcal")).to_have_text(["630 kcal", "315 kcal"])
    expect(page.locator("#activities .day")).to_contain_text("945 kcal")
    assert page.evaluate(STAYED)
    assert requests_within(page, 1_500) == []


@pytest.mark.looks
def test_unchanged_page_is_told_so_without_being_sent_again(slow_windows: Watched) -> None:
    page = slow_windows.open()
    sign_up(page)
    answers: list[int] = []
    page.on("response", lambda answer: answer.request.resource_type == "fetch" and answers.append(answer.status))
    log_running(page)
    expect(page.locator("#activity .big .kcal")).to_have_text("315 kcal")
    assert set(answers) == {200, 304}


def test_idle_worker_has_the_number_on_the_page_at_once(windows: Watched) -> None:
    page = windows.open()
    sign_up(page)
    page.goto("/activities/new")
    page.get_by_label("Running").check()
    page.get_by_label("Duration").fill("30")
    page.get_by_label("Weight").fill("70")
    submitted = time.monotonic()
    page.get_by_role("button", name="Save activity").click()
    expect(page.locator("#activity .big .kcal")).to_have_text("315 kcal")
    print(f"from the submit to the number on the page: {time.monotonic() - submitted:.2f} s")


@pytest.mark.looks
def test_estimate_stands_below_the_form_before_anything_is_saved(windows: Watched) -> None:
    page = windows.open()
    sign_up(page)
    page.goto("/activities/new")
    page.get_by_label("Cycling").check()
    page.get_by_label("Duration").fill("1:30")
    page.get_by_label("Weight").fill("70")
    expect(page.locator("#estimate")).to_have_text("8.0 MET × 70 kg × 1.5 h = 840 kcal")
    page.goto("/activities/")
    expect(page.locator("#activities")).to_contain_text("What you log appears here")


@pytest.mark.looks
def test_another_day_brings_its_weight_unless_one_was_typed(windows: Watched) -> None:
    page = windows.open()
    sign_up(page)
    log_running(page, weight_kg="80")
    page.goto("/activities/new")
    day, weight = page.get_by_label("Date", exact=True), page.get_by_label("Weight")
    today = date.fromisoformat(day.input_value())
    page.get_by_label("Running").check()
    page.get_by_label("Duration").fill("30")
    day.fill(str(today - timedelta(days=10)))
    weight.fill("70")
    page.get_by_role("button", name="Save activity").click()
    expect(page.locator("#activity .big .kcal")).to_have_text("315 kcal")
    page.goto("/activities/new")
    expect(weight).to_have_value("80")
    page.get_by_label("Running").check()
    page.get_by_label("Duration").fill("30")
    day.fill(str(today - timedelta(days=5)))
    expect(weight).to_have_value("70")
    expect(page.locator("#estimate")).to_have_text("9.0 MET × 70 kg × 0.5 h = 315 kcal")
    day.fill(str(today))
    expect(weight).to_have_value("80")
    weight.fill("75")
    day.fill(str(today - timedelta(days=5)))
    expect(page.locator("#estimate")).to_have_text("9.0 MET × 75 kg × 0.5 h = 337.5 kcal")
    expect(weight).to_have_value("75")


@pytest.mark.looks
def test_save_is_at_hand_on_a_phone_and_covers_no_field(windows: Watched) -> None:
    page = windows.open(width=375, height=600)
    sign_up(page)
    page.goto("/activities/new")
    save = page.get_by_role("button", name="Save activity")
    bars = (save.locator(".."), page.locator(".tabs"))
    place = "e => { const at = e.getBoundingClientRect(); return [at.top, at.bottom]; }"
    for width in (320, 375, 959):
        page.set_viewport_size({"width": width, "height": 600})
        page.evaluate("scrollTo(0, 0)")
        (top, bottom), (tabs_top, _) = (bar.evaluate(place) for bar in bars)
        assert 0 < top < bottom == tabs_top < 600
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert bars[0].evaluate("e => e.scrollWidth <= e.clientWidth")
        for name in ("duration", "weight_kg", "day", "time", "notes"):
            field = page.locator(f"#{name}")
            field.focus()
            field_top, field_bottom = field.evaluate(place)
            first_line = min(field_bottom, field_top + 48)  # of notes, a browser shows the line with the cursor
            assert 0 <= field_top < first_line <= top, (width, name)
    page.set_viewport_size({"width": 960, "height": 600})
    assert bars[0].evaluate("e => getComputedStyle(e).position") == "static"


@pytest.mark.looks
def test_logging_again_takes_one_tap_and_one_to_save(windows: Watched) -> None:
    page = windows.open()
    sign_up(page)
    log_running(page)
    page.goto("/")
    page.get_by_role("link", name="Running, 30 min").click()
    page.get_by_role("button", name="Save activity").click()
    expect(page.locator("#activity .big .kcal")).to_have_text("315 kcal")
    page.goto("/activities/")
    expect(page.locator("#activities .acts .kcal")).to_have_text(["315 kcal", "315 kcal"])


@pytest.mark.looks
def test_guest_keeps_the_account_and_all_that_is_in_it(windows: Watched) -> None:
    page = windows.open()
    page.goto("/")
    page.get_by_role("button", name="Look around as a guest").click()
    expect(page.get_by_text("You are looking around as a guest.")).to_be_visible()
    log_running(page, minutes="2:00")
    number = page.url
    page.get_by_role("link", name="Keep this account").click()
    keep = page.locator("#keep")
    keep.get_by_label("Name").fill("Ben")
    keep.get_by_label("E-mail").fill(f"ben-{time.monotonic_ns()}@example.com")
    keep.get_by_label("Password", exact=True).fill("the river runs past the mill")
    keep.get_by_role("button", name="Keep this account").click()
    expect(page.get_by_text("This account is yours now")).to_be_visible()
    page.goto(number)
    expect(page.locator("#activity .big .kcal")).to_have_text("1 260 kcal")


@pytest.mark.looks
def test_cleo_does_not_find_what_ada_logged(windows: Watched) -> None:
    ada, cleo = windows.open(), windows.open()
    sign_up(ada)
    sign_up(cleo)
    log_running(ada)
    cleo.goto(ada.url)
    expect(cleo.get_by_role("heading", name="Not found")).to_be_visible()
    cleo.goto("/activities/")
    expect(cleo.locator("#activities")).to_contain_text("What you log appears here")
