"""API tokens on the settings page; people and tokens from the terminal."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from app import hashing
from app.accounts import queries, services
from app.accounts.models import ApiToken, User
from app.db import reading, transaction
from tests.app.conftest import PASSWORD, Browser, Clock, errors_of, text_of

PATH = "/settings/tokens"
TYPED: dict[str, Any] = {"token-name": "Phone", "token-scopes": ["read"], "token-days": "90"}
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
NewBrowser = Callable[[], Browser]


def stored(app: Flask) -> list[tuple[Any, ...]]:
    """Everything that is stored of everybody's tokens, the oldest first."""
    with app.app_context():
        return [tuple(row) for row in reading().connection().execute(select(ApiToken.__table__).order_by(ApiToken.id))]


def tokens(app: Flask) -> list[tuple[int, str, str]]:
    """Whose tokens there are, what they are called and what they may."""
    return [(user_id, name, scopes) for _, user_id, name, _, _, scopes, *_ in stored(app)]


def make(app: Flask, *, user_id: int = 1, scopes: Sequence[str] = ("read",)) -> str:
    with app.app_context():
        return services.make_token(user_id, name="Script", scopes=scopes)


def make_admin(app: Flask) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(User).where(User.id == 1).values(is_admin=True))


def shown(response: TestResponse) -> list[str]:
    """The tokens that can be copied from the page."""
    return re.findall(r'<span class="copy"><code>(act_[^<]+)</code>', response.text)


def listed(response: TestResponse) -> list[tuple[str, str]]:
    """The tokens in the list: their names, and what they may."""
    rows = r'<tr id="token-\d+">\s*<th scope="row">([^<]+?) <code>.*?data-l="May">([^<]+)<'
    return re.findall(rows, response.text, re.DOTALL)


def offered(response: TestResponse) -> dict[str, bool]:
    """The scopes one can tick, and whether they are ticked."""
    boxes = re.findall(r'name="token-scopes" value="(\w+)"( checked)?', response.text)
    return {scope: bool(ticked) for scope, ticked in boxes}


def parts(response: TestResponse) -> list[str]:
    """The sections of the page; of a fragment, the one it is."""
    return re.findall(r'<section [^>]*id="([^"]+)"', response.text)


def asks(app: Flask, token: str) -> int:
    """What the API answers a program with this token."""
    headers = {"Authorization": f"Bearer {token}"}
    return app.test_client().get("/api/v1/activities", headers=headers).status_code


# -- making one ---------------------------------------------------------------------------------------------------


def test_a_token_is_shown_once_and_only_its_hash_is_kept(app: Flask, ada: Browser) -> None:
    answer = ada.post(PATH, TYPED)
    [token] = shown(answer)
    assert (answer.status_code, answer.headers["Cache-Control"], listed(answer)) == (
        201,
        "no-store",
        [("Phone", "read")],
    )
    page = ada.get("/settings/")
    assert (shown(page), token in page.text, listed(page)) == ([], False, [("Phone", "read")])
    [(_, user_id, name, start, token_hash, *_)] = stored(app)
    assert (user_id, name, start, token_hash) == (1, "Phone", token[:10], hashing.fingerprint(token))
    assert f"<code>{token[:10]}…</code>" in page.text
    assert token not in str(stored(app))
    assert asks(app, token) == 200


def test_htmx_gets_the_section_with_the_token(app: Flask, ada: Browser) -> None:
    part = ada.part(PATH, TYPED)
    assert (part.status_code, parts(part), part.headers["Cache-Control"]) == (201, ["tokens"], "no-store")
    assert listed(part) == [("Phone", "read")]
    assert [asks(app, token) for token in shown(part)] == [200]


@pytest.mark.parametrize("days", [30, 90, 365])
def test_a_token_lasts_as_long_as_was_chosen(frozen_clock: Clock, app: Flask, ada: Browser, days: int) -> None:
    [token] = shown(ada.post(PATH, TYPED | {"token-days": str(days)}))
    frozen_clock.forward(timedelta(days=days, seconds=-1))
    assert asks(app, token) == 200
    frozen_clock.forward(timedelta(seconds=1))
    assert asks(app, token) == 401


def test_the_newest_stands_first_and_says_when_it_was_used(frozen_clock: Clock, app: Flask, ada: Browser) -> None:
    [first] = shown(ada.post(PATH, TYPED | {"token-name": "First"}))
    ada.post(PATH, TYPED | {"token-name": "Second", "token-scopes": ["write", "read", "read"]})
    assert asks(app, first) == 200
    page = ada.get("/settings/")
    assert listed(page) == [("Second", "read write"), ("First", "read")]
    used = re.findall(r'data-l="Last used">(?:<time datetime="([^"]+)"|(never))', page.text)
    assert used == [("", "never"), (NOON.isoformat(), "")]


