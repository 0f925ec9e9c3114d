"""The settings page: profile, password, colours, pages that refresh themselves, and where one is signed in."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from app.accounts import queries, services
from app.accounts.models import SignInSession, User
from app.db import reading, transaction
from tests.app.conftest import PASSWORD, ZONE, Browser, Clock, Settings, errors_of, text_of

NEW_PASSWORD = "seven quiet rivers"
PROFILE = {"profile-name": "Augusta", "profile-zone": "Asia/Tokyo"}
CHANGE = {"password-current": PASSWORD, "password-password": NEW_PASSWORD}
NewBrowser = Callable[[], Browser]


def people(app: Flask) -> list[tuple[Any, ...]]:
    """Everything that is stored of everybody."""
    with app.app_context():
        return [tuple(row) for row in reading().connection().execute(select(User.__table__).order_by(User.id))]


def user(app: Flask, name: str = "ada") -> User:
    with app.app_context():
        found = queries.user_by_email(f"{name}@example.org")
    assert found
    return found


def sessions(app: Flask, name: str = "ada") -> list[int]:
    """The ids of somebody's sessions, the oldest first."""
    with app.app_context():
        query = select(SignInSession.id).where(SignInSession.user_id == user(app, name).id)
        return list(reading().scalars(query.order_by(SignInSession.id)))


def sign_in(browser: Browser, name: str = "ada", password: str = PASSWORD, **more: str) -> Browser:
    answer = browser.post("/sign-in", {"email": f"{name}@example.org", "password": password, **more})
    assert answer.status_code == 303, text_of(answer)
    return browser


def is_in(browser: Browser) -> bool:
    return browser.client.get("/settings/").status_code == 200


def typed(response: TestResponse, name: str) -> str:
    """What stands in a field of the page."""
    found = re.search(rf'<input[^>]* name="{name}"[^>]* value="([^"]*)"', response.text)
    assert found, name
    return unescape(found[1])


def chosen(response: TestResponse, name: str) -> list[str]:
    """What is chosen in a list of the page."""
    found = re.search(rf'<select[^>]* name="{name}".*?</select>', response.text, re.DOTALL)
    assert found, name
    return re.findall(r'<option selected value="([^"]*)"', found[0])


def parts(response: TestResponse) -> list[str]:
    """The sections of the page; of a fragment, the one it is."""
    return re.findall(r'<section [^>]*id="([^"]+)"', response.text)


# -- the page -----------------------------------------------------------------------------------------------------


def test_the_page_shows_each_section_with_what_is_stored(ada: Browser, cleo: Browser) -> None:
    page = ada.get("/settings/")
    assert page.status_code == 200
    assert parts(page) == ["profile", "weights", "leaderboards", "reminders", "password", "sessions", "tokens"]
    assert (typed(page, "profile-name"), chosen(page, "profile-zone")) == ("Ada", [ZONE])
    assert "You sign in as ada@example.org." in text_of(page)
    assert "Cleo" not in page.text


def test_a_guest_has_no_password_to_change_and_may_keep_the_account(stranger: Browser) -> None:
    stranger.post("/guest")
    assert parts(stranger.get("/settings/")) == [
        *("keep", "profile", "weights", "leaderboards", "reminders", "sessions", "tokens"),
    ]


def test_strangers_see_no_settings_and_come_back_after_signing_in(stranger: Browser) -> None:
    answer = stranger.get("/settings/")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in?next=/settings/")


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("profile", PROFILE),
        ("password", CHANGE),
        ("live", {"live": "off"}),
        ("sessions/1/end", {}),
        ("sessions/others/end", {}),
    ],
)
def test_strangers_change_nothing(app: Flask, ada: Browser, stranger: Browser, path: str, sent: Settings) -> None:
    before = people(app), sessions(app)
    answer = stranger.post(f"/settings/{path}", sent)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in")
    part = stranger.part(f"/settings/{path}", sent)
    assert (part.status_code, part.headers["HX-Redirect"]) == (401, "/sign-in")
    assert (people(app), sessions(app)) == before


@pytest.mark.parametrize("path", ["profile", "password"])
def test_a_form_without_any_field_is_wrong_input_and_changes_nothing(app: Flask, ada: Browser, path: str) -> None:
    before = people(app)
    answer = ada.post(f"/settings/{path}")
    assert (answer.status_code, len(errors_of(answer)), people(app)) == (422, 2, before)


