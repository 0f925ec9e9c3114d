"""What somebody who owns the database can do to the audit log, and nobody else."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text
from sqlalchemy.orm import Session

GUARDS = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'job_audit'"


@contextmanager
def unguarded(session: Session) -> Iterator[Session]:
    """The session, while the guard of the audit log is away."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL session_replication_role = replica"))
        yield session
        session.flush()
        session.execute(text("SET LOCAL session_replication_role = origin"))
        return
    guards = session.execute(text(GUARDS)).all()
    for one in guards:
        session.execute(text(f"DROP TRIGGER {one.name}"))
    yield session
    session.flush()
    for one in guards:
        session.execute(text(one.sql))
