"""A whole database as one file, and back: SQLite by its online backup, PostgreSQL by its own two programs."""

import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

Rows = Mapping[str, int]
"""How many rows each table holds, by its name."""

ASIDE = "before_restore"
DEBIAN = Path("/usr/lib/postgresql")
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"


class DumpError(Exception):
    """Why not, as a sentence without its full stop."""


def kind_of(database_url: str) -> str:
    """Sqlite or postgresql."""
    return make_url(database_url).get_backend_name()


def dump(database_url: str, file: Path) -> Rows:
    """Write the database as it is at one moment, while it is used; how many rows that are. Raises DumpError."""
    return (_dump_sqlite if kind_of(database_url) == "sqlite" else _dump_postgresql)(database_url, file)


def is_empty(database_url: str) -> bool:
    """Whether there is no table in it that a restore would replace. Raises DumpError."""
    if kind_of(database_url) == "sqlite":
        path = _path(database_url)
        return not path.exists() or path.stat().st_size == 0
    with _connected(database_url) as connection:
        return connection.execute(text(TABLES)).first() is None


def load(database_url: str, file: Path) -> str:
    """Make the database what the dump holds. What was there before is only gone when all of it has come.

    Returns where the old one was put, or nothing. Raises DumpError, and then nothing has changed.
    """
    return (_load_sqlite if kind_of(database_url) == "sqlite" else _load_postgresql)(database_url, file)


def rows_after_loading(database_url: str, file: Path, *, folder: Path) -> Rows:
    """Load the dump into a database made for this and taken away again; what it holds then. Raises DumpError."""
    if kind_of(database_url) == "sqlite":
        scratch = folder / "scratch.db"
        shutil.copyfile(file, scratch)
        with _opened(scratch) as connection:
            _check(connection)
            return _rows_of_sqlite(connection)
    url, name = make_url(database_url), re.sub(r"\W", "_", f"{ASIDE}{folder.name}".lower())[:60]
    with _connected(database_url) as connection:
        _run(connection, f'CREATE DATABASE "{name}" TEMPLATE template0', "a database for the check cannot be made")
    try:
        _program("pg_restore", url.set(database=name), "--no-owner", "--no-privileges", "--exit-on-error", str(file))
        with _connected(url.set(database=name).render_as_string(hide_password=False)) as connection:
            return _rows_of_postgresql(connection)
    finally:
        with _connected(database_url) as connection:
            _run(connection, f'DROP DATABASE IF EXISTS "{name}"', "the database of the check cannot be dropped")


# -- SQLite


def _dump_sqlite(database_url: str, file: Path) -> Rows:
    path = _path(database_url)
    if not path.exists():
        raise DumpError(f"there is no database at {path}")
    with _opened(path) as source, _opened(file) as copy:
        try:
            source.backup(copy)  # all pages in one step: one moment, however much is written meanwhile
            copy.execute("PRAGMA journal_mode=DELETE")
            _check(copy)
            return _rows_of_sqlite(copy)
        except sqlite3.Error as error:
            raise DumpError(f"{path} cannot be read: {error}") from None


def _load_sqlite(database_url: str, file: Path) -> str:
    path = _path(database_url)
    with _opened(file) as connection:
        _check(connection)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.restoring")
    shutil.copyfile(file, draft)
    draft.chmod(0o600)
    aside = path.with_name(f"{path.name}.{ASIDE}")
    old = [(path.with_name(path.name + end), aside.with_name(aside.name + end)) for end in ("-wal", "-shm", "")]
    has_old = path.exists()
    for one, other in old:
        other.unlink(missing_ok=True)
        if one.exists():
            one.rename(other)
    draft.rename(path)
    return str(aside) if has_old else ""


def _check(connection: sqlite3.Connection) -> None:
    try:
        said = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(3)")]
        broken = connection.execute("PRAGMA foreign_key_check").fetchall()
    except sqlite3.Error as error:
        raise DumpError(f"it is not a whole database: {error}") from None
    if said != ["ok"] or broken:
        raise DumpError(f"it is not a whole database: {'; '.join(said) if said != ['ok'] else 'rows point nowhere'}")


def _rows_of_sqlite(connection: sqlite3.Connection) -> Rows:
    query = (
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
    )
    names = [str(row[0]) for row in connection.execute(query)]
    return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}  # noqa: S608


def _path(database_url: str) -> Path:
    return Path(make_url(database_url).database or "")


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path, timeout=30, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


# -- PostgreSQL


