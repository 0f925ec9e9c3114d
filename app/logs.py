"""The log: one JSON line per event, with the request and the job it belongs to and without anybody's secrets."""

import fcntl
import hashlib
import json
import logging
import re
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from logging.handlers import WatchedFileHandler
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click

from app.config import Config

LONGEST_VALUE = 500
LONGEST_TRACEBACK = 6_000
FILE_BYTES = 10_000_000
FILES_KEPT = 5
SAY_AGAIN_S = 60.0

_in_json = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode
_fields: ContextVar[Mapping[str, Any]] = ContextVar("log_fields", default=MappingProxyType({}))

_OF_EVERY_RECORD = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}
_SECRET_NAME = re.compile(r"passw|secret|token|cookie|authori[sz]ation|api_?key|credential|csrf", re.IGNORECASE)
_CREDENTIALS = re.compile(r"(?<=://)[^/\s@]*(?=@)")
_BEARER = re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]+", re.IGNORECASE)
_E_MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_QUIET = ("alembic", "apscheduler", "dramatiq", "werkzeug")
_SILENT = ("waitress.queue",)  # a line for every request that waits for a thread, just when there is no time for it


def set_up(config: Config) -> None:
    """Send every logger of this process to stdout (to stderr under a command), and to LOG_FILE when there is one."""
    stream = sys.stdout if click.get_current_context(silent=True) is None else sys.stderr
    handlers: list[logging.Handler] = [logging.StreamHandler(stream)]
    if config.log_file:
        handlers.append(SharedFile(config.log_file))
    root = logging.getLogger()
    root.handlers[:] = handlers
    root.setLevel(config.log_level)
    for handler in handlers:
        handler.setFormatter(JsonLines())
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    for name in _SILENT:
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.captureWarnings(capture=True)


@contextmanager
def bound(**fields: Any) -> Iterator[None]:
    """Put these fields on every line that is logged inside, in this thread: `with bound(request_id=…):`."""
    before = _fields.get()
    _fields.set({**before, **fields})
    try:
        yield
    finally:
        _fields.set(before)


def bind(**fields: Any) -> None:
    """As bound(), until unbind(): for hooks that see a request begin and end in two places."""
    _fields.set({**_fields.get(), **fields})


def unbind() -> None:
    """Forget every field of this thread. A pooled thread that skips it signs the next request's lines wrongly."""
    _fields.set({})


def field(name: str) -> Any:
    """The value that lines logged now would carry under `name`, or None."""
    return _fields.get().get(name)


class JsonLines(logging.Formatter):
    """Writes a record as one line of JSON: when, how grave, who, what, and the fields given with `extra=`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever the values hold."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": clean(record.getMessage()),
            "pid": record.process,
        }
        given = {name: value for name, value in vars(record).items() if name not in _OF_EVERY_RECORD}
        line.update({name: shown(name, value) for name, value in {**_fields.get(), **given}.items()})
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
            text = "".join(traceback.format_exception(*record.exc_info))
            line["traceback"] = _hide(text)[-LONGEST_TRACEBACK:]
        return _in_json(line)


class SharedFile(WatchedFileHandler):
    """A file that many processes write to and any of them may rotate: they agree through a lock beside it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        super().__init__(path, encoding="utf-8")
        self._quiet_until = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line, into a new file when the old one is full."""
        try:
            if Path(self.baseFilename).stat().st_size >= FILE_BYTES:
                self._rotate()
        except OSError:
            self.handleError(record)
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 -- logging's name for it
        """Say on stderr, once in a while, that lines are lost; nobody is to fail because of its log."""
        del record
        if time.monotonic() >= self._quiet_until:
            self._quiet_until = time.monotonic() + SAY_AGAIN_S
            print(f"metronome: {self.baseFilename} cannot be written: {sys.exc_info()[1]}.", file=sys.stderr)  # noqa: T201

    def _rotate(self) -> None:
        path = Path(self.baseFilename)
        with path.with_name(f"{path.name}.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if path.stat().st_size < FILE_BYTES:
                return
            for number in range(FILES_KEPT - 1, 0, -1):
                older = path.with_name(f"{path.name}.{number}")
                if older.exists():
                    older.rename(path.with_name(f"{path.name}.{number + 1}"))
            path.rename(path.with_name(f"{path.name}.1"))
            path.touch()


def shown(name: str, value: Any) -> Any:
    """The value as a line may carry it under that name: without secrets and e-mail addresses, and not too long."""
    if _is_secret(name):
        return "[redacted]"
    if isinstance(value, str):
        return clean(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        named = ((str(key)[:LONGEST_VALUE], inner) for key, inner in list(value.items())[:50])
        return {name: shown(name, inner) for name, inner in named}
    if isinstance(value, list | tuple | set | frozenset):
        return [shown("", inner) for inner in list(value)[:50]]
    return clean(str(value))


def clean(text: str) -> str:
    """The text without secrets and e-mail addresses, and not too long."""
    text = _hide(text[: 2 * LONGEST_VALUE])
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


@lru_cache(maxsize=1_000)
def _is_secret(name: str) -> bool:
    """Whether what is called so is hidden. There are few names, and each is met many times."""
    return _SECRET_NAME.search(name) is not None


def _hide(text: str) -> str:
    # Most of what is logged holds none of this, and looking for a word costs a tenth of looking for a pattern.
    has_at, folded = "@" in text, text.casefold()
    if has_at:
        text = _CREDENTIALS.sub("[redacted]", text)
    if "bearer" in folded or "basic" in folded:
        text = _BEARER.sub(r"\1 [redacted]", text)
    return _E_MAIL.sub(_pseudonym, text) if has_at else text


def _pseudonym(address: re.Match[str]) -> str:
    """The same person is the same word in every line, and no line says who it is."""
    return f"e-mail:{hashlib.sha256(address[0].casefold().encode()).hexdigest()[:12]}"
