"""`flask doctor`: each misconfiguration is found, named, and comes with its remedy."""

from __future__ import annotations

import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import text, update

from app import create_app, ledger_checks, machine_checks, server
from app.accounts import services as accounts
from app.accounts.models import User
from app.activities import services as activities
from app.activities.drafts import Draft
from app.activities.mets import Kind
from app.config import ROOT, Config
from app.db import disconnect, transaction
from app.doctor import choices
from app.monitoring import queries
from app.monitoring.queries import Condition
from jobs import engine_of
from tests.app.conftest import PASSWORD, ZONE, Browser, Settings
from tests.servers import PostgresServer, RedisServer

MORNING = datetime(2026, 11, 20, 6, 10, tzinfo=UTC)
HALF_AN_HOUR = timedelta(minutes=30)
KEY = "k7Jq2vX9pL4mN8rT1wZ5yB3cD6fG0hSa"


@pytest.fixture
def settings(redis_url: str) -> Settings:
    """With a Redis."""
    return {"REDIS_URL": redis_url}


@pytest.fixture
def persistent(redis_server: RedisServer) -> Iterator[None]:
    """The shared Redis writes down what it holds."""
    redis_server.client().config_set("appendonly", "yes")
    yield
    redis_server.client().config_set("appendonly", "no")


def doctor(app: Flask, *words: str) -> Result:
    return app.test_cli_runner().invoke(args=["doctor", *words])


def complaints(app: Flask) -> dict[str, tuple[str, str, str]]:
    """What it finds wrong, by the name of the part: how bad, in words, and the remedy."""
    parts = json.loads(doctor(app, "--json").output)["parts"]
    return {
        part["name"]: (part["condition"], part["words"], part["remedy"]) for part in parts if part["condition"] != "ok"
    }


