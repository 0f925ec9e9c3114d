"""Who may come in."""

import functools
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.views import MethodView
from sqlalchemy import Engine, event, update

from app.accounts import services
from app.accounts.models import User
from app.db import db, transaction
from app.question import Question
from app.security import access_of, admin_only, api_access, me, public, signed_in, someone
from tests.app.conftest import Browser, Clock, text_of

OUR_ORIGIN = "http://localhost"


@pytest.fixture
def guarded(app: Flask) -> Flask:
    """The product with one page of every kind. Each that is entered says by whom."""

    def entered() -> str:
        person = someone()
        return f"entered by {person.name if person else 'a stranger'}"

    for name, mark in {
        "public": public, "signed": signed_in, "admin": admin_only, "unmarked": lambda view: view,
    }.items():  # fmt: skip
        view = mark(functools.partial(entered))
        app.add_url_rule(f"/try/{name}", f"try_{name}", view, methods=["GET", "POST"])
    for scope in ("read", "write", "jobs", "admin"):
        view = api_access(scope)(functools.partial(entered))
        app.add_url_rule(f"/api/try/{scope}", f"try_api_{scope}", view, methods=["GET", "POST"])

    class Things(MethodView):
        @api_access("read")
        def get(self) -> str:
            return entered()

        @api_access("write")
        def post(self) -> str:
            return entered()

    app.add_url_rule("/api/try/things", view_func=Things.as_view("try_things"))
    return app


def make_admin(app: Flask, name: str) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(User).where(User.name == name).values(is_admin=True))


def token_for(app: Flask, name: str, *scopes: str) -> str:
    with app.app_context():
        user = db.session.scalars(db.select(User).where(User.name == name)).one()
        return services.make_token(user.id, name="test", scopes=scopes)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_every_endpoint_says_who_may_use_it(app: Flask) -> None:
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint != "static"]
    unmarked = {
        (rule.endpoint, method)
        for rule in rules
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if access_of(app, rule.endpoint, method) is None
    }
    assert rules
    assert unmarked == set()


def test_pages_open_to_whom_they_should(guarded: Flask, stranger: Browser, cleo: Browser, ada: Browser) -> None:
    make_admin(guarded, "Ada")
    seen = {
        path: [one.get(f"/try/{path}").status_code for one in (stranger, cleo, ada)]
        for path in ("public", "signed", "admin", "unmarked")
    }
    assert seen == {
        "public": [200, 200, 200],
        "signed": [303, 200, 200],
        "admin": [303, 403, 200],
        "unmarked": [403, 403, 403],
    }
    assert ada.get("/try/admin").text == "entered by Ada"


def test_strangers_are_led_to_the_sign_in_page_and_back(guarded: Flask, stranger: Browser) -> None:
    assert stranger.get("/try/signed?a=1").headers["Location"] == "/sign-in?next=/try/signed?a%3D1"
    assert stranger.post("/try/signed").headers["Location"] == "/sign-in"
    part = stranger.get(
        "/try/signed",
        headers={"HX-Request": "true", "HX-Request-Type": "partial", "HX-Current-URL": "http://localhost/activities/"},
    )
    assert (part.status_code, part.headers["HX-Redirect"]) == (401, "/sign-in?next=/activities/")


def test_another_sites_address_in_an_htmx_header_is_not_followed(guarded: Flask, stranger: Browser) -> None:
    headers = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Current-URL": "//evil.example//evil.example/x"}
    assert stranger.get("/try/signed", headers=headers).headers["HX-Redirect"] == "/sign-in"


@pytest.mark.parametrize(
    ("scopes", "reached"),
    [
        (["read"], {"read"}),
        (["write"], {"read", "write"}),
        (["read", "write"], {"read", "write"}),
    ],
)
def test_a_token_opens_what_its_scopes_say(guarded: Flask, ada: Browser, scopes: list[str], reached: set[str]) -> None:
    headers = bearer(token_for(guarded, "Ada", *scopes))
    client = guarded.test_client()
    answers = {scope: client.get(f"/api/try/{scope}", headers=headers) for scope in ("read", "write", "jobs", "admin")}
    assert {scope for scope, answer in answers.items() if answer.text == "entered by Ada"} == reached
    assert {answer.status_code for scope, answer in answers.items() if scope not in reached} == {403}