def test_only_admins_are_offered_what_staff_may(app: Flask, ada: Browser, cleo: Browser) -> None:
    make_admin(app)
    assert offered(cleo.get("/settings/")) == {"read": False, "write": False}
    assert offered(ada.get("/settings/")) == {"read": False, "write": False, "jobs": False, "admin": False}
    everything = TYPED | {"token-scopes": ["admin", "jobs", "write", "read"]}
    assert ada.post(PATH, everything).status_code == 201
    assert tokens(app) == [(1, "Phone", "read write jobs admin")]


@pytest.mark.parametrize("scopes", [["jobs"], ["admin"], ["read", "jobs"], ["read", "write", "admin"]])
def test_others_cannot_give_what_only_staff_may(app: Flask, ada: Browser, scopes: list[str]) -> None:
    answer = ada.post(PATH, TYPED | {"token-scopes": scopes})
    assert (answer.status_code, errors_of(answer), shown(answer)) == (
        422,
        ["Your role does not allow you to give these."],
        [],
    )
    assert offered(answer) == {"read": "read" in scopes, "write": "write" in scopes}
    assert tokens(app) == []


SCOPES = "Choose some of: read, write, jobs, admin."
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"token-name": ""}, "Enter a name."),
    ({"token-name": "  "}, "This cannot be empty."),
    ({"token-name": "A" * 81}, "It may have 80 characters; this has 81."),
    ({"token-name": "Phone\x00"}, "It holds characters that cannot be kept."),
    ({"token-name": "Phone\r\nX: y"}, "It holds characters that cannot be shown in one line."),
    ({"token-scopes": []}, "Choose what it may do."),
    ({"token-scopes": [""]}, "Choose what it may do."),
    *(({"token-scopes": ["read", odd]}, SCOPES) for odd in ("", "READ", "read write", "read\x00", "NaN", "everything")),
    ({"token-days": ""}, "Choose how long it lasts."),
    *(
        ({"token-days": odd}, "Not a valid choice.")
        for odd in ("0", "-30", "366", "90.0", "NaN", "inf", "1e400", "９０", "90\x00", "9" * 5_000)
    ),
]


@pytest.mark.parametrize(("sent", "sentence"), WRONG)
def test_a_wrong_one_is_told_at_its_field_with_what_was_typed_and_kept_nowhere(
    app: Flask, ada: Browser, sent: dict[str, Any], sentence: str
) -> None:
    for answer in (ada.post(PATH, TYPED | sent), ada.part(PATH, TYPED | sent)):
        assert (answer.status_code, errors_of(answer), shown(answer)) == (422, [sentence], [])
        [name] = re.findall(r'name="token-name"[^>]* value="([^"]*)"', answer.text)
        if "token-name" not in sent or "A" in sent["token-name"]:
            assert unescape(name) == (TYPED | sent)["token-name"]
        if "token-scopes" not in sent:
            assert offered(answer) == {"read": True, "write": False}
        if "token-days" not in sent:
            assert re.findall(r'<option selected value="(\d+)">', answer.text)[-1:] == ["90"]
    assert parts(answer) == ["tokens"]
    assert tokens(app) == []


def test_a_form_without_any_field_is_wrong_input(app: Flask, ada: Browser) -> None:
    answer = ada.post(PATH)
    assert (answer.status_code, errors_of(answer)) == (
        422, ["Enter a name.", "Choose how long it lasts.", "Choose what it may do."],
    )  # fmt: skip
    assert tokens(app) == []


def test_fifty_tokens_are_enough(app: Flask, ada: Browser, cleo: Browser) -> None:
    for _ in range(49):
        make(app)
    assert ada.post(PATH, TYPED).status_code == 201
    full = ada.post(PATH, TYPED)
    assert (full.status_code, shown(full), len(tokens(app))) == (422, [], 50)
    assert "You have 50 tokens; revoke one first." in text_of(full)
    assert cleo.post(PATH, TYPED).status_code == 201
    assert ada.post(f"{PATH}/1/revocation").status_code == 303
    assert ada.post(PATH, TYPED).status_code == 201


# -- revoking one -------------------------------------------------------------------------------------------------


