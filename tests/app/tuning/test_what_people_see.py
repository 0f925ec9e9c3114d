"""What settings change for people: the name, the colours, announcements, closed doors."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app import colours
from app.accounts.services import make_token
from app.activities import services as activities
from app.activities.drafts import Draft
from app.activities.mets import Kind
from app.activities.models import Activity
from app.db import reading
from app.errors import Conflict
from app.tuning import queries, services
from jobs import engine_of
from jobs.testing import run_ready
from tests.app.conftest import ZONE, Browser, Clock, text_of


@pytest.fixture
def change(app: Flask) -> Callable[..., None]:
    """Changes settings."""

    def to(**texts: str | None) -> None:
        with app.app_context():
            services.change(texts, by=None)

    return to


# -- the name and the colours


def test_the_name_is_on_every_page(change: Callable[..., None], ada: Browser, stranger: Browser) -> None:
    change(site_name="Gym <of> Ada")
    for page in (ada.get("/"), stranger.get("/sign-in"), stranger.get("/nowhere")):
        html = page.get_data(as_text=True)
        assert "– Gym &lt;of&gt; Ada</title>" in html
        assert "<span>Gym &lt;of&gt; Ada</span></a>" in html


def test_the_accent_is_a_stylesheet_of_its_own(change: Callable[..., None], stranger: Browser) -> None:
    assert "accent.css" not in stranger.get("/sign-in").get_data(as_text=True)
    change(accent_light="#7a2e8c")
    assert '<link rel="stylesheet" href="/accent.css?v=7A2E8C-">' in stranger.get("/sign-in").get_data(as_text=True)
    found = stranger.get("/accent.css?v=7A2E8C-")
    assert found.get_data(as_text=True) == (
        ":root{--accent:light-dark(#7A2E8C,#62C6CE);--accent-hover:light-dark(#622570,#8AD9DF);"
        "--accent-bg:light-dark(#F2EAF4,#123840);}\n"
    )
    assert [found.mimetype, found.headers["Cache-Control"]] == ["text/css", "public, max-age=31536000, immutable"]
    assert stranger.get("/accent.css?v=old").headers["Cache-Control"] == "public, no-cache"


@pytest.mark.parametrize("theme", colours.OURS)
def test_our_own_accent_would_be_accepted(theme: str) -> None:
    assert colours.weakest(colours.OURS[theme][0], theme) is None


@pytest.mark.parametrize(("theme", "accent"), [("light", "#7A2E8C"), ("light", "#0000FF"), ("dark", "#FFD166")])
def test_what_is_accepted_can_be_read_everywhere(theme: str, accent: str) -> None:
    assert colours.weakest(accent, theme) is None
    _, hover, tint = colours.shades(accent, theme)
    ink = {"light": "#0F2A2E", "dark": "#E6F0EE"}[theme]
    assert min(colours.ratio(hover, one) for one in colours.GROUNDS[theme][:3]) >= 4.5
    assert colours.ratio(colours.ON_ACCENT[theme], hover) >= 4.5
    assert colours.ratio(ink, tint) >= 7


# -- announcements


def test_an_announcement_is_shown_until_it_is_dismissed_or_over(
    change: Callable[..., None], ada: Browser, cleo: Browser, frozen_clock: Clock
) -> None:
    change(announcement="We move on Friday.", announcement_until="2026-11-20T18:00Z")
    assert ["We move on Friday." in text_of(one.get("/activities/")) for one in (ada, cleo)] == [True, True]
    answer = ada.post("/announcement/dismissal", {"next": "/activities/"})
    assert [answer.status_code, answer.headers["Location"]] == [303, "/activities/"]
    assert ["We move on Friday." in text_of(one.get("/activities/")) for one in (ada, cleo)] == [False, True]
    change(announcement="We move on Saturday.")
    assert "We move on Saturday." in text_of(ada.get("/activities/"))
    frozen_clock.forward(timedelta(hours=7))
    assert "We move on Saturday." not in text_of(ada.get("/activities/"))


def test_dismissing_leads_to_no_other_site(change: Callable[..., None], stranger: Browser) -> None:
    change(announcement="Hello")
    assert stranger.post("/announcement/dismissal", {"next": "//evil.example"}).headers["Location"] == "/"


# -- closed


def test_closed_for_people_and_open_for_admins_health_and_jobs(
    app: Flask, change: Callable[..., None], ada: Browser, cleo: Browser, stranger: Browser, as_program: Any
) -> None:
    program, headers = app.test_client(), as_program("read", "write")
    with app.app_context():
        draft = Draft(kind=Kind.YOGA, duration=timedelta(hours=1), weight_kg=Decimal(70))
        activities.log_activity(1, draft, zone=ZONE)
    change(maintenance="true", maintenance_message="Back at noon.", maintenance_retry_s="600")
    for browser in (cleo, stranger):
        for path in ("/", "/activities/", "/settings/", "/help"):
            page = browser.get(path)
            assert [page.status_code, page.headers["Retry-After"]] == [503, "600"]
            assert "Back at noon." in text_of(page)
        assert browser.post("/activities/", {}).status_code == 503
    assert ada.get("/activities/").status_code == 200
    assert program.get("/api/v1/activities", headers=headers).status_code == 200
    assert [stranger.get(path).status_code for path in ("/healthz", "/sign-in", "/static/app.css")] == [200] * 3
    told = app.test_client().get("/api/v1/activities")
    assert [told.status_code, told.get_json()["detail"]] == [503, "Back at noon."]
    with app.app_context():
        run_ready(engine_of())
        assert reading().scalars(select(Activity.energy_kcal)).all() == [Decimal("280.0")]
    change(maintenance=None)
    assert cleo.get("/activities/").status_code == 200


def test_the_token_of_a_person_does_not_open_closed_doors(
    app: Flask, change: Callable[..., None], ada: Browser, cleo: Browser, program: FlaskClient
) -> None:
    with app.app_context():
        token = make_token(2, name="script", scopes=["read"])
    headers = {"Authorization": f"Bearer {token}"}
    assert program.get("/api/v1/activities", headers=headers).status_code == 200
    change(maintenance="true")
    assert program.get("/api/v1/activities", headers=headers).status_code == 503


# -- another MET


@pytest.fixture
def logged(app: Flask, ada: Browser) -> list[int]:
    """An hour of yoga that is counted, one that waits, one in the bin, and one of running."""
    with app.app_context():

        def log(kind: Kind) -> int:
            draft = Draft(kind=kind, duration=timedelta(hours=1), weight_kg=Decimal(70))
            return activities.log_activity(1, draft, zone=ZONE).id

        counted, deleted, running = log(Kind.YOGA), log(Kind.YOGA), log(Kind.RUNNING)
        run_ready(engine_of())
        activities.delete_activity(1, deleted)
        return [counted, log(Kind.YOGA), deleted, running]


def energies(app: Flask, ids: list[int]) -> list[Any]:
    with app.app_context():
        rows = {row.id: row for row in reading().execute(select(Activity.id, Activity.met, Activity.energy_kcal))}
        return [(rows[one].met, rows[one].energy_kcal) for one in ids]


def test_another_met_offers_to_recalculate_and_does_it_in_the_background(
    app: Flask, ada: Browser, logged: list[int]
) -> None:
    old, new, nine = Decimal("4.00"), Decimal("5.00"), Decimal("9.00")
    with app.app_context():
        services.change({"met_yoga": "5"}, by=None)
        assert queries.to_recalculate() == {Kind.YOGA: 3}
    assert energies(app, logged) == [(old, 280), (old, None), (old, 280), (nine, 630)]
    assert "3 activities of yoga were counted with another MET." in text_of(ada.get("/ops/settings"))
    for _ in range(2):  # twice is once
        assert ada.post("/ops/settings/recalculations", {"kind": "yoga"}).status_code == 303
    assert "Yoga is being counted again." in text_of(ada.get("/ops/settings"))
    with app.app_context():
        run_ready(engine_of())
        assert queries.to_recalculate() == {}
        done = queries.recalculations()[Kind.YOGA]
        entry = engine_of().inspector.job(done.uid)
    assert energies(app, logged) == [(new, 350), (new, 350), (new, 350), (nine, 630)]
    assert [entry.state, entry.result] == ["succeeded", 3]


def test_recalculating_twice_changes_nothing(app: Flask, logged: list[int]) -> None:
    with app.app_context():
        services.change({"met_yoga": "5"}, by=None)
        for _ in range(2):
            services.recalculate(Kind.YOGA, by=None)
            run_ready(engine_of())
    assert energies(app, logged[:1]) == [(Decimal("5.00"), 350)]


def test_a_met_that_never_changed_is_not_recalculated(app: Flask, ada: Browser, logged: list[int]) -> None:
    with app.app_context(), pytest.raises(Conflict):
        services.recalculate(Kind.RUNNING, by=None)
    assert ada.post("/ops/settings/recalculations", {"kind": "running"}).status_code == 409