# -- the profile --------------------------------------------------------------------------------------------------


def test_a_profile_is_changed_and_nobody_elses(app: Flask, ada: Browser, cleo: Browser) -> None:
    answer, page = ada.post("/settings/profile", PROFILE), ada.get("/settings/")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/settings/")
    assert "Your profile is saved." in text_of(page)
    assert (typed(page, "profile-name"), chosen(page, "profile-zone")) == ("Augusta", ["Asia/Tokyo"])
    kept = [(one.name, one.zone) for one in (user(app), user(app, "cleo"))]
    assert kept == [("Augusta", "Asia/Tokyo"), ("Cleo", ZONE)]


def test_the_day_follows_the_new_zone(frozen_clock: Clock, ada: Browser) -> None:
    assert typed(ada.get("/settings/"), "weight-on_day") == "2026-11-20"
    ada.post("/settings/profile", PROFILE | {"profile-zone": "Pacific/Kiritimati"})
    assert typed(ada.get("/settings/"), "weight-on_day") == "2026-11-21"


def test_a_profile_sent_by_htmx_leads_to_the_whole_page(app: Flask, ada: Browser) -> None:
    answer = ada.part("/settings/profile", PROFILE)
    assert (answer.status_code, answer.headers["HX-Redirect"], answer.text) == (204, "/settings/", "")
    refused = ada.part("/settings/profile", PROFILE | {"profile-name": ""})
    assert (refused.status_code, errors_of(refused)) == (422, ["Enter a name; any will do."])
    assert user(app).name == "Augusta"


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("  Ada Lovelace ", "Ada Lovelace"),
        ("A", "A"),
        ("A" * 80, "A" * 80),
        ("e\u0301" * 80, "é" * 80),
        ("<b>Ada</b> & \"'", "<b>Ada</b> & \"'"),
        ("１２ 🙂", "１２ 🙂"),
    ],
)
def test_any_name_will_do(app: Flask, ada: Browser, name: str, kept: str) -> None:
    assert ada.post("/settings/profile", PROFILE | {"profile-name": name}).status_code == 303
    page = ada.get("/settings/")
    assert (user(app).name, typed(page, "profile-name")) == (kept, kept)
    assert "<b>Ada" not in page.text


ODD_NAMES = {
    "": "Enter a name; any will do.",
    "   ": "Enter a name; any will do.",
    "A" * 81: "It may have 80 characters; this has 81.",
    "x" * 20_001: "It is much too long, with 20001 characters.",
    "Ada\x00": "It holds characters that cannot be kept.",
    "\x1b[31mAda": "It holds characters that cannot be kept.",
    "Ada\nLovelace": "It holds characters that cannot be shown in one line.",
    "Ada\u202ecod.exe": "It holds characters that cannot be shown in one line.",
}
ODD_ZONES = ["europe/berlin", "UTC\x00", "../../etc/passwd", "Foo/Bar", "localtime", "NaN", "Europe/Berlin "]


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        *(({"profile-name": name}, sentence) for name, sentence in ODD_NAMES.items()),
        *(({"profile-zone": zone}, "Choose a time zone from the list.") for zone in ODD_ZONES),
        ({"profile-zone": ""}, "Choose a time zone."),
    ],
)
def test_a_wrong_profile_is_told_at_its_field_and_stored_nowhere(
    app: Flask, ada: Browser, sent: Settings, sentence: str
) -> None:
    before = people(app)
    answer = ada.post("/settings/profile", PROFILE | sent)
    assert (answer.status_code, errors_of(answer)) == (422, [sentence])
    if "profile-zone" in sent:
        assert typed(answer, "profile-name") == "Augusta"
    else:
        assert chosen(answer, "profile-zone") == ["Asia/Tokyo"]
    assert people(app) == before


def test_bytes_that_are_no_text_are_kept_as_they_were_written(app: Flask, ada: Browser) -> None:
    ada.get("/settings/")
    sent = {"data": b"profile-name=Ada%ED%A0%80%FF&profile-zone=UTC", "headers": {"X-CSRFToken": ada._token}}
    answer = ada.client.post("/settings/profile", content_type="application/x-www-form-urlencoded", **sent)
    assert (answer.status_code, user(app).name) == (303, "Ada%ED%A0%80%FF")


