"""What a job logs while it runs, kept with the try: the last lines, cut, and without secrets."""

import logging
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from jobs.ledger.models import LogRow
from jobs.ledger.writer import Claim
from jobs.redaction import masked_text, without_secrets

MOST_LINES = 200
MOST_CHARACTERS = 32_768
LONGEST_LINE = 2_000

log_table = cast("Table", LogRow.__table__)
_OF_EVERY_RECORD = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}


class Lines:
    """The last lines of one try."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque()
        self._size = 0
        self.dropped = 0

    def add(self, line: str) -> None:
        """Take one more; the oldest go when there are too many."""
        self._lines.append(line)
        self._size += len(line) + 1
        while len(self._lines) > MOST_LINES or self._size > MOST_CHARACTERS:
            self._size -= len(self._lines.popleft()) + 1
            self.dropped += 1

    def text(self) -> str:
        """All of them, as they are stored."""
        return "\n".join(self._lines)

    def __len__(self) -> int:
        return len(self._lines)


_current: ContextVar[Lines | None] = ContextVar("jobs_log_lines", default=None)


class Catcher(logging.Handler):
    """Hands every record to the job that is running in this thread, if one is."""

    def emit(self, record: logging.LogRecord) -> None:
        """Take the record in; a line that cannot be written spoils no job."""
        lines = _current.get()
        if lines is None:
            return
        try:
            lines.add(line_of(record))
        except Exception:  # noqa: BLE001 -- what a record holds is anybody's, and logging never fails its caller
            self.handleError(record)


CATCHER = Catcher(logging.INFO)


def line_of(record: logging.LogRecord) -> str:
    """One line: when, how grave, who, what, and the fields given with `extra=`."""
    at = datetime.fromtimestamp(record.created, UTC)
    given = {name: value for name, value in vars(record).items() if name not in _OF_EVERY_RECORD}
    fields = "".join(f" {name}={value}" for name, value in without_secrets(given).items())
    level = record.levelname.lower()
    text = masked_text(f"{at:%H:%M:%S}.{at.microsecond // 1000:03d} {level} {record.getMessage()}{fields}")
    storable = text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
    return " ⏎ ".join(storable.splitlines())[:LONGEST_LINE]


@contextmanager
def caught(lines: Lines) -> Iterator[None]:
    """Catch what is logged inside, in this thread."""
    root = logging.getLogger()
    if CATCHER not in root.handlers:
        root.addHandler(CATCHER)
    token = _current.set(lines)
    try:
        yield
    finally:
        _current.reset(token)


def keep(session: Session, claims: Collection[Claim], caught_of: Mapping[str, Lines]) -> None:
    """Write down what these jobs logged in this attempt. Of a batch, its first job has all of it."""
    rows: list[dict[str, Any]] = [
        {"job_id": one.id, "attempt": one.attempt, "lines": lines.text(), "dropped": lines.dropped}
        for one in claims
        if (lines := caught_of.get(one.uid))
    ]
    if rows:
        dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
        session.connection().execute(dialect.insert(log_table).on_conflict_do_nothing(), rows)
