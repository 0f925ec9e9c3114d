"""Alerts as people and programs see them, and what they decide."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from app.alerts import queries, services
from app.db import db
from jobs import engine_of
from tests.app.activities.conftest import Program, program_of
from tests.app.conftest import Browser, text_of

PART = {"HX-Request": "true", "HX-Request-Type": "partial"}


@pytest.fixture
def alert_id(app: Flask) -> int:
    with app.app_context():
        return services.raise_alert("queue age", "Jobs wait too long: ai", "For 301 s.", about="ai")


@pytest.fixture
def api(app: Flask, ada_id: int) -> Program:
    """Ada's program, which may see and steer."""
    return program_of(app, ada_id, "jobs")


def audited(app: Flask) -> list[tuple[str | None, str, str, object, object]]:
    with app.app_context():
        rows = engine_of().audit.page()
        return [
            (one.by, one.action, one.subject, one.details.get("before"), one.details.get("after")) for one in rows[::-1]
        ]


def state_of(app: Flask, alert_id: int) -> str:
    with app.app_context():
        db.session.remove()
        return queries.alert(alert_id).state


def test_list_by_hand_shows_what_is_open(ada: Browser, alert_id: int) -> None:
    page = ada.get("/ops/alerts")
    assert page.status_code == 200
    assert f'href="/ops/alerts/{alert_id}"' in page.get_data(as_text=True)
    assert "Open 1 Resolved All Jobs wait too long: ai Queue waits" in text_of(page)
    assert "Alerts appear here once something was wrong." in text_of(ada.get("/ops/alerts?state=resolved"))


def test_list_by_htmx_is_the_part_and_304_until_something_changes(
    app: Flask, ada: Browser, ada_id: int, alert_id: int
) -> None:
    part = ada.get("/ops/alerts", headers=PART)
    assert part.get_data(as_text=True).startswith('<section id="alerts"')
    again = {**PART, "HX-PTag": part.headers["HX-PTag"]}
    assert ada.get("/ops/alerts", headers=again).status_code == 304
    with app.app_context():
        services.raise_alert("queue age", "Jobs wait too long: ai", "For 302 s.", about="ai")
    assert "2 times" in text_of(ada.get("/ops/alerts", headers=again))


def test_nothing_wrong_is_said(ada: Browser) -> None:
    assert "Nothing is wrong. Good." in text_of(ada.get("/ops/alerts"))


def test_wrong_address_is_422_and_no_such_alert_404(ada: Browser) -> None:
    queries = ["state=half", "next=x", "next=-1", "next=9999999999999"]
    assert [ada.get(f"/ops/alerts?{query}").status_code for query in queries] == [422] * 4
    assert [ada.get(f"/ops/alerts/{number}").status_code for number in (0, 7, 2**31, 10**20)] == [404] * 4


def test_pages_of_the_list(app: Flask, api: Program) -> None:
    with app.app_context():
        ids = [services.raise_alert("queue age", f"Alert {number}", "x", about=str(number)) for number in range(5)]
    first = api("GET", "/api/v1/alerts?limit=3").json
    second = api("GET", f"/api/v1/alerts?limit=3&next={first['next']}").json
    assert [one["id"] for page in (first, second) for one in page["alerts"]] == ids[::-1]
    assert second["next"] is None


def test_acknowledging_is_noted_and_tells_nobody_more(app: Flask, ada: Browser, ada_id: int, alert_id: int) -> None:
    answer = ada.post(f"/ops/alerts/{alert_id}/acknowledgement")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/ops/alerts/{alert_id}")
    assert state_of(app, alert_id) == "acknowledged"
    assert ada.post(f"/ops/alerts/{alert_id}/acknowledgement").status_code == 409
    page = text_of(ada.get(f"/ops/alerts/{alert_id}"))
    assert f"Looked after by Ada, user {ada_id}" in page
    assert audited(app) == [(f"user {ada_id}", "acknowledge alert", f"alert {alert_id}", "open", "acknowledged")]


def test_resolving_by_htmx_gives_the_part_and_a_new_one_is_another_alert(
    app: Flask, ada: Browser, ada_id: int, alert_id: int
) -> None:
    answer = ada.part(f"/ops/alerts/{alert_id}/resolution")
    assert answer.status_code == 201
    assert answer.get_data(as_text=True).startswith('<section id="alert"')
    assert f"Resolved Ada, user {ada_id}" in text_of(answer)
    with app.app_context():
        assert services.raise_alert("queue age", "Jobs wait too long: ai", "x", about="ai") != alert_id
    assert ada.post(f"/ops/alerts/{alert_id}/resolution").status_code == 409