def test_fields_nobody_asked_for_do_nothing(app: Flask, ada: Browser, cleo: Browser) -> None:
    before = people(app)
    sent = {"user_id": "2", "profile-id": "2", "profile-is_admin": "true", "profile-email": "eve@example.org"}
    ada.post("/settings/profile", {"profile-name": "Ada", "profile-zone": ZONE} | sent)
    assert people(app) == before


# -- the password -------------------------------------------------------------------------------------------------


def test_a_new_password_signs_out_other_browsers_and_gives_this_one_a_new_session(
    app: Flask, ada: Browser, cleo: Browser, browser: NewBrowser
) -> None:
    phone, [old_session, _] = sign_in(browser()), sessions(app)
    old_cookie = ada.client.get_cookie("sid")
    assert old_cookie
    answer = ada.post("/settings/password", CHANGE)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/settings/")
    assert "Your password is changed. Other browsers are signed out." in text_of(ada.get("/settings/"))
    thief = browser()
    thief.client.set_cookie("sid", old_cookie.value)
    assert [is_in(one) for one in (ada, phone, thief, cleo)] == [True, False, False, True]
    [new_session] = sessions(app)
    assert new_session != old_session


@pytest.mark.parametrize("remember", [{}, {"remember": "yes"}])
def test_a_browser_is_remembered_as_before(ada: Browser, browser: NewBrowser, remember: Settings) -> None:
    one = sign_in(browser(), **remember)
    one.post("/settings/password", CHANGE)
    cookie = one.client.get_cookie("sid")
    assert cookie
    assert (cookie.expires is not None) == bool(remember)


def test_a_password_changed_by_htmx_leads_to_the_whole_page(ada: Browser, browser: NewBrowser) -> None:
    answer = ada.part("/settings/password", CHANGE)
    assert (answer.status_code, answer.headers["HX-Redirect"], answer.text) == (204, "/settings/", "")
    assert is_in(ada)
    assert is_in(sign_in(browser(), password=NEW_PASSWORD))


WRONG = "This is not your current password."


@pytest.mark.parametrize(
    ("sent", "sentences"),
    [
        *(
            ({"password-current": wrong}, [WRONG])
            for wrong in (PASSWORD.upper(), f"{PASSWORD} ", f"{PASSWORD}\x00", "\ufffd", "x" * 100_000)
        ),
        ({"password-current": ""}, ["Enter your current password."]),
        ({"password-current": "", "password-password": ""}, ["Enter your current password.", "Enter a password."]),
        ({"password-password": "x1!-y2?-z3#"}, ["Use at least 12 characters; a few words in a row do well."]),
        ({"password-password": "x1!" * 42 + "y2?"}, ["Use at most 128 characters."]),
        ({"password-password": "ada@example.org!"}, ["Do not use your name, your e-mail or the product's name in it."]),
        ({"password-password": "password1234"}, ["This is one of the first that somebody would try."]),
    ],
)
def test_a_refused_password_changes_nothing_and_is_not_sent_back(
    app: Flask, ada: Browser, browser: NewBrowser, sent: Settings, sentences: list[str]
) -> None:
    phone, before = sign_in(browser()), (people(app), sessions(app))
    answer = ada.post("/settings/password", CHANGE | sent)
    assert (answer.status_code, errors_of(answer)) == (422, sentences)
    assert (people(app), sessions(app)) == before
    assert [value for value in (CHANGE | sent).values() if value and unescape(answer.text).count(value)] == []
    assert [is_in(one) for one in (ada, phone)] == [True, True]


@pytest.mark.parametrize("password", ["x1!-y2?-z3#a", "x1!" * 42 + "y2"])
def test_from_then_on_the_new_password_counts_and_the_old_does_not(
    ada: Browser, cleo: Browser, browser: NewBrowser, password: str
) -> None:
    assert ada.post("/settings/password", CHANGE | {"password-password": password}).status_code == 303
    old = browser().post("/sign-in", {"email": "ada@example.org", "password": PASSWORD})
    entered = sign_in(browser(), password=password), sign_in(browser(), "cleo")
    assert (old.status_code, [is_in(one) for one in entered]) == (422, [True, True])


def test_an_admins_password_is_longer(app: Flask, ada: Browser) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(User).values(is_admin=True))
    answer = ada.post("/settings/password", CHANGE | {"password-password": "x1!-y2?-z3#-ab"})
    assert errors_of(answer) == ["Use at least 15 characters; a few words in a row do well."]
    assert ada.post("/settings/password", CHANGE | {"password-password": "x1!-y2?-z3#-abc"}).status_code == 303


