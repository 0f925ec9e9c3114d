"""Every page there is: accessible, quiet, and at home on every screen, empty and full, light and dark."""

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from tests.browser.conftest import Axe
from tests.browser.product import Product
from tests.browser.steps import sign_up
from tests.browser.visitors import LOOKS, SHOWN_ONCE, SHOWN_WITH_ANOTHER, Visitors, pages_of
from tests.browser.watched import Watched

pytestmark = [pytest.mark.browser, pytest.mark.looks]

WIDTHS = [320, 375, 768, 1280]
LARGEST_FIRST_LOAD_BYTES = 60 * 1024
MOST_FIRST_REQUESTS = 8


@pytest.fixture(scope="module")
def visitors(product: Product, chromium: Browser) -> Visitors:
    return Visitors(product, chromium)


def look(page: Page, address: str) -> None:
    page.goto(address)
    if "/api/docs" in address:
        expect(page.locator("#swagger .opblock").first).to_be_visible()


def width_once_drawn(page: Page, wanted: int) -> int:
    """How wide the page is, given a second to get there: fonts and layout follow a new size when they have time."""
    for _ in range(10):
        found = int(page.evaluate("document.documentElement.scrollWidth"))
        if found == wanted:
            break
        page.wait_for_timeout(100)
    return found


def test_no_page_is_forgotten_here(product: Product) -> None:
    seen = {page.partition("?")[0] if page.startswith("/ops/") else page for _, page in LOOKS} - {"/nowhere"}
    without_admin = {page for page in seen if page == "/admin/" or not page.startswith("/admin/")}
    assert pages_of(product.flask("routes")) == without_admin | SHOWN_WITH_ANOTHER | SHOWN_ONCE


@pytest.mark.parametrize(("who", "address"), LOOKS)
def test_page_is_accessible_in_both_themes_quiet_and_fits_every_width(
    windows: Watched, visitors: Visitors, axe: Axe, who: str, address: str
) -> None:
    page = windows.open(storage_state=visitors.cookies[who])
    look(page, visitors.address(address))
    page.evaluate("document.fonts.ready.then(() => null)")  # in the font that stands in for ours, headings are wider
    fits, found = {}, []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        fits[width] = width_once_drawn(page, width)
        if width in {375, 1280}:
            found += [f"light {width}: {problem}" for problem in axe(page)]
    assert fits == {width: width for width in WIDTHS}
    assert page.locator("p:empty:not([id])").count() == 0  # what a form inside a paragraph leaves behind
    page.emulate_media(color_scheme="dark")
    if address == "/api/docs":  # it asks for the theme once
        look(page, visitors.address(address))
    for width in (1280, 375):
        page.set_viewport_size({"width": width, "height": 800})
        found += [f"dark {width}: {problem}" for problem in axe(page, "color-contrast")]  # only colours change
    assert found == []


def test_first_load_of_today_is_small(windows: Watched, visitors: Visitors) -> None:
    page = windows.open(storage_state=visitors.cookies["ada"])
    asked: list[Request] = []

    def note(request: Request) -> None:
        asked.append(request)

    page.on("requestfinished", note)
    page.goto("/", wait_until="networkidle")
    sizes = {request.url: request.sizes()["responseBodySize"] for request in asked}
    print(sum(sizes.values()), sizes)
    assert len(asked) <= MOST_FIRST_REQUESTS
    assert sum(sizes.values()) <= LARGEST_FIRST_LOAD_BYTES


def test_page_that_makes_the_first_admin_is_like_the_others(
    still_product: Product, still_windows: Watched, axe: Axe
) -> None:
    page = still_windows.open(width=375)
    page.goto(still_product.flask("users", "setup-link"))
    expect(page.get_by_role("heading", name="Make the first admin")).to_be_visible()
    assert axe(page) == []
    page.set_viewport_size({"width": 320, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == 320


@pytest.mark.parametrize(
    ("address", "button"),
    [("/sign-in", "Sign in"), ("/sign-up", "Sign up")],
)
def test_form_of_a_stranger_filled_in_wrongly_is_accessible(
    windows: Watched, axe: Axe, address: str, button: str
) -> None:
    page = windows.open(width=375)
    page.goto(address)
    refused(page, button)
    assert axe(page) == []


@pytest.mark.parametrize(
    ("address", "button"),
    [
        ("/activities/new", "Save activity"),
        ("/settings/", "Save profile"),
        ("/settings/", "Note weight"),
        ("/settings/", "Change password"),
        ("/settings/", "Make a token"),
    ],
)
def test_form_filled_in_wrongly_is_accessible(windows: Watched, axe: Axe, address: str, button: str) -> None:
    page = windows.open(color_scheme="dark")
    sign_up(page)
    page.goto(address)
    refused(page, button)
    assert axe(page) == []


def refused(page: Page, button: str) -> None:
    """Empty the form with this button and send it past the browser's own checks."""
    page.get_by_role("main").get_by_role("button", name=button).evaluate(
        """button => {
          button.form.noValidate = true;
          const typed = "input:not([type=hidden], [type=radio], [type=checkbox])";
          button.form.querySelectorAll(typed).forEach((one) => one.value = "");
          button.click();
        }"""
    )
    expect(page.locator(".err").first).to_be_visible()
    expect(page.locator("[aria-invalid=true]").first).to_be_visible()