def test_staff_scopes_need_an_admin_still(guarded: Flask, ada: Browser) -> None:
    make_admin(guarded, "Ada")
    headers = bearer(token_for(guarded, "Ada", "jobs"))
    client = guarded.test_client()
    assert client.get("/api/try/jobs", headers=headers).status_code == 200
    with guarded.app_context(), transaction() as session:
        session.execute(update(User).values(is_admin=False))
    assert client.get("/api/try/jobs", headers=headers).status_code == 403


WRONG_TOKENS = [
    "Bearer",
    "Bearer ",
    "Bearer act_wrong",
    "Bearer act_" + "A" * 51,
    "Basic YWRhOg==",
    "act_",
    "Bearer ÿ",
    "",
]


def test_a_wrong_token_is_401_even_with_a_good_cookie(guarded: Flask, ada: Browser) -> None:
    assert ada.client.get("/api/try/read").text == "entered by Ada"
    for authorization in WRONG_TOKENS:
        answer = ada.client.get("/api/try/read", headers={"Authorization": authorization})
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert answer.json is not None
        assert answer.json["title"] == "Sign in to go on"


def test_a_revoked_and_an_outdated_token_open_nothing(guarded: Flask, ada: Browser, frozen_clock: Clock) -> None:
    first, second = (token_for(guarded, "Ada", "read") for _ in range(2))
    client = guarded.test_client()
    assert [client.get("/api/try/read", headers=bearer(one)).status_code for one in (first, second)] == [200, 200]
    ada.get("/settings/")
    ada.post("/settings/tokens/1/revocation")
    assert [client.get("/api/try/read", headers=bearer(one)).status_code for one in (first, second)] == [401, 200]
    frozen_clock.forward(timedelta(days=366))
    assert [client.get("/api/try/read", headers=bearer(one)).status_code for one in (first, second)] == [401, 401]


def test_each_method_has_its_own_scope(guarded: Flask, ada: Browser) -> None:
    headers = bearer(token_for(guarded, "Ada", "read"))
    client = guarded.test_client()
    assert client.get("/api/try/things", headers=headers).status_code == 200
    assert client.head("/api/try/things", headers=headers).status_code == 200
    assert client.post("/api/try/things", headers=headers).status_code == 403


def test_a_browser_may_use_the_api_with_its_session_and_its_csrf_token(guarded: Flask, ada: Browser) -> None:
    assert ada.client.post("/api/try/write").status_code == 400
    assert ada.post("/api/try/write").text == "entered by Ada"


def test_programs_need_no_csrf_token_and_strangers_are_told_to_sign_in(guarded: Flask, ada: Browser) -> None:
    client = guarded.test_client()
    assert client.post("/api/try/write", headers=bearer(token_for(guarded, "Ada", "write"))).status_code == 200
    assert client.post("/api/try/write").status_code == 401


def test_a_token_is_no_way_around_csrf_on_pages(guarded: Flask, ada: Browser) -> None:
    headers = bearer(token_for(guarded, "Ada", "write"))
    assert ada.client.post("/try/signed", headers=headers).status_code == 400
    assert guarded.test_client().get("/try/signed", headers=headers).status_code == 303


UNSAFE = ["/sign-out", "/sign-in", "/sign-up", "/guest", "/settings/profile", "/settings/theme", "/settings/tokens"]


def test_nothing_is_done_without_the_csrf_token(app: Flask, ada: Browser) -> None:
    for path in UNSAFE:
        answer = ada.client.post(path, data={"name": "Mallory", "zone": "UTC", "theme": "dark"})
        assert (path, answer.status_code) == (path, 400)
        assert "belongs to an earlier session" in text_of(answer)
    page = ada.get("/settings/")
    assert page.status_code == 200
    assert 'data-theme="system"' in page.text
    assert "Mallory" not in page.text


