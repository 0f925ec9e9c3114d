"""What a job logs while it runs, kept with the try: the last lines, cut, and without secrets.

They are written with every sign of life of the process while the job runs, and once more when the try ends.
"""

import logging
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from jobs.host import Host
from jobs.ledger.models import LogRow
from jobs.ledger.writer import Claim, held
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
        self.told = 0
        """How many lines there had been when they were last written while the job ran."""

    def add(self, line: str) -> None:
        """Take one more; the oldest go when there are too many."""
        self._lines.append(line)
        self._size += len(line) + 1
        while len(self._lines) > MOST_LINES or self._size > MOST_CHARACTERS:
            self._size -= len(self._lines.popleft()) + 1
            self.dropped += 1

    def text(self) -> str:
        """All of them, as they are stored."""
        # Copied in one step, for the job's thread may add one meanwhile.
        return "\n".join(tuple(self._lines))

    @property
    def count(self) -> int:
        """How many there have been, those that went with them."""
        return self.dropped + len(self._lines)

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
    """Write down what these jobs logged in this attempt. Of a batch, its first job has all of it.

    Call it after what settles them: who writes while they run locks the job before the lines, and so must this.
    """
    rows: list[dict[str, Any]] = [
        {"job_id": one.id, "attempt": one.attempt, "lines": lines.text(), "dropped": lines.dropped}
        for one in claims
        if (lines := caught_of.get(one.uid))
    ]
    if rows:
        dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
        new = dialect.insert(log_table)
        told = {"lines": new.excluded.lines, "dropped": new.excluded.dropped}
        of_try = [log_table.c.job_id, log_table.c.attempt]
        session.connection().execute(new.on_conflict_do_update(index_elements=of_try, set_=told), rows)


def keep_so_far(host: Host, running: Iterable[tuple[Claim, Lines]]) -> None:
    """Write down what running jobs logged, of those that logged something new and are still their worker's."""
    news = [(claim, lines, count) for claim, lines in running if (count := lines.count) > lines.told]
    if not news:
        return
    with host.inside(), host.transaction(durable=False) as session:
        ids = held(session, {claim.owner for claim, _, _ in news})
        keep(
            session,
            [claim for claim, _, _ in news if claim.id in ids],
            {claim.uid: lines for claim, lines, _ in news},
        )
    for _, lines, count in news:
        lines.told = count
