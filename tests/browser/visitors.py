"""Who looks at which pages."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.sync_api import Browser

from tests.browser.product import Product
from tests.browser.steps import sign_in, sign_up

STRANGERS = ["/", "/sign-in", "/sign-up", "/help", "/nowhere"]
PEOPLES = [
    "/",
    "/activities/",
    "/activities/new",
    "/activities/bin",
    "/activities/estimate",
    "/activities/<int:activity_id>",
    "/activities/<int:activity_id>/edit",
    "/reports/",
    "/workbench/",
    "/workbench/<string:name>",
    "/workbench/runs/<string:uid>",
    "/settings/",
    "/confirm",
    "/api/docs",
    "/nowhere",
]
STAFFS = [
    "/ops/",
    "/ops/jobs",
    "/ops/jobs/<uid>",
    "/ops/jobs/<uid>/retries",
    "/ops/jobs/<uid>/cancellations",
    "/admin/",
    "/admin/people/",
    "/admin/activities/",
    "/admin/jobs/",
    "/admin/activities/details/?id=<int:activity_id>",
    "/admin/activities/edit/?id=<int:activity_id>",
    "/admin/activities/acts/delete?id=<int:activity_id>",
    "/admin/reports/",
    "/admin/attempts/",
    "/admin/schedules/",
    "/admin/settings/",
    "/admin/audit/",
    "/ops/settings",
    "/ops/settings/changes",
    "/ops/system",
]
NEWCOMERS = [page for page in PEOPLES if "<" not in page]
LOOKS = [
    *(("stranger", page) for page in STRANGERS),
    *(("newcomer", page) for page in NEWCOMERS),
    *(("ada", page) for page in PEOPLES + STAFFS),
]
"""Ada runs this place and has activities of every sort; a newcomer has none."""

SHOWN_WITH_ANOTHER = {"/swagger/", "/api/docs/", "/reports/list", "/recent", "/scoreboard", "/ops/jobs/<uid>/record"}
SHOWN_ONCE = {"/setup/<token>"}
NOT_FOR_EYES = re.compile(r"/static/|/api/(?!docs)|/tasks/|/reports/<int|/health|/readyz|/metrics|/admin/.|/accent")

LONG_WORD = "Nordic" + "schwimmlauf" * 8
ADAS = [
    ("running", 30, "Along the river", 0),
    ("yoga", 600, LONG_WORD, 0),
    ("swimming", 45, "", 1),
    ("cycling", 90, "Two lines\nof notes", 3),
    ("walking", 5, "<b>not bold</b>", 30),
    ("running", 61, "", 400),
]


class Visitors:
    """People of one product, with their cookies."""

    def __init__(self, product: Product, browser: Browser) -> None:
        email = product.make_person(admin=True)
        logged = product.log(email, [_sent(*one) for one in ADAS])
        self._names = {"<int:activity_id>": str(logged[1]["id"]), "<uid>": logged[1]["job"]["id"]}
        self._names |= {"<string:name>": "chord", "<string:uid>": logged[1]["job"]["id"]}
        product.sql("UPDATE activity SET deleted_at = created_at WHERE id = :id", id=logged[-1]["id"])
        product.sql(
            "UPDATE activity SET energy_kcal = NULL, uncountable_since = created_at, uncountable_reason = 'None'"
            ", recount_rounds = 3 WHERE id = :id",
            id=logged[2]["id"],
        )
        page = browser.new_page(base_url=product.url)
        sign_in(page, email)
        ada = page.context.storage_state()
        page.context.clear_cookies()
        sign_up(page)
        self.cookies: dict[str, Any] = {"stranger": None, "newcomer": page.context.storage_state(), "ada": ada}
        page.context.close()

    def address(self, page: str) -> str:
        """The page's address, with the ids of something of Ada's."""
        for name, value in self._names.items():
            page = page.replace(name, value)
        return page


def pages_of(routes: str) -> set[str]:
    """The rules of all pages, from what `flask routes` printed."""
    lines = [line.split() for line in routes.splitlines()]
    rules = {line[-1] for line in lines if len(line) >= 3 and "GET" in " ".join(line[1:-1])}
    return {rule for rule in rules if not NOT_FOR_EYES.match(rule)}


def _sent(kind: str, minutes: int, notes: str, days_ago: int) -> dict[str, Any]:
    at = datetime.now(UTC) - timedelta(days=days_ago, hours=11)
    return {"kind": kind, "duration_min": minutes, "weight_kg": 70, "notes": notes, "started_at": at.isoformat()}
