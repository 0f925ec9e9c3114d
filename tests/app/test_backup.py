"""`flask backup` and `flask restore`: what was saved is there again, to the last row."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from flask_migrate import Migrate, upgrade
from sqlalchemy import func, select, text

from app import create_app
from app.accounts import services as accounts
from app.accounts.models import User
from app.activities.models import Activity
from app.activities.services import fill_demo
from app.config import ROOT, Config
from app.db import db, disconnect, reading, transaction
from app.dumps import DumpError, _find
from jobs import Entry, engine_of
from tests.app.conftest import PASSWORD
from tests.conftest import Databases
from tests.servers import PostgresServer

pytestmark = pytest.mark.slow  # each of them starts processes that copy a database

COUNT = 40
KEY = "a key that was made for the tests and is long enough"


@pytest.fixture(scope="module")
def filled_url(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A migrated database with Ada and her activities, to be copied."""
    url = databases.blank()
    app = product(url, tmp_path_factory.mktemp("filled"))
    with app.app_context():
        upgrade(str(ROOT / "migrations"))
        ada_id = accounts.create_user(email="ada@example.org", password=PASSWORD, name="Ada")
        fill_demo(ada_id, COUNT, days=30)
    with app.app_context():
        disconnect()
    return url


def product(url: str, folder: Path) -> Flask:
    folder.mkdir(exist_ok=True)
    app = create_app(Config.from_env({"DATABASE_URL": url, "DATA_DIR": str(folder), "PORT": "1"}))
    Migrate(app, db, directory=str(ROOT / "migrations"))
    return app


@pytest.fixture
def opened() -> Iterator[Callable[[str, Path], Flask]]:
    """Opens products, and closes them."""
    made: list[Flask] = []

    def make(url: str, folder: Path) -> Flask:
        made.append(product(url, folder))
        return made[-1]

    yield make
    for one in made:
        with one.app_context():
            disconnect()


@pytest.fixture
def app(databases: Databases, filled_url: str, tmp_path: Path, opened: Callable[[str, Path], Flask]) -> Iterator[Flask]:
    """The product with Ada's activities, a report and a key."""
    url = databases.copy(filled_url)
    app = opened(url, tmp_path / "data")
    (tmp_path / "data" / "secret_key").write_text(KEY)
    (tmp_path / "data" / "reports").mkdir()
    (tmp_path / "data" / "reports" / "of-ada.csv").write_text("day,kcal\n")
    yield app
    with app.app_context():
        disconnect()
    databases.drop(url)


def run(app: Flask, *words: object) -> Result:
    return app.test_cli_runner().invoke(args=[str(word) for word in words])


def contents(app: Flask) -> dict[str, object]:
    """What people would miss."""
    with app.app_context():
        session = reading()
        return {
            "people": session.scalars(select(User.email)).all(),
            "activities": session.execute(
                select(Activity.id, Activity.kind, Activity.energy_kcal, Activity.started_at).order_by(Activity.id)
            ).all(),
            "jobs": session.execute(select(Entry.uid, Entry.state, Entry.args).order_by(Entry.id)).all(),
            "revision": session.scalars(text("SELECT version_num FROM alembic_version")).all(),
        }


def change(app: Flask) -> None:
    """As when somebody makes a mistake."""
    with app.app_context(), transaction() as session:
        session.execute(text("DELETE FROM activity"))
        session.execute(text("UPDATE person SET email = 'nobody@example.org'"))


def test_what_was_saved_is_there_again_in_an_empty_installation(
    app: Flask, tmp_path: Path, blank_database: Callable[[], str], opened: Callable[[str, Path], Flask]
) -> None:
    before = contents(app)
    said = run(app, "backup", tmp_path / "one.tar", "--verify")
    assert said.exit_code == 0, said.output
    assert "Checked: restored into a scratch database" in said.output
    assert (tmp_path / "one.tar").stat().st_mode & 0o077 == 0
    other = opened(blank_database(), tmp_path / "elsewhere")
    said = run(other, "restore", tmp_path / "one.tar")
    assert said.exit_code == 0, said.output
    assert contents(other) == before
    assert len(before["activities"]) == COUNT  # type: ignore[arg-type]
    assert (tmp_path / "elsewhere" / "secret_key").read_text() == KEY
    assert (tmp_path / "elsewhere" / "reports" / "of-ada.csv").read_text() == "day,kcal\n"
    assert [one for one in (tmp_path / "elsewhere").rglob("*") if one.stat().st_mode & 0o077] == []


def test_a_restored_installation_goes_on_working(
    app: Flask, tmp_path: Path, blank_database: Callable[[], str], opened: Callable[[str, Path], Flask]
) -> None:
    run(app, "backup", tmp_path / "one.tar")
    other = opened(blank_database(), tmp_path / "elsewhere")
    run(other, "restore", tmp_path / "one.tar")
    with other.app_context():
        accounts.create_user(email="ben@example.org", password=PASSWORD, name="Ben")
        ids = reading().scalars(select(User.id)).all()
    assert len(set(ids)) == 2


