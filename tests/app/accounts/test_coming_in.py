"""Signing up, in and out; sessions; guests; the first admin."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
from flask import Flask

from app import hashing
from app.accounts import queries, services
from app.accounts.models import SignInSession, User
from app.clock import now
from app.db import db, reading
from app.errors import Invalid, NotFound
from tests.app.conftest import PASSWORD, Browser, Clock, Settings, errors_of, person, text_of

WRONG = "E-mail and password do not match."
NewBrowser = Callable[[], Browser]


def is_in(browser: Browser) -> bool:
    return browser.get("/settings/").status_code == 200


def sign_in(browser: Browser, name: str = "Ada", password: str = PASSWORD, **more: str) -> int:
    return browser.post("/sign-in", {"email": f"{name}@example.org", "password": password, **more}).status_code


def users(app: Flask) -> list[str | None]:
    with app.app_context():
        return list(reading().scalars(db.select(User.email).order_by(User.id)))


# --- signing up ---------------------------------------------------------------------------------------------------


def test_signing_up_signs_in_at_once(app: Flask, stranger: Browser) -> None:
    answer = stranger.post("/sign-up", person("Ada"))
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    page = stranger.get("/settings/")
    assert "You sign in as ada@example.org." in text_of(page)
    with app.app_context():
        ada = queries.user_by_email("ada@example.org")
    assert ada is not None
    assert (ada.name, ada.zone, ada.is_admin, ada.is_guest) == ("Ada", "Europe/Berlin", False, False)


def test_the_form_is_there_for_strangers_only(stranger: Browser, ada: Browser) -> None:
    assert "Make an account" in text_of(stranger.get("/sign-up"))
    assert ada.get("/sign-up").headers["Location"] == "/"


@pytest.mark.parametrize(
    ("typed", "sentences"),
    [
        ({"name": " "}, ["Enter a name; any will do."]),
        ({"name": "A" * 81}, ["It may have 80 characters; this has 81."]),
        ({"name": "Ada\u202eadA"}, ["It holds characters that cannot be shown in one line."]),
        ({"name": "Ada\x00"}, ["It holds characters that cannot be kept."]),
        ({"email": "ada"}, ["Enter an e-mail address like ada@example.org."]),
        ({"email": "a@b.org\r\nBcc: x@y.org"}, ["Enter an e-mail address like ada@example.org."]),
        ({"password": "short"}, ["Use at least 12 characters; a few words in a row do well."]),
        ({"password": "x1!" * 50}, ["Use at most 128 characters."]),
        ({"password": "zoe@example.org!!"}, ["Do not use your name, your e-mail or the product's name in it."]),
        ({"zone": "../../etc/passwd"}, ["Choose a time zone from the list."]),
        ({"zone": "Foo/Bar"}, ["Choose a time zone from the list."]),
        (
            {"name": "", "email": "", "password": "", "zone": ""},
            ["Enter a name; any will do.", "Enter your e-mail address.", "Enter a password.", "Choose a time zone."],
        ),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_is_kept(
    app: Flask, stranger: Browser, typed: Settings, sentences: list[str]
) -> None:
    answer = stranger.post("/sign-up", person("Zoë", email="zoe@example.org") | typed)
    assert (answer.status_code, errors_of(answer)) == (422, sentences)
    assert users(app) == []
    if "email" not in typed:
        assert 'value="zoe@example.org"' in answer.text
    assert typed.get("password", PASSWORD) not in answer.text or not typed.get("password", PASSWORD)


def test_a_form_without_any_field_is_wrong_input_too(stranger: Browser) -> None:
    assert stranger.post("/sign-up").status_code == 422
    assert stranger.post("/sign-in").status_code == 422


def test_an_address_belongs_to_one_person_however_it_is_written(app: Flask, ada: Browser, stranger: Browser) -> None:
    answer = stranger.post("/sign-up", person("Ben", email="ADA@Example.org"))
    assert errors_of(answer) == ["There is an account with this e-mail address already. Sign in instead."]
    assert users(app) == ["ada@example.org"]


def test_two_who_want_the_same_address_at_once_make_one_account(app: Flask) -> None:
    def sign_up(number: int) -> str:
        with app.app_context():
            try:
                services.sign_up(**person("Ada"), address=str(number))
            except Invalid as problem:
                return str(problem)
            return "made"

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(sign_up, range(4)))
    assert answers == [services.TAKEN] * 3 + ["made"]
    assert users(app) == ["ada@example.org"]


@pytest.mark.parametrize(
    "password", ["with  spaces at the end ", "🙂 smile and 🚲 go", "é" * 20 + "xyz", "a1b2-" * 25 + "end"]
)
def test_a_password_is_taken_as_it_is(stranger: Browser, browser: NewBrowser, password: str) -> None:
    assert stranger.post("/sign-up", person("Zoë", email="zoe@example.org", password=password)).status_code == 303
    assert sign_in(browser(), "zoe", password[:-1]) == 422
    assert sign_in(browser(), "zoe", password.strip() + "x") == 422
    assert sign_in(browser(), "zoe", password) == 303


def test_fields_nobody_asked_for_do_nothing(app: Flask, stranger: Browser) -> None:
    stranger.post("/sign-up", person("Ada") | {"is_admin": "true", "id": "7", "goes_at": "2030-01-01"})
    with app.app_context():
        ada = queries.user_by_email("ada@example.org")
    assert ada is not None
    assert (ada.is_admin, ada.goes_at) == (False, None)


class TestWhenSignUpIsClosed:
    @pytest.fixture
    def settings(self) -> Settings:
        return {"SIGN_UP_OPEN": "false"}

    def test_nobody_gets_an_account(self, app: Flask, stranger: Browser) -> None:
        assert "Ask one of them." in text_of(stranger.get("/sign-up"))
        for path in ("/sign-up", "/guest"):
            assert stranger.post(path, person("Ada")).status_code == 403
        assert users(app) == []


class TestLimits:
    @pytest.fixture
    def settings(self) -> Settings:
        return {"SIGN_UP_PER_HOUR": "2"}

    def test_an_address_makes_so_many_accounts_an_hour(
        self, app: Flask, browser: NewBrowser, frozen_clock: Clock
    ) -> None:
        answers = [browser().post("/sign-up", person(name)) for name in ("Ada", "Ben", "Cleo")]
        assert [answer.status_code for answer in answers] == [303, 303, 429]
        assert "Try again in 30 minutes." in text_of(answers[2])
        assert answers[2].headers["Retry-After"] == "1800"
        assert browser().post("/guest").status_code == 303
        frozen_clock.forward(timedelta(minutes=31))
        assert browser().post("/sign-up", person("Cleo")).status_code == 303

    def test_wrong_input_does_not_count(self, browser: NewBrowser, frozen_clock: Clock) -> None:
        for _ in range(5):
            assert browser().post("/sign-up", person("Ada", password="short")).status_code == 422
        assert browser().post("/sign-up", person("Ada")).status_code == 303

    def test_guests_are_counted_apart(self, browser: NewBrowser, frozen_clock: Clock) -> None:
        assert [browser().post("/guest").status_code for _ in range(3)] == [303, 303, 429]


# --- signing in ---------------------------------------------------------------------------------------------------


def test_signing_in_leads_to_where_one_wanted_to_go(ada: Browser, stranger: Browser) -> None:
    page = stranger.get("/sign-in?next=/settings/%23tokens")
    assert 'name="next" value="/settings/#tokens"' in page.text
    answer = stranger.post("/sign-in", {"email": "ADA@example.org", "password": PASSWORD, "next": "/settings/#tokens"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/settings/#tokens")
    assert is_in(stranger)


@pytest.mark.parametrize("back", ["//evil.example", "/\\evil.example", "https:evil.example", "javascript:alert(1)", ""])
def test_signing_in_never_leads_to_another_site(ada: Browser, browser: NewBrowser, back: str) -> None:
    stranger = browser()
    form = stranger.get("/sign-in", query_string={"next": back}).text.split("<main")[1].split("</main>")[0]
    assert 'name="next"' not in form
    answer = stranger.post("/sign-in", {"email": "ada@example.org", "password": PASSWORD, "next": back})
    assert answer.headers["Location"] == "/"


def test_nobody_learns_who_has_an_account(ada: Browser, stranger: Browser) -> None:
    answers = [
        stranger.post("/sign-in", {"email": email, "password": "not the right one"})
        for email in ("ada@example.org", "nobody@example.org")
    ]
    assert [answer.status_code for answer in answers] == [422, 422]
    seen = [text_of(answer).replace("nobody", "ada") for answer in answers]
    assert seen[0] == seen[1]
    assert WRONG in seen[0]
    assert not is_in(stranger)


def test_an_unknown_address_costs_the_same_work(app: Flask) -> None:
    with app.app_context():
        stored = hashing.hashed(PASSWORD)
        assert hashing.is_password(PASSWORD, stored)
        assert not hashing.is_password("another one here", stored)
        before = hashing._nobodys.cache_info().hits
        assert not hashing.is_password(PASSWORD, None)
        assert not hashing.is_password(PASSWORD, None)
        assert hashing._nobodys.cache_info().hits > before
        assert not hashing.is_password(PASSWORD, "damaged")


def test_the_eleventh_wrong_password_waits_whoever_types_it(
    ada: Browser, browser: NewBrowser, frozen_clock: Clock
) -> None:
    assert [sign_in(browser(), password="not the right one") for _ in range(10)] == [422] * 10
    assert sign_in(browser()) == 429
    assert is_in(ada)
    frozen_clock.forward(timedelta(minutes=7))
    assert sign_in(browser()) == 303


def test_unknown_addresses_are_counted_as_well(browser: NewBrowser, frozen_clock: Clock) -> None:
    assert [sign_in(browser(), "nobody") for _ in range(11)] == [422] * 10 + [429]


def test_an_address_of_the_net_tries_twenty_times(ada: Browser, browser: NewBrowser, frozen_clock: Clock) -> None:
    assert [sign_in(browser(), f"nobody{number}") for number in range(20)] == [422] * 20
    assert sign_in(browser()) == 429


def test_a_good_sign_in_takes_the_tries_away(ada: Browser, browser: NewBrowser, frozen_clock: Clock) -> None:
    for _ in range(3):
        assert [sign_in(browser(), password="not the right one") for _ in range(3)] == [422] * 3
        assert sign_in(browser()) == 303
    assert [sign_in(browser()) for _ in range(30)] == [303] * 30


def test_what_a_stranger_claims_about_proxies_moves_no_limit(browser: NewBrowser, frozen_clock: Clock) -> None:
    for number in range(20):
        client = browser()
        client.get("/sign-in")
        typed = {"email": f"a{number}@b.org", "password": PASSWORD}
        client.post("/sign-in", typed, headers={"X-Forwarded-For": f"10.0.0.{number}"})
    assert sign_in(browser(), "another") == 429


def test_an_outdated_hash_is_renewed_at_sign_in(app: Flask, ada: Browser, browser: NewBrowser) -> None:
    with app.app_context():
        app.testing = False
        services._change_user(1, password_hash=hashing.hashed(PASSWORD))
        app.testing = True
        dear = queries.user_of(1).password_hash
    assert sign_in(browser()) == 303
    with app.app_context():
        cheap = queries.user_of(1).password_hash
    assert dear is not None
    assert cheap is not None
    assert ("m=47104,t=1,p=1" in dear, "m=8,t=1,p=1" in cheap) == (True, True)


# --- sessions -----------------------------------------------------------------------------------------------------


def cookie_of(browser: Browser) -> str:
    cookie = browser.client.get_cookie("sid")
    assert cookie is not None
    return cookie.value


def test_the_old_cookie_is_worth_nothing_after_signing_out(app: Flask, ada: Browser) -> None:
    old = cookie_of(ada)
    answer = ada.post("/sign-out")
    assert (answer.headers["Location"], answer.headers["Clear-Site-Data"]) == ("/", '"storage"')
    thief = app.test_client()
    thief.set_cookie("sid", old)
    assert thief.get("/settings/").status_code == 303
    assert not is_in(ada)
    assert ada.post("/sign-out").status_code == 303


def test_every_window_that_finds_itself_signed_out_has_a_form_that_works(ada: Browser) -> None:
    ada.get("/settings/")
    before = ada._token
    ada.post("/sign-out")
    ada.get("/")
    with ada.client.session_transaction() as session:
        assert set(session) == {"csrf_token"}
    ada._token = before  # of a window that came to the form while another one signed out
    assert sign_in(ada) == 303


def test_no_form_from_before_signing_in_works_afterwards(ada: Browser) -> None:
    ada.post("/sign-out")
    ada.get("/sign-in")
    before = ada._token
    assert sign_in(ada) == 303
    ada._token = before
    assert ada.post("/settings/theme", {"theme": "dark"}).status_code == 400


def test_signing_in_gives_a_new_session_and_ends_the_one_before(app: Flask, ada: Browser) -> None:
    old = cookie_of(ada)
    ada.post("/sign-in", {"email": "ada@example.org", "password": PASSWORD})
    assert cookie_of(ada) != old
    with app.app_context():
        assert len(queries.sessions_of(1)) == 1
    thief = app.test_client()
    thief.set_cookie("sid", old)
    assert thief.get("/settings/").status_code == 303


def test_only_the_hash_of_the_token_is_stored(app: Flask, ada: Browser) -> None:
    with ada.client.session_transaction() as session:
        token = session["token"]
    with app.app_context():
        [stored] = reading().scalars(db.select(SignInSession.token_hash))
    assert len(token) == 43
    assert stored == hashing.fingerprint(token)


@pytest.mark.parametrize(
    ("remember", "visits_h", "is_still_in"),
    [
        ("", [11], True),
        ("", [11, 2], False),
        ("yes", [11, 13], True),
        ("yes", [23] * 31, True),
        ("yes", [23] * 32, False),
        ("yes", [24], False),
    ],
)
def test_a_session_ends_when_it_should(
    ada: Browser, stranger: Browser, frozen_clock: Clock, remember: str, visits_h: list[int], is_still_in: bool
) -> None:
    sign_in(stranger, remember=remember) if remember else sign_in(stranger)
    for hours in visits_h:
        frozen_clock.forward(timedelta(hours=hours))
        still = is_in(stranger)
    assert still == is_still_in


def test_only_who_asked_for_it_gets_a_cookie_that_outlives_the_browser(ada: Browser, browser: NewBrowser) -> None:
    kept, passing = browser(), browser()
    sign_in(kept, remember="yes")
    sign_in(passing)
    cookies = [one.client.get_cookie("sid") for one in (kept, passing)]
    assert [cookie is not None and cookie.expires is not None for cookie in cookies] == [True, False]


def test_a_visit_is_noted_once_a_minute(app: Flask, stranger: Browser, frozen_clock: Clock) -> None:
    stranger.sign_up("Ada")

    def seen() -> object:
        with app.app_context():
            return reading().scalar(db.select(SignInSession.seen_at))

    first = frozen_clock.now
    frozen_clock.forward(timedelta(seconds=59))
    stranger.get("/settings/")
    assert seen() == first
    frozen_clock.forward(timedelta(seconds=2))
    stranger.get("/settings/")
    assert seen() == frozen_clock.now


# --- guests -------------------------------------------------------------------------------------------------------


def test_one_click_makes_a_guest_with_something_to_look_at(app: Flask, stranger: Browser) -> None:
    filled: list[int] = []
    app.extensions["fill_demo"] = filled.append
    answer = stranger.post("/guest", {"zone": "Asia/Tokyo"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert "You are looking around as a guest." in text_of(stranger.get("/settings/"))
    with app.app_context():
        guest = queries.user_of(filled[0])
    assert (guest.email, guest.zone, guest.is_guest) == (None, "Asia/Tokyo", True)
    assert stranger.post("/guest").headers["Location"] == "/"
    assert users(app) == [None]


def test_a_guest_without_a_demo_is_none(app: Flask, stranger: Browser) -> None:
    def fail(_user_id: int) -> None:
        raise NotFound("no demo")

    app.extensions["fill_demo"] = fail
    assert stranger.post("/guest").status_code == 404
    assert users(app) == []


def test_a_zone_there_is_not_is_no_hindrance(app: Flask, stranger: Browser) -> None:
    stranger.post("/guest", {"zone": "../../etc"})
    with app.app_context():
        assert queries.user_of(1).zone == "UTC"


def test_a_guest_keeps_the_account_with_an_address_and_a_password(
    app: Flask, stranger: Browser, browser: NewBrowser, frozen_clock: Clock
) -> None:
    stranger.post("/guest")
    answer = stranger.post(
        "/settings/account", {"keep-name": "Ada", "keep-email": "ada@example.org", "keep-password": PASSWORD}
    )
    assert (answer.status_code, answer.headers["Location"]) == (303, "/settings/")
    assert "This account is yours now" in text_of(stranger.get("/settings/"))
    frozen_clock.forward(timedelta(days=8))
    with app.app_context():
        services.forget_the_gone()
    assert sign_in(browser()) == 303
    assert users(app) == ["ada@example.org"]


def test_what_a_guest_types_wrong_is_said(app: Flask, ada: Browser, stranger: Browser) -> None:
    stranger.post("/guest")
    taken = {"keep-name": "Eve", "keep-email": "ada@example.org", "keep-password": PASSWORD}
    assert errors_of(stranger.post("/settings/account", taken)) == [services.TAKEN]
    weak = {"keep-name": "Eve", "keep-email": "eve@example.org", "keep-password": "password1234"}
    assert errors_of(stranger.post("/settings/account", weak)) == ["This is one of the first that somebody would try."]
    assert users(app) == ["ada@example.org", None]


def test_a_guest_may_stay_away_until_the_account_goes(stranger: Browser, frozen_clock: Clock, app: Flask) -> None:
    stranger.post("/guest")
    for hours in (25, 100, 42):
        frozen_clock.forward(timedelta(hours=hours))
        with app.app_context():
            services.forget_the_gone()
            assert len(queries.sessions_of(1)) == 1
        assert is_in(stranger)
    frozen_clock.forward(timedelta(hours=2))
    assert not is_in(stranger)


def test_whose_account_stays_is_signed_out_after_a_day_of_rest(
    app: Flask, stranger: Browser, frozen_clock: Clock
) -> None:
    stranger.post("/guest")
    stranger.post("/settings/account", {"keep-name": "Ada", "keep-email": "a@example.org", "keep-password": PASSWORD})
    frozen_clock.forward(timedelta(hours=24))
    assert not is_in(stranger)
    with app.app_context():
        assert len(queries.sessions_of(1)) == 0
        services.forget_the_gone()
        assert reading().scalars(db.select(SignInSession.id)).all() == []


def test_an_account_is_kept_once(app: Flask, ada: Browser) -> None:
    other = {"keep-name": "Ada", "keep-email": "other@example.org", "keep-password": PASSWORD}
    assert ada.post("/settings/account", other).status_code == 409
    assert users(app) == ["ada@example.org"]


def test_guests_go_after_seven_days_with_all_that_was_theirs_and_others_stay(
    app: Flask, ada: Browser, stranger: Browser, frozen_clock: Clock
) -> None:
    stranger.post("/guest")
    with app.app_context():
        services.record_weight(2, weight_kg=Decimal(70), on_day=now().date())
        frozen_clock.forward(timedelta(days=6))
        services.forget_the_gone()
        assert users(app) == ["ada@example.org", None]
        frozen_clock.forward(timedelta(days=1))
        services.forget_the_gone()
        services.forget_the_gone()
        assert queries.weights_of(2) == []
    assert users(app) == ["ada@example.org"]


# --- the first admin ----------------------------------------------------------------------------------------------

ROOT = {"name": "Root", "email": "root@example.org", "password": "horse plane grass sky", "zone": "UTC"}


def test_a_link_makes_the_first_admin_once(app: Flask, stranger: Browser, browser: NewBrowser) -> None:
    with app.app_context():
        assert queries.has_admin() is False
        token = services.offer_setup()
    page = stranger.get(f"/setup/{token}")
    assert (page.status_code, page.headers["Referrer-Policy"]) == (200, "no-referrer")
    answer = stranger.post(f"/setup/{token}", ROOT)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    with app.app_context():
        assert queries.has_admin() is True
        assert services.offer_setup() is None
    again = browser()
    assert again.get(f"/setup/{token}").status_code == 404
    assert again.post(f"/setup/{token}", ROOT | {"email": "eve@example.org"}).status_code == 404
    assert users(app) == ["root@example.org"]


def test_the_link_lasts_half_an_hour(app: Flask, stranger: Browser, frozen_clock: Clock) -> None:
    with app.app_context():
        token = services.offer_setup()
    frozen_clock.forward(timedelta(minutes=31))
    assert stranger.get(f"/setup/{token}").status_code == 404
    assert stranger.post(f"/setup/{token}", ROOT).status_code == 404
    assert stranger.get("/setup/guessed").status_code == 404
    assert users(app) == []


def test_a_link_made_before_there_was_an_admin_is_dead_after(app: Flask, stranger: Browser) -> None:
    with app.app_context():
        token = services.offer_setup()
        services.create_user(email=ROOT["email"], name="Root", password=ROOT["password"], is_admin=True)
    assert stranger.get(f"/setup/{token}").status_code == 404
    assert stranger.post(f"/setup/{token}", ROOT | {"email": "eve@example.org"}).status_code == 404


def test_an_admins_password_is_longer_and_the_link_survives_a_wrong_one(app: Flask, stranger: Browser) -> None:
    with app.app_context():
        token = services.offer_setup()
    answer = stranger.post(f"/setup/{token}", ROOT | {"password": "horse plane 14"})
    assert errors_of(answer) == ["Use at least 15 characters; a few words in a row do well."]
    assert stranger.post(f"/setup/{token}", ROOT).status_code == 303


def test_two_who_use_the_link_at_once_make_one_admin(app: Flask) -> None:
    with app.app_context():
        tokens = [services.offer_setup(), services.offer_setup()]

    def set_up(number: int) -> bool:
        with app.app_context():
            try:
                services.set_up(tokens[number % 2] or "", **ROOT | {"email": f"root{number}@example.org"})
            except NotFound:
                return False
            return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(set_up, range(4))) == 1
    assert len(users(app)) == 1