def _dump_postgresql(database_url: str, file: Path) -> Rows:
    words = ("--format=custom", "--no-owner", "--no-privileges", f"--exclude-schema={ASIDE}", f"--file={file}")
    with _connected(database_url, isolation="REPEATABLE READ") as connection:
        snapshot = connection.execute(text("SELECT pg_export_snapshot()")).scalar_one()
        rows = _rows_of_postgresql(connection)
        _program("pg_dump", make_url(database_url), f"--snapshot={snapshot}", *words)
    return rows


def _load_postgresql(database_url: str, file: Path) -> str:
    with _connected(database_url) as connection:
        _run(connection, f"DROP SCHEMA IF EXISTS {ASIDE} CASCADE", "the schema of an earlier restore is in the way")
        _run(connection, f"ALTER SCHEMA public RENAME TO {ASIDE}", "the old tables cannot be put aside")
        _run(connection, "CREATE SCHEMA public", "there cannot be new tables")
        _run(connection, "GRANT USAGE ON SCHEMA public TO PUBLIC", "the new tables cannot be shown to other roles")
        try:
            words = ("--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction", str(file))
            _program("pg_restore", make_url(database_url), *words)
        except DumpError:
            _run(connection, "DROP SCHEMA public CASCADE", "what came of it cannot be removed")
            _run(connection, f"ALTER SCHEMA {ASIDE} RENAME TO public", f"the old tables are in the schema {ASIDE}")
            raise
        _run(connection, f"DROP SCHEMA {ASIDE} CASCADE", f"the old tables are still in the schema {ASIDE}")
    return ""


def _rows_of_postgresql(connection: Connection) -> Rows:
    names = [str(row[0]) for row in connection.execute(text(TABLES))]
    count = "SELECT count(*) FROM public.{}"
    return {name: connection.execute(text(count.format(f'"{name}"'))).scalar_one() for name in names}


@contextmanager
def _connected(database_url: str, *, isolation: str = "AUTOCOMMIT") -> Iterator[Connection]:
    engine = create_engine(database_url, isolation_level=isolation, connect_args={"connect_timeout": 10})
    try:
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise DumpError(f"the database does not answer: {_first_line(error)}") from None
    finally:
        engine.dispose()


def _run(connection: Connection, statement: str, otherwise: str) -> None:
    try:
        connection.execute(text(statement))
    except SQLAlchemyError as error:
        raise DumpError(f"{otherwise}: {_first_line(error)}") from None


def _first_line(error: SQLAlchemyError) -> str:
    return (str(getattr(error, "orig", None) or error).strip() or type(error).__name__).splitlines()[0]


def _program(name: str, url: URL, *words: str) -> None:
    """Run one of PostgreSQL's programs on the database; the password goes through a file and not the command line."""
    with _password_file(url) as file:
        query = {**url.query, **({"passfile": str(file)} if file else {})}
        plain = URL.create("postgresql", url.username, None, url.host, url.port, url.database, query).render_as_string()
        command = [_find(name), f"--dbname={plain}", *words]
        done = subprocess.run(command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it says nothing"]
        why = next((line for line in lines if "error:" in line), lines[-1])
        raise DumpError(f"PostgreSQL's {name} failed: {why.rpartition('error:')[2].strip().rstrip('.')}")


@contextmanager
def _password_file(url: URL) -> Iterator[Path | None]:
    if url.password is None:
        yield None
        return
    with _folder() as folder:
        file = folder / "pgpass"
        file.touch(mode=0o600)
        escaped = str(url.password).replace("\\", "\\\\").replace(":", "\\:")
        file.write_text(f"*:*:*:*:{escaped}\n")
        yield file


@contextmanager
def _folder() -> Iterator[Path]:
    from tempfile import TemporaryDirectory  # noqa: PLC0415 -- slow import

    with TemporaryDirectory(prefix="metronome-") as name:
        yield Path(name)


def _find(name: str, *, debian: Path = DEBIAN) -> str:
    """The newest of Debian's, which reads every older server, else the one on the PATH."""
    newest_first: Sequence[Path] = sorted(debian.glob(f"*/bin/{name}"), key=_version, reverse=True)
    found = str(newest_first[0]) if newest_first else shutil.which(name)
    if found is None:
        raise DumpError(f"PostgreSQL's {name} is not here; install the package postgresql-client")
    return found


def _version(path: Path) -> float:
    with suppress(ValueError):
        return float(path.parents[1].name)
    return 0.0
