"""`flask logs`: the lines somebody looks for, also of rotated files, also those still to come."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from app.config import ROOT
from tests.app.conftest import Settings


def line(event: str, **fields: Any) -> str:
    head = {"at": "2026-11-21T10:00:00.000+00:00", "level": "info", "logger": "metronome", "event": event, "pid": 7}
    return json.dumps({**head, **fields}) + "\n"


@pytest.fixture
def file(tmp_path: Path, settings: Settings) -> Path:
    """A log that was rotated once."""
    path = tmp_path / "log" / "metronome.log"
    path.parent.mkdir()
    settings["LOG_FILE"] = str(path)
    path.with_name("metronome.log.2").write_text(line("oldest", job="019a11"))
    path.with_name("metronome.log.1").write_text(line("older", level="warning", request_id="abc123"))
    path.write_text(
        line("attempt failed", level="error", job="019a22", error="ValueError", traceback="Traceback\n  one\nlast")
        + "Redis says hello\n"
        + line("newest", level="debug", request_id="abd999")
    )
    return path


def logs(app: Flask, *words: str) -> Result:
    return app.test_cli_runner().invoke(args=["logs", *words])


def events(app: Flask, *words: str) -> list[str]:
    said = logs(app, "--json", *words)
    assert said.exit_code == 0, said.output
    return [json.loads(one)["event"] for one in said.output.splitlines()]


def test_all_lines_are_shown_oldest_first(file: Path, app: Flask) -> None:
    assert events(app) == ["oldest", "older", "attempt failed", "Redis says hello", "newest"]
    assert events(app, "--lines", "2") == ["Redis says hello", "newest"]
    assert events(app, "--lines", "0") == []


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("--job", "019a22"), ["attempt failed"]),
        (("--job", "019a"), ["oldest", "attempt failed"]),
        (("--request", "abc"), ["older"]),
        (("--level", "warning"), ["older", "attempt failed"]),
        (("--level", "ERROR"), ["attempt failed"]),
        (("--job", "019a", "--level", "error"), ["attempt failed"]),
        (("--job", "nothing"), []),
    ],
)
def test_lines_can_be_asked_for(file: Path, app: Flask, words: tuple[str, ...], found: list[str]) -> None:
    assert events(app, *words) == found


def test_people_read_a_line_with_its_fields_and_a_traceback_below(file: Path, app: Flask) -> None:
    assert logs(app, "--job", "019a22").output.splitlines() == [
        "2026-11-21T10:00:00.000+00:00 error    metronome  attempt failed  pid=7  job=019a22  error=ValueError",
        "    Traceback",
        "      one",
        "    last",
    ]


def test_what_would_steer_the_terminal_does_not(file: Path, app: Flask) -> None:
    file.write_text(line("a\u001b[2Jb", name="c\u0007d e"))
    said = logs(app, "--lines", "1").output
    assert "\x1b" not in said
    assert "\x07" not in said
    assert "b" in said


def test_without_a_log_it_says_where_to_look(app: Flask) -> None:
    said = logs(app)
    path = app.extensions["config"].data_dir / "metronome.log"
    assert (said.exit_code, said.output) == (
        1,
        f"Error: There is no log at {path}: set LOG_FILE, or look where the output goes (journalctl, docker logs).\n",
    )


def test_a_level_that_does_not_exist_is_refused(file: Path, app: Flask) -> None:
    assert logs(app, "--level", "loud").exit_code == 2


def test_it_follows_what_is_written_and_the_file_that_takes_its_place(file: Path, tmp_path: Path) -> None:
    environ = {"DATA_DIR": str(tmp_path / "data"), "LOG_FILE": str(file), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-u", "-m", "flask", "--app", "wsgi", "logs", "--follow", "--json", "--level", "error"]
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        assert json.loads(following.stdout.readline())["event"] == "attempt failed"
        with file.open("a") as log:
            log.write(line("one", level="error") + line("not grave enough"))
        assert json.loads(following.stdout.readline())["event"] == "one"
        with file.open("a") as log:
            log.write(line("two", level="error")[:20])
            log.flush()
            time.sleep(0.3)
            log.write(line("two", level="error")[20:])
        assert json.loads(following.stdout.readline())["event"] == "two"
        file.rename(file.with_name("metronome.log.1"))
        file.write_text(line("three", level="error"))
        assert json.loads(following.stdout.readline())["event"] == "three"
        following.terminate()
