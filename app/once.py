"""Requests that somebody may send again under a key: what the first one made, another one is told."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

from sqlalchemy import JSON, ForeignKey, String, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.clock import now
from app.db import Base, UtcDateTime, insert_into, transaction
from app.errors import Invalid
from jobs import retrying

HEADER = "Idempotency-Key"
KEYS_LAST = timedelta(days=7)
USED_ELSEWHERE = "It was used for another request. Send that one as it was, or choose another key."


class KeyedRequest(Base):
    """What came of a request that somebody may send again: whatever is needed to answer it once more."""

    __tablename__ = "keyed_request"

    user_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(220), primary_key=True)
    content_print: Mapped[str] = mapped_column(String(64))
    made: Mapped[list[Any]] = mapped_column(JSON)
    sent_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class Sent(NamedTuple):
    """What a request made, and whether it did so now or when it was sent before."""

    made: list[Any]
    is_new: bool


@retrying
def once(user_id: int, make: Callable[[], list[Any]], *, key: str | None, content_print: str) -> Sent:
    """Do what was asked for, and with a `key` only once for the same content; `make` gives what tells of it, as JSON.

    The key is taken first, in one transaction with all that is made: of two that come at the same moment, one waits
    for the other and finds what it made. What is refused takes no key.

    Raises:
        Invalid: the key was used for other content
    """
    if key is None:
        return Sent(make(), is_new=True)
    with transaction() as session:
        mine = (KeyedRequest.user_id == user_id, KeyedRequest.key == key)
        if not _take(session, user_id, key, content_print):
            before = session.execute(select(KeyedRequest.made, KeyedRequest.content_print).where(*mine)).one()
            if before.content_print != content_print:
                raise Invalid({HEADER: USED_ELSEWHERE})
            return Sent(list(before.made), is_new=False)
        made = make()
        session.execute(update(KeyedRequest).where(*mine).values(made=made))
        return Sent(made, is_new=True)


def print_of(content: Any) -> str:
    """The same for the same content, in whatever order its names come."""
    return sha256(json.dumps(content, sort_keys=True, default=str).encode("utf-8", "replace")).hexdigest()


def forget_keys(*, at: datetime | None = None) -> int:
    """Forget keys that are older than a week; how many."""
    with transaction() as session:
        old = delete(KeyedRequest).where(KeyedRequest.sent_at < (at or now()) - KEYS_LAST)
        return int(session.connection().execute(old).rowcount)


def _take(session: Session, user_id: int, key: str, content_print: str) -> bool:
    """Note that the request came; False when it came before."""
    row = {"user_id": user_id, "key": key, "content_print": content_print, "made": [], "sent_at": now()}
    note = insert_into(session, KeyedRequest).values(row).on_conflict_do_nothing()
    return bool(session.connection().execute(note).rowcount)