def test_another_sessions_csrf_token_is_none(ada: Browser, cleo: Browser) -> None:
    cleo.get("/settings/")
    ada._token = cleo._token
    assert ada.post("/settings/theme", {"theme": "dark"}).status_code == 400


def test_an_old_page_reloads_under_htmx(ada: Browser) -> None:
    answer = ada.client.post("/settings/theme", headers={"HX-Request": "true", "HX-Request-Type": "partial"})
    assert (answer.status_code, answer.headers["HX-Refresh"]) == (400, "true")


def test_an_hour_old_page_still_works(ada: Browser, frozen_clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    ada.get("/settings/")
    frozen_clock.forward(timedelta(hours=3))
    assert ada.post("/settings/theme", {"theme": "dark"}).status_code == 303


FOREIGN = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": OUR_ORIGIN},
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost.evil.example"},
]
OURS = [{"Sec-Fetch-Site": "same-origin", "Origin": OUR_ORIGIN}, {"Sec-Fetch-Site": "none"}, {"Origin": OUR_ORIGIN}, {}]


def test_what_another_site_sends_is_refused_even_with_the_token(ada: Browser) -> None:
    for headers in FOREIGN:
        assert (ada.post("/settings/theme", {"theme": "dark"}, headers=headers).status_code, headers) == (403, headers)
    assert 'data-theme="system"' in ada.get("/settings/").text
    for theme, headers in zip(("dark", "light", "dark", "light"), OURS, strict=True):
        assert ada.post("/settings/theme", {"theme": theme}, headers=headers).status_code == 303
        assert f'data-theme="{theme}"' in ada.get("/settings/").text


def test_links_from_other_sites_open_pages(ada: Browser) -> None:
    assert ada.get("/settings/", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


def heard_by_databases(app: Flask) -> list[str]:
    """Every statement from now on."""
    statements: list[str] = []
    with app.app_context():
        for engine in (db.engine, app.extensions["reading_engine"]):
            event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]), insert=True)
    return statements


@pytest.mark.parametrize(("path", "method"), [("/try/signed", "cookie"), ("/api/try/read", "token")])
def test_knowing_who_it_is_takes_one_question(
    guarded: Flask, ada: Browser, path: str, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = bearer(token_for(guarded, "Ada", "read")) if method == "token" else {}
    client = guarded.test_client() if method == "token" else ada.client
    client.get(path, headers=headers)  # notes that the token is used
    statements, asked, ask = heard_by_databases(guarded), [], Question._ask

    def heard(self: Question, engine: Engine, values: dict[str, object]) -> object:
        asked.append(self._name)
        return ask(self, engine, values)

    monkeypatch.setattr(Question, "_ask", heard)
    assert client.get(path, headers=headers).text == "entered by Ada"
    assert (asked, statements) == ([f"person_by_{'token' if method == 'token' else 'session'}"], [])


def test_strangers_cost_no_question(guarded: Flask, stranger: Browser) -> None:
    statements = heard_by_databases(guarded)
    assert stranger.get("/try/public").text == "entered by a stranger"
    assert statements == []


def test_a_forged_or_broken_cookie_is_a_stranger(guarded: Flask) -> None:
    for value in ("x", "eyJ0b2tlbiI6IngifQ.aaaa.bbbb", "\xff" * 50, "a" * 4000):
        client = guarded.test_client()
        client.set_cookie("sid", value)
        assert client.get("/try/public").text == "entered by a stranger"


def test_me_is_for_those_who_are_signed_in(app: Flask, stranger: Browser) -> None:
    @app.get("/try/me")
    @public
    def _me() -> dict[str, Any]:
        return {"name": me().name}

    assert stranger.get("/try/me").status_code == 303


def test_a_scope_there_is_not_stops_the_start() -> None:
    with pytest.raises(ValueError, match="no scope 'delete'"):
        api_access("delete")


def test_a_cookie_of_another_key_is_none(app: Flask, ada: Browser) -> None:
    assert ada.get("/settings/").status_code == 200
    key, app.secret_key = app.secret_key, "another key, of which nobody was told"
    assert ada.get("/settings/").headers["Location"].startswith("/sign-in")
    app.secret_key = key
    assert ada.get("/settings/").status_code == 200