def test_a_guest_has_no_password_that_could_be_guessed(app: Flask, stranger: Browser) -> None:
    stranger.post("/guest")
    before = people(app)
    assert (stranger.post("/settings/password", CHANGE).status_code, people(app)) == (422, before)


def test_the_eleventh_wrong_password_waits_and_nobody_else_does(
    frozen_clock: Clock, ada: Browser, cleo: Browser
) -> None:
    wrong = CHANGE | {"password-current": "not the right one"}
    assert [ada.post("/settings/password", wrong).status_code for _ in range(10)] == [422] * 10
    held = ada.post("/settings/password", CHANGE)
    assert (held.status_code, held.headers["Retry-After"]) == (429, "360")
    assert cleo.post("/settings/password", CHANGE).status_code == 303
    frozen_clock.forward(timedelta(seconds=361))
    assert ada.post("/settings/password", CHANGE).status_code == 303


def test_a_good_change_forgives_the_wrong_ones(frozen_clock: Clock, ada: Browser) -> None:
    wrong = CHANGE | {"password-current": "not the right one"}
    assert [ada.post("/settings/password", wrong).status_code for _ in range(9)] == [422] * 9
    assert ada.post("/settings/password", CHANGE).status_code == 303
    assert [ada.post("/settings/password", wrong).status_code for _ in range(10)] == [422] * 10


# -- colours, and pages that refresh themselves -------------------------------------------------------------------