def migrate(app: Flask, *revisions: str) -> None:
    with app.app_context(), transaction() as session:
        session.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        for revision in revisions or queries.newest_migrations():
            session.execute(text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": revision})


def beat(app: Flask, role: str = "worker", *, name: str = "", queues: tuple[str, ...] = ()) -> None:
    engine = engine_of(app)
    engine._heartbeat(role, name or f"here:{role}:1", queues=list(queues) or list(engine.queues)).beat()


def config(tmp_path: Path, **environ: str) -> Config:
    return Config.from_env({"DATA_DIR": str(tmp_path), **environ})


# -- all is well


def test_a_whole_installation_is_well(app: Flask, ada: Browser, persistent: None, database_kind: str) -> None:
    migrate(app)
    beat(app)
    beat(app, "scheduler")
    with app.app_context(), transaction() as session:
        session.execute(update(User).values(is_admin=True))
    said = doctor(app)
    wrong = [line for line in said.output.splitlines() if line.startswith(("weak", "WRONG"))]
    if database_kind == "postgresql":  # the tests' own server does without
        assert wrong == ["weak   durability: fsync, synchronous_commit, full_page_writes is off"]
    else:
        assert (wrong, said.exit_code) == ([], 0)
    assert "ok     workers: 1 alive" in said.output.splitlines()


def test_the_private_redis_is_named_where_there_is_one(app: Flask) -> None:
    config = replace(app.extensions["config"], redis_url=None)
    path = config.data_dir / "redis.sock"
    assert dict(choices(config))["redis"] == "none is set"
    path.touch()
    assert dict(choices(config))["redis"] == f"the private one at {path}"


def test_for_programs_it_says_the_same_as_json(app: Flask) -> None:
    migrate(app)
    found = json.loads(doctor(app, "--json").output)
    lines = doctor(app).output.splitlines()
    assert [name for name in found["chosen"] if not any(line.startswith(name) for line in lines)] == []
    for part in found["parts"]:
        assert any(line[7:].partition(":")[0] == part["name"] for line in lines)
    assert found["parts"][-1] == {
        "name": "admin",
        "condition": "degraded",
        "words": "there is none",
        "remedy": "Run flask --app wsgi users setup-link.",
    }


def test_it_looks_for_more_than_twenty_things_and_each_is_explained(app: Flask) -> None:
    migrate(app)
    parts = [part["name"] for part in json.loads(doctor(app, "--json").output)["parts"]]
    assert len(parts) == len(set(parts))
    assert len(parts) > 20
    table = (ROOT / "docs" / "troubleshooting.md").read_text().partition("## What `doctor` looks at")[2]
    told = [line.split("|")[1].strip(" `") for line in table.splitlines() if line.startswith("| `")]
    assert [name for name in parts if name not in told] == []


# -- the database


def test_without_a_database_it_still_answers_and_tells_no_password(tmp_path: Path, redis_url: str) -> None:
    environ = {
        "DATABASE_URL": "postgresql://nobody:a-password@127.0.0.1:1/nothing",
        "DATA_DIR": str(tmp_path),
        "REDIS_URL": redis_url,
    }
    said = doctor(create_app(Config.from_env(environ)))
    assert said.exit_code == 1
    lines = said.output.splitlines()
    wrong = next(
        number for number, line in enumerate(lines) if line.startswith("WRONG  database: connection to server")
    )
    assert lines[wrong + 1].strip() == "Start PostgreSQL, or correct host and port in DATABASE_URL."
    assert "ok     redis" in lines
    assert "a-password" not in said.output


@pytest.fixture
def guarded(postgres_server: PostgresServer) -> PostgresServer:
    """A server that wants a password of somebody called locked."""
    rules = postgres_server.data / "pg_hba.conf"
    if "locked" not in rules.read_text():
        rules.write_text(f"local all locked scram-sha-256\n{rules.read_text()}")
        postgres_server.execute("CREATE ROLE locked LOGIN PASSWORD 'the right one'")
        postgres_server.execute("SELECT pg_reload_conf()")
    return postgres_server


@pytest.mark.parametrize(
    ("who", "database", "remedy"),
    [
        ("locked:wrong", "postgres", "Correct the password in DATABASE_URL."),
        ("metronome", "not_there", "Make the database: CREATE DATABASE"),
        ("nobody_known", "postgres", "Make the role: CREATE ROLE"),
    ],
)
def test_what_postgresql_refuses_has_its_own_remedy(
    guarded: PostgresServer, tmp_path: Path, who: str, database: str, remedy: str
) -> None:
    url = f"postgresql://{who}@/{database}?host={guarded.folder}"
    found = complaints(create_app(config(tmp_path, DATABASE_URL=url)))
    assert found["database"][0] == "down"
    assert found["database"][2].startswith(remedy)


def test_a_file_that_is_no_database_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "metronome.db").write_bytes(b"This is a letter and no database. " * 200)
    (tmp_path / "secret_key").write_text(KEY)
    with create_app(config(tmp_path)).app_context():
        part = ledger_checks.database()
        disconnect()
    assert part.condition is Condition.DOWN
    assert part.remedy.startswith("Put the backup in its place")


def test_a_database_that_was_not_migrated_is_the_last_thing_looked_at(app: Flask) -> None:
    lines = doctor(app).output.splitlines()
    assert lines[-1].strip() == "Run bin/migrate."


def test_a_database_that_is_ahead_of_the_code_is_not_to_be_migrated(app: Flask) -> None:
    migrate(app, "9999_of_tomorrow")
    assert complaints(app)["migrations"] == (
        "down",
        "a newer version of the code has migrated the database to 9999_of_tomorrow",
        "Start that version, or restore the backup from before it.",
    )


def test_a_database_of_another_encoding_is_wrong(postgres_server: PostgresServer, tmp_path: Path) -> None:
    name = "ascii_only"
    postgres_server.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
    with create_app(config(tmp_path, DATABASE_URL=postgres_server.url(name))).app_context():
        part = ledger_checks.server()
        disconnect()
    postgres_server.drop(name)
    assert (part.condition, part.words) == (Condition.DOWN, "the database's encoding is SQL_ASCII")