def test_a_revoked_token_opens_nothing_and_the_others_stay(app: Flask, ada: Browser) -> None:
    [first], [second] = (shown(ada.post(PATH, TYPED | {"token-name": name})) for name in ("First", "Second"))
    assert [asks(app, token) for token in (first, second)] == [200, 200]
    answer = ada.post(f"{PATH}/1/revocation")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/settings/#tokens")
    page = ada.get("/settings/")
    assert ("The token is revoked." in text_of(page), listed(page)) == (True, [("Second", "read")])
    assert [asks(app, token) for token in (first, second)] == [401, 200]
    assert ada.post(f"{PATH}/1/revocation").status_code == 404
    assert tokens(app) == [(1, "Second", "read")]


def test_htmx_gets_the_section_without_it(app: Flask, ada: Browser) -> None:
    token = make(app)
    part = ada.part(f"{PATH}/1/revocation")
    assert (part.status_code, parts(part), listed(part)) == (201, ["tokens"], [])
    assert "The token is revoked." in part.headers["HX-Trigger"]
    assert asks(app, token) == 401


def test_somebody_elses_token_is_not_there(app: Flask, ada: Browser, cleo: Browser) -> None:
    token = make(app)
    for send in (cleo.post, cleo.part):
        answer = send(f"{PATH}/1/revocation")
        assert (answer.status_code, "There is no such token." in text_of(answer)) == (404, True)
    assert (asks(app, token), listed(cleo.get("/settings/"))) == (200, [])


@pytest.mark.parametrize("number", ["0", "-1", "NaN", "1e400", "%00", "2147483648", "9" * 20, "9" * 400, "1%20"])
def test_an_odd_token_is_not_there(app: Flask, ada: Browser, number: str) -> None:
    token = make(app)
    assert ada.post(f"{PATH}/{number}/revocation").status_code == 404
    assert asks(app, token) == 200


def test_strangers_make_and_revoke_nothing(app: Flask, ada: Browser, stranger: Browser) -> None:
    token = make(app)
    before = stored(app)
    for path in (PATH, f"{PATH}/1/revocation"):
        answer, part = stranger.post(path, TYPED), stranger.part(path, TYPED)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in")
        assert (part.status_code, part.headers["HX-Redirect"]) == (401, "/sign-in")
    assert stored(app) == before
    assert asks(app, token) == 200


# -- from the terminal --------------------------------------------------------------------------------------------


def run(app: Flask, *arguments: str, typed: str = "") -> Result:
    return app.test_cli_runner().invoke(args=arguments, input=typed)


def create_user(app: Flask, *arguments: str, typed: str = f"{PASSWORD}\n") -> Result:
    return run(app, "users", "create", "--password-stdin", *arguments, typed=typed)


def people(app: Flask) -> list[tuple[str | None, str, bool]]:
    with app.app_context():
        return [(one.email, one.name, one.is_admin) for one in reading().scalars(select(User).order_by(User.id))]


@pytest.mark.parametrize(
    ("arguments", "said", "made"),
    [
        (["--email", " Eve.B@EXAMPLE.org"], "Made Eve.B@example.org.\n", ("Eve.B@example.org", "Eve.B", False)),
        (["--email", "eve@home", "--name", " Eve "], "Made eve@home.\n", ("eve@home", "Eve", False)),
        (["--email", "eve@home", "--name", "E" * 80], "Made eve@home.\n", ("eve@home", "E" * 80, False)),
        (["--email", "eve@home", "--admin"], "Made eve@home, an admin.\n", ("eve@home", "eve", True)),
    ],
)
def test_an_account_is_made(app: Flask, arguments: list[str], said: str, made: tuple[str, str, bool]) -> None:
    result = create_user(app, *arguments)
    assert (result.exit_code, result.stdout, people(app)) == (0, said, [made])


def test_whoever_was_made_signs_in_with_just_that_password(app: Flask, stranger: Browser) -> None:
    create_user(app, "--email", "eve@example.org", typed=" horse plane grass \r\nnot this\n")
    entered = [
        stranger.post("/sign-in", {"email": "eve@example.org", "password": password}).status_code
        for password in ("horse plane grass", " horse plane grass \r\n", " horse plane grass ")
    ]
    assert entered == [422, 422, 303]


ADA = ("tokens", "create", "--email", "ADA@example.org")
EVE = ("--email", "eve@example.org")


@pytest.mark.parametrize(
    ("arguments", "typed", "sentence"),
    [
        (("--email", "eve"), PASSWORD, "Enter an e-mail address like ada@example.org."),
        (("--email", "eve\x00@example.org"), PASSWORD, "Enter an e-mail address like ada@example.org."),
        (("--email", "\udcff@example.org"), PASSWORD, "Enter an e-mail address like ada@example.org."),
        (("--email", "ADA@example.org"), PASSWORD, services.TAKEN),
        (EVE, "", "Use at least 12 characters; a few words in a row do well."),
        (EVE, "short", "Use at least 12 characters; a few words in a row do well."),
        ((*EVE, "--admin"), "horse plane 14", "Use at least 15 characters; a few words in a row do well."),
    ],
)
def test_an_account_is_refused_in_a_sentence(
    app: Flask, ada: Browser, arguments: Sequence[str], typed: str, sentence: str
) -> None:
    result = create_user(app, *arguments, typed=typed)
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", f"Error: {sentence}\n")
    assert people(app) == [("ada@example.org", "Ada", False)]