@pytest.mark.parametrize("theme", ["system", "light", "dark"])
def test_a_theme_is_kept_with_the_account(app: Flask, ada: Browser, cleo: Browser, theme: str) -> None:
    answer = ada.post("/settings/theme", {"theme": theme, "next": "/help"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/help")
    assert (user(app).theme, user(app, "cleo").theme, ada.client.get_cookie("theme")) == (theme, "system", None)
    assert re.findall(r'data-theme="(\w+)"', ada.get("/settings/").text) == [theme]


def test_a_strangers_theme_is_kept_in_a_cookie_alone(app: Flask, ada: Browser, stranger: Browser) -> None:
    before = people(app)
    assert stranger.post("/settings/theme", {"theme": "dark"}).headers["Location"] == "/"
    cookie = stranger.client.get_cookie("theme")
    assert cookie
    assert (cookie.value, cookie.max_age, cookie.http_only) == ("dark", 365 * 24 * 3600, True)
    assert re.findall(r'data-theme="(\w+)"', stranger.get("/sign-in").text) == ["dark"]
    assert people(app) == before


@pytest.mark.parametrize("live", ["off", "on"])
def test_whether_pages_refresh_themselves_is_kept(app: Flask, ada: Browser, cleo: Browser, live: str) -> None:
    with app.app_context():
        services.choose_live_updates(user(app).id, live=live == "off")
    answer = ada.post("/settings/live", {"live": live, "next": "/help"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/help")
    assert (user(app).live_updates, user(app, "cleo").live_updates) == (live == "on", True)
    assert re.findall(r'data-live="(\w+)"', ada.get("/settings/").text) == [live]


CHOICES = {"theme": "Choose one of: system, light, dark.", "live": "Choose on or off."}


@pytest.mark.parametrize("name", CHOICES)
def test_what_is_no_choice_is_refused(app: Flask, ada: Browser, stranger: Browser, name: str) -> None:
    before = people(app)
    for value in ("", "DARK", "ON", "dark\x00", "on ", "NaN", "１", "true", "x" * 10_000):
        answer = ada.post(f"/settings/{name}", {name: value})
        assert (answer.status_code, CHOICES[name] in text_of(answer)) == (422, True), value
    assert ada.post(f"/settings/{name}").status_code == 422
    assert stranger.post("/settings/theme", {"theme": "pink"}).status_code == 422
    assert (people(app), stranger.client.get_cookie("theme")) == (before, None)


@pytest.mark.parametrize(("path", "sent"), [("theme", {"theme": "dark"}), ("live", {"live": "off"})])
def test_a_choice_leads_back_by_htmx_too_and_never_to_another_site(ada: Browser, path: str, sent: Settings) -> None:
    part = ada.part(f"/settings/{path}", sent | {"next": "/activities/"})
    assert (part.status_code, part.headers["HX-Redirect"]) == (204, "/activities/")
    for elsewhere in ("//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "/\x00"):
        assert ada.post(f"/settings/{path}", sent | {"next": elsewhere}).headers["Location"] == "/", elsewhere


# -- where one is signed in ---------------------------------------------------------------------------------------


def listed(response: TestResponse) -> list[int]:
    return [int(found) for found in re.findall(r'<tr id="session-(\d+)"', response.text)]


def test_the_page_lists_ones_own_browsers_and_marks_this_one(
    frozen_clock: Clock, app: Flask, ada: Browser, cleo: Browser, browser: NewBrowser
) -> None:
    sign_in(browser())
    mine, other = sessions(app)
    page = ada.get("/settings/")
    assert listed(page) == [other, mine]
    assert re.findall(r'session-(\d+)">\s*<th [^>]*>[^<]*<span class="badge', page.text) == [str(mine)]


def test_one_that_has_run_out_is_not_listed(frozen_clock: Clock, app: Flask, ada: Browser, browser: NewBrowser) -> None:
    frozen_clock.forward(timedelta(hours=13))
    one = sign_in(browser())
    assert listed(one.get("/settings/")) == sessions(app)[1:]
    assert len(sessions(app)) == 2


def test_another_browser_is_signed_out(app: Flask, ada: Browser, cleo: Browser, browser: NewBrowser) -> None:
    phone, [mine, other] = sign_in(browser()), sessions(app)
    answer = ada.post(f"/settings/sessions/{other}/end")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/settings/#sessions")
    assert "That browser is signed out." in text_of(ada.get("/settings/"))
    assert [is_in(one) for one in (ada, phone, cleo)] == [True, False, True]
    assert sessions(app) == [mine]


def test_signing_this_one_out_leads_to_the_start(app: Flask, browser: NewBrowser) -> None:
    browser().sign_up("Ada")
    for send in (Browser.post, Browser.part):
        one = sign_in(browser())
        answer = send(one, f"/settings/sessions/{sessions(app)[-1]}/end")
        to = answer.headers.get("Location") or answer.headers.get("HX-Redirect")
        assert (answer.status_code, to, is_in(one)) == (303 if send is Browser.post else 204, "/", False)
    assert len(sessions(app)) == 1


def test_all_others_are_signed_out(app: Flask, ada: Browser, cleo: Browser, browser: NewBrowser) -> None:
    others, mine = [sign_in(browser()) for _ in range(6)], sessions(app)[0]
    assert "2 more" in text_of(ada.get("/settings/"))
    answer = ada.post("/settings/sessions/others/end")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/settings/#sessions")
    page = ada.get("/settings/")
    assert ("All other browsers are signed out." in text_of(page), listed(page)) == (True, [mine])
    assert "Sign out everywhere else" not in text_of(page)
    assert [is_in(one) for one in (ada, cleo, *others)] == [True, True] + [False] * 6
    assert (ada.post("/settings/sessions/others/end").status_code, sessions(app)) == (303, [mine])


@pytest.mark.parametrize("whose", ["{other}", "others"])
def test_htmx_gets_the_section_drawn_anew(app: Flask, ada: Browser, browser: NewBrowser, whose: str) -> None:
    sign_in(browser())
    mine, other = sessions(app)
    part = ada.part(f"/settings/sessions/{whose.format(other=other)}/end")
    assert (part.status_code, parts(part), listed(part)) == (201, ["sessions"], [mine])
    assert "signed out." in part.headers["HX-Trigger"]


def test_somebody_elses_session_is_not_there(app: Flask, ada: Browser, cleo: Browser) -> None:
    [hers] = sessions(app, "cleo")
    for send in (ada.post, ada.part):
        answer = send(f"/settings/sessions/{hers}/end")
        assert (answer.status_code, "There is no such session." in text_of(answer)) == (404, True)
    assert (sessions(app, "cleo"), is_in(cleo)) == ([hers], True)


@pytest.mark.parametrize("number", ["0", "-1", "NaN", "1e400", "%00", "2147483648", "9" * 20, "9" * 400, "1%20"])
def test_an_odd_session_is_not_there(app: Flask, ada: Browser, number: str) -> None:
    before = sessions(app)
    assert ada.post(f"/settings/sessions/{number}/end").status_code == 404
    assert (sessions(app), is_in(ada)) == (before, True)
