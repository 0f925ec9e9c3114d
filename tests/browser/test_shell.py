"""What every page has from its layout and its script, seen in a real browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Axe
from tests.browser.gallery import Gallery
from tests.browser.watched import Watched

pytestmark = [pytest.mark.browser, pytest.mark.looks]

PAGES = ["/", "/form", "/live", "/confirm", "/problem"]


def still(page: Page, milliseconds: int = 1_300) -> None:
    """Let time pass in which something could have happened."""
    page.wait_for_timeout(milliseconds)


def later_than(number: int) -> re.Pattern[str]:
    """Any drawing of the region after that one."""
    return re.compile(rf"Drawn ({'|'.join(str(later) for later in range(number + 1, number + 40))})\b")


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 375)])
def test_parts_are_accessible(gallery_windows: Watched, axe: Axe, theme: str, width: int) -> None:
    page = gallery_windows.open(width=width, color_scheme=theme)
    for path in PAGES:
        page.goto(path)
        assert axe(page) == [], path


def test_form_with_errors_is_accessible(gallery_windows: Watched, axe: Axe) -> None:
    page = gallery_windows.open()
    page.goto("/form")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("need another look")
    assert axe(page) == []


@pytest.mark.parametrize("width", [320, 375, 768, 1280])
def test_nothing_has_to_be_scrolled_sideways(gallery_windows: Watched, width: int) -> None:
    page = gallery_windows.open(width=width)
    for path in PAGES:
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") == width, path


def test_nothing_has_to_be_scrolled_sideways_at_twice_the_text_size(gallery_windows: Watched) -> None:
    page = gallery_windows.open(width=640, bypass_csp=True)
    for path in PAGES:
        page.goto(path)
        page.add_style_tag(content="html { font-size: 200% }")
        assert page.evaluate("document.documentElement.scrollWidth") == 640, path


def test_region_keeps_what_the_person_does_and_stops_once_settled(gallery_windows: Watched, gallery: Gallery) -> None:
    page = gallery_windows.open()
    page.goto("/live")
    page.get_by_label("Tick").check()
    page.get_by_label("Typed").fill("half a wo")
    expect(page.locator("#recent")).to_contain_text("315 kcal")
    expect(page.locator("#total")).to_have_text("refreshed")
    expect(page.locator("#announce")).to_have_text("Running: 315 kcal")
    assert page.get_by_label("Tick").is_checked()
    assert page.get_by_label("Typed").input_value() == "half a wo"
    assert page.evaluate("document.activeElement.id") == "typed"
    seen = gallery.polls
    still(page)
    assert gallery.polls == seen == 3


def test_region_rests_while_live_updates_are_off(gallery_windows: Watched, gallery: Gallery) -> None:
    gallery.left = 1_000
    page = gallery_windows.open()
    page.goto("/live")
    expect(page.locator("#recent")).to_contain_text(later_than(0))
    with page.expect_response("**/settings/live"):
        page.get_by_role("group", name="Live updates").get_by_role("button", name="Off").click()
    seen = gallery.polls
    still(page)
    assert gallery.polls == seen
    assert gallery.remembered == {"live": "off"}


def test_region_rests_while_the_page_is_hidden(gallery_windows: Watched, gallery: Gallery) -> None:
    gallery.left = 1_000
    page = gallery_windows.open()
    page.goto("/live")
    hide = "value => {Object.defineProperty(document, 'hidden', {value, configurable: true});"
    page.evaluate(hide + "document.dispatchEvent(new Event('visibilitychange'))}", True)
    still(page, 600)
    seen = gallery.polls
    still(page)
    assert gallery.polls == seen
    page.evaluate(hide + "document.dispatchEvent(new Event('visibilitychange'))}", False)
    expect(page.locator("#recent")).to_contain_text(later_than(seen))


def test_lost_connection_is_said_slows_down_and_heals(gallery_windows: Watched, gallery: Gallery) -> None:
    gallery.left, gallery.status = 1_000, 503
    page = gallery_windows.open()
    page.goto("/live")
    expect(page.locator("#banner")).to_contain_text("Connection lost, retrying.")
    still(page, 600)  # one may have been on its way when the second came back
    seen = gallery.polls
    still(page)
    assert gallery.polls == seen
    expect(page.locator("#recent")).to_contain_text("Drawn 0")
    gallery.status = 200
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#banner")).to_be_hidden()
    expect(page.locator("#recent")).to_contain_text(later_than(seen))
    gallery_windows.complaints.clear()  # the 503s were asked for


def test_confirm_page_opens_as_a_dialog_whose_safe_way_has_the_focus(
    gallery_windows: Watched, gallery: Gallery
) -> None:
    page = gallery_windows.open()
    page.goto("/live")
    page.get_by_role("link", name="Delete").click()
    dialog = page.get_by_role("dialog", name="Delete this activity?")
    expect(dialog.get_by_role("link", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("link", name="Delete")).to_be_focused()
    page.get_by_role("link", name="Delete").click()
    dialog.get_by_role("link", name="Cancel").click()
    expect(dialog).to_be_hidden()
    assert page.url.endswith("/live")
    assert gallery.posts == 0


def test_wrong_form_comes_back_with_the_focus_in_the_first_wrong_field(
    gallery_windows: Watched, gallery: Gallery
) -> None:
    page = gallery_windows.open()
    page.goto("/form")
    page.get_by_label("Yoga").check()
    page.get_by_label("Notes").fill("a note to be kept")
    page.get_by_role("button", name="Save").dblclick()
    expect(page.get_by_label("How long?")).to_be_focused()
    assert page.get_by_label("How long?").get_attribute("aria-describedby") == "duration-hint duration-error"
    assert page.get_by_label("Notes").input_value() == "a note to be kept"
    assert page.get_by_label("Yoga").is_checked()
    assert gallery.posts == 1


def test_theme_is_taken_at_once_and_remembered(gallery_windows: Watched, gallery: Gallery) -> None:
    page = gallery_windows.open(color_scheme="light")
    page.goto("/form")
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    assert page.evaluate(ground) == "rgb(241, 245, 244)"
    with page.expect_response("**/settings/theme"):
        page.get_by_role("button", name="Dark").click()
    assert page.evaluate(ground) == "rgb(11, 28, 31)"
    assert gallery.remembered == {"theme": "dark"}
    expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("button", name="System")).to_have_attribute("aria-pressed", "false")


def test_shortcuts_work_outside_fields_and_can_be_switched_off(gallery_windows: Watched) -> None:
    page = gallery_windows.open()
    page.goto("/form")
    page.get_by_label("Notes").press("n")
    assert page.get_by_label("Notes").input_value() == "n"
    page.get_by_role("heading", name="Form").click()
    page.get_by_role("button", name="Shortcuts on").click()
    page.keyboard.press("n")
    still(page, 300)
    assert page.url.endswith("/form")
    page.get_by_role("button", name="Shortcuts off").click()
    page.keyboard.press("n")
    page.wait_for_url("**/activities/new")


def test_small_buttons_copy_reveal_and_dismiss(gallery_windows: Watched) -> None:
    page = gallery_windows.open()
    page.goto("/")
    page.get_by_role("button", name="Copy the job id").click()
    expect(page.locator("[data-copy]")).to_have_attribute("data-said", "Copied")
    expect(page.get_by_text("5 minutes ago").first).to_be_visible()
    page.get_by_role("button", name="Dismiss").first.click()
    expect(page.get_by_text("Morning run deleted.")).to_have_count(0)
    expect(page.get_by_text("That did not work.")).to_be_visible()
    page.goto("/form")
    page.get_by_label("Password").fill("a secret")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_label("Password")).to_have_attribute("type", "text")


def test_nothing_moves_for_those_who_asked_for_less_motion(gallery_windows: Watched) -> None:
    running = "document.getAnimations().filter(a => a.playState === 'running').map(a => a.animationName)"
    moving, calm = gallery_windows.open(), gallery_windows.open(reduced_motion="reduce")
    for page in (moving, calm):
        page.goto("/")
    assert set(moving.evaluate(running)) == {"lane"}
    assert calm.evaluate(running) == []


def test_states_have_words_when_colours_are_forced(gallery_windows: Watched) -> None:
    page = gallery_windows.open(forced_colors="active")
    page.goto("/")
    expect(page.locator(".acts").get_by_text("Could not calculate")).to_be_visible()


def test_focus_is_never_under_the_bottom_bar(gallery_windows: Watched) -> None:
    page = gallery_windows.open(width=375, height=600)
    page.goto("/")
    seen = "(e => [e.getBoundingClientRect().top, e.getBoundingClientRect().bottom, !!e.closest('.tabs')])"
    bar_top = page.locator(".tabs").bounding_box()["y"]  # type: ignore[index]
    for _ in range(40):
        page.keyboard.press("Tab")
        top, bottom, is_bar = page.evaluate(f"{seen}(document.activeElement)")
        taller_than_the_window = bottom - top > bar_top
        assert is_bar or (0 < bottom <= bar_top) or (taller_than_the_window and top < bar_top)


def test_without_script_every_part_is_a_plain_page(gallery_windows: Watched, gallery: Gallery) -> None:
    page = gallery_windows.open(java_script_enabled=False)
    page.goto("/live")
    page.get_by_role("link", name="Delete").click()
    expect(page.get_by_role("heading", name="Delete this activity?")).to_be_visible()
    page.get_by_role("button", name="Light").click()
    assert page.url.endswith("/confirm")
    assert gallery.remembered == {"theme": "light"}
    page.goto("/form")
    assert page.get_by_role("button", name="Show").is_hidden()
