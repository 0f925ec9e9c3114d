"""Whoever may only look: sees every page of those who run this place, and changes nothing."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from sqlalchemy import update

from app.accounts.models import User
from app.alerts import services as alerts
from app.db import transaction
from app.security import access_of
from tests.app.activities.conftest import program_of
from tests.app.conftest import Browser, Settings, text_of

WRITES = {"POST", "PUT", "PATCH", "DELETE"}
PAGES = ("/ops/settings", "/ops/settings/changes", "/ops/system", "/ops/events", "/ops/health", "/ops/alerts")


@pytest.fixture
def settings() -> Settings:
    return {"METRICS_TOKEN": "sesame-open-the-numbers-please", "SITE_NAME": "Club"}


@pytest.fixture
def vera(app: Flask, ada: Browser) -> Browser:
    """Ada came first; Vera may look."""
    vera = Browser(app.test_client()).sign_up("Vera")
    _become(app, "Vera", role="viewer")
    return vera


def writes(app: Flask) -> list[tuple[str, str]]:
    """Every route that only those who run this place may write to."""
    found = []
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) & WRITES):
            is_api = access_of(app, rule.endpoint, method) in {"api:jobs", "api:admin"}
            if is_api or rule.rule.startswith(("/ops", "/admin")):
                found.append((method, re.sub(r"<[^>]*>", "1", rule.rule)))
    return found


def test_a_viewer_gets_a_403_for_every_write(app: Flask, vera: Browser) -> None:
    vera.get("/")
    token = {"X-CSRFToken": vera._token}
    wrong = [
        (method, path, answer.status_code)
        for method, path in writes(app)
        if (answer := vera.client.open(path, method=method, headers=token)).status_code != 403
    ]
    assert (wrong, len(writes(app)) > 60) == ([], True)


def test_nor_does_their_program_write(app: Flask, vera: Browser) -> None:
    program = program_of(app, 2, "jobs")
    routes = [one for one in writes(app) if one[1].startswith("/api/")]
    statuses = {one: program(*one).status_code for one in routes}
    assert ({one: found for one, found in statuses.items() if found != 403}, len(routes) >= 20) == ({}, True)


def test_what_a_viewer_may_not_an_operator_or_an_admin_may(app: Flask, vera: Browser) -> None:
    with app.app_context():
        alert_id = alerts.raise_alert("test", "A test", "It is wrong.")
    resolution = f"/ops/alerts/{alert_id}/resolution"
    assert [vera.post(resolution).status_code, vera.post("/ops/settings/defaults").status_code] == [403, 403]
    _become(app, "Vera", role="operator")
    assert [vera.post(resolution).status_code, vera.post("/ops/settings/defaults").status_code] == [303, 403]
    _become(app, "Vera", role="", is_admin=True)
    assert vera.post("/ops/settings/defaults", {"name": "site_name"}).status_code == 303


def test_a_viewer_reads_every_page_without_a_form_that_writes_there(app: Flask, vera: Browser, ada: Browser) -> None:
    with app.app_context():
        alert_id = alerts.raise_alert("test", "A test", "It is wrong.")
    for path in (*PAGES, f"/ops/alerts/{alert_id}"):
        page = vera.get(path)
        assert (page.status_code, forms(page.get_data(as_text=True))) == (200, []), path
        assert ada.get(path).status_code == 403
    assert len(forms(_as_admin(app, ada, "/ops/settings"))) > 3


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_who_may_see_a_page_has_a_link_to_it(app: Flask, vera: Browser, role: str) -> None:
    _become(app, "Vera", role=role)
    with app.app_context():
        alerts.raise_alert("test", "The lift is stuck", "It is wrong.")
    page = vera.get("/ops/").get_data(as_text=True)
    (places,) = re.findall(r'<nav class="places".*?</nav>', page, flags=re.DOTALL)
    links = [link for link in re.findall(r'href="([^"]+)"', places) if link.split("?")[0] in PAGES]
    assert links == ["/ops/events", "/ops/health", "/ops/alerts", "/ops/settings", "/ops/system"]
    assert [vera.get(link).status_code for link in links] == [200] * 5
    assert re.findall(r'<a href="([^"]+)">The lift is stuck\.</a>', page) == ["/ops/alerts"]


@pytest.mark.parametrize(
    "path",
    [
        *("/ops/", "/ops/jobs", "/ops/failures", "/ops/queues", "/ops/workers", "/ops/schedules", "/ops/workflows"),
        *("/ops/operations", "/ops/metrics", "/ops/broker", "/ops/integrity"),
        *("/ops/events", "/ops/health", "/ops/alerts"),
    ],
)
def test_every_live_page_refreshes_as_often_as_the_person_chose_and_offers_the_choice(vera: Browser, path: str) -> None:
    assert asked_every(vera, path) == ({"3000"}, "3", path)
    vera.post("/settings/refresh", {"refresh": "30"})
    assert asked_every(vera, path) == ({"30000"}, "30", path)


def test_a_region_learns_that_another_pace_was_chosen(vera: Browser) -> None:
    for path in ("/ops/events", "/ops/health", "/ops/alerts"):
        part = {"HX-Request": "true", "HX-Request-Type": "partial"}
        vera.post("/settings/refresh", {"refresh": "3"})
        tag = vera.get(path, headers=part).headers["HX-PTag"]
        vera.post("/settings/refresh", {"refresh": "10"})
        again = vera.get(path, headers={**part, "HX-PTag": tag})
        assert (again.status_code, "every 10000ms" in again.get_data(as_text=True)) == (200, True)


def asked_every(browser: Browser, path: str) -> tuple[set[str], str, str]:
    """The milliseconds between two looks of the page, which choice is pressed, and where the choice leads back to."""
    page = browser.get(path).get_data(as_text=True)
    (form,) = re.findall(r'<form method="post" action="/settings/refresh">.*?</form>', page, flags=re.DOTALL)
    (pressed,) = re.findall(r'value="(\w+)" aria-pressed="true"', form)
    (back,) = re.findall(r'name="next" value="([^"?]*)', form)
    return set(re.findall(r'hx-trigger="every (\d+)ms"', page)), pressed, back


def test_a_viewer_reads_what_is_set_and_no_secret(vera: Browser) -> None:
    page = text_of(vera.get("/ops/settings"))
    assert ("Name Club From the environment" in page, "Admins change it." in page) == (True, True)
    system = text_of(vera.get("/ops/system"))
    assert ("METRICS_TOKEN set, not shown" in system, "sesame" in system) == (True, False)


def forms(html: str) -> list[str]:
    """Where the forms of the page's own part write to."""
    main = re.sub(r"^.*<main|</main>.*$", "", html, flags=re.DOTALL)
    return re.findall(r'method="post" action="(/(?:ops|admin)[^"]*)"', main)


def _as_admin(app: Flask, browser: Browser, path: str) -> str:
    _become(app, "Ada", role="", is_admin=True)
    return browser.get(path).get_data(as_text=True)


def _become(app: Flask, name: str, *, role: str, is_admin: bool = False) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(User).where(User.name == name).values(role=role, is_admin=is_admin))