def test_more_processes_than_connections_are_weak(settings: Settings, request: pytest.FixtureRequest) -> None:
    settings |= {"WORKERS": "60", "DB_POOL_SIZE": "20"}
    app = request.getfixturevalue("app")
    migrate(app)
    found = complaints(app).get("connections")
    if request.getfixturevalue("database_kind") == "sqlite":
        assert found is None
    else:
        assert found is not None
        assert found[1] == "62 processes may want 2480 connections, and PostgreSQL allows 197"


def test_loose_durability_is_weak(app: Flask, database_kind: str) -> None:
    with app.app_context():
        part = ledger_checks.durability()
    assert (
        part.words
        == {
            "sqlite": "SQLite with a write-ahead log, synced at every commit",
            "postgresql": "fsync, synchronous_commit, full_page_writes is off",
        }[database_kind]
    )


# -- Redis and the processes


def test_what_is_missing_is_named_with_its_remedy(app: Flask, persistent: None) -> None:
    migrate(app)
    found = complaints(app)
    assert {name: remedy for name, (_, _, remedy) in found.items() if name != "durability"} == {
        "workers": "Start bin/worker.",
        "scheduler": "Start bin/scheduler.",
        "admin": "Run flask --app wsgi users setup-link.",
    }


def test_a_redis_that_is_away_is_weak(settings: Settings, request: pytest.FixtureRequest) -> None:
    settings["REDIS_URL"] = "redis://127.0.0.1:1/0"
    app = request.getfixturevalue("app")
    migrate(app)
    assert complaints(app)["redis"][0] == "degraded"


def test_a_redis_that_forgets_is_weak(app: Flask, redis_server: RedisServer) -> None:
    migrate(app)
    assert complaints(app)["redis"][1:] == (
        "it forgets everything when it restarts",
        "Set appendonly yes in redis.conf.",
    )


def test_a_redis_that_throws_away_is_weak(app: Flask, redis_server: RedisServer, persistent: None) -> None:
    migrate(app)
    redis_server.client().config_set("maxmemory-policy", "allkeys-lru")
    try:
        assert complaints(app)["redis"][2] == "Set maxmemory-policy noeviction in redis.conf."
    finally:
        redis_server.client().config_set("maxmemory-policy", "noeviction")
    assert "redis" not in complaints(app)


def test_a_command_without_a_redis_asks_those_who_have_one(tmp_path: Path, app: Flask) -> None:
    migrate(app)
    beat(app)
    url = app.extensions["config"].database_url
    alone = create_app(Config.from_env({"DATABASE_URL": url, "DATA_DIR": str(tmp_path / "alone")}))
    assert "ok     redis: the private one; every process sees it" in doctor(alone).output.splitlines()
    with alone.app_context():
        disconnect()


def test_a_process_of_another_version_is_weak(app: Flask) -> None:
    migrate(app)
    engine = engine_of(app)
    engine.version, ours = "0.0.1", engine.version
    beat(app)
    engine.version = ours
    assert complaints(app)["versions"][1] == f"processes of version 0.0.1 are alive, and this is {ours}"


def test_a_queue_nobody_listens_to_is_weak_once_jobs_wait_in_it(app: Flask) -> None:
    migrate(app)
    beat(app, queues=("reports",))
    assert "queues" not in complaints(app)
    with app.app_context():
        ada_id = accounts.create_user(email="ada@example.org", password=PASSWORD, name="Ada")
        draft = Draft(kind=Kind.RUNNING, duration=HALF_AN_HOUR, weight_kg=Decimal(70), started_at=MORNING)
        activities.log_activity(ada_id, draft, zone=ZONE)
    assert complaints(app)["queues"][1:] == (
        "jobs wait in activities, to which no worker listens",
        "Start bin/worker --queues activities, or bin/worker alone for all.",
    )


def test_a_pause_without_an_end_is_not_forgotten(app: Flask) -> None:
    migrate(app)
    engine = engine_of(app)
    with app.app_context():
        engine.pause(("queue", "reports"), by="ada", reason="new disk")
    assert complaints(app)["pauses"][1:] == (
        "paused without an end: reports by ada (new disk)",
        "flask queues resume reports, when it is time.",
    )


