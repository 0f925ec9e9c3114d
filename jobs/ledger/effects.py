"""Intentions and answers of what jobs do outside of the database."""

import json
from typing import Any, NamedTuple, cast

from sqlalchemy import Table, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from .models import Effect, Entry
from .moments import db_now

effect = cast("Table", Effect.__table__)
MOST_CHARACTERS = 20_000


class Known(NamedTuple):
    """What is known of an effect."""

    is_done: bool
    answer: Any


def intend(session: Session, key: str, job_uid: str) -> bool:
    """Write down that it is about to be done; False when that was written down before."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    made = session.connection().execute(
        dialect.insert(effect).values(key=key, job_uid=job_uid).on_conflict_do_nothing().returning(effect.c.key)
    )
    return made.first() is not None


def look(session: Session, key: str) -> Known:
    """What is known of it, its row locked until the transaction ends."""
    row = session.connection().execute(
        select(effect.c.is_done, effect.c.answer).where(effect.c.key == key).with_for_update()
    )
    return Known(*row.one())


def try_again(session: Session, key: str) -> None:
    """Count one more try."""
    session.connection().execute(update(effect).where(effect.c.key == key).values(tries=effect.c.tries + 1))


def done(session: Session, key: str, answer: Any) -> None:
    """Write down how it ended.

    Raises:
        ValueError: the answer is no JSON, or has more than 20,000 characters of it.
    """
    if len(json.dumps(answer, allow_nan=False)) > MOST_CHARACTERS:
        raise ValueError(f"the answer of an effect has at most {MOST_CHARACTERS:,} characters of JSON")
    session.connection().execute(
        update(effect).where(effect.c.key == key).values(is_done=True, done_at=db_now(), answer=answer)
    )


def forget(session: Session, *, older_than_s: float, limit: int = 1_000) -> int:
    """Delete what is older than this and belongs to no job that is known; how many.

    A job that failed may be asked for again as long as it is known, and must not send a second time what it sent.
    """
    is_known = select(Entry.uid).where(Entry.uid == effect.c.job_uid).exists()
    old = select(effect.c.key).where(effect.c.intended_at < db_now(-older_than_s), ~is_known).limit(limit)
    gone: CursorResult[Any] = session.connection().execute(delete(effect).where(effect.c.key.in_(old)))
    return gone.rowcount
