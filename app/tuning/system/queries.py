"""Reading what this installation is: versions, parts, storage, and how long things are kept."""

import os
import platform
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version as version_of
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import text
from sqlalchemy.engine import make_url

from app.activities.services import BIN_DAYS
from app.config import Config
from app.db import reading
from app.web import settings
from jobs import WorkerRow, engine_of
from jobs.metrics import alive

LIBRARIES = ("Flask", "SQLAlchemy", "dramatiq", "APScheduler", "redis", "Flask-Admin")
FOLDERS = (("Reports", "reports"), ("Mail that no server takes", "outbox"), ("Logs", "logs"))


@dataclass(frozen=True, slots=True)
class Size:
    """How much room something takes, and where it is."""

    what: str
    bytes: int
    where: str


def processes() -> Sequence[WorkerRow]:
    """The workers and schedulers that live, with the version each runs."""
    return alive(reading(), within_s=engine_of().lease_s)


def versions() -> Iterator[tuple[str, str]]:
    """What runs under the product, by name."""
    yield "Python", platform.python_version()
    session = reading()
    if session.get_bind().dialect.name == "sqlite":
        yield "SQLite", sqlite3.sqlite_version
    else:
        yield "PostgreSQL", str(session.scalar(text("SHOW server_version"))).split()[0]
    for name in LIBRARIES:
        yield name, version_of(name)


def sizes() -> Iterator[Size]:
    """The database and the folders of DATA_DIR."""
    config = settings()
    yield _database(config)
    for what, name in FOLDERS:
        folder = config.data_dir / name
        if folder.is_dir():
            yield Size(what, _bytes_in(folder), str(folder))


def disk() -> tuple[int, int]:
    """The free and all bytes of the disk that DATA_DIR is on."""
    usage = shutil.disk_usage(settings().data_dir)
    return usage.free, usage.total


def redis_kind(config: Config) -> str:
    """Whose Redis it is, in words."""
    if config.redis_url is None:
        return "None is set: jobs start a second later, and nothing is lost."
    parts = urlsplit(config.redis_url)
    if parts.scheme == "unix" and Path(parts.path).is_relative_to(config.data_dir):
        return "A private one, started with the product and kept in DATA_DIR."
    return f"A server of its own at {parts.hostname or parts.path}{f':{parts.port}' if parts.port else ''}."


def mail_kind(config: Config) -> str:
    """Where mail goes, in words and without a password."""
    if config.mail_url is None:
        return f"Into files in {config.data_dir / 'outbox'}: no mail server is set."
    parts = urlsplit(config.mail_url)
    return f"Through {parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}."


def kept() -> Iterator[tuple[str, str]]:
    """What is forgotten after how long."""
    yield "Settled jobs, their attempts and reports", f"{settings().retention_days} days"
    yield "Jobs that failed for good", f"{settings().failed_are_kept_days} days"
    result_s = settings().result_retention_s
    yield "What jobs came to", f"{result_s} s" if result_s else "as long as their job"
    yield "Deleted activities", f"{BIN_DAYS} days in the bin"
    yield "Guests", "7 days"
    yield "The audit log and the history of settings", "for good"


def switches() -> Iterator[tuple[str, bool, str]]:
    """What is on and what is off, and where that is decided."""
    config = settings()
    yield "Strangers may make an account", config.sign_up_open, "SIGN_UP_OPEN"
    yield "Closed for maintenance", config.maintenance, "MAINTENANCE"
    yield "A Redis", config.redis_url is not None, "REDIS_URL"
    yield "A mail server", config.mail_url is not None, "MAIL_URL"
    yield "A model", config.openai_base_url is not None, "OPENAI_BASE_URL"
    yield "Only over HTTPS", (config.public_url or "").startswith("https:"), "PUBLIC_URL"
    yield "Metrics from elsewhere", config.metrics_token is not None, "METRICS_TOKEN"
    yield "A log file", config.log_file is not None, "LOG_FILE"


def _database(config: Config) -> Size:
    url = make_url(config.database_url)
    if url.get_backend_name() == "sqlite":
        file = Path(url.database or "")
        parts = [file, file.with_name(f"{file.name}-wal"), file.with_name(f"{file.name}-shm")]
        return Size("Database", sum(one.stat().st_size for one in parts if one.exists()), str(file))
    size = reading().scalar(text("SELECT pg_database_size(current_database())")) or 0
    return Size("Database", size, f"{url.database} at {url.host or 'a local socket'}")


def _bytes_in(folder: Path) -> int:
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            file = Path(path) / name
            total += file.stat().st_size if file.is_file() else 0
    return total
