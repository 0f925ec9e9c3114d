"""Operators at work: keys and ticks steer, nothing moves under their hands, and what is much is asked twice."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser.product import Product
from tests.browser.steps import sign_in
from tests.browser.watched import Watched

pytestmark = pytest.mark.browser

LARGEST_LIST_BYTES = 70 * 1024
FOCUSED = "document.activeElement.id"
Submit = Callable[..., list[str]]


@pytest.fixture(scope="module")
def olga(product: Product) -> str:
    """The e-mail of one who runs the shared product."""
    return product.make_person(admin=True)


@pytest.fixture(scope="module")
def submit(product: Product, olga: str) -> Submit:
    """Has her program ask for jobs, which wait until tomorrow unless they shall run `now`; their ids, oldest first."""
    token = product.flask("tokens", "create", "--email", olga, "--scope", "write", "--scope", "jobs")
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()

    def ask(kind: str, args: dict[str, Any], *, count: int = 1, now: bool = False) -> list[str]:
        job = {"kind": kind, "args": args, **({} if now else {"run_at": tomorrow})}
        request = urllib.request.Request(
            f"{product.url}/api/v1/jobs/batch",
            data=json.dumps([job] * count).encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return [one["id"] for one in json.load(answer)["jobs"]]

    return ask


@pytest.fixture
def page(windows: Watched, olga: str) -> Page:
    page = windows.open()
    sign_in(page, olga)
    return page


@pytest.mark.looks
def test_keys_go_from_row_to_row_tick_and_open(page: Page, submit: Submit) -> None:
    first, second = reversed(submit("workbench.add", {"x": 1, "y": 2}, count=2))
    page.goto("/ops/jobs")
    focused = []
    for key in ("j", "j", "k", "j"):
        page.keyboard.press(key)
        focused.append(page.evaluate(FOCUSED))
    assert focused == [f"see-{one}" for one in (first, second, first, second)]
    page.keyboard.press("x")
    expect(page.locator(f"#pick-{second}")).to_be_checked()
    expect(page.locator("[data-picked]")).to_have_text("1 ticked")
    page.keyboard.press("x")
    expect(page.locator(f"#pick-{second}")).not_to_be_checked()
    page.locator(f"#see-{second}").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/ops/jobs/{second}")


@pytest.mark.looks
def test_keys_lead_from_place_to_place_and_look_again(windows: Watched, olga: str) -> None:
    page = windows.open(reduced_motion="reduce")  # Chromium complains of pages that are left before they faded in
    sign_in(page, olga)
    page.goto("/ops/")
    for key, place in {"j": "jobs", "q": "queues", "w": "workers", "s": "schedules"}.items():
        page.keyboard.press("g")
        page.keyboard.press(key)
        page.wait_for_url(f"**/ops/{place}")
    page.keyboard.press("/")
    page.wait_for_url("**/ops/jobs")
    with page.expect_navigation():
        page.keyboard.press("r")
    page.keyboard.press("/")
    assert page.evaluate(FOCUSED) == "q"
    page.keyboard.type("gqr")
    assert (page.locator("#q").input_value(), page.url.endswith("/ops/jobs")) == ("gqr", True)


@pytest.mark.looks
def test_ticks_and_focus_stay_while_newer_jobs_are_only_counted(page: Page, submit: Submit) -> None:
    (ticked,) = submit("workbench.add", {"x": 1, "y": 2})
    page.goto("/ops/jobs")
    page.locator(f"#pick-{ticked}").check()
    newer = submit("workbench.add", {"x": 3, "y": 4}, count=2)
    expect(page.get_by_role("link", name="2 newer jobs · Show")).to_be_visible()
    expect(page.locator(f"#pick-{ticked}")).to_be_checked()
    assert (page.evaluate(FOCUSED), page.locator(f"#job-{newer[0]}").count()) == (f"pick-{ticked}", 0)
    page.get_by_role("link", name="2 newer jobs · Show").click()
    expect(page.locator(f"#job-{newer[1]}")).to_be_visible()


@pytest.mark.looks
def test_what_was_opened_stays_open_while_the_job_goes_on_and_ends(page: Page, submit: Submit) -> None:
    (uid,) = submit("workbench.long_task", {"total_steps": 8, "step_ms": 1000}, now=True)
    page.goto(f"/ops/jobs/{uid}")
    arguments = page.locator("#record details").filter(has_text="Arguments")
    arguments.locator("summary").click()
    expect(page.locator("#job progress[value]")).to_be_visible()
    assert arguments.get_attribute("open") is not None
    expect(page.locator("#job .state")).to_contain_text("Done", timeout=30_000)
    expect(page.locator("#record summary").filter(has_text="Result")).to_be_visible()
    assert arguments.get_attribute("open") is not None


@pytest.mark.parametrize("is_all", [True, False])
def test_many_are_cancelled_once_their_number_is_typed(page: Page, submit: Submit, is_all: bool) -> None:
    kind = "workbench.multiply" if is_all else "workbench.add"
    count = 3 if is_all else 120
    submit(kind, {"x": 2, "y": 3}, count=count)
    page.goto(f"/ops/jobs?state=scheduled&q=kind:{kind}")
    page.locator("#pick-all").check()
    page.get_by_role("button", name="Cancel…").click()
    question = page.get_by_role("heading", name=re.compile(r"Cancel \d+ jobs\?"))
    number = re.sub(r"\D", "", question.inner_text())
    assert int(number) >= count
    field = page.get_by_label(f"Type {number} to go on")
    field.fill("1")
    page.get_by_role("button", name=re.compile("^Cancel ")).click()
    expect(page.locator("#number-error")).to_have_text(f"Type {number}, the number of jobs as it is now, to go on.")
    field.fill(number)
    page.get_by_role("button", name=re.compile("^Cancel ")).click()
    page.wait_for_url("**/ops/operations/*")
    expect(page.locator("#operation")).to_contain_text(f"{number} changed, 0 left as they were", timeout=30_000)
    expect(page.locator("#operation progress")).to_have_count(0)
    page.goto(f"/ops/jobs?state=scheduled&q=kind:{kind}")
    expect(page.locator("#jobs")).to_contain_text("No job matches.")


@pytest.mark.looks
def test_list_of_jobs_is_small(windows: Watched, page: Page, submit: Submit) -> None:
    submit("workbench.add", {"x": 1, "y": 2}, count=60)
    fresh = windows.open(storage_state=page.context.storage_state())
    asked: list[Request] = []

    def note(request: Request) -> None:
        asked.append(request)

    fresh.on("requestfinished", note)
    fresh.goto("/ops/jobs", wait_until="networkidle")
    sizes = {request.url: request.sizes()["responseBodySize"] for request in asked}
    print(sum(sizes.values()), sizes)
    assert sum(sizes.values()) <= LARGEST_LIST_BYTES


@pytest.mark.looks
def test_how_often_pages_refresh_is_remembered(page: Page, windows: Watched, olga: str) -> None:
    page.goto("/ops/jobs")
    for word, trigger in (("10 s", "every 10000ms"), ("3 s", "every 3000ms")):
        page.get_by_role("group", name="Refresh").get_by_role("button", name=word, exact=True).click()
        page.wait_for_url("**/ops/jobs*")
        elsewhere = windows.open()
        sign_in(elsewhere, olga)
        elsewhere.goto("/ops/jobs")
        choice = elsewhere.get_by_role("group", name="Refresh").get_by_role("button", name=word, exact=True)
        expect(choice).to_have_attribute("aria-pressed", "true")
        expect(elsewhere.locator("#jobs")).to_have_attribute("hx-trigger", trigger)


@pytest.mark.looks
def test_what_a_job_logs_comes_without_taking_focus_or_opening_anything(
    page: Page, product: Product, submit: Submit
) -> None:
    uid = submit("workbench.add", {"x": 1, "y": 2})[0]
    page.goto(f"/ops/jobs/{uid}")
    expect(page.locator("#log")).to_be_hidden()
    first = "INSERT INTO job_log (job_id, attempt, lines, dropped) SELECT id, 1, 'one', 0 FROM job WHERE uid = :uid"
    product.sql(first, uid=uid)
    expect(page.locator("#lines-1")).to_have_text("one")
    page.locator("#lines-1").focus()
    more = "UPDATE job_log SET lines = :lines WHERE job_id = (SELECT id FROM job WHERE uid = :uid)"
    product.sql(more, uid=uid, lines="one\ntwo")
    expect(page.locator("#lines-1")).to_have_text("one\ntwo")
    assert page.evaluate(FOCUSED) == "lines-1"
    page.locator("#log-1 summary").click()
    product.sql(more, uid=uid, lines="one\ntwo\nthree")
    expect(page.locator("#lines-1")).to_contain_text("three")
    expect(page.locator("#lines-1")).to_be_hidden()


@pytest.mark.looks
@pytest.mark.parametrize("place", ["Overview", "Events", "System"])
def test_which_page_is_open_is_in_sight_on_a_phone(windows: Watched, olga: str, place: str) -> None:
    page = windows.open(width=375)
    sign_in(page, olga)
    page.goto({"Overview": "/ops/"}.get(place, f"/ops/{place.lower()}"))
    here = page.get_by_role("navigation", name="Operations").locator("[aria-current=page]")
    expect(here).to_have_text(place)
    expect(here).to_be_in_viewport(ratio=1)
    assert page.evaluate("[scrollX, scrollY]") == [0, 0]