ODD_NAMES = {
    "": "It cannot be empty.",
    "  ": "It cannot be empty.",
    "E" * 81: "It may have 80 characters; this has 81.",
    "Eve\x00": "It holds characters that cannot be kept.",
    "Eve\udcff": "It holds characters that cannot be kept.",
    "Eve\nB": "It holds characters that cannot be shown in one line.",
}


@pytest.mark.parametrize(("name", "sentence"), ODD_NAMES.items())
def test_an_odd_name_is_refused_for_people_and_for_tokens(app: Flask, ada: Browser, name: str, sentence: str) -> None:
    for result in (create_user(app, *EVE, "--name", name), run(app, *ADA, "--scope", "read", "--name", name)):
        told = f"Error: Invalid value for '--name': {sentence}\n"
        assert (result.exit_code, result.stdout, result.stderr.endswith(told)) == (2, "", True), result.stderr
    assert (people(app), tokens(app)) == ([("ada@example.org", "Ada", False)], [])


def test_a_password_is_never_an_argument(app: Flask) -> None:
    assert run(app, "users", "create", *EVE, typed=PASSWORD).exit_code == 2
    assert run(app, "users", "create", *EVE, "--password", PASSWORD).exit_code == 2
    assert people(app) == []


def test_a_setup_link_opens_until_there_is_an_admin(app: Flask, stranger: Browser) -> None:
    link = run(app, "users", "setup-link").stdout.strip()
    assert stranger.get(link).status_code == 200
    assert create_user(app, *EVE, "--admin").exit_code == 0
    assert stranger.get(link).status_code == 404
    assert (run(app, "users", "setup-link").exit_code, run(app, "users", "setup-link").stdout) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "name", "scopes", "days"),
    [
        (("--scope", "read"), "From the terminal", "read", 365),
        (("--scope", "write", "--scope", "read", "--days", "1"), "From the terminal", "read write", 1),
        (("--scope", "write, read", "--name", " Backup ", "--days", "365"), "Backup", "read write", 365),
    ],
)
def test_a_token_is_printed_and_nothing_else(
    frozen_clock: Clock, app: Flask, ada: Browser, arguments: Sequence[str], name: str, scopes: str, days: int
) -> None:
    result = run(app, *ADA, *arguments)
    assert (result.exit_code, result.stderr, asks(app, result.stdout.removesuffix("\n"))) == (0, "", 200)
    assert tokens(app) == [(1, name, scopes)]
    with app.app_context():
        assert [one.ends_at for one in queries.tokens_of(1)] == [NOON + timedelta(days=days)]


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("--scope", "everything"), 1, SCOPES),
        (("--scope", " , "), 1, SCOPES),
        (("--scope", "read\udcff"), 1, SCOPES),
        (("--scope", "jobs"), 1, "Your role does not allow you to give these."),
        (("--scope", "read", "--email", "nobody@example.org"), 1, "There is nobody with this e-mail address."),
        (("--scope", "read", "--email", "\udcff\x00"), 1, "There is nobody with this e-mail address."),
        (("--scope", "read", "--email", "ada\x00@example.org"), 1, "There is nobody with this e-mail address."),
        (("--scope", "read", "--days", "0"), 2, "0 is not in the range 1<=x<=365."),
        (("--scope", "read", "--days", "366"), 2, "366 is not in the range 1<=x<=365."),
        (("--scope", "read", "--days", "NaN"), 2, "'NaN' is not a valid integer"),
        ((), 2, "Missing option '--scope'."),
    ],
)
def test_a_token_is_refused_in_a_sentence(
    app: Flask, ada: Browser, arguments: Sequence[str], code: int, sentence: str
) -> None:
    result = run(app, *ADA, *arguments)
    assert (result.exit_code, result.stdout, sentence in result.stderr) == (code, "", True), result.stderr
    assert "Traceback" not in result.stderr
    assert tokens(app) == []


def test_an_admins_token_may_do_what_staff_may(app: Flask, ada: Browser) -> None:
    make_admin(app)
    assert run(app, *ADA, "--scope", "jobs,admin").exit_code == 0
    assert tokens(app) == [(1, "From the terminal", "jobs admin")]
