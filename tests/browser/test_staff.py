"""The staff area in a browser: it asks before it acts, and dismissing keeps everything."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.product import PASSWORD, Product
from tests.browser.steps import sign_in
from tests.browser.watched import Watched

pytestmark = pytest.mark.browser

SENT = {"kind": "yoga", "duration_min": 60, "weight_kg": 70}


@pytest.fixture
def ids(product: Product, chromium: Browser) -> tuple[str, list[int]]:
    """The e-mail of an admin, and her activities."""
    email = product.make_person(admin=True)
    return email, [one["id"] for one in product.log(email, [SENT, SENT, SENT])]


@pytest.fixture
def page(windows: Watched, ids: tuple[str, list[int]]) -> Page:
    page = windows.open()
    sign_in(page, ids[0])
    return page


def state_of(page: Page, activity_id: int) -> str:
    page.goto(f"/admin/activities/details/?id={activity_id}")
    return page.locator(".facts .state").inner_text()


@pytest.mark.looks
def test_delete_asks_and_dismissing_keeps_the_row(page: Page, ids: tuple[str, list[int]]) -> None:
    one = ids[1][0]
    page.goto(f"/admin/activities/details/?id={one}")
    page.get_by_role("link", name="Delete…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Delete 1 activity?")
    dialog.get_by_role("link", name="Cancel").click()
    expect(dialog).to_be_hidden()
    assert state_of(page, one) != "Deleted"
    page.get_by_role("link", name="Delete…").click()
    dialog.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("status").filter(has_text="Deleted: 1.")).to_be_visible()
    assert state_of(page, one) == "Deleted"


def test_many_are_ticked_counted_asked_about_and_taken_back(page: Page, ids: tuple[str, list[int]]) -> None:
    page.goto("/admin/activities/")
    for one in ids[1][1:]:
        page.get_by_label(f"Tick {one}", exact=True).check()
    expect(page.locator("[data-selected]")).to_have_text("2 selected")
    page.get_by_role("button", name="Delete…").click()
    expect(page.get_by_role("heading", name="Delete 2 activities?")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Taken back: 2.")).to_be_visible()
    assert [state_of(page, one) == "Deleted" for one in ids[1][1:]] == [False, False]


@pytest.mark.looks
def test_the_password_is_asked_again_in_between(page: Page, product: Product, ids: tuple[str, list[int]]) -> None:
    hers = "(SELECT id FROM person WHERE email = :email)"
    long_ago = "UPDATE sign_in_session SET created_at = '2026-01-01 00:00:00.000000' WHERE user_id = "
    product.sql(long_ago + hers, email=ids[0])
    page.goto(f"/admin/activities/details/?id={ids[1][0]}")
    page.get_by_role("link", name="Correct").click()
    expect(page.get_by_role("heading", name="Your password again")).to_be_visible()
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    expect(page).to_have_url(re.compile(r"/admin/activities/edit/"))


@pytest.mark.looks
def test_settings_are_saved_and_put_back(page: Page) -> None:
    page.goto("/ops/settings")
    place = page.locator("#place")
    place.get_by_label("Announcement").fill("We move on Friday.")
    place.get_by_role("button", name="Save this place").click()
    notice = page.get_by_role("complementary", name="Announcement")
    expect(notice).to_contain_text("We move on Friday.")
    notice.get_by_role("button").click()
    expect(notice).to_be_hidden()
    page.locator("#history").get_by_role("button").first.click()
    expect(page.locator("#history tbody tr").first).to_contain_text("as started")