def test_nothing_is_restored_over_what_is_there_unless_it_is_forced(app: Flask, tmp_path: Path) -> None:
    before = contents(app)
    run(app, "backup", tmp_path / "one.tar")
    change(app)
    changed = contents(app)
    refused = run(app, "restore", tmp_path / "one.tar")
    assert (refused.exit_code, refused.output) == (
        1,
        "Error: The database holds something; with --force it is replaced.\n",
    )
    assert contents(app) == changed
    forced = run(app, "restore", tmp_path / "one.tar", "--force")
    assert forced.exit_code == 0, forced.output
    assert contents(app) == before != changed


def test_a_backup_is_of_one_moment_and_not_written_over(app: Flask, tmp_path: Path) -> None:
    run(app, "backup", tmp_path / "one.tar")
    content = (tmp_path / "one.tar").read_bytes()
    again = run(app, "backup", tmp_path / "one.tar")
    assert again.exit_code == 1
    assert "is there already" in again.output
    assert (tmp_path / "one.tar").read_bytes() == content
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []


def test_without_secrets_the_key_stays_at_home(
    app: Flask, tmp_path: Path, blank_database: Callable[[], str], opened: Callable[[str, Path], Flask]
) -> None:
    run(app, "backup", tmp_path / "one.tar", "--without-secrets")
    assert KEY.encode() not in (tmp_path / "one.tar").read_bytes()
    other = opened(blank_database(), tmp_path / "elsewhere")
    own = (tmp_path / "elsewhere" / "secret_key").read_text()
    assert run(other, "restore", tmp_path / "one.tar").exit_code == 0
    assert (tmp_path / "elsewhere" / "secret_key").read_text() == own


def test_a_damaged_backup_is_refused_before_anything_changes(app: Flask, tmp_path: Path) -> None:
    run(app, "backup", tmp_path / "one.tar")
    whole = (tmp_path / "one.tar").read_bytes()
    before = contents(app)
    (tmp_path / "cut.tar").write_bytes(whole[: len(whole) // 2])
    middle = bytearray(whole)
    middle[len(whole) // 3] ^= 0xFF
    (tmp_path / "bent.tar").write_bytes(middle)
    (tmp_path / "letter.tar").write_bytes(b"Dear Ada, " * 1_000)
    for name in ("cut.tar", "bent.tar", "letter.tar", "not-there.tar"):
        refused = run(app, "restore", tmp_path / name, "--force")
        assert refused.exit_code == 1, name
        assert "Traceback" not in refused.output
        assert run(app, "restore", tmp_path / name, "--check").exit_code == 1
    assert contents(app) == before
    assert run(app, "restore", tmp_path / "one.tar", "--check").exit_code == 0


def rewritten(path: Path, target: Path, **changes: object) -> None:
    """The backup with another manifest, and with a file that wants to get out."""
    with tarfile.open(path) as old, tarfile.open(target, "w") as new:
        for info in old:
            content = old.extractfile(info).read()  # type: ignore[union-attr]
            if info.name == "manifest.json":
                content = json.dumps(json.loads(content) | changes).encode()
                info.size = len(content)
            new.addfile(info, io.BytesIO(content))
        stray = tarfile.TarInfo("data/../../stray")
        stray.size = 5
        new.addfile(stray, io.BytesIO(b"stray"))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"revision": "9999_of_tomorrow"}, "is of a newer version"),
        ({"database": "mysql"}, "holds a mysql database"),
        ({"format": 2}, "a format this version does not know"),
    ],
)
def test_a_backup_that_does_not_fit_is_refused(
    app: Flask, tmp_path: Path, changes: dict[str, object], why: str
) -> None:
    run(app, "backup", tmp_path / "one.tar")
    rewritten(tmp_path / "one.tar", tmp_path / "other.tar", **changes)
    before = contents(app)
    refused = run(app, "restore", tmp_path / "other.tar", "--force")
    assert refused.exit_code == 1
    assert why in refused.output
    assert contents(app) == before


