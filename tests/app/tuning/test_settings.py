"""Settings that change while the product runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select

from app import create_app
from app.activities.mets import Kind
from app.activities.models import Activity
from app.config import Config, declared
from app.db import db, disconnect, reading
from app.errors import Conflict, Invalid, NotFound
from app.tuning import queries, services
from app.tuning.knobs import GROUPS, KNOBS
from app.web import settings as config_now
from jobs import engine_of
from jobs.testing import run_ready
from tests.app.conftest import Browser, errors_of, text_of

COUNTS = "activities.count_calories"


def change(app: Flask, **texts: str | None) -> list[str]:
    with app.app_context():
        return services.change(texts, by=None)


def value(app: Flask, name: str) -> Any:
    with app.app_context():
        return getattr(config_now(), name)


def save(browser: Browser, group: str, **fields: str) -> Any:
    """Send the form of a group as a browser does: with everything that stands in it."""
    page = browser.get("/ops/settings").get_data(as_text=True)
    own = page.partition(f'id="{group}"')[2].partition("</section>")[0]
    typed = dict(re.findall(r'<input[^>]*name="([\w-]+)"[^>]*value="([^"]*)"', own))
    typed |= {name: text.strip() for name, text in re.findall(r'<textarea[^>]*name="([\w-]+)"[^>]*>([^<]*)<', own)}
    for name, options in re.findall(r'<select[^>]*name="([\w-]+)"[^>]*>(.*?)</select>', own, flags=re.DOTALL):
        typed[name] = re.findall(r'<option selected value="([^"]*)"', options)[0]
    return browser.post(f"/ops/settings/{group}", typed | {f"{group}-{name}": text for name, text in fields.items()})


# -- changing


def test_a_change_holds_at_once_and_goes_back_to_how_the_place_was_started(app: Flask) -> None:
    assert change(app, page_size="25", poll_pace_s="0.5") == ["page_size", "poll_pace_s"]
    assert [value(app, "page_size"), value(app, "poll_pace_s")] == [25, 0.5]
    assert change(app, page_size="25") == []
    assert change(app, page_size=None) == ["page_size"]
    assert [value(app, "page_size"), value(app, "poll_pace_s")] == [10, 0.5]


def test_every_knob_is_a_setting_and_none_is_a_secret() -> None:
    known = {one.name.lower(): one for one in declared()}
    assert KNOBS.keys() - known.keys() == set()
    assert [name for name in KNOBS if known[name].secret] == []


def test_the_met_of_each_kind_begins_as_in_the_table() -> None:
    known = {one.name.lower(): one.value for one in declared()}
    assert {kind: known[f"met_{kind.value}"] for kind in Kind} == {kind: kind.met for kind in Kind}


WRONG = [
    ("page_size", "11"), ("page_size", ""), ("page_size", "٢٥"), ("poll_pace_s", "0.4"), ("poll_pace_s", "nan"),
    ("activity_max_retries", "-1"), ("met_running", "0"), ("met_running", "9.999"), ("met_running", "31"),
    ("default_weight_kg", "19"), ("site_name", "x" * 41), ("site_name", "a\nb"), ("site_name", ""),
    ("accent_light", "red"), ("accent_light", "#FFFF00"), ("accent_dark", "#0B5C66"), ("maintenance", "perhaps"),
    ("announcement_until", "tomorrow"), ("announcement", "x" * 301), ("requeue_expiry_s", "301"),
    ("database_url", "sqlite:////tmp/x.db"), ("no_such_thing", "1"),
]  # fmt: skip


def test_what_breaks_a_rule_is_refused_by_its_name_and_changes_nothing(app: Flask) -> None:
    refused = []
    for name, text in WRONG:
        with pytest.raises(Invalid) as refusal:
            change(app, reports_per_hour="7", **{name: text})
        refused.append(list(refusal.value.errors))
    assert refused == [[name] for name, _ in WRONG]
    with app.app_context():
        assert [queries.texts(), queries.version()] == [{}, 0]
    assert value(app, "reports_per_hour") == 60


def test_settings_that_depend_on_each_other_are_changed_together(app: Flask) -> None:
    assert change(app, requeue_interval_s="600", requeue_expiry_s="500") == ["requeue_interval_s", "requeue_expiry_s"]
    with pytest.raises(Invalid) as refusal:
        change(app, page_size="25", requeue_interval_s=None)
    assert list(refusal.value.errors) == ["requeue_interval_s"]


def test_the_history_tells_who_when_and_why_and_leads_back(app: Flask) -> None:
    with app.app_context():
        services.change({"page_size": "25"}, by=None, reason="Long lists")
        services.change({"page_size": "50"}, by=None)
        first, second = reversed(queries.changes()[0])
        assert [first.before, first.after, first.by, first.reason] == [None, "25", "command line", "Long lists"]
        assert [second.before, second.after] == ["25", "50"]
        services.restore(second.id, by=None)
        assert config_now().page_size == 25
        services.restore(first.id, by=None)
        assert config_now().page_size == 10
        with pytest.raises(NotFound):
            services.restore(99, by=None)


def test_the_audit_log_has_each_change_with_before_after_and_reason(app: Flask) -> None:
    with app.app_context():
        services.change({"page_size": "25", "site_name": "Gym"}, by=None, reason="Why not")
        [row] = engine_of().audit.page()
    assert [row.by, row.action, row.subject] == ["command line", "change settings", "page_size, site_name"]
    assert row.told == {
        "before": {"page_size": "10", "site_name": "Metronome"},
        "after": {"page_size": "25", "site_name": "Gym"},
        "reason": "Why not",
    }


def test_who_decides_by_an_old_look_is_told(app: Flask) -> None:
    with app.app_context():
        seen = queries.version()
        services.change({"page_size": "25"}, by=None, seen=seen)
        with pytest.raises(Conflict):
            services.change({"page_size": "50"}, by=None, seen=seen)
        assert config_now().page_size == 25


# -- following


@pytest.fixture
def elsewhere(app: Flask) -> Iterator[Flask]:
    """Another process with the same database."""
    other = create_app(app.extensions["given_config"], with_pages=False)
    yield other
    with other.app_context():
        disconnect()


def test_another_process_follows_when_it_looks(app: Flask, elsewhere: Flask) -> None:
    change(app, page_size="25", activity_delay_s="2", activity_max_retries="7", activity_retry_delay_s="5")
    assert value(elsewhere, "page_size") == 10
    with elsewhere.app_context():
        assert [services.refresh(), services.refresh()] == [True, False]
        job = engine_of().job_named(COUNTS)
    assert value(elsewhere, "page_size") == 25
    assert [job.slow_down, job.max_retries, job.min_backoff, job.max_backoff] == [2_000, 7, 5_000, 3_600_000]


def test_what_this_version_does_not_allow_is_left_out(app: Flask, elsewhere: Flask) -> None:
    change(app, page_size="25")
    with elsewhere.app_context():
        assert services.settings_with({"page_size": "11", "gone": "1", "site_name": "Gym"}).site_name == "Gym"
        assert services.settings_with({"page_size": "11"}).page_size == 10


def test_a_request_asks_nothing_about_settings(app: Flask, ada: Browser, statements: Callable[..., Any]) -> None:
    change(app, page_size="25")
    ada.get("/activities/")
    with statements() as seen:
        ada.get("/activities/")
    assert [one for one in seen if "setting_" in one] == []
    assert seen != []


@pytest.fixture
def statements(app: Flask) -> Callable[..., Any]:
    """Writes down what the database is asked."""

    @contextmanager
    def watching() -> Iterator[list[str]]:
        seen: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            seen.append(statement)

        with app.app_context():
            engines = [db.engine, app.extensions["reading_engine"]]
        for engine in engines:
            event.listen(engine, "before_cursor_execute", note)
        try:
            yield seen
        finally:
            for engine in engines:
                event.remove(engine, "before_cursor_execute", note)

    return watching


# -- what they do


def test_met_and_default_weight_count_for_what_is_logged_next(
    app: Flask, as_program: Any, program: FlaskClient
) -> None:
    change(app, met_yoga="5.25", default_weight_kg="80")
    program.post("/api/v1/activities", json={"kind": "yoga", "duration_min": 60}, headers=as_program("write"))
    with app.app_context():
        run_ready(engine_of())
        one = reading().scalars(select(Activity)).one()
    assert [one.met, one.weight_kg, one.energy_kcal] == [Decimal("5.25"), Decimal(80), Decimal("420.0")]


def test_the_default_weight_is_not_what_somebody_said(app: Flask, as_program: Any, program: FlaskClient) -> None:
    change(app, default_weight_kg="80")
    headers = as_program("write")
    program.post("/api/v1/activities", json={"kind": "yoga", "duration_min": 60}, headers=headers)
    change(app, default_weight_kg=None)
    refused = program.post("/api/v1/activities", json={"kind": "yoga", "duration_min": 60}, headers=headers)
    assert refused.get_json()["errors"][0]["field"] == "weight_kg"


def test_sign_up_can_be_closed(app: Flask, stranger: Browser) -> None:
    assert stranger.get("/sign-up").status_code == 200
    change(app, sign_up_open="false")
    assert "Ask one of them" in text_of(
        stranger.post(
            "/sign-up", {"name": "Eve", "email": "e@example.org", "password": "horse plane grass", "zone": "UTC"}
        )
    )


# -- the page


def test_only_admins_see_and_change_settings(ada: Browser, cleo: Browser, stranger: Browser, app: Flask) -> None:
    assert stranger.get("/ops/settings").headers["Location"].startswith("/sign-in")
    assert cleo.get("/ops/settings").status_code == 403
    for path in ("pages", "defaults", "recalculations", "changes/1/restoration"):
        assert cleo.post(f"/ops/settings/{path}", {"pages-page_size": "25", "version": "0"}).status_code == 403
    assert value(app, "page_size") == 10
    assert ada.get("/ops/settings").status_code == 200


def test_a_group_is_saved_by_its_form(app: Flask, ada: Browser) -> None:
    answer = save(ada, "pages", page_size="25", reason="Long lists")
    assert [answer.status_code, answer.headers["Location"]] == [303, "/ops/settings#pages"]
    assert value(app, "page_size") == 25
    page = text_of(ada.get("/ops/settings"))
    assert "Changed: Rows on a page." in page
    assert "Long lists" in page
    answer = ada.post("/ops/settings/defaults", {"name": "page_size"})
    assert [answer.status_code, value(app, "page_size")] == [303, 10]
    with app.app_context():
        first = queries.changes()[0][-1].id
    change(app, page_size="100")
    assert ada.post(f"/ops/settings/changes/{first}/restoration").status_code == 303
    assert value(app, "page_size") == 10


def test_saving_what_stands_there_changes_nothing(app: Flask, ada: Browser) -> None:
    assert [save(ada, group.key).status_code for group in GROUPS] == [303] * len(GROUPS)
    with app.app_context():
        assert queries.version() == 0


def test_a_wrong_value_is_told_beside_its_field_and_kept(app: Flask, ada: Browser) -> None:
    answer = save(ada, "place", accent_light="#FFFF00", site_name="Gym")
    assert answer.status_code == 422
    assert errors_of(answer) == ["It must stand out more: on #F1F5F4 it reaches 1.0:1 and needs 4.5:1."]
    assert 'value="#FFFF00"' in answer.get_data(as_text=True)
    assert value(app, "site_name") == "Metronome"


def test_an_old_page_does_not_undo_what_somebody_else_saved(app: Flask, ada: Browser) -> None:
    ada.get("/ops/settings")
    change(app, page_size="100")
    answer = ada.post("/ops/settings/pages", {"version": "0", "pages-page_size": "10", "pages-poll_pace_s": "2"})
    assert [answer.status_code, value(app, "page_size")] == [409, 100]


def test_nonsense_is_refused(ada: Browser) -> None:
    given = {"name": "nonsense", "kind": "chess", "version": "x"}
    paths = ("nonsense", "defaults", "recalculations", "changes/0/restoration")
    assert [ada.post(f"/ops/settings/{path}", given).status_code for path in paths] == [404, 422, 422, 404]


# -- the API


def test_programs_read_and_change_settings(app: Flask, program: FlaskClient, as_program: Any) -> None:
    headers = as_program("admin")
    body = {"settings": {"page_size": 25, "maintenance": False, "site_name": "Gym"}, "reason": "By script"}
    told = program.patch("/api/v1/settings", json=body, headers=headers).get_json()
    by_name = {one["name"]: one for one in told["settings"]}
    assert [by_name["page_size"]["value"], by_name["page_size"]["source"]] == ["25", "changed here"]
    assert [by_name["secret_key"]["value"], by_name["secret_key"]["may_change"]] == ["set", False]
    assert app.extensions["config"].secret_key not in str(told)
    listed = program.get("/api/v1/settings/changes?limit=1", headers=headers).get_json()
    assert [listed["changes"][0]["name"], listed["changes"][0]["reason"]] == ["site_name", "By script"]
    assert listed["next"] == listed["changes"][0]["id"]
    back = program.patch("/api/v1/settings", json={"settings": {"page_size": None}}, headers=headers).get_json()
    assert {one["name"]: one["value"] for one in back["settings"]}["page_size"] == "10"


WRONG_BODIES: list[tuple[Any, str]] = [
    ({"settings": {"page_size": 11}}, "page_size"), ({"settings": {"nonsense": 1}}, "nonsense"),
    ({"settings": {"page_size": []}}, "settings.page_size"), ({"settings": {}}, "settings"), ({}, "settings"),
    ({"settings": {"page_size": 25}, "who": "me"}, "who"), ({"settings": {"page_size": True}}, "page_size"),
    ({"settings": {"default_weight_kg": 1e300}}, "default_weight_kg"),
]  # fmt: skip


def test_programs_are_told_which_setting_is_wrong(program: FlaskClient, as_program: Any) -> None:
    headers = as_program("admin")
    answers = [program.patch("/api/v1/settings", json=body, headers=headers) for body, _ in WRONG_BODIES]
    told = [(one.status_code, one.get_json()["errors"][0]["field"]) for one in answers]
    assert told == [(422, field) for _, field in WRONG_BODIES]


def test_a_token_of_less_may_not(app: Flask, program: FlaskClient, as_program: Any) -> None:
    headers = as_program("read", "write", "jobs")
    assert program.get("/api/v1/settings", headers=headers).status_code == 403
    assert program.patch("/api/v1/settings", json={"settings": {"page_size": 25}}, headers=headers).status_code == 403
    assert value(app, "page_size") == 10


# -- the terminal


def test_the_terminal_lists_sets_and_resets(app: Flask) -> None:
    run = app.test_cli_runner()
    assert run.invoke(args=["settings", "set", "PAGE_SIZE", "25", "--reason", "Try"]).output == "PAGE_SIZE=25\n"
    assert run.invoke(args=["settings", "list", "--changed"]).output == "* PAGE_SIZE=25  (changed here)\n"
    whole = run.invoke(args=["settings", "list"]).output
    assert "  SECRET_KEY=set" in whole
    refused = run.invoke(args=["settings", "set", "page_size", "11"])
    assert [refused.exit_code, "must be one of" in refused.stderr] == [1, True]
    assert run.invoke(args=["settings", "set", "nonsense", "1"]).exit_code == 1
    assert run.invoke(args=["settings", "reset", "page_size"]).output == "PAGE_SIZE=10\n"
    assert run.invoke(args=["settings", "reset", "page_size"]).output == "PAGE_SIZE is that already.\n"


def test_the_source_of_a_setting_is_known(tmp_path: Any) -> None:
    (tmp_path / "token").write_text("tell-me-more\n")
    environ = {"DATA_DIR": str(tmp_path), "PAGE_SIZE": "25", "METRICS_TOKEN_FILE": str(tmp_path / "token")}
    dotenv = tmp_path / ".env"
    dotenv.write_text("POLL_PACE_S=1\nPAGE_SIZE=50\n")
    found = Config.from_env(environ, dotenv=dotenv).sources
    assert found == {
        "DATA_DIR": "environment",
        "PAGE_SIZE": "environment",
        "METRICS_TOKEN": "file",
        "POLL_PACE_S": ".env",
    }


def test_the_ways_back_may_be_told_why(app: Flask, ada: Browser, program: FlaskClient, as_program: Any) -> None:
    change(app, page_size="25", met_yoga="4.5")
    with app.app_context():
        first = queries.changes(limit=9)[0][-1].id
    paths = [f"/ops/settings/changes/{first}/restoration", "/ops/settings/defaults", "/ops/settings/recalculations"]
    forms: list[dict[str, str]] = [{}, {"name": "page_size"}, {"kind": "yoga"}]
    told = []
    for path, form in zip(paths, forms, strict=True):
        page = ada.get(path + "?" + "&".join(f"{name}={text}" for name, text in form.items()))
        assert (page.status_code, 'name="reason"' in page.get_data(as_text=True)) == (200, True), path
        assert ada.post(path, form | {"reason": "x" * 201}).status_code == 422
        change(app, page_size="50")
        assert ada.post(path, form | {"reason": "Too long"}).status_code == 303
        with app.app_context():
            row = engine_of().audit.page()[0]
            told.append((row.action, row.details["reason"]))
    assert told == [("change settings", "Too long")] * 2 + [("recalculate", "Too long")]
    assert [ada.get(path).status_code for path in ("/ops/settings/defaults", "/ops/settings/recalculations")] == [
        404, 422,
    ]  # fmt: skip
    url = f"/api/v1/settings/changes/{first}/restoration"
    change(app, page_size="50")
    assert program.post(url, json={"reason": "By a program"}, headers=as_program("admin")).status_code == 200
    with app.app_context():
        assert engine_of().audit.page()[0].details["reason"] == "By a program"
