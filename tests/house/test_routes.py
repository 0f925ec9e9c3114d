"""Who may come in, everywhere."""

from pathlib import Path

import pytest
from flask import Flask

from app import create_app
from app.config import Config
from app.security import access_of

PUBLIC = {
    *("accounts.sign_up", "accounts.create", "accounts.sign_in", "accounts.create_session", "accounts.delete_session"),
    *("accounts.guest", "accounts.setup", "accounts.create_admin", "accounts.update_theme"),
    *("api.docs", "api.docs_older", "api.document", "older.older_docs"),
    *("csp_report", "dashboard.index", "dashboard.words", "static"),
    *("alerts.receive", "reminders.unsubscribe", "reminders.end"),
    *("tuning.accent", "tuning.dismiss"),
}
FOR_MACHINES = "monitoring."
RULES = {
    *("public", "signed_in", "viewer", "operator", "admin"),
    *("api:read", "api:write", "api:jobs", "api:admin", "api:read jobs", "api:write jobs"),
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    return create_app(Config.from_env({"DATA_DIR": str(tmp_path_factory.mktemp("routes"))}))


def test_every_route_says_who_may_use_it(app: Flask) -> None:
    open_to_nobody_knows = [
        (rule.rule, method)
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        if access_of(app, rule.endpoint, method) not in RULES
    ]
    assert open_to_nobody_knows == []


def test_the_list_of_what_is_public_is_short_and_known(app: Flask) -> None:
    public = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if access_of(app, rule.endpoint, method) == "public"
    }
    assert {endpoint for endpoint in public if not endpoint.startswith(FOR_MACHINES)} == PUBLIC


def test_a_route_without_a_mark_is_closed(app: Flask, tmp_path: Path) -> None:
    forgetful = create_app(Config.from_env({"DATA_DIR": str(tmp_path)}))
    forgetful.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    answer = forgetful.test_client().get("/forgotten")
    assert "secret" not in answer.get_data(as_text=True)
    assert answer.status_code in {303, 401, 403, 404}
