"""What staff change: asked before, through services, noted, and with the password given lately."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.accounts.models import SignInSession, User
from app.activities.models import Activity
from app.clock import now
from app.db import reading, transaction
from jobs import Entry, Schedule, ScheduleRequest, engine_of, rule_of
from jobs.testing import run_ready
from tests.app.conftest import PASSWORD, Browser, errors_of, text_of

Log = Callable[..., int]


def activity(app: Flask, activity_id: int) -> Activity:
    with app.app_context():
        found = reading().get(Activity, activity_id)
    assert found is not None
    return found


def person(app: Flask, user_id: int) -> User:
    with app.app_context():
        found = reading().get(User, user_id)
    assert found is not None
    return found


def audit(app: Flask) -> list[tuple[Any, ...]]:
    """What was noted: who did what to what, oldest first."""
    with app.app_context():
        return [(row.by, row.action, row.subject) for row in reversed(engine_of().audit.page())]


def an_hour_ago(app: Flask) -> None:
    """Everybody gave their password an hour ago."""
    with app.app_context(), transaction() as session:
        for one in session.scalars(select(SignInSession)):
            one.created_at -= timedelta(hours=1)
            one.confirmed_at = None


# -- asked before


def test_doing_something_asks_first_and_does_nothing_until_it_is_confirmed(app: Flask, ada: Browser, log: Log) -> None:
    first, second = log(), log()
    page = ada.get(f"/admin/activities/acts/delete?id={first}&id={second}")
    assert "Delete 2 activities?" in text_of(page)
    assert [activity(app, one).deleted_at for one in (first, second)] == [None, None]
    action = re.findall(r'id="confirm" method="post" action="([^"]+)"', page.get_data(as_text=True))[0]
    answer = ada.post(action.replace("&amp;", "&"))
    assert [answer.status_code, answer.headers["Location"]] == [303, "/admin/activities/"]
    assert None not in [activity(app, one).deleted_at for one in (first, second)]
    assert audit(app) == [("user 1", "delete", f"activity {first}"), ("user 1", "delete", f"activity {second}")]


def test_a_deletion_is_undone(app: Flask, ada: Browser, log: Log) -> None:
    one = log()
    ada.post(f"/admin/activities/acts/delete?id={one}")
    page = ada.get("/admin/activities/").get_data(as_text=True)
    assert "Deleted: 1." in page
    undo = re.findall(r'method="post" action="(/admin/activities/acts/restore[^"]*)"', page)[0]
    ada.post(undo)
    assert activity(app, one).deleted_at is None
    assert [what for _, what, _ in audit(app)] == ["delete", "restore"]


def test_what_is_gone_or_done_already_is_passed_over(app: Flask, ada: Browser, log: Log) -> None:
    one = log()
    for _ in range(2):
        ada.post(f"/admin/activities/acts/delete?id={one}&id=99")
    assert audit(app) == [("user 1", "delete", f"activity {one}")]


def test_nothing_ticked_is_said(ada: Browser) -> None:
    for path in ("delete", "delete?id=x", "delete?id=-1"):
        assert ada.post(f"/admin/activities/acts/{path}").status_code == 303
        assert "Tick at least one row first." in text_of(ada.get("/admin/activities/"))
    assert ada.get("/admin/activities/acts/nonsense?id=1").status_code == 404


def test_without_the_token_nothing_is_done(app: Flask, ada: Browser, log: Log) -> None:
    one = log()
    assert ada.client.post(f"/admin/activities/acts/delete?id={one}").status_code == 400
    assert ada.client.post(f"/admin/activities/edit/?id={one}", data={"kind": "yoga"}).status_code == 400
    assert [activity(app, one).deleted_at, activity(app, one).kind] == [None, "running"]


def test_others_may_write_nothing(app: Flask, ada: Browser, cleo: Browser, log: Log) -> None:
    one = log()
    paths = [f"/admin/activities/acts/delete?id={one}", f"/admin/activities/edit/?id={one}"]
    paths += ["/admin/people/acts/close?id=1", "/admin/people/edit/?id=1", "/admin/schedules/acts/pause?id=1"]
    assert [cleo.post(path, {"kind": "yoga"}).status_code for path in paths] == [403] * len(paths)
    assert [activity(app, one).deleted_at, audit(app)] == [None, []]


# -- with the password given lately


def test_the_password_is_asked_again_after_a_quarter_of_an_hour_and_leads_back(
    app: Flask, ada: Browser, log: Log
) -> None:
    one = log()
    an_hour_ago(app)
    for path in (f"/admin/activities/acts/delete?id={one}", f"/admin/activities/edit/?id={one}"):
        answer = ada.get(path)
        assert [answer.status_code, answer.headers["Location"][:9]] == [303, "/confirm?"]
        assert ada.post(path, {"kind": "yoga"}).status_code == 303
    assert [activity(app, one).deleted_at, activity(app, one).kind] == [None, "running"]
    page = ada.get(ada.get(f"/admin/activities/edit/?id={one}").headers["Location"])
    back = re.findall(r'name="next" value="([^"]+)"', page.get_data(as_text=True))[0]
    assert back == f"/admin/activities/edit/?id={one}"
    wrong = ada.post("/confirm", {"password": "not mine", "next": back})
    assert [wrong.status_code, errors_of(wrong)] == [422, ["This is not your password."]]
    assert ada.post("/confirm", {"password": PASSWORD, "next": back}).headers["Location"] == back
    assert ada.get(back).status_code == 200


def test_confirming_leads_to_no_other_site(ada: Browser) -> None:
    answer = ada.post("/confirm", {"password": PASSWORD, "next": "https://evil.example/"})
    assert answer.headers["Location"] == "/"


def test_guessing_the_password_is_limited(ada: Browser) -> None:
    answers = [ada.post("/confirm", {"password": f"guess {n}"}).status_code for n in range(11)]
    assert answers == [422] * 10 + [429]


# -- activities


def test_an_activity_is_corrected_and_counted_again(app: Flask, ada: Browser, cleo: Browser, log: Log) -> None:
    one = log(user_id=2, notes="Before")
    with app.app_context():
        run_ready(engine_of())
    form = ada.get(f"/admin/activities/edit/?id={one}").get_data(as_text=True)
    assert '<option selected value="running">' in form
    sent = {"kind": "yoga", "duration": "1:00", "weight_kg": "80", "notes": "After"}
    answer = ada.post(f"/admin/activities/edit/?id={one}", sent)
    assert answer.status_code == 302, text_of(answer)
    with app.app_context():
        run_ready(engine_of())
    found = activity(app, one)
    assert [found.kind, found.energy_kcal, found.notes, found.user_id] == ["yoga", Decimal("320.0"), "After", 2]
    with app.app_context():
        [row] = engine_of().audit.page()
    assert [row.by, row.action, row.subject] == ["user 1", "correct", f"activity {one}"]
    assert row.details["before"] == {"kind": "running", "duration": "0:30:00", "weight_kg": "70.00", "notes": "Before"}
    assert row.details["after"] == {"kind": "yoga", "duration": "1:00:00", "weight_kg": "80", "notes": "After"}


def test_what_an_activity_cannot_be_is_told_at_its_field(app: Flask, ada: Browser, log: Log) -> None:
    one = log()
    sent = {"kind": "chess", "duration": "0", "weight_kg": "7", "notes": "x" * 2_001}
    answer = ada.post(f"/admin/activities/edit/?id={one}", sent)
    assert [answer.status_code, len(errors_of(answer))] == [422, 4]
    assert [activity(app, one).kind, audit(app)] == ["running", []]
    missing = ada.post(f"/admin/activities/edit/?id={one}", {"kind": "yoga"})
    assert [missing.status_code, errors_of(missing)] == [422, ["This is needed."] * 2]


def test_saving_what_stands_there_changes_nothing(app: Flask, ada: Browser, log: Log) -> None:
    one = log(notes="Same")
    ada.post(
        f"/admin/activities/edit/?id={one}", {"kind": "running", "duration": "30", "weight_kg": "70", "notes": "Same"}
    )
    assert audit(app) == []


# -- people


def test_a_person_gets_another_name_and_role(app: Flask, ada: Browser, cleo: Browser) -> None:
    assert ada.post("/admin/people/edit/?id=2", {"name": "Cleopatra", "role": "person"}).status_code == 302
    assert [person(app, 2).name, cleo.get("/settings/").status_code] == ["Cleopatra", 200]
    assert ada.post("/admin/people/edit/?id=2", {"name": "Cleopatra", "role": "admin"}).status_code == 302
    assert person(app, 2).is_admin
    assert cleo.get("/settings/").status_code == 303  # signed out: a new role begins with a new session
    assert audit(app) == [("user 1", "correct", "person 2"), ("user 1", "role", "person 2")]


@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
def test_every_role_is_given_and_taken_back_and_noted_with_both(
    app: Flask, ada: Browser, cleo: Browser, role: str
) -> None:
    assert f'value="{role}"' in ada.get("/admin/people/edit/?id=2").get_data(as_text=True)
    assert ada.post("/admin/people/edit/?id=2", {"name": "Cleo", "role": role}).status_code == 302
    assert cleo.get("/settings/").status_code == 303  # signed out: a new role begins with a new session
    assert [person(app, 2).is_admin, person(app, 2).role] == [role == "admin", role.replace("admin", "")]
    assert f"2 Cleo cleo@example.org {role.capitalize()} Open" in text_of(
        ada.get(f"/admin/people/?flt0_role_is={role}")
    )
    assert ada.post("/admin/people/edit/?id=2", {"name": "Cleo", "role": "person"}).status_code == 302
    assert [person(app, 2).is_admin, person(app, 2).role] == [False, ""]
    with app.app_context():
        noted = [(row.details["before"], row.details["after"]) for row in engine_of().audit.page()]
    assert noted == [(role, ""), ("", role)]


def test_a_guest_gets_no_role(app: Flask, ada: Browser, cleo: Browser) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(User).where(User.id == 2).values(goes_at=now() + timedelta(days=1)))
    answer = ada.post("/admin/people/edit/?id=2", {"name": "Cleo", "role": "viewer"})
    assert [answer.status_code, errors_of(answer)] == [
        422,
        ["A guest has no role. They have to keep their account first."],
    ]
    assert [person(app, 2).role, audit(app)] == ["", []]


def test_nobody_changes_their_own_role_or_closes_their_own_account(app: Flask, ada: Browser) -> None:
    assert ada.post("/admin/people/edit/?id=1", {"name": "Ada", "role": "person"}).status_code == 409
    assert ada.post("/admin/people/acts/close?id=1").status_code == 409
    assert [person(app, 1).is_admin, person(app, 1).disabled_at, audit(app)] == [True, None, []]


@pytest.mark.parametrize(
    ("name", "role"), [("", "person"), ("x" * 81, "person"), ("a\x00b", "person"), ("Cleo", "emperor")]
)
def test_what_a_person_cannot_be_is_told_at_its_field(
    app: Flask, ada: Browser, cleo: Browser, name: str, role: str
) -> None:
    answer = ada.post("/admin/people/edit/?id=2", {"name": name, "role": role})
    assert [answer.status_code, len(errors_of(answer))] == [422, 1]
    assert person(app, 2).name == "Cleo"


def test_a_closed_account_lets_nobody_in_until_it_is_opened(app: Flask, ada: Browser, cleo: Browser) -> None:
    sign_in = {"email": "cleo@example.org", "password": PASSWORD}
    assert cleo.get("/settings/").status_code == 200
    ada.post("/admin/people/acts/close?id=2")
    assert cleo.get("/settings/").status_code == 303
    refused = cleo.post("/sign-in", sign_in)
    assert [refused.status_code, "This account is closed." in text_of(refused)] == [422, True]
    assert "This account is closed." not in text_of(cleo.post("/sign-in", {**sign_in, "password": "a guess"}))
    ada.post("/admin/people/acts/open?id=2")
    assert cleo.post("/sign-in", sign_in).status_code == 303
    assert [what for _, what, _ in audit(app)] == ["close account", "open account"]


def test_signing_out_ends_every_session_of_others(app: Flask, ada: Browser, cleo: Browser) -> None:
    ada.post("/admin/people/acts/sign-out?id=2")
    assert cleo.get("/settings/").status_code == 303
    assert ada.get("/settings/").status_code == 200
    assert audit(app) == [("user 1", "sign out", "person 2")]


# -- schedules


def test_schedules_are_paused_resumed_and_run(app: Flask, ada: Browser) -> None:
    with app.app_context():
        request = ScheduleRequest("Mornings", "activities.count_calories", rule_of(every="1 day"), {"activity_id": 1})
        engine_of().schedules.create(request, requested_by="user 1")

    def is_paused() -> bool:
        with app.app_context():
            return reading().scalars(select(Schedule)).one().is_paused

    ada.post("/admin/schedules/acts/pause?id=1")
    assert is_paused()
    ada.post("/admin/schedules/acts/resume?id=1")
    assert not is_paused()
    ada.post("/admin/schedules/acts/run?id=1")
    with app.app_context():
        assert reading().scalars(select(Entry.kind)).all() == ["activities.count_calories"]


def test_one_row_tells_what_can_be_done_with_it(app: Flask, ada: Browser, log: Log) -> None:
    one = log()
    page = ada.get(f"/admin/activities/details/?id={one}").get_data(as_text=True)
    for link in (f"/admin/activities/edit/?id={one}", f"/admin/activities/acts/delete?id={one}"):
        assert f'href="{link}"' in page


# -- why


def test_why_is_kept_where_somebody_says_so(app: Flask, ada: Browser, cleo: Browser, log: Log) -> None:
    one = log()
    assert 'name="reason"' in ada.get(f"/admin/activities/acts/delete?id={one}").get_data(as_text=True)
    ada.post(f"/admin/activities/acts/delete?id={one}", {"reason": "asked for"})
    assert 'name="reason"' in ada.get("/admin/people/edit/?id=2").get_data(as_text=True)
    sent = {"name": "Cleopatra", "role": "viewer"}
    wrong = ada.post("/admin/people/edit/?id=2", {**sent, "reason": "x" * 201})
    assert [wrong.status_code, person(app, 2).name] == [422, "Cleo"]
    ada.post("/admin/people/edit/?id=2", {**sent, "reason": "new here"})
    ada.post("/admin/people/acts/close?id=2", {"reason": "has left"})
    with app.app_context():
        told = [(row.action, row.details["reason"]) for row in reversed(engine_of().audit.page())]
    assert told == [
        ("delete", "asked for"), ("correct", "new here"), ("role", "new here"), ("close account", "has left"),
    ]  # fmt: skip
