"""The log."""

import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import logs
from app.config import Config


@pytest.fixture(autouse=True)
def _root_logger_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(capture=False)


@pytest.fixture
def log_file(tmp_path: Path) -> Path:
    config = Config.from_env({"DATA_DIR": str(tmp_path), "LOG_FILE": str(tmp_path / "logs" / "metronome.log")})
    logs.set_up(config)
    assert config.log_file is not None
    return config.log_file


def lines(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_an_event_is_one_line_with_its_fields(log_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("metronome.test").info("job settled", extra={"job": 7, "state": "succeeded"})
    [line] = lines(log_file)
    assert {name: line[name] for name in ("level", "logger", "event", "job", "state")} == {
        "level": "info",
        "logger": "metronome.test",
        "event": "job settled",
        "job": 7,
        "state": "succeeded",
    }


def test_lines_carry_the_request_they_belong_to_and_no_longer(log_file: Path) -> None:
    log = logging.getLogger("metronome.test")
    with logs.bound(request_id="r1"):
        with logs.bound(job="j1"):
            log.info("inside both")
        log.info("inside one")
    log.info("outside")
    assert [(line.get("request_id"), line.get("job")) for line in lines(log_file)] == [
        ("r1", "j1"),
        ("r1", None),
        (None, None),
    ]


def test_another_thread_does_not_borrow_the_fields(log_file: Path) -> None:
    with logs.bound(request_id="r1"):
        other = threading.Thread(target=logging.getLogger("metronome.test").info, args=["elsewhere"])
        other.start()
        other.join()
    [line] = lines(log_file)
    assert "request_id" not in line


def test_no_secret_reaches_the_log(log_file: Path) -> None:
    log = logging.getLogger("metronome.test")
    log.info(
        "connecting to postgresql://ada:hunter2@db/metronome with Bearer hunter3, said ada@example.org",
        extra={"password": "hunter4", "headers": {"Cookie": "hunter5", "Accept": "text/html"}},
    )
    try:
        raise RuntimeError("redis://:hunter6@cache is away")
    except RuntimeError:
        log.exception("failed")
    text = log_file.read_text()
    assert [secret for secret in ("hunter", "ada@example.org", "ada:") if secret in text] == []
    assert lines(log_file)[0]["headers"] == {"Cookie": "[redacted]", "Accept": "text/html"}
    assert lines(log_file)[1]["error"] == "RuntimeError"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("deadbeef01", "deadbeef01"),
        ("sent with BEARER\thunter2", "sent with BEARER [redacted]"),
        ("sent with basic aHVudGVyMg==", "sent with basic [redacted]"),
        ("a basic rule", "a basic [redacted]"),
        ("redis://:hunter2@cache and Bearer hunter2", "redis://[redacted]@cache and Bearer [redacted]"),
        ("basics of metronome://home", "basics of metronome://home"),
    ],
)
def test_secrets_are_found_wherever_a_text_may_hold_them(said: str, shown: str) -> None:
    assert logs.clean(said) == shown


def test_the_name_of_a_value_says_that_it_is_secret() -> None:
    told = {"api_key": 1, "Set-Cookie": "x", "kept": {"x_csrf": "y", 7: True}, "parts": ["Bearer z", None, 1.5]}
    assert logs.shown("", told) == {
        "api_key": "[redacted]",
        "Set-Cookie": "[redacted]",
        "kept": {"x_csrf": "[redacted]", "7": True},
        "parts": ["Bearer [redacted]", None, 1.5],
    }


def test_hostile_values_stay_in_one_short_line(log_file: Path) -> None:
    logging.getLogger("metronome.test").info("agent", extra={"agent": "\n\x1b[31m\ud800\x00" + "A" * 1_000_000})
    [line] = log_file.read_text().splitlines()
    assert len(line) < 4_000
    assert "\x1b" not in line


def test_a_full_file_is_put_aside_and_nothing_is_lost(log_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "FILE_BYTES", 2_000)
    second_writer = logs.SharedFile(log_file)
    second_writer.setFormatter(logs.JsonLines())
    log = logging.getLogger("metronome.test")
    for number in range(20):
        log.info("first", extra={"number": number})
        second_writer.emit(log.makeRecord("second", logging.INFO, "", 0, "second", (), None, extra={"number": number}))
    second_writer.close()
    files = sorted(set(log_file.parent.iterdir()) - {log_file.with_name("metronome.log.lock")}, reverse=True)
    assert [line["number"] for file in files for line in lines(file)] == [n for n in range(20) for _ in range(2)]
    assert len(files) > 1


def test_the_level_is_the_one_that_was_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up(Config.from_env({"DATA_DIR": str(tmp_path), "LOG_LEVEL": "warning"}))
    logging.getLogger("metronome.test").info("not this")
    logging.getLogger("metronome.test").warning("this")
    assert [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()] == ["this"]
