"""What somebody tries and may not becomes an alert: once, with a count."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from flask import Flask
from sqlalchemy import update

from app.accounts.models import ApiToken
from app.alerts.models import Alert
from app.alerts.services import raise_alert
from app.clock import now
from app.db import transaction
from jobs import Wanted, engine_of
from tests.app.activities.conftest import Program
from tests.app.conftest import Browser, Clock

Look = Callable[[], Sequence[Alert]]
Reports = Callable[[], list[str]]


def told(alerts: Sequence[Alert]) -> list[tuple[str, str, int]]:
    return [(one.rule, one.type, one.times) for one in alerts]


def jobs_of(app: Flask) -> int:
    """How many jobs there are that tell people of an alert."""
    with app.app_context():
        return len(engine_of().inspector.page(Wanted(kinds=("alerts.tell_people",)))[0])


def test_asking_for_what_the_role_does_not_allow_is_a_fraud_attempt(
    cleo: Browser, cleo_id: int, look: Look, reports: Reports, frozen_clock: Clock
) -> None:
    assert cleo.get("/ops/?role=admin", headers={"X-Role": "admin"}).status_code == 403
    (alert,) = look()
    asked = f"Person {cleo_id}, whose role is person, asked for GET console.overview, which it does not allow."
    assert (alert.type, alert.words, alert.labels) == ("Fraud attempt", asked, {"who": f"user {cleo_id}"})
    assert alert.file == f"fraud-attempt_2026-11-20_12-00-00_{alert.id}.txt"
    (report,) = reports()
    assert report.splitlines() == [
        "Time: 2026-11-20 12:00:00 UTC",
        "Type: Fraud attempt",
        f"Description: Somebody asked for what their role does not allow. {asked}",
        "Severity: warning",
        "Seen: once",
    ]


def test_what_people_may_do_is_no_alert(ada: Browser, cleo: Browser, stranger: Browser, look: Look) -> None:
    assert [ada.get("/ops/").status_code, cleo.get("/activities/").status_code] == [200, 200]
    assert stranger.get("/ops/").status_code == 303
    assert look() == []


def test_one_person_is_one_alert_however_they_try_and_another_is_another(
    app: Flask, cleo: Browser, cleos_api: Program, browser: Callable[[], Browser], look: Look, reports: Reports
) -> None:
    assert [cleo.get("/ops/").status_code, cleo.get("/ops/alerts").status_code] == [403, 403]
    assert cleos_api("GET", "/api/v1/queues").status_code == 403
    ben = browser().sign_up("Ben")
    assert ben.get("/ops/").status_code == 403
    assert told(look()) == [("forbidden", "Fraud attempt", 3), ("forbidden", "Fraud attempt", 1)]
    assert len(reports()) == 2
    assert jobs_of(app) == 2


def test_a_thousand_forged_tokens_are_one_alert_one_file_and_one_job(app: Flask, look: Look, reports: Reports) -> None:
    client = app.test_client()
    for number in range(1_000):
        answer = client.get("/api/v1/activities", headers={"Authorization": f"Bearer {number}"})
        assert answer.status_code == 401
    assert told(look()) == [("forged token", "Fraud attempt", 1_000)]
    assert [look()[0].times, len(reports()), jobs_of(app)] == [1_000, 1, 1]


def test_a_token_that_ran_out_is_no_alert_and_one_that_looks_right_and_is_not_is(
    app: Flask, cleos_api: Program, look: Look
) -> None:
    assert cleos_api("GET", "/api/v1/activities").status_code == 200
    with app.app_context(), transaction() as session:
        session.execute(update(ApiToken).values(ends_at=now() - timedelta(days=1)))
    assert cleos_api("GET", "/api/v1/activities").status_code == 401
    assert look() == []
    with app.app_context(), transaction() as session:
        session.execute(update(ApiToken).values(token_hash="0" * 64))
    assert cleos_api("GET", "/api/v1/activities").status_code == 401
    assert told(look()) == [("forged token", "Fraud attempt", 1)]


def fail_to_sign_in(browser: Browser, times: int) -> None:
    for _ in range(times):
        answer = browser.post("/sign-in", {"email": "cleo@example.org", "password": "not the one she has"})
        assert answer.status_code == 422


def test_sign_ins_that_keep_failing_are_an_alert(cleo_id: int, stranger: Browser, look: Look) -> None:
    fail_to_sign_in(stranger, 4)
    assert look() == []
    fail_to_sign_in(stranger, 1)
    (alert,) = look()
    assert (told([alert]), alert.labels) == ([("failed sign-in", "Failed sign-ins", 5)], {"who": "127.0.0.1"})
    assert alert.words == f"A sign-in as person {cleo_id} failed."


def test_four_failures_and_one_much_later_are_none(
    cleo_id: int, stranger: Browser, look: Look, frozen_clock: Clock
) -> None:
    fail_to_sign_in(stranger, 4)
    assert look() == []
    frozen_clock.forward(timedelta(minutes=11))
    fail_to_sign_in(stranger, 1)
    assert look() == []


def test_a_request_of_another_site_is_an_alert(cleo: Browser, look: Look) -> None:
    answer = cleo.post("/settings/theme", {"theme": "dark"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    (alert,) = look()
    assert told([alert]) == [("cross-site request", "Request forgery", 1)]
    assert alert.words.startswith("Another site made a browser ask for POST ")


def test_a_form_that_is_stale_now_and_then_is_none_and_five_are(cleo: Browser, look: Look) -> None:
    for number in range(5):
        assert look() == []
        assert cleo.client.post("/activities/", data={"csrf_token": f"wrong {number}"}).status_code == 400
    assert told(look()) == [("stale form", "Request forgery", 5)]


def test_an_alert_of_which_nothing_is_seen_any_more_resolves_by_itself(
    cleo: Browser, look: Look, frozen_clock: Clock
) -> None:
    cleo.get("/ops/")
    assert [one.state for one in look()] == ["open"]
    frozen_clock.forward(timedelta(minutes=9))
    assert [one.state for one in look()] == ["open"]
    frozen_clock.forward(timedelta(minutes=2))
    assert [(one.state, one.resolved_by) for one in look()] == [("resolved", None)]


def test_what_a_stranger_sends_is_not_in_the_words(app: Flask, look: Look) -> None:
    client = app.test_client()
    for text in ("\x1b[31m", "<script>alert(1)</script>"):
        client.get("/api/v1/activities", headers={"Authorization": f"Bearer {text}"})
    (alert,) = look()
    assert alert.words == "A request came with a token that does not even look like one of ours."


def test_alerts_about_security_are_a_number_of_their_own(app: Flask) -> None:
    with app.app_context():
        for rule in ("forbidden", "forged token", "audit log", "queue age", "prometheus", "test"):
            raise_alert(rule, "A title", "Words.")
        numbers = app.test_client().get("/metrics").get_data(as_text=True)
    assert sorted(line for line in numbers.splitlines() if line.startswith("security_alerts_total")) == [
        'security_alerts_total{type="Audit log broken"} 1.0',
        'security_alerts_total{type="Fraud attempt"} 2.0',
    ]
