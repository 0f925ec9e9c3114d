"""Everything a person does, without JavaScript."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import log_running, sign_up
from tests.browser.watched import Watched

pytestmark = pytest.mark.browser


@pytest.fixture
def plain(slow_windows: Watched) -> Page:
    """Ada's browser, which runs no script."""
    page = slow_windows.open(java_script_enabled=False)
    sign_up(page)
    return page


def refresh(page: Page, *, until: str) -> None:
    """Follow "Refresh status" as an impatient person would."""
    for _ in range(20):
        if page.get_by_text(until).count():
            return
        page.wait_for_timeout(500)
        page.get_by_role("link", name="Refresh status").click()
    raise AssertionError(f"{until} did not come")


def test_number_comes_after_refreshing_by_hand(plain: Page) -> None:
    log_running(plain)
    expect(plain.locator("#activity .big")).to_contain_text("Calculating")
    refresh(plain, until="= 315 kcal")
    expect(plain.locator("#activity .big .kcal")).to_have_text("315 kcal")
    expect(plain.get_by_role("link", name="Refresh status")).to_have_count(0)


@pytest.mark.looks
def test_today_and_the_list_can_be_refreshed_too(still_windows: Watched) -> None:
    page = still_windows.open(java_script_enabled=False)
    sign_up(page)
    log_running(page)
    page.goto("/activities/?kind=running")
    page.get_by_role("link", name="Refresh status").click()
    assert "kind=running" in page.url
    expect(page.locator("#activities .acts li")).to_have_count(1)
    page.goto("/")
    page.get_by_role("link", name="Refresh status").click()
    expect(page.locator("#recent .acts li")).to_have_count(1)


def test_filters_narrow_the_list(plain: Page) -> None:
    log_running(plain)
    log_running(plain, minutes="45")
    plain.goto("/activities/")
    plain.get_by_text("Filter", exact=True).click()
    plain.get_by_label("Kind").select_option("Yoga")
    plain.get_by_role("button", name="Show").click()
    expect(plain.locator("#activities")).to_contain_text("Nothing matches.")
    plain.locator("#activities").get_by_role("link", name="Clear filters").click()
    expect(plain.locator("#activities .acts li")).to_have_count(2)


@pytest.mark.looks
def test_wrong_form_comes_back_with_what_was_typed(plain: Page) -> None:
    plain.goto("/activities/new")
    plain.get_by_label("Yoga").check()
    plain.get_by_label("Duration").fill("minus three")
    plain.get_by_label("Weight").fill("seventy")
    plain.get_by_label("Notes").fill("to be kept")
    plain.get_by_role("button", name="Save activity").click()
    expect(plain.get_by_role("alert")).to_contain_text("need another look")
    expect(plain.get_by_label("Duration")).to_have_value("minus three")
    expect(plain.get_by_label("Notes")).to_have_value("to be kept")
    expect(plain.get_by_label("Yoga")).to_be_checked()


def test_activity_is_changed_deleted_and_taken_back(plain: Page) -> None:
    log_running(plain)
    address = plain.url
    plain.get_by_role("link", name="Edit").click()
    plain.get_by_label("Duration").fill("1:00")
    plain.get_by_role("button", name="Save changes").click()
    plain.wait_for_url(address)
    refresh(plain, until="= 630 kcal")
    plain.get_by_role("button", name="Delete").click()
    expect(plain.get_by_text("Running deleted.")).to_be_visible()
    expect(plain.locator("#activities")).to_contain_text("What you log appears here")
    plain.get_by_role("button", name="Undo").click()
    plain.wait_for_url(address)
    expect(plain.locator("#activity .big .kcal")).to_have_text("630 kcal")
    plain.get_by_role("button", name="Delete").click()
    plain.goto("/activities/bin")
    plain.get_by_role("button", name="Take back").click()
    plain.wait_for_url(address)


@pytest.mark.looks
def test_settings_are_changed(plain: Page) -> None:
    plain.goto("/settings/")
    plain.get_by_label("Name").first.fill("Ada Lovelace")
    plain.get_by_role("button", name="Save profile").click()
    expect(plain.locator(".who")).to_contain_text("Ada Lovelace")
    plain.locator(".foot").get_by_role("button", name="Dark").click()
    assert plain.url.endswith("/settings/")
    expect(plain.locator("html")).to_have_attribute("data-theme", "dark")
    plain.locator("#weights").get_by_label("Weight").fill("71.5")
    plain.get_by_role("button", name="Note weight").click()
    expect(plain.locator("#weights")).to_contain_text("71.5 kg")
