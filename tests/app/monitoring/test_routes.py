"""What machines ask."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import text, update

from app import create_app
from app.activities import services
from app.config import Config
from app.db import transaction
from app.monitoring import queries
from app.monitoring.metrics import Promises, may_scrape
from app.monitoring.queries import Condition
from app.security import public
from jobs import Entry, JobRequest, engine_of
from tests.app.conftest import Browser, Settings

TOKEN = "a token that nobody guesses"


@pytest.fixture
def settings(redis_url: str) -> Settings:
    """With a Redis and a token."""
    return {"REDIS_URL": redis_url, "METRICS_TOKEN": TOKEN}


@pytest.fixture
def migrated(app: Flask) -> Flask:
    """A database that says it is at the newest migration."""
    with app.app_context(), transaction() as session:
        session.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        for revision in queries.newest_migrations():
            session.execute(text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": revision})
    return app


@pytest.fixture
def manned(migrated: Flask) -> Flask:
    """With a worker and a scheduler that beat."""
    for role in ("worker", "scheduler"):
        engine_of(migrated)._heartbeat(role, f"here:{role}:1", queues=[]).beat()
    return migrated


@pytest.fixture
def away(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Flask:
    """The product with a database that cannot be reached."""
    environ = {
        "DATABASE_URL": "postgresql://nobody:a-password@127.0.0.1:1/nothing",
        "DATA_DIR": str(tmp_path_factory.mktemp("away")),
        "REDIS_URL": redis_url,
    }
    app = create_app(Config.from_env(environ))
    app.testing = True
    return app


def lines(app: Flask, path: str = "/readyz") -> tuple[int, list[str]]:
    answer = app.test_client().get(path)
    return answer.status_code, answer.get_data(as_text=True).splitlines()


@pytest.mark.parametrize("path", ["/healthz", "/health/live"])
def test_the_process_lives_whatever_else_does(app: Flask, away: Flask, path: str) -> None:
    assert lines(app, path) == lines(away, path) == (200, ["ok"])


@pytest.mark.parametrize("path", ["/readyz", "/health/ready"])
def test_all_is_well(manned: Flask, path: str) -> None:
    assert lines(manned, path) == (
        200,
        ["database: ok", "migrations: ok", "redis: ok", "workers: ok (1 alive)", "scheduler: ok (1 alive)"],
    )


def test_without_workers_it_serves_and_says_so(migrated: Flask) -> None:
    assert lines(migrated) == (
        200,
        ["database: ok", "migrations: ok", "redis: ok", "workers: degraded (none alive)",
         "scheduler: degraded (none alive)"],
    )  # fmt: skip


def test_without_its_tables_it_does_not_serve(app: Flask) -> None:
    status, said = lines(app)
    newest = ", ".join(sorted(queries.newest_migrations()))
    assert status == 503
    assert said[:2] == ["database: ok", f"migrations: down (the database is at nothing, not at {newest})"]


def test_without_a_database_it_does_not_serve(away: Flask) -> None:
    status, said = lines(away)
    assert status == 503
    assert said[0].startswith("database: down (connection to server")
    assert said[1:] == ["redis: ok"]
    assert "a-password" not in "".join(said)


def test_the_newest_migration_is_the_one_that_nothing_follows() -> None:
    assert queries.newest_migrations()
    assert all(name for name in queries.newest_migrations())


def test_being_asked_leaves_no_session_and_no_line_in_the_log(manned: Flask, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        for path in ("/healthz", "/readyz", "/health/live", "/health/ready"):
            assert "Set-Cookie" not in manned.test_client().get(path).headers
    assert caplog.records == []


# -- who may see the numbers


@pytest.mark.parametrize("path", ["/metrics", "/metrics-json/"])
def test_the_numbers_are_for_this_machine_and_for_who_has_the_token(app: Flask, path: str) -> None:
    client, elsewhere = app.test_client(), {"REMOTE_ADDR": "192.0.2.7"}
    assert client.get(path).status_code == 200
    refused = client.get(path, environ_overrides=elsewhere)
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert "tasks" not in refused.get_data(as_text=True)
    for word, status in ((TOKEN, 200), ("wrong", 401), ("", 401), ("ü", 401)):
        sent = {"Authorization": f"Bearer {word}".encode().decode("latin-1")}
        assert client.get(path, headers=sent, environ_overrides=elsewhere).status_code == status


def test_a_signed_in_stranger_does_not_see_them(app: Flask, cleo: Browser) -> None:
    assert cleo.client.get("/metrics", environ_overrides={"REMOTE_ADDR": "192.0.2.7"}).status_code == 401


def test_strangers_hear_that_it_is_ready_and_no_more(app: Flask) -> None:
    answer = app.test_client().get("/readyz", environ_overrides={"REMOTE_ADDR": "192.0.2.7"})
    assert "migrations: down" in answer.get_data(as_text=True).splitlines()


@pytest.mark.parametrize(
    ("environ", "address", "host", "may"),
    [
        ({}, "127.0.0.1", "127.0.0.1", True),
        ({}, "::1", "[::1]", True),
        ({}, "127.0.0.1", "localhost", True),
        ({}, "127.0.0.1", "metronome.example", False),
        ({}, "192.0.2.7", "localhost", False),
        ({}, "", "", False),
        ({"PUBLIC_URL": "https://metronome.example"}, "127.0.0.1", "127.0.0.1", False),
        ({"TRUSTED_PROXY": "127.0.0.1"}, "127.0.0.1", "127.0.0.1", False),
    ],
)
def test_behind_a_proxy_only_the_token_opens(
    tmp_path_factory: pytest.TempPathFactory, environ: dict[str, str], address: str, host: str, *, may: bool
) -> None:
    folder = str(tmp_path_factory.mktemp("data"))
    config = Config.from_env({"DATA_DIR": folder, "METRICS_TOKEN": TOKEN, **environ})
    assert may_scrape(config, address=address, host=host, authorization="") is may
    assert may_scrape(config, address=address, host=host, authorization=f"bearer {TOKEN}")
    assert not may_scrape(config, address=address, host=host, authorization="Bearer other")


# -- what Prometheus reads


def sample(body: str, start: str) -> list[str]:
    return [line for line in body.splitlines() if line.startswith(start)]


def test_one_scrape_shows_web_engine_ledger_and_product(
    app: Flask, log: Callable[..., int], run_jobs: Callable[[], None], cleo: Browser
) -> None:
    cleo.get("/")
    log()
    run_jobs()
    log()
    body = app.test_client().get("/metrics").get_data(as_text=True)
    kind = 'kind="activities.count_calories"'
    assert sample(body, "jobs_enqueued_total{") == [f'jobs_enqueued_total{{{kind},queue="activities"}} 2.0']
    assert sample(body, "jobs_finished_total{") == [
        f'jobs_finished_total{{{kind},outcome="succeeded",queue="activities"}} 1.0'
    ]
    assert sample(body, 'jobs_state{queue="activities",state="ready"}') == [
        'jobs_state{queue="activities",state="ready"} 1.0'
    ]
    assert sample(body, 'jobs_state{queue="",state="succeeded"}') == ['jobs_state{queue="",state="succeeded"} 1.0']
    assert sample(body, "calories_burned_kcal_total ") == ["calories_burned_kcal_total 315.0"]
    assert sample(body, "activities_logged_total{") == ['activities_logged_total{kind="running"} 2.0']
    assert sample(body, "tasks_completed ") == ["tasks_completed 1.0"]
    assert sample(body, "worker_up{") == ['worker_up{role="worker"} 0.0', 'worker_up{role="scheduler"} 0.0']
    assert sample(body, 'flask_http_request_duration_seconds_count{endpoint="dashboard.') != []


def test_a_scrape_tells_which_promises_hold_and_checks_them_once_a_minute(app: Flask) -> None:
    now = 0.0
    promises = Promises(engine_of(app), lambda: now)
    with app.app_context():
        held = promises()
        assert set(held.values()) == {True}
        add, soon = engine_of().job_named("workbench.add"), datetime.now(UTC) + timedelta(hours=1)
        uid = engine_of().enqueue(JobRequest(add, {"x": 1, "y": 2}, run_at=soon))
        with transaction() as session:
            session.execute(update(Entry).where(Entry.uid == uid).values(run_at=soon - timedelta(hours=2)))
        assert promises()["due"]
        now = 60.0
        assert [name for name, holds in promises().items() if not holds] == ["due"]
    told = app.test_client().get("/metrics").get_data(as_text=True)
    shown = re.findall(r'^invariant_ok\{name="(\w+)"\} ([01])\.0$', told, re.MULTILINE)
    assert dict(shown) == {name: "0" if name == "due" else "1" for name in held}


def test_addresses_and_methods_that_people_make_up_make_no_series(app: Flask) -> None:
    client = app.test_client()
    for number in range(5):
        client.get(f"/made-up-{number}")
        client.open("/healthz", method=f"ODD{number}")
        client.open("/sign-in", method=f"ODD{number}")
    body = client.get("/metrics").get_data(as_text=True)
    assert "made-up" not in body
    assert "ODD" not in body
    assert sample(body, 'flask_http_request_duration_seconds_count{endpoint="none"') == [
        'flask_http_request_duration_seconds_count{endpoint="none",method="GET",status="404"} 5.0'
    ]


def test_requests_are_counted_once_and_those_that_raise_as_such(app: Flask) -> None:
    @app.get("/bursts", endpoint="bursts")
    @public
    def burst() -> str:
        raise RuntimeError("on purpose")

    app.config["PROPAGATE_EXCEPTIONS"] = False
    client = app.test_client()
    assert [client.get(path).status_code for path in ("/bursts", "/bursts", "/sign-in", "/healthz")] == [
        500,
        500,
        200,
        200,
    ]
    body = client.get("/metrics").get_data(as_text=True)
    name = "flask_http_request"
    assert sample(body, f"{name}_total{{") == [
        f'{name}_total{{method="GET",status="500"}} 2.0',
        f'{name}_total{{method="GET",status="200"}} 1.0',
    ]
    assert sample(body, f"{name}_exceptions_total{{") == [f'{name}_exceptions_total{{method="GET",status="500"}} 2.0']
    assert sample(body, f"{name}_duration_seconds_count{{") == [
        f'{name}_duration_seconds_count{{endpoint="bursts",method="GET",status="500"}} 2.0',
        f'{name}_duration_seconds_count{{endpoint="accounts.sign_in",method="GET",status="200"}} 1.0',
    ]
    [took] = sample(body, f'{name}_duration_seconds_sum{{endpoint="bursts"')
    assert 0 < float(took.rpartition(" ")[2]) < 5


def test_the_burned_calories_never_fall_for_prometheus(
    app: Flask, ada_id: int, log: Callable[..., int], run_jobs: Callable[[], None]
) -> None:
    activity_id = log()
    run_jobs()
    client = app.test_client()
    assert client.get("/metrics-json/").get_json()["total_calories"] == 315.0
    with app.app_context():
        services.delete_activity(ada_id, activity_id)
    assert client.get("/metrics-json/").get_json()["total_calories"] == 0.0
    assert sample(client.get("/metrics").get_data(as_text=True), "calories_burned_kcal_total ") == [
        "calories_burned_kcal_total 315.0"
    ]


def test_without_a_database_the_scrape_still_answers(away: Flask) -> None:
    body = away.test_client().get("/metrics").get_data(as_text=True)
    assert sample(body, "ledger_up ") == ["ledger_up 0.0"]
    assert away.test_client().get("/metrics-json/").status_code == 503


def test_without_a_database_the_numbers_are_the_last_that_were_counted(
    app: Flask, away: Flask, log: Callable[..., int], run_jobs: Callable[[], None]
) -> None:
    log()
    run_jobs()
    before = app.test_client().get("/metrics-json/").get_json()
    assert before["total_calories"] == 315.0
    assert away.test_client().get("/metrics-json/").get_json() == before
    body = away.test_client().get("/metrics").get_data(as_text=True)
    assert sample(body, "tasks_completed ") == ["tasks_completed 1.0"]


def test_the_parts_know_their_remedies(app: Flask) -> None:
    with app.app_context():
        parts = {part.name: part for part in queries.parts()}
    assert parts["database"].condition is Condition.OK
    assert parts["migrations"].remedy.startswith("Run bin/migrate")
    assert parts["workers"].remedy == "Start bin/worker."
