"""Viewers, operators and admins: who becomes one, and what each may."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.accounts import services
from app.accounts.models import User
from app.db import reading
from app.errors import Conflict, Invalid, NotAllowed, NotFound
from jobs import engine_of
from tests.app.conftest import PASSWORD, Browser, text_of

Program = Callable[..., tuple[int, Any]]


@pytest.fixture
def ids(app: Flask) -> dict[str, int]:
    """Olga is an admin; Ada and Ben are not."""
    with app.app_context():
        made = {
            name: services.create_user(email=f"{name.lower()}@example.org", password=PASSWORD, name=name)
            for name in ("Olga", "Ada", "Ben")
        }
        services.give_role(made["Olga"], "admin", by=None)
    return made


def role(app: Flask, user_id: int) -> str:
    with app.app_context():
        return services.role_of(reading().scalars(select(User).where(User.id == user_id)).one())


def noted(app: Flask) -> list[tuple[str | None, str, dict[str, str | None]]]:
    with app.app_context():
        return [(one.by, one.subject, one.told) for one in engine_of(app).audit.page() if one.action == "role"]


def test_a_role_is_given_and_noted_with_before_after_and_reason(app: Flask, ids: dict[str, int]) -> None:
    with app.app_context():
        services.give_role(ids["Ada"], "operator", by=None, reason="on call")
        services.give_role(ids["Ada"], "operator", by=None)
    assert role(app, ids["Ada"]) == "operator"
    assert noted(app)[0] == (
        "command line",
        f"person {ids['Ada']}",
        {"before": "", "after": "operator", "reason": "on call"},
    )
    assert len(noted(app)) == 2


def test_the_last_admin_stays_one(app: Flask, ids: dict[str, int]) -> None:
    with app.app_context():
        with pytest.raises(Conflict):
            services.give_role(ids["Olga"], "operator", by=None)
        services.give_role(ids["Ada"], "admin", by=None)
        services.give_role(ids["Olga"], "operator", by=None)
        with pytest.raises(Conflict):
            services.give_role(ids["Ada"], "", by=None)
    assert (role(app, ids["Olga"]), role(app, ids["Ada"])) == ("operator", "admin")


def test_a_role_that_is_none_is_refused(app: Flask, ids: dict[str, int]) -> None:
    with app.app_context():
        with pytest.raises(Invalid):
            services.give_role(ids["Ada"], "king", by=None)
        with pytest.raises(NotFound):
            services.give_role(999, "viewer", by=None)
        guest = services.open_guest_account(zone="UTC", address="127.0.0.1", fill=lambda _id: None)
        with pytest.raises(Invalid):
            services.give_role(guest, "viewer", by=None)


def test_roles_in_the_terminal(app: Flask, ids: dict[str, int]) -> None:
    run = app.test_cli_runner().invoke
    done = run(args=["users", "role", "--email", "ADA@example.org", "--role", "viewer"])
    assert (done.exit_code, done.output) == (0, "ada@example.org is viewer now.\n")
    assert role(app, ids["Ada"]) == "viewer"
    refused = run(args=["users", "role", "--email", "olga@example.org", "--role", "none"])
    assert (refused.exit_code, "This is the last admin." in refused.output) == (1, True)
    assert run(args=["users", "role", "--email", "nobody@example.org", "--role", "viewer"]).exit_code == 1


@pytest.fixture
def program(app: Flask, ids: dict[str, int]) -> Program:
    """Sends requests with a token of somebody."""

    def send(who: str, method: str, path: str, *, scopes: tuple[str, ...], **kwargs: Any) -> tuple[int, Any]:
        with app.app_context():
            token = services.make_token(ids[who], name="test", scopes=scopes)
        headers = {"Authorization": f"Bearer {token}"}
        answer = app.test_client().open(f"/api/v1{path}", method=method, headers=headers, **kwargs)
        return answer.status_code, answer.get_json(silent=True) or {}

    return send


def test_an_admin_gives_roles_in_the_api(app: Flask, ids: dict[str, int], program: Program) -> None:
    status, body = program(
        "Olga", "PUT", f"/people/{ids['Ada']}/role", scopes=("admin",), json={"role": "operator", "reason": "on call"}
    )
    assert (status, body["role"], role(app, ids["Ada"])) == (200, "operator", "operator")
    status, body = program("Olga", "GET", "/people?limit=2", scopes=("admin",))
    assert (status, body["next"]) == (200, ids["Ada"])
    assert [(one["name"], one["role"]) for one in body["people"]] == [("Olga", "admin"), ("Ada", "operator")]
    assert program("Olga", "PUT", f"/people/{ids['Olga']}/role", scopes=("admin",), json={"role": "none"})[0] == 409
    assert program("Olga", "PUT", "/people/99999999999/role", scopes=("admin",), json={"role": "none"})[0] == 404
    assert program("Olga", "PUT", f"/people/{ids['Ada']}/role", scopes=("admin",), json={"role": "king"})[0] == 422


def test_nobody_else_gives_roles(app: Flask, ids: dict[str, int], program: Program) -> None:
    with app.app_context():
        services.give_role(ids["Ada"], "operator", by=None)
        ada = services.recognise_session(services.begin_session(ids["Ada"], browser="test"))
        with pytest.raises(NotAllowed):
            services.give_role(ids["Ben"], "viewer", by=ada)
        with pytest.raises(Invalid):
            services.make_token(ids["Ada"], name="test", scopes=["admin"])
    path = f"/people/{ids['Ada']}/role"
    assert program("Ada", "PUT", path, scopes=("jobs",), json={"role": "admin"})[0] == 403
    assert role(app, ids["Ada"]) == "operator"


@pytest.mark.parametrize(("given", "statuses"), [("viewer", (200, 403)), ("operator", (200, 200)), ("", (403, 403))])
def test_what_a_role_may_in_the_api(
    app: Flask,
    ids: dict[str, int],
    program: Program,
    given: str,
    statuses: tuple[int, int],
) -> None:
    with app.app_context():
        services.give_role(ids["Ada"], "viewer", by=None)
        token = services.make_token(ids["Ada"], name="test", scopes=["jobs"])
        services.give_role(ids["Ada"], given, by=None)
    headers = {"Authorization": f"Bearer {token}"}
    client = app.test_client()
    seen = client.get("/api/v1/queues", headers=headers)
    acted = client.post("/api/v1/queues/default/pause", headers=headers, json={})
    assert (seen.status_code, acted.status_code) == statuses
    with app.app_context():
        assert bool(engine_of(app).decided()) == (statuses[1] == 200)


def test_the_pace_of_operators_pages_is_remembered(app: Flask, ada: Browser) -> None:
    assert ada.post("/settings/refresh", {"refresh": "10"}).status_code == 403
    with app.app_context():
        user = reading().scalars(select(User).where(User.name == "Ada")).one()
        services.give_role(user.id, "viewer", by=None)
    assert 'hx-trigger="every 3000ms"' in ada.get("/ops/jobs").get_data(as_text=True)
    assert ada.post("/settings/refresh", {"refresh": "10", "next": "/ops/jobs"}).headers["Location"] == "/ops/jobs"
    page = ada.get("/ops/jobs").get_data(as_text=True)
    assert ('hx-trigger="every 10000ms"' in page, 'data-live="on"' in page) == (True, True)
    assert ada.post("/settings/refresh", {"refresh": "off"}).status_code == 303
    assert 'data-live="off"' in ada.get("/ops/jobs").get_data(as_text=True)
    refused = ada.post("/settings/refresh", {"refresh": "7"})
    assert (refused.status_code, "Choose one of: 3, 10, 30, off." in text_of(refused)) == (422, True)
