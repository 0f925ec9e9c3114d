"""What was deleted gives its room back."""

from __future__ import annotations

import os
import re
import sqlite3
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.engine import make_url

from app.db import disconnect, reading, transaction
from app.upkeep import give_back_the_log

ROWS = 400


def fill(app: Flask) -> None:
    """Two megabytes in a table of its own."""
    with app.app_context(), transaction() as session:
        session.execute(text("CREATE TABLE ballast (words TEXT)"))
        rows = [{"words": os.urandom(2_500).hex()} for _ in range(ROWS)]
        session.execute(text("INSERT INTO ballast VALUES (:words)"), rows)


def log_of(app: Flask, database_kind: str) -> Path:
    if database_kind != "sqlite":
        pytest.skip("PostgreSQL looks after its own")
    file = Path(make_url(app.extensions["config"].database_url).database or "")
    return file.with_name(f"{file.name}-wal")


def test_the_log_is_cut_to_nothing(app: Flask, database_kind: str) -> None:
    log = log_of(app, database_kind)
    fill(app)
    assert log.stat().st_size > 1_000_000
    with app.app_context():
        give_back_the_log()
    assert log.stat().st_size == 0


def test_nobody_is_waited_for(app: Flask, database_kind: str) -> None:
    log = log_of(app, database_kind)
    other = sqlite3.connect(log.with_name(log.name.removesuffix("-wal")), isolation_level=None)
    other.execute("BEGIN")
    other.execute("SELECT count(*) FROM job").fetchall()
    fill(app)
    with app.app_context():
        give_back_the_log()
    assert log.stat().st_size > 1_000_000
    other.close()


def test_what_was_deleted_gives_its_room_back_and_the_rest_is_there(app: Flask, database_kind: str) -> None:
    fill(app)
    with app.app_context(), transaction() as session:
        session.execute(text("DELETE FROM ballast WHERE words <> ''"))
        session.execute(text("INSERT INTO ballast VALUES ('kept')"))
    with app.app_context():
        disconnect()
    said = app.test_cli_runner().invoke(args=["optimise"])
    found = re.fullmatch(r"The database had ([\d.]+) MiB and has ([\d.]+) (MiB|KiB) now\.\n", said.output)
    assert found, said.output
    before, after = float(found[1]), float(found[2]) / (1024 if found[3] == "KiB" else 1)
    assert before - after > 1.0
    with app.app_context():
        assert reading().scalars(text("SELECT words FROM ballast")).all() == ["kept"]
