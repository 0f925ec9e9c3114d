"""What a page does while nothing comes: it rests when told to, says when the server is away, and recovers."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.product import Product
from tests.browser.steps import fill_in_sign_in, log_running, requests_within, sign_up
from tests.browser.watched import Watched

pytestmark = [pytest.mark.browser, pytest.mark.looks]

AWHILE_MS = 1_600  # three times the pace
HIDE = """value => {
  Object.defineProperty(document, 'hidden', {value, configurable: true});
  document.dispatchEvent(new Event('visibilitychange'));
}"""


@pytest.fixture
def waiting(still_windows: Watched) -> Page:
    """Ada's page of an activity that nobody works out."""
    page = still_windows.open()
    sign_up(page)
    log_running(page)
    expect(page.locator("#activity .big")).to_contain_text("Calculating")
    assert len(requests_within(page, AWHILE_MS)) >= 1
    return page


def rests(page: Page) -> bool:
    page.wait_for_timeout(100)  # what was on its way arrives
    return requests_within(page, AWHILE_MS) == []


def test_page_rests_while_hidden_and_while_live_updates_are_off(waiting: Page) -> None:
    live = waiting.get_by_role("group", name="Live updates")
    waiting.evaluate(HIDE, True)
    assert rests(waiting)
    waiting.evaluate(HIDE, False)
    with waiting.expect_response("**/settings/live"):
        live.get_by_role("button", name="Off").click()
    assert rests(waiting)
    waiting.reload()
    expect(live.get_by_role("button", name="Off")).to_have_attribute("aria-pressed", "true")
    assert rests(waiting)
    with waiting.expect_response("**/activities/*"):
        live.get_by_role("button", name="On").click()


def test_who_signed_out_elsewhere_is_led_to_sign_in_and_back(still_windows: Watched) -> None:
    page = still_windows.open()
    email = sign_up(page)
    log_running(page)
    address = page.url
    token = page.locator(".who input[name=csrf_token]").input_value()
    assert page.context.request.post("/sign-out", form={"csrf_token": token}).ok
    page.wait_for_url(re.compile(r"/sign-in\?next="))
    fill_in_sign_in(page, email)
    page.wait_for_url(address)


def test_server_that_is_away_is_said_and_its_return_noticed(
    still_product: Product, still_windows: Watched, waiting: Page
) -> None:
    banner = waiting.locator("#banner")
    still_product.stop("web")
    try:
        expect(banner).to_contain_text("Connection lost, retrying.")
        expect(waiting.locator("#activity .big")).to_contain_text("Calculating")
    finally:
        still_product.start("web")
    still_product.wait_until_it_answers()
    banner.get_by_role("button", name="Try again").click()
    expect(banner).to_be_hidden()
    waiting.wait_for_event("response")
    still_windows.complaints.clear()  # the server was stopped on purpose


def test_failure_is_told_in_words_and_trying_again_mends_it(
    still_product: Product, still_windows: Watched, waiting: Page
) -> None:
    region, number = waiting.locator("#activity"), int(waiting.url.rsplit("/", 1)[1])
    waiting.evaluate("window.stayed = true")
    still_product.sql("UPDATE activity SET duration_s = 0 WHERE id = :id", id=number)
    still_product.start("worker")
    try:
        expect(region.locator(".big")).to_contain_text("Could not calculate", timeout=20_000)
        expect(region.locator(".notice")).to_contain_text("It has no duration.")
        expect(waiting.locator("#announce")).to_have_text("Running: could not calculate")
        assert waiting.evaluate("window.stayed")
        assert rests(waiting)
        still_product.sql("UPDATE activity SET duration_s = 1800 WHERE id = :id", id=number)
        waiting.goto("/activities/")
        row = waiting.locator(f"#activity-{number}-row")
        expect(row).to_contain_text("Could not calculate")
        waiting.evaluate("window.stayed = true")
        row.get_by_role("button", name="Try again").click()
        expect(row.locator(".kcal")).to_have_text("315 kcal")
        assert waiting.evaluate("window.stayed")
        assert rests(waiting)
    finally:
        still_product.stop("worker")


def test_trying_again_works_from_the_activity_itself(
    still_product: Product, still_windows: Watched, waiting: Page
) -> None:
    number = int(waiting.url.rsplit("/", 1)[1])
    still_product.sql(
        "UPDATE activity SET uncountable_since = created_at, uncountable_reason = 'gone' WHERE id = :id", id=number
    )
    waiting.reload()
    expect(waiting.locator("#activity .big")).to_contain_text("Could not calculate")
    waiting.get_by_role("button", name="Try again").click()
    expect(waiting.locator("#activity .big")).to_contain_text("Calculating")
    still_product.start("worker")
    try:
        expect(waiting.locator("#activity .big .kcal")).to_have_text("315 kcal", timeout=20_000)
    finally:
        still_product.stop("worker")
