"""Whether a database is at the newest migration. Asked at every start, so it does without Alembic, slow to import."""

import ast
import sqlite3
from pathlib import Path
from typing import Any

from app.config import ROOT

ASK = "SELECT version_num FROM alembic_version"


class SchemaError(Exception):
    """The database cannot be asked, or is not ours; a sentence without its full stop."""


def is_current(database_url: str, *, migrations: Path = ROOT / "migrations" / "versions") -> bool:
    """Whether the database has every migration this code knows. Raises SchemaError when it is away, or newer."""
    parents = revisions(migrations)
    has = versions(database_url)
    if has - parents.keys():
        raise SchemaError("the database was migrated by a newer version of the code; start that version")
    return has == heads(parents)


def revisions(migrations: Path) -> dict[str, str | None]:
    """Every revision in the folder with the one before it."""
    found: dict[str, str | None] = {}
    for file in migrations.glob("*.py"):
        values = _constants(file)
        found[str(values["revision"])] = values["down_revision"]
    return found


def heads(parents: dict[str, str | None]) -> set[str]:
    """The revisions nothing comes after."""
    return parents.keys() - set(parents.values())


def _constants(file: Path) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for node in ast.parse(file.read_bytes()).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Constant):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            values[ast.unparse(target)] = node.value.value
    return values


def versions(database_url: str) -> set[str]:
    """The revisions that a database says it is at; none before the first. Raises SchemaError when it is away."""
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
    import psycopg2  # noqa: PLC0415 -- slow import

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
