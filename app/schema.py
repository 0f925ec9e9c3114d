"""Whether a database is at the newest migration. Quick, because every start asks."""

import sqlite3
from pathlib import Path

import psycopg2
from alembic.script import ScriptDirectory

from app.config import ROOT

ASK = "SELECT version_num FROM alembic_version"


class SchemaError(Exception):
    """The database cannot be asked, or is not ours; a sentence without its full stop."""


def is_current(database_url: str, *, migrations: Path = ROOT / "migrations") -> bool:
    """Whether the database has every migration this code knows. Raises SchemaError when it is away, or newer."""
    scripts = ScriptDirectory(str(migrations))
    has = _versions(database_url)
    known = {script.revision for script in scripts.walk_revisions()}
    if has - known:
        raise SchemaError("the database was migrated by a newer version of the code; start that version")
    return has == set(scripts.get_heads())


def _versions(database_url: str) -> set[str]:
    scheme, _, rest = database_url.partition("://")
    if scheme == "sqlite":
        return _sqlite(Path(rest.removeprefix("/")))
    return _postgresql(f"postgresql://{rest}")


def _sqlite(path: Path) -> set[str]:
    if not path.exists():
        return set()
    try:
        connection = sqlite3.connect(path)
    except sqlite3.Error as error:
        raise SchemaError(f"the database {path} cannot be opened: {error}") from None
    try:
        return {row[0] for row in connection.execute(ASK)}
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return set()
        raise SchemaError(f"the database {path} cannot be read: {error}") from None
    except sqlite3.DatabaseError as error:
        raise SchemaError(f"{path} is not a database: {error}") from None
    finally:
        connection.close()


def _postgresql(url: str) -> set[str]:
    try:
        connection = psycopg2.connect(url, connect_timeout=5)
    except psycopg2.Error as error:
        first = (str(error).strip() or "no answer").splitlines()[0]
        raise SchemaError(f"DATABASE_URL cannot be reached: {first}") from None
    try:
        with connection.cursor() as cursor:
            cursor.execute(ASK)
            return {row[0] for row in cursor.fetchall()}
    except psycopg2.errors.UndefinedTable:
        return set()
    finally:
        connection.close()
