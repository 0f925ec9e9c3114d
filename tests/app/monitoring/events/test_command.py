"""`flask events`: the events somebody looks for, also those still to come."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timedelta
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import insert

from app.clock import now
from app.config import ROOT
from app.db import transaction
from app.monitoring.events.models import EventRow

JOB = "0123456789abcdef" * 2


def write(app: Flask, words: str, *, at: datetime | None = None, **values: Any) -> None:
    usual = {"kind": "request", "action": "x", "level": "info", "count": 1, "fields": {}, "at": at or now()}
    with app.app_context(), transaction() as session:
        session.execute(insert(EventRow).values(**{**usual, "words": words, **values}))


@pytest.fixture
def seeded(app: Flask) -> Flask:
    """Four events, an hour apart from each other."""
    rows: list[tuple[str, dict[str, Any]]] = [
        ("long ago", {"kind": "system"}),
        ("the job died", {"kind": "job", "level": "error", "job": JOB}),
        ("failed again", {"kind": "security", "level": "warning", "who": "user 7", "count": 3}),
        ("GET /", {"request_id": "r-1", "who": "user 8"}),
    ]
    for number, (words, values) in enumerate(rows):
        write(app, words, at=now() - timedelta(minutes=30, hours=len(rows) - 1 - number), **values)
    return app


def events(app: Flask, *words: str) -> Result:
    return app.test_cli_runner().invoke(args=["events", *words])


def found(app: Flask, *words: str) -> list[str]:
    said = events(app, "--json", *words)
    assert said.exit_code == 0, said.output
    return [json.loads(one)["words"] for one in said.output.splitlines()]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), ["long ago", "the job died", "failed again", "GET /"]),
        (("--lines", "2"), ["failed again", "GET /"]),
        (("--lines", "0"), []),
        (("--kind", "job"), ["the job died"]),
        (("--who", "user 7"), ["failed again"]),
        (("--request", "r-1"), ["GET /"]),
        (("--job", JOB), ["the job died"]),
        (("--level", "warning"), ["the job died", "failed again"]),
        (("--level", "error"), ["the job died"]),
        (("--since", "2h"), ["failed again", "GET /"]),
        (("--kind", "job", "--who", "user 7"), []),
    ],
)
def test_each_option_leaves_what_it_says_oldest_first(
    seeded: Flask, words: tuple[str, ...], expected: list[str]
) -> None:
    assert found(seeded, *words) == expected


def test_lists_longer_than_a_page_have_no_gap(seeded: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.monitoring.events.cli.AT_ONCE", 1)
    assert found(seeded, "--lines", "3") == ["the job died", "failed again", "GET /"]


def test_a_line_tells_what_who_and_which_job_and_steers_no_terminal(app: Flask) -> None:
    at = datetime.fromisoformat("2026-11-20T12:00:00.123456+00:00")
    write(app, "red \x1b[31m text", at=at, kind="security", level="warning", who="user 7", job=JOB, count=2)
    line = "2026-11-20T12:00:00.123Z warning  security  red \N{REPLACEMENT CHARACTER}[31m text  × 2  "
    assert events(app).output == f'{line}who="user 7"  job={JOB}\n'


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--job", "xyz"), "--job: Give the id of a job, 32 signs (0 to 9, a to f)."),
        (("--request", "a b"), "--request: Give an id: letters, digits, dots and dashes."),
        (("--since", "yesterday"), "--since: Give a time like 15min, 6h or 2d."),
        (("--kind", "gossip"), "is not one of"),
    ],
)
def test_what_cannot_be_looked_for_is_said(app: Flask, words: tuple[str, ...], sentence: str) -> None:
    said = events(app, *words)
    assert (said.exit_code, sentence in said.output) == (2, True)


def test_what_comes_is_followed_and_told_once(app: Flask) -> None:
    write(app, "not asked for")
    write(app, "before")
    config = app.extensions["config"]
    env = {"DATABASE_URL": config.database_url, "DATA_DIR": str(config.data_dir), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-u", "-m", "flask", "--app", "wsgi", "events", "-f", "--json", "--lines", "1"]
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        told = [json.loads(following.stdout.readline())["words"]]
        write(app, "late", at=now() - timedelta(minutes=2))
        write(app, "now")
        told += [json.loads(following.stdout.readline())["words"] for _ in range(2)]
        following.terminate()
    assert told == ["before", "late", "now"]
