"""What people do on the pages, step by step."""

from __future__ import annotations

import secrets

from playwright.sync_api import Page, Request, expect

from tests.browser.product import PASSWORD


def sign_up(page: Page) -> str:
    """A new account through the form, as anybody would; its e-mail."""
    email = f"ada-{secrets.token_hex(6)}@example.com"
    page.goto("/sign-up")
    page.get_by_label("Name").fill("Ada")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign up").click()
    page.wait_for_url("**/")
    return email


def sign_in(page: Page, email: str) -> None:
    """Through the form, as anybody would."""
    page.goto("/sign-in")
    fill_in_sign_in(page, email)
    page.wait_for_url("**/")


def fill_in_sign_in(page: Page, email: str) -> None:
    """The form of the sign-in page, wherever it leads."""
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()


def log_running(page: Page, *, weight_kg: str = "70", minutes: str = "30") -> None:
    """Log "Running, 30 minutes, 70 kg" through the form; ends on the activity's page."""
    page.goto("/activities/new")
    page.get_by_label("Running").check()
    page.get_by_label("Duration").fill(minutes)
    page.get_by_label("Weight").fill(weight_kg)
    page.get_by_role("button", name="Save activity").click()
    expect(page.get_by_role("heading", name="Running", level=1)).to_be_visible()


def requests_within(page: Page, milliseconds: int) -> list[str]:
    """The addresses a page asks for while that time passes."""
    seen: list[str] = []

    def note(request: Request) -> None:
        seen.append(request.url)

    page.on("request", note)
    page.wait_for_timeout(milliseconds)
    page.remove_listener("request", note)
    return seen