def test_muting_holds_for_alerts_alike_until_somebody_unmutes(
    app: Flask, ada: Browser, ada_id: int, alert_id: int, run_jobs: Callable[[], None]
) -> None:
    run_jobs()
    assert ada.post(f"/ops/alerts/{alert_id}/mute", {"hours": "8"}).status_code == 303
    ada.post(f"/ops/alerts/{alert_id}/resolution")
    with app.app_context():
        second = services.raise_alert("queue age", "Jobs wait too long: ai", "x", about="ai")
        other = services.raise_alert("queue age", "Jobs wait too long: reports", "x", about="reports")
        assert [queries.alert(one).asked_at is None for one in (second, other)] == [True, False]
    assert "Muted by" in text_of(ada.get(f"/ops/alerts/{second}"))
    assert ada.post(f"/ops/alerts/{second}/mute/deletion").status_code == 303
    assert ada.post(f"/ops/alerts/{second}/mute/deletion").status_code == 409
    with app.app_context():
        assert services.tell_again() == 1
    assert [one[1] for one in audited(app)] == ["mute alert", "resolve alert", "unmute alert"]


def test_wrong_hours_are_422_and_mute_nothing(app: Flask, ada: Browser, alert_id: int) -> None:
    for hours in ("0", "-1", "1.5", "99999", "ten", "１"):
        assert ada.post(f"/ops/alerts/{alert_id}/mute", {"hours": hours}).status_code == 422
    with app.app_context():
        assert queries.mute_of("queue age:ai") is None


def test_the_test_button_raises_one_that_says_so(app: Flask, ada: Browser, ada_id: int) -> None:
    answer = ada.post("/ops/alerts/tests")
    assert answer.status_code == 303
    page = text_of(ada.get(answer.headers["Location"]))
    assert f"Ada (user {ada_id}) tried out whether alerts arrive. Nothing is wrong." in page
    assert [one[1] for one in audited(app)] == ["try out"]


def test_cleo_sees_and_changes_nothing(app: Flask, cleo: Browser, cleos_api: Program, alert_id: int) -> None:
    assert [cleo.get(path).status_code for path in ("/ops/alerts", f"/ops/alerts/{alert_id}")] == [403, 403]
    for what in ("acknowledgement", "resolution", "mute", "mute/deletion"):
        assert cleo.post(f"/ops/alerts/{alert_id}/{what}").status_code == 403
    assert cleo.post("/ops/alerts/tests").status_code == 403
    assert cleos_api("POST", f"/api/v1/alerts/{alert_id}/resolution").status_code == 403
    assert (state_of(app, alert_id), audited(app)) == ("open", [])


class TestApi:
    def test_everything_can_be_done_by_programs(self, api: Program, ada_id: int, alert_id: int) -> None:
        shown = api("GET", f"/api/v1/alerts/{alert_id}").json
        assert (shown["state"], shown["is_muted"], [one["words"] for one in shown["steps"]]) == (
            "open",
            False,
            ["Raised"],
        )
        muted = api("PUT", f"/api/v1/alerts/{alert_id}/mute", json={"hours": 2}).json
        assert (muted["is_muted"], muted["muted_until"] is not None) == (True, True)
        forever = api("PUT", f"/api/v1/alerts/{alert_id}/mute", json={}).json
        assert (forever["is_muted"], forever["muted_until"]) == (True, None)
        assert api("DELETE", f"/api/v1/alerts/{alert_id}/mute").json["is_muted"] is False
        seen = api("POST", f"/api/v1/alerts/{alert_id}/acknowledgement").json
        assert (seen["state"], seen["acknowledged_by"]) == ("acknowledged", f"user {ada_id}")
        assert api("POST", f"/api/v1/alerts/{alert_id}/resolution").json["state"] == "resolved"
        assert api("POST", "/api/v1/alerts/tests").status_code == 201

    def test_wrong_body_or_query_is_422(self, api: Program, alert_id: int) -> None:
        bodies: list[object] = [{"hours": 0}, {"hours": "8"}, {"hours": 8761}, {"days": 1}, []]
        for body in bodies:
            assert api("PUT", f"/api/v1/alerts/{alert_id}/mute", json=body).status_code == 422
        for query in ("state=x", "limit=0", "next=0", "color=red"):
            assert api("GET", f"/api/v1/alerts?{query}").status_code == 422


def test_why_is_kept_where_somebody_says_so(app: Flask, ada: Browser, alert_id: int) -> None:
    assert text_of(ada.get(f"/ops/alerts/{alert_id}")).count("Reason (optional)") == 2
    for what, more in (("acknowledgement", {}), ("mute", {"hours": "8"}), ("mute/deletion", {}), ("resolution", {})):
        path = f"/ops/alerts/{alert_id}/{what}"
        assert ada.post(path, {**more, "reason": "x" * 201}).status_code == 422
        assert ada.post(path, {**more, "reason": f"why {what}"}).status_code == 303
    with app.app_context():
        told = [(one.action, one.details["reason"]) for one in engine_of().audit.page()]
    assert told == [
        ("resolve alert", "why resolution"),
        ("unmute alert", "why mute/deletion"),
        ("mute alert", "why mute"),
        ("acknowledge alert", "why acknowledgement"),
    ]
