"""Migrations: what the code and the database think of each other."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import Migrate, downgrade, upgrade

from app import create_app, schema
from app.config import ROOT, Config
from app.db import Base, db, disconnect
from jobs import engine_of, metadata
from tests.conftest import Databases


@pytest.fixture
def app(databases: Databases, tmp_path: Path) -> Iterator[Flask]:
    url = databases.blank()
    app = create_app(Config.from_env({"DATABASE_URL": url, "DATA_DIR": str(tmp_path)}))
    Migrate(app, db, directory=str(ROOT / "migrations"))
    yield app
    with app.app_context():
        disconnect()
    databases.drop(url)


def url_of(app: Flask) -> str:
    url: str = app.extensions["config"].database_url
    return url


def test_the_migrations_make_exactly_the_tables_of_the_models(app: Flask) -> None:
    with app.app_context():
        upgrade()
        with db.engine.connect() as connection:
            options = {"compare_type": True, "target_metadata": [Base.metadata, metadata]}
            context = MigrationContext.configure(connection, opts=options)
            assert compare_metadata(context, [Base.metadata, metadata]) == []


def test_the_migrations_can_be_taken_back(app: Flask) -> None:
    with app.app_context():
        upgrade()
        downgrade(revision="base")
        assert sa.inspect(db.engine).get_table_names() == ["alembic_version"]


def test_migrating_twice_changes_nothing(app: Flask) -> None:
    with app.app_context():
        upgrade()
        before = sa.inspect(db.engine).get_table_names()
        upgrade()
        assert sa.inspect(db.engine).get_table_names() == before


@pytest.mark.parametrize("tamper", ["UPDATE job_audit SET by = 'nobody'", "DELETE FROM job_audit"])
def test_the_database_itself_refuses_to_change_the_audit_log(app: Flask, tamper: str) -> None:
    with app.app_context():
        upgrade()
        engine = engine_of(app)
        engine.pause(("queue", "default"), by="olga", reason=None)
        with pytest.raises(sa.exc.DBAPIError, match="only added to"), db.engine.begin() as connection:
            connection.execute(sa.text(tamper))
        assert [(one.id, one.by) for one in engine.audit.page()] == [(1, "olga")]
        assert engine.audit.verify().is_whole


def test_a_database_is_current_once_it_is_migrated(app: Flask) -> None:
    assert schema.is_current(url_of(app)) is False
    with app.app_context():
        upgrade()
        disconnect()
    assert schema.is_current(url_of(app)) is True


def test_a_database_from_the_future_is_refused(app: Flask) -> None:
    with app.app_context():
        upgrade()
        with db.engine.begin() as connection:
            connection.execute(sa.text("UPDATE alembic_version SET version_num = 'future'"))
        disconnect()
    with pytest.raises(schema.SchemaError, match="newer version"):
        schema.is_current(url_of(app))


def test_the_heads_are_those_that_alembic_sees() -> None:
    heads = schema.heads(schema.revisions(ROOT / "migrations" / "versions"))
    assert heads == set(ScriptDirectory(str(ROOT / "migrations")).get_heads())


def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    (tmp_path / "metronome.db").write_text("this is a letter to my grandmother, and no database " * 50)
    with pytest.raises(schema.SchemaError, match="is not a database"):
        schema.is_current(f"sqlite:///{tmp_path / 'metronome.db'}")


def test_asking_does_not_make_a_database(tmp_path: Path) -> None:
    assert schema.is_current(f"sqlite:///{tmp_path / 'metronome.db'}") is False
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_away_is_said() -> None:
    with pytest.raises(schema.SchemaError, match="DATABASE_URL cannot be reached"):
        schema.is_current("postgresql+psycopg2://ada@/metronome?host=/nonexistent")


def test_a_database_without_our_tables_is_not_current(tmp_path: Path) -> None:
    path = tmp_path / "metronome.db"
    sqlite3.connect(path).close()
    assert schema.is_current(f"sqlite:///{path}") is False