def test_a_clock_that_is_wrong_is_weak(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate(app)
    assert "clock" not in complaints(app)
    monkeypatch.setattr(ledger_checks, "MOST_SKEW_S", -1.0)
    assert complaints(app)["clock"][2] == "Let both keep network time. Jobs go by the database's clock."


def test_several_machines_share_a_key_and_no_sqlite_file(app: Flask, database_kind: str) -> None:
    migrate(app)
    beat(app, name="one:worker:1")
    assert "machines" not in complaints(app)
    beat(app, name="two:worker:1")
    condition, words, _ = complaints(app)["machines"]
    if database_kind == "sqlite":
        assert (condition, words) == ("down", "one, two share a SQLite file")
    else:
        assert (condition, words) == ("degraded", "one, two work together, and SECRET_KEY is in a file of this one")


# -- settings and the machine


def test_a_key_that_others_can_read_is_weak(app: Flask, tmp_path: Path) -> None:
    key: Path = app.extensions["config"].data_dir / "secret_key"
    key.chmod(0o644)
    assert complaints(app)["secrets"] == ("degraded", f"others can read {key}", f"Run chmod 600 {key}.")
    key.chmod(0o600)
    (tmp_path / ".env").write_text("METRICS_TOKEN=secret\n")
    (tmp_path / ".env").chmod(0o644)
    assert (
        machine_checks.secrets(app.extensions["config"], root=tmp_path).words == f"others can read {tmp_path / '.env'}"
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_files_that_root_left_behind_are_wrong(tmp_path: Path) -> None:
    found = config(tmp_path)
    assert machine_checks.data_dir(found).condition is Condition.OK
    os.chown(tmp_path / "secret_key", 65534, 65534)
    part = machine_checks.data_dir(found)
    assert part.condition is Condition.DOWN
    assert part.words == f"in {tmp_path}, secret_key belong to somebody else than the folder"


def test_a_folder_that_cannot_be_written_to_is_said_at_every_start(tmp_path: Path) -> None:
    environ = {"DATA_DIR": "/proc/metronome", "PATH": os.environ["PATH"]}
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "doctor"]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (
        2,
        "metronome: DATA_DIR cannot be made: No such file or directory: /proc/metronome.",
    )


def test_a_full_disk_is_weak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = shutil.disk_usage(tmp_path).free
    monkeypatch.setattr(machine_checks, "LEAST_FREE_BYTES", free * 2)
    part = machine_checks.disk(config(tmp_path))
    assert part.condition is Condition.DEGRADED
    assert part.remedy.startswith("Make room")


def test_sqlite_on_a_network_disk_is_wrong(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda / ext4 rw 0 0\nnas:/x {tmp_path} nfs4 rw 0 0\n")
    part = machine_checks.local_disk(config(tmp_path), mounts=mounts)
    assert (part.condition, part.words.split(" is on ")[1]) == (
        Condition.DOWN,
        "nfs4, whose locks SQLite cannot trust",
    )
    assert machine_checks.local_disk(config(tmp_path)).condition is Condition.OK


@contextmanager
def somebody_listens(answer: bytes) -> Iterator[int]:
    """A program that says the same to everybody."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def talk() -> None:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.sendall(answer)
                connection.recv(1_000)

        threading.Thread(target=talk, daemon=True).start()
        yield listener.getsockname()[1]


def test_a_port_that_somebody_else_has_is_wrong(tmp_path: Path) -> None:
    with somebody_listens(b"HTTP/1.0 404 Not Found\r\n\r\nwhat?\n") as port:
        part = machine_checks.port(config(tmp_path, PORT=str(port)))
    assert (part.condition, part.words) == (Condition.DOWN, f"{port} is taken by another program")
    with somebody_listens(b"HTTP/1.0 200 OK\r\n\r\nok\n") as port:
        assert machine_checks.port(config(tmp_path, PORT=str(port))).words == f"the web answers on {port}"


@pytest.mark.parametrize(
    ("check", "environ", "words"),
    [
        (machine_checks.address, {"PUBLIC_URL": "http://sport.example"},
         "PUBLIC_URL is http://sport.example: passwords travel in clear"),
        (machine_checks.address, {"HOST": "0.0.0.0"},
         "HOST is 0.0.0.0, and PUBLIC_URL is not set: passwords travel in clear"),
        (machine_checks.proxy, {"PUBLIC_URL": "https://sport.example"},
         "PUBLIC_URL is https, and TRUSTED_PROXY is not set: limits per address count the proxy"),
        (machine_checks.proxy, {"TRUSTED_PROXY": "*", "HOST": "0.0.0.0"},
         "TRUSTED_PROXY is * and HOST is 0.0.0.0: anybody can claim to be any address"),
        (machine_checks.host_names, {"PUBLIC_URL": "https://sport.example"},
         "TRUSTED_HOSTS is empty: any name is answered"),
        (machine_checks.host_names, {"PUBLIC_URL": "https://sport.example", "TRUSTED_HOSTS": "web,other.example"},
         "sport.example of PUBLIC_URL is not in TRUSTED_HOSTS: everybody gets 400"),
        (machine_checks.metrics_door, {"METRICS_TOKEN": "short"}, "METRICS_TOKEN can be guessed"),
        (machine_checks.metrics_door, {"HOST": "0.0.0.0"},
         "METRICS_TOKEN is not set: nobody else than this machine can read the numbers, Prometheus neither"),
        (machine_checks.threads, {"WEB_THREADS": "32"},
         "32 threads share at most 20 connections: some will wait and give up"),
        (machine_checks.demonstration, {"PUBLIC_URL": "https://sport.example", "ACTIVITY_DELAY_S": "5"},
         "ACTIVITY_DELAY_S is 5: every calculation is slowed down"),
    ],
)  # fmt: skip
def test_settings_that_do_not_go_together_are_found(
    tmp_path: Path, check: Callable[[Config], Any], environ: dict[str, str], words: str
) -> None:
    part = check(config(tmp_path, **environ))
    assert part.words == words
    assert part.condition is not Condition.OK
    assert part.remedy.endswith(".")
    assert check(config(tmp_path)).condition is Condition.OK


def test_settings_of_a_public_site_that_go_together_are_well(tmp_path: Path) -> None:
    found = config(
        tmp_path,
        PUBLIC_URL="https://sport.example",
        TRUSTED_PROXY="127.0.0.1",
        TRUSTED_HOSTS="sport.example",
        METRICS_TOKEN=KEY,
    )
    looks = (machine_checks.address, machine_checks.proxy, machine_checks.host_names, machine_checks.metrics_door)
    assert [look(found).condition for look in looks] == [Condition.OK] * 4
    assert machine_checks.mail(found).words.startswith("MAIL_URL is not set: mail is put into")


def test_a_mail_server_that_is_away_or_refuses_us_is_weak(tmp_path: Path) -> None:
    part = machine_checks.mail(config(tmp_path, MAIL_URL="smtp://127.0.0.1:1"))
    assert part.condition is Condition.DEGRADED
    assert part.words.startswith("the mail server does not answer as it should:")
    with somebody_listens(b"554 go away\r\n") as port:
        part = machine_checks.mail(config(tmp_path, MAIL_URL=f"smtp://127.0.0.1:{port}"))
    assert part.condition is Condition.DEGRADED
    assert "554" in part.words


def test_too_few_open_files_are_weak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine_checks.FILES_WANTED == server.CONNECTIONS + 500
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert hard != resource.RLIM_INFINITY
    monkeypatch.setattr(machine_checks, "FILES_WANTED", hard + 1)
    part = machine_checks.open_files(config(tmp_path))
    assert part.condition is Condition.DEGRADED
    assert f"a process may hold {hard} files open" in part.words
