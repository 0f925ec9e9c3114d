"""Takes the pictures of the README from a running Metronome.

Start one with an empty folder, a slow calculation and room for new accounts, then name its address:

    DATA_DIR=/tmp/pictures PORT=8100 ACTIVITY_DELAY_S=4 SIGN_UP_PER_HOUR=1000 bin/run
    .venv/bin/python docs/screenshots/take.py http://127.0.0.1:8100 /setup/… /tmp/pictures/metronome.db
"""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).parent
DESK, PHONE = (1280, 860), (390, 844)
PASSWORD = "a long and quiet password"  # noqa: S105 -- of an instance that is thrown away


def main(address: str, setup: str, database: str) -> None:
    """Take all of them; `setup` is the path of the link that makes the first admin, `database` the SQLite file."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        strangers = page_of(browser, address)
        for name, path in (("welcome", "/"), ("help", "/help"), ("api", "/api/docs")):
            strangers.goto(path)
            strangers.wait_for_load_state("networkidle")
            take(strangers, name)
        people(browser, address, database)
        staff(browser, address, setup)
        browser.close()


def people(browser: Browser, address: str, database: str) -> None:
    """What a person sees."""
    page = page_of(browser, address)
    page.goto("/")
    with page.expect_navigation():
        page.get_by_role("button", name="Look around as a guest").click()
    log(page, "Running", "30", "Along the river, easy")
    page.goto("/")
    take(page, "today-light")
    log(page, "Swimming", "45", "")
    take(page, "calculating")
    page.wait_for_selector("text=How this was worked out")
    page.wait_for_timeout(6_000)
    take(page, "activity")
    page.goto("/activities/")
    take(page, "activities")
    log(page, "Walking", "25", "")
    break_newest(database)
    page.wait_for_selector("text=Try again")
    take(page, "failed")
    page.goto("/activities/new")
    page.get_by_label("Cycling").check(force=True)
    page.get_by_label("Duration").fill("1:10")
    page.wait_for_timeout(1_500)
    take(page, "log")
    page.goto("/settings/")
    take(page, "settings")
    state = page.context.storage_state()
    dark = page_of(browser, address, state=state, scheme="dark")
    log(dark, "Yoga", "20", "")
    dark.goto("/")
    take(dark, "today-dark")
    phone = page_of(browser, address, state=state, scheme="dark", size=PHONE)
    phone.goto("/")
    take(phone, "today-phone")
    phone = page_of(browser, address, state=state, size=PHONE)
    phone.goto("/activities/")
    take(phone, "activities-phone")


def staff(browser: Browser, address: str, setup: str) -> None:
    """What an admin sees."""
    page = page_of(browser, address)
    page.goto(setup)
    page.get_by_label("Name").fill("Ada")
    page.get_by_label("E-mail").fill("ada@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    with page.expect_navigation():
        page.locator("main form button").last.click()
    page.goto("/ops/")
    take(page, "ops")
    with page.expect_navigation():
        page.locator("main a[href*='/ops/jobs/']").first.click()
    take(page, "job")
    page.goto("/admin/activities/")
    take(page, "admin")


def page_of(
    browser: Browser, address: str, *, state: object = None, scheme: str = "light", size: tuple[int, int] = DESK
) -> Page:
    """A new browser window on the site."""
    context = browser.new_context(
        base_url=address,
        storage_state=state,
        color_scheme=scheme,
        viewport={"width": size[0], "height": size[1]},
        timezone_id="Europe/Berlin",
    )
    return context.new_page()


def log(page: Page, kind: str, minutes: str, notes: str) -> None:
    """Log an activity through the form."""
    page.goto("/activities/new")
    page.get_by_label(kind).check(force=True)
    page.get_by_label("Duration").fill(minutes)
    page.get_by_label("Notes").fill(notes)
    with page.expect_navigation():
        page.get_by_role("button", name="Save activity").click()


def break_newest(database: str) -> None:
    """Make the newest activity one that cannot be calculated, while its calculation is still delayed."""
    connection = sqlite3.connect(database, timeout=5)
    connection.execute("UPDATE activity SET weight_kg = 0 WHERE id = (SELECT max(id) FROM activity)")
    connection.commit()
    connection.close()


def take(page: Page, name: str) -> None:
    """Write one picture."""
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(300)
    page.screenshot(path=HERE / f"{name}.png")


if __name__ == "__main__":
    main(*sys.argv[1:])