def test_a_database_that_cannot_be_loaded_leaves_the_old_one_where_it_was(app: Flask, tmp_path: Path) -> None:
    run(app, "backup", tmp_path / "one.tar")
    with tarfile.open(tmp_path / "one.tar") as tar:
        dump = tar.extractfile("database").read()  # type: ignore[union-attr]
        manifest = json.loads(tar.extractfile("manifest.json").read())  # type: ignore[union-attr]
    half = dump[: len(dump) * 2 // 3]
    manifest["files"]["database"] = {"bytes": len(half), "sha256": hashlib.sha256(half).hexdigest()}
    with tarfile.open(tmp_path / "half.tar", "w") as tar:
        for name, content in {"database": half, "manifest.json": json.dumps(manifest).encode()}.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    before = contents(app)
    refused = run(app, "restore", tmp_path / "half.tar", "--force")
    assert refused.exit_code == 1
    assert refused.output.startswith("Error: ")
    assert "Traceback" not in refused.output
    assert contents(app) == before
    assert run(app, "restore", tmp_path / "one.tar", "--force").exit_code == 0


def test_a_file_that_wants_to_get_out_is_left_in(
    app: Flask, tmp_path: Path, blank_database: Callable[[], str], opened: Callable[[str, Path], Flask]
) -> None:
    run(app, "backup", tmp_path / "one.tar")
    rewritten(tmp_path / "one.tar", tmp_path / "other.tar")
    other = opened(blank_database(), tmp_path / "elsewhere")
    assert run(other, "restore", tmp_path / "other.tar").exit_code == 0
    assert list(tmp_path.rglob("stray")) == []


def test_nothing_is_restored_under_a_process_that_works(app: Flask, tmp_path: Path) -> None:
    run(app, "backup", tmp_path / "one.tar")
    engine_of(app)._heartbeat("worker", "here:worker:1", queues=[]).beat()
    refused = run(app, "restore", tmp_path / "one.tar", "--force")
    assert refused.exit_code == 1
    assert refused.output == (
        "Error: Processes still work, or did until seconds ago: here:worker:1; stop them first.\n"
    )


def test_what_somebody_else_put_into_the_table_shows_in_the_check(app: Flask, tmp_path: Path) -> None:
    run(app, "backup", tmp_path / "one.tar")
    with tarfile.open(tmp_path / "one.tar") as tar:
        rows = json.loads(tar.extractfile("manifest.json").read())["rows"]  # type: ignore[union-attr]
    rewritten(tmp_path / "one.tar", tmp_path / "other.tar", rows=rows | {"activity": COUNT + 1})
    refused = run(app, "restore", tmp_path / "other.tar", "--check")
    assert (refused.exit_code, refused.output) == (
        1,
        "Error: What was restored is not what was saved, in activity.\n",
    )


def test_an_older_backup_says_that_it_wants_to_be_migrated(app: Flask, tmp_path: Path) -> None:
    run(app, "backup", tmp_path / "one.tar")
    rewritten(tmp_path / "one.tar", tmp_path / "other.tar", revision="0001")
    assert "run bin/migrate before you start" not in run(app, "restore", tmp_path / "one.tar", "--force").output
    done = run(app, "restore", tmp_path / "other.tar", "--force")
    assert done.exit_code == 0, done.output
    assert done.output.endswith("It is of an older version: run bin/migrate before you start.\n")


def test_without_a_database_there_is_nothing_to_save(tmp_path: Path, opened: Callable[[str, Path], Flask]) -> None:
    app = opened(f"sqlite:///{tmp_path / 'none.db'}", tmp_path / "data")
    refused = run(app, "backup", tmp_path / "one.tar")
    assert (refused.exit_code, refused.output) == (
        1,
        "Error: There is no database of ours yet; bin/migrate makes it.\n",
    )
    assert not (tmp_path / "one.tar").exists()


def test_a_password_is_on_no_command_line(
    postgres_server: PostgresServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    opened: Callable[[str, Path], Flask],
) -> None:
    rules = postgres_server.data / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text(f"local all saver scram-sha-256\n{before}")
    postgres_server.execute("CREATE ROLE saver SUPERUSER LOGIN PASSWORD 'se:c\\ret'")
    postgres_server.execute("SELECT pg_reload_conf()")
    url = postgres_server.create("to_be_saved").replace("metronome@", "saver:se%3Ac%5Cret@")
    try:
        app = opened(url, tmp_path / "data")
        with app.app_context():
            upgrade(str(ROOT / "migrations"))
        seen = tmp_path / "seen"
        spy = tmp_path / "bin" / "pg_dump"
        spy.parent.mkdir()
        spy.write_text(f'#!/bin/sh\necho "$@" >>{seen}\nexec {_find("pg_dump")} "$@"\n')
        spy.chmod(0o700)
        monkeypatch.setattr("app.dumps.DEBIAN", tmp_path / "nowhere")
        monkeypatch.setattr("app.dumps._find", lambda name: str(spy) if name == "pg_dump" else _find(name))
        said = run(app, "backup", tmp_path / "one.tar")
        assert said.exit_code == 0, said.output
        assert "--dbname=postgresql://saver@/to_be_saved" in seen.read_text()
        assert "ret" not in seen.read_text().replace("saver", "")
        with app.app_context():
            disconnect()
    finally:
        rules.write_text(before)
        postgres_server.execute("SELECT pg_reload_conf()")
        postgres_server.drop("to_be_saved")
        postgres_server.execute("DROP ROLE saver")


def test_a_machine_without_pg_dump_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DumpError, match="PostgreSQL's pg_dump is not here; install the package postgresql-client"):
        _find("pg_dump", debian=tmp_path)


def test_the_rows_of_the_manifest_are_those_of_the_database(app: Flask, tmp_path: Path) -> None:
    run(app, "backup", tmp_path / "one.tar")
    with tarfile.open(tmp_path / "one.tar") as tar:
        manifest = json.loads(tar.extractfile("manifest.json").read())  # type: ignore[union-attr]
    with app.app_context():
        jobs = reading().scalar(select(func.count()).select_from(Entry))
    assert (manifest["rows"]["activity"], manifest["rows"]["job"]) == (COUNT, jobs)
    assert sorted(manifest["files"]) == ["data/reports/of-ada.csv", "data/secret_key", "database"]
