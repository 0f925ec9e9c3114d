"""Errors that nobody wants to see again until another version of the host runs."""

from typing import cast

from sqlalchemy import Table, delete, exists, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from jobs.errors import NoSuchError

from .models import Entry, Mute
from .moments import db_now

table = cast("Table", Mute.__table__)
LONGEST_BY, LONGEST_REASON = 160, 200


def mute(session: Session, fingerprint: str, *, version: str, by: str | None, reason: str | None) -> None:
    """Note that an error is not wanted; doing it again renews the note.

    Raises:
        NoSuchError: no job has it
    """
    if not session.scalar(select(exists().where(Entry.error_fingerprint == fingerprint))):
        raise NoSuchError(fingerprint)
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    told = {
        "version": version,
        "muted_by": by and by[:LONGEST_BY],
        "reason": reason and reason[:LONGEST_REASON],
        "muted_at": db_now(),
    }
    note = dialect.insert(table).values(fingerprint=fingerprint, **told)
    session.connection().execute(note.on_conflict_do_update(index_elements=["fingerprint"], set_=told))


def unmute(session: Session, fingerprint: str) -> bool:
    """Take the note back; whether there was one."""
    gone = session.connection().execute(delete(table).where(table.c.fingerprint == fingerprint))
    return bool(gone.rowcount)


def muted(session: Session, *, version: str) -> dict[str, Mute]:
    """By fingerprint, the notes that hold for this version."""
    rows = session.scalars(select(Mute).where(Mute.version == version).execution_options(populate_existing=True))
    return {one.fingerprint: one for one in rows}
