"""`flask doctor`."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import text, update

from app import create_app
from app.accounts.models import User
from app.config import Config
from app.db import disconnect, transaction
from app.monitoring import queries
from jobs import engine_of
from tests.app.conftest import Browser, Settings


@pytest.fixture
def settings(redis_url: str) -> Settings:
    """With a Redis."""
    return {"REDIS_URL": redis_url}


def doctor(app: Flask) -> Result:
    return app.test_cli_runner().invoke(args=["doctor"])


def migrate(app: Flask) -> None:
    with app.app_context(), transaction() as session:
        session.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        for revision in queries.newest_migrations():
            session.execute(text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": revision})


def test_a_whole_installation_is_well(app: Flask, ada: Browser, database_kind: str) -> None:
    migrate(app)
    for role in ("worker", "scheduler"):
        engine_of(app)._heartbeat(role, f"here:{role}:1", queues=[]).beat()
    with app.app_context(), transaction() as session:
        session.execute(update(User).values(is_admin=True))
    said = doctor(app)
    wrong = [line for line in said.output.splitlines() if line.startswith(("weak", "WRONG"))]
    if database_kind == "postgresql":  # the tests' own server does without
        assert wrong == ["weak   durability: fsync, synchronous_commit, full_page_writes is off"]
    else:
        assert (wrong, said.exit_code) == ([], 0)
    assert "ok     workers: 1 alive" in said.output.splitlines()


def test_what_is_missing_is_named_with_its_remedy(app: Flask) -> None:
    migrate(app)
    said = doctor(app)
    assert said.exit_code == 1
    lines = said.output.splitlines()
    for wrong, remedy in {
        "weak   workers: none alive": "Start bin/worker.",
        "weak   scheduler: none alive": "Start bin/scheduler.",
        "weak   admin: there is none": "Run flask --app wsgi users setup-link.",
    }.items():
        assert lines[lines.index(wrong) + 1].strip() == remedy


def test_tables_that_are_not_there_are_the_last_thing_looked_at(app: Flask) -> None:
    lines = doctor(app).output.splitlines()
    assert lines[-1].strip().startswith("Run bin/migrate")


def test_a_key_that_others_can_read_is_weak(app: Flask) -> None:
    key: Path = app.extensions["config"].data_dir / "secret_key"
    key.chmod(0o644)
    assert f"weak   data: others can read {key}" in doctor(app).output.splitlines()


def test_without_a_database_it_still_answers_and_tells_no_password(tmp_path: Path, redis_url: str) -> None:
    environ = {
        "DATABASE_URL": "postgresql://nobody:a-password@127.0.0.1:1/nothing",
        "DATA_DIR": str(tmp_path),
        "REDIS_URL": redis_url,
    }
    said = doctor(create_app(Config.from_env(environ)))
    assert said.exit_code == 1
    assert "WRONG  database: connection to server" in said.output
    assert "ok     redis" in said.output.splitlines()
    assert "a-password" not in said.output


def test_a_command_without_a_redis_asks_those_who_have_one(tmp_path: Path, app: Flask) -> None:
    migrate(app)
    engine_of(app)._heartbeat("worker", "here:worker:1", queues=[]).beat()
    url = app.extensions["config"].database_url
    alone = create_app(Config.from_env({"DATABASE_URL": url, "DATA_DIR": str(tmp_path / "alone")}))
    assert "ok     redis: the private one; every process sees it" in doctor(alone).output.splitlines()
    with alone.app_context():
        disconnect()
