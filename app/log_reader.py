"""`flask logs`: the lines of the log file that somebody looks for, also those that are still to come."""

import json
import logging
import os
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from flask.cli import with_appcontext

from app.logs import FILES_KEPT
from app.web import settings

LOOK_AGAIN_S = 0.2
LEVELS = ("debug", "info", "warning", "error", "critical")
FIRST = ("at", "level", "logger", "event")
LAST = ("traceback",)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines: of this job, of this request, at least so grave. Ids may be shortened to their beginning."""

    job: str = ""
    request: str = ""
    level: str = "debug"

    def takes(self, line: Mapping[str, Any]) -> bool:
        """Whether a line is one of them."""
        return (
            _of(line, ("job", "job_id"), self.job)
            and _of(line, ("request_id",), self.request)
            and logging.getLevelName(str(line.get("level", "info")).upper()) >= logging.getLevelName(self.level.upper())
        )


def _of(line: Mapping[str, Any], names: tuple[str, ...], beginning: str) -> bool:
    return not beginning or any(str(line.get(name) or "").startswith(beginning) for name in names)


@click.command("logs")
@click.option("--follow", "-f", is_flag=True, help="Go on with what is written from now on, until Ctrl-C.")
@click.option("--job", default="", help="Only lines of the job whose id begins so.")
@click.option("--request", default="", help="Only lines of the request whose X-Request-ID begins so.")
@click.option("--level", type=click.Choice(LEVELS, case_sensitive=False), default="debug", help="At least so grave.")
@click.option("--lines", "count", type=click.IntRange(0, 1_000_000), default=100, help="At most so many; 100.")
@click.option("--json", "as_json", is_flag=True, help="As they are in the file.")
@with_appcontext
def logs(*, follow: bool, job: str, request: str, level: str, count: int, as_json: bool) -> None:
    """Show the last lines of LOG_FILE, and of those it was rotated into."""
    path = settings().log_file or settings().data_dir / "metronome.log"
    if not path.exists():
        words = f"There is no log at {path}: set LOG_FILE, or look where the output goes (journalctl, docker logs)."
        raise click.ClickException(words)
    wanted = Wanted(job, request, level.lower())
    end = path.stat().st_size
    for line in deque(_lines(path, up_to=end, wanted=wanted), maxlen=count):
        click.echo(_shown(line, as_json=as_json))
    if follow:
        for coming in filter(None, map(_read, _coming(path, from_=end))):
            if wanted.takes(coming):
                click.echo(_shown(coming, as_json=as_json))


def _lines(path: Path, *, up_to: int, wanted: Wanted) -> Iterator[Mapping[str, Any]]:
    """Oldest first: of the files it was rotated into, then of the file itself."""
    for one in [path.with_name(f"{path.name}.{number}") for number in range(FILES_KEPT, 0, -1)]:
        if one.exists():
            with one.open("rb") as file:
                yield from filter(wanted.takes, filter(None, map(_read, file)))
    with path.open("rb") as file:
        while file.tell() < up_to and (content := file.readline()):
            if (line := _read(content)) is not None and wanted.takes(line):
                yield line


def _coming(path: Path, *, from_: int) -> Iterator[bytes]:
    """Every whole line that is written from this place on, into this file and those that take its place."""
    file = path.open("rb")
    file.seek(from_)
    begun = b""
    try:
        while True:
            if content := file.readline():
                begun += content
                if begun.endswith(b"\n"):
                    yield begun
                    begun = b""
            elif path.exists() and path.stat().st_ino != _inode(file):
                file.close()
                file = path.open("rb")
            else:
                time.sleep(LOOK_AGAIN_S)
    finally:
        file.close()


def _inode(file: Any) -> int:
    return os.fstat(file.fileno()).st_ino


def _read(content: bytes) -> Mapping[str, Any] | None:
    """A line as its fields; one that is not ours, say of Redis, is an event without a level."""
    text = content.decode(errors="replace").strip()
    if not text:
        return None
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"event": text}


def _shown(line: Mapping[str, Any], *, as_json: bool) -> str:
    if as_json:
        return json.dumps(line, ensure_ascii=False, separators=(",", ":"))
    head = f"{line.get('at', ''):24} {line.get('level', '')!s:8} {line.get('logger', '')}  {line.get('event', '')}"
    rest = [f"{name}={_word(value)}" for name, value in line.items() if name not in {*FIRST, *LAST}]
    below = [f"\n    {one}" for name in LAST for one in str(line.get(name, "")).splitlines()]
    return "".join(["  ".join([_plain(head.rstrip()), *map(_plain, rest)]), *map(_plain_below, below)])


def _word(value: Any) -> str:
    return value if isinstance(value, str) and value.isprintable() and " " not in value else json.dumps(value)


def _plain(text: str) -> str:
    """Without what would steer the terminal."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)


def _plain_below(text: str) -> str:
    return f"\n{_plain(text[1:])}"
